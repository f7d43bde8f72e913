"""An edited post's task leaves the real Label Studio, and comes back in the words it has now."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from annotation import label_studio
from annotation.codebook import load_codebook
from demo.model import Wording
from flows import after_removals
from flows.after_removals import close_removed
from flows.coding_round import draw_task, projects, releasing
from flows.remask import mask_anew
from flows.workspace import Workspace
from tests.support.command import PORCH
from tests.support.passes import passes
from tests.support.reddit_village import NOON, minutely, village
from tests.support.warehouse_rows import qualify
from warehouse import store

pytestmark = pytest.mark.label_studio

DAY = timedelta(days=1)
ROUND = "recoded"
OLD, NEW = "The boards creaked 1 times today.", "The boards were mended at last."


def pushed(workspace: Workspace, client: label_studio.Client) -> int:
    """Send what each coder is to code, as the push does."""
    return releasing(workspace, load_codebook(None), "W1", ROUND).push(client)["tasks"]


def shown(workspace: Workspace, client: label_studio.Client) -> str:
    """Put together all that the round's tasks show."""
    keys = projects(workspace, load_codebook(None), "W1", ROUND)
    found = [label_studio.find_project(client, key) for key in keys]
    ids = [project.id for project in found if project is not None]
    tasks = [task for one in ids for task in client.sdk.tasks.list(project=one, fields="all")]
    return " ".join(str(task.data) for task in tasks)


def cut_off(_workspace: Workspace) -> None:
    """End a run as Ctrl-C would."""
    raise KeyboardInterrupt


def test_an_edit_takes_the_old_words_from_the_coders_and_gives_them_the_new(
    tmp_path: Path, client: label_studio.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    purged: list[Workspace] = []
    posts = minutely(4, until=NOON)
    mended = Wording(NOON + 21 * DAY, NEW)
    posts[1] = replace(posts[1], wordings=(*posts[1].wordings, mended))
    with village(posts) as place:
        study = passes(tmp_path, reddit=place.url, now=NOON, sources=PORCH)
        path = study.place.folder / "study.toml"
        path.write_text(path.read_text() + "\n[label_studio]\nembedded = false\n")
        study.collect()
        study.now = place.now = NOON + 20 * DAY
        with study.workspace() as workspace:
            draw_task.fn("W1", ROUND, 4, 0)
            with store.open_warehouse(workspace.warehouse, now=study.now) as warehouse:
                qualify(warehouse, "c1", "c2", "c3")
            first = pushed(workspace, client)
            assert OLD in shown(workspace, client)
            assert close_removed(workspace, client) == 0
        study.now = place.now = NOON + 22 * DAY
        assert study.refresh()["updated_count"] == 1
        monkeypatch.setattr(after_removals, "purge", cut_off)
        with study.workspace() as workspace:
            with pytest.raises(KeyboardInterrupt):  # its files hold what its tasks do not
                close_removed(workspace, client)
            assert OLD not in shown(workspace, client)
            monkeypatch.setattr(after_removals, "purge", purged.append)
            assert close_removed(workspace, client) == 0
            assert purged == [workspace]
            with store.open_warehouse(workspace.warehouse, now=study.now) as warehouse:
                assert store.reworded_units(warehouse) == set()
            again = pushed(workspace, client)
            assert NEW in shown(workspace, client)
            assert close_removed(workspace, client) == 0
            with store.open_warehouse(workspace.warehouse, now=study.now) as warehouse:
                warehouse.execute(
                    "update landed.post_versions set text = ?, scrubber_version = 1 where text = ?",
                    [f"{NEW} Sarah did it.", NEW],
                )
            assert mask_anew(workspace) == 1
            assert close_removed(workspace, client) == again
            assert NEW not in shown(workspace, client)
            assert pushed(workspace, client) == again
            assert f"{NEW} [NAME] did it." in shown(workspace, client)
    assert 0 < again < first
    assert len(purged) == 2
