"""What stood above a reply and went leaves the reply's task, whose codings stay."""

from collections.abc import Callable

import pytest

from annotation import label_studio
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
