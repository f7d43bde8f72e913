"""What stood above a reply and went leaves the reply's task, whose codings stay."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from annotation import label_studio
from annotation.results import build_result
from schema.codebook import Codebook
from tests.support.coding_tasks import coding_task, turn
from tests.test_label_studio import code, held_tasks

pytestmark = pytest.mark.label_studio
GONE, STAYS = "What I said at the top.", "What another said between."


def test_words_that_went_are_shown_above_no_reply_and_its_codings_stay(
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    new_key: Callable[..., label_studio.ProjectKey],
) -> None:
    project = label_studio.ensure_project(client, new_key("reply"), codebook)
    above = (turn(GONE), turn(STAYS))
    first = coding_task(1, unit_kind="reply", thread=above)
    second = coding_task(2, unit_kind="reply", thread=(turn(STAYS),))
    pushed = label_studio.push(client, project, [first, second])
    code(coder, codebook, pushed.task_ids[first.unit_key], first, {"reply_emotional_support": 1})
    now = [coding_task(1, unit_kind="reply", thread=(turn(STAYS),)), second]
    assert label_studio.renew_tasks(client, project, now) == 1
    shown = {task.id: str(task.data) for task in held_tasks(client, project)}
    assert set(shown) == set(pushed.task_ids.values())
    assert not [text for text in shown.values() if GONE in text]
    assert all(STAYS in text for text in shown.values())
    pulled = label_studio.pull(client, project, codebook, since=None)
    assert pulled.codings["unit_key"].unique().to_list() == [first.unit_key]
    assert label_studio.renew_tasks(client, project, now) == 0
    alone = [coding_task(1, unit_kind="reply"), second]
    assert label_studio.renew_tasks(client, project, alone) == 1


def test_a_thread_whose_answer_quotes_a_reply_that_went_is_taken_away(
    client: label_studio.Client,
    codebook: Codebook,
    new_key: Callable[..., label_studio.ProjectKey],
) -> None:
    project = label_studio.ensure_project(client, new_key("thread"), codebook)
    replies = (turn(GONE, post_uid=f"{81:016x}"), turn(STAYS, post_uid=f"{82:016x}"))
    quoted, other = (coding_task(n, unit_kind="thread", thread=replies) for n in (1, 2))
    label_studio.push(client, project, [quoted, other])
    value = {"start": "0", "end": "0", "startOffset": 5, "endOffset": 11, "text": GONE[5:11]}
    mark = {
        **{"from_name": "reply_evidence", "to_name": "thread", "type": "paragraphlabels"},
        **{"id": "m1", "value": value | {"paragraphlabels": ["theme_risks_rewards"]}},
    }
    for task in label_studio.open_tasks(client, project):
        ticked = build_result(codebook, "thread", {"theme_risks_rewards": 1}, {}, [], task.text)
        is_quoted = task.unit_key == quoted.unit_key
        label_studio.submit(client, task, [*ticked, *([mark] if is_quoted else [])])
    pulled = label_studio.pull(client, project, codebook, since=None)
    assert [(row["unit_key"], row["span_start"]) for row in pulled.spans.to_dicts()] == [(81, 5)]
    now = [replace(one, thread=replies[1:]) for one in (quoted, other)]
    assert label_studio.renew_tasks(client, project, now) == 2
    held = held_tasks(client, project)
    assert [task.data["post_uid"] for task in held] == [other.post_uid]
    assert GONE not in str([task.data for task in held])
    known = {quoted.unit_key: pulled.codings["annotation_id"].unique().to_list()}
    again = label_studio.pull(client, project, codebook, since=None, known=known)
    assert again.retracted == ()  # the coding stays: it is of the thread
