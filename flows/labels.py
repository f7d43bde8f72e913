"""Takedown labels: read since the last pass, from each labeler the study names, and obeyed."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event as Flag
from urllib.parse import urlsplit

import dataframely as dy

from connectors import bluesky_labels
from connectors.bluesky_labels import PostLabelled
from connectors.vault import open_vault
from flows.gate import land
from flows.reading import NETWORK, query_for
from flows.removing import UNSEEN_HOURS, as_removals, remove
from flows.runs import Run
from flows.tally import Tally
from flows.workspace import Workspace
from schema.pages import RawPage
from schema.removals import CollectedRemoval
from transforms.pseudonymize import pseudonymize_removals
from warehouse import store

_Word = tuple[str, datetime | None]  # whose label, and until when it is in force
IDLE_SECONDS = 2.0  # a pass ends when a labeler's live tip has been quiet so long


def read_labels(workspace: Workspace, run: Run) -> None:
    """Read what each labeler said since the last pass, and act on it.

    Raises:
        SourceRefused: a labeler will not have us.
        SourceUnavailable: a labeler does not answer; the others were read.
    """
    for url in workspace.study.platforms.bluesky.labelers:
        follow_labels(workspace, run, url, run.tally.add, idle_seconds=IDLE_SECONDS)


def follow_labels(
    workspace: Workspace,
    run: Run,
    url: str,
    count: Callable[[Tally], None],
    *,
    idle_seconds: float | None = None,
    stop: Flag | None = None,
) -> None:
    """Read one labeler's stream to its live tip, or without end until `stop` is set.

    `count` is told of each page once it is stored.

    Raises:
        SourceRefused: the labeler will not have us.
        SourceUnavailable: it does not answer.
    """
    stream = f"labels/{urlsplit(url).netloc}"
    query = query_for(workspace, run.source, stream=stream, venue=NETWORK)
    for page in bluesky_labels.fetch_label_pages(url, query, idle_seconds=idle_seconds, stop=stop):
        count(land_labels(workspace, page, run.stamp(stream)))


def land_labels(workspace: Workspace, page: RawPage, stamp: store.SaveStamp) -> Tally:
    """Obey a page of labels: posts go, or may come back; accounts are hidden, or shown again.

    A post goes as if it was removed, but is kept out only until its label ends or is taken back.
    """
    posts, parsed = bluesky_labels.parse_labels(page)
    gone = [post.native_id for post in posts if not post.is_withdrawn]
    removals = as_removals(page, list(dict.fromkeys(gone)), "taken_down")
    _keep_out(workspace, posts, _held(workspace, removals))
    removed = remove(workspace, "bluesky", removals, is_lasting=False)
    tally = land(workspace, page, parsed, stamp)
    tally.removed_count += removed
    tally.gone_count += removals.height
    return tally


def _keep_out(workspace: Workspace, posts: Sequence[PostLabelled], held: set[str]) -> None:
    """Note each labeler's word, or take it back.

    Of posts that nobody here has seen it is kept for two days from when it was said: by then no
    index serves them, and a labeler's whole history would fill the vault.
    """
    now, lag = workspace.now(), timedelta(hours=UNSEEN_HOURS)
    withdrawn, applied = defaultdict[str, list[str]](list), defaultdict[_Word, list[str]](list)
    for post in posts:
        if post.is_withdrawn:
            withdrawn[post.labeler].append(post.native_id)
        elif post.native_id in held:
            applied[post.labeler, post.until].append(post.native_id)
        elif (end := min(post.until or now + lag, (post.told_at or now) + lag)) > now:
            applied[post.labeler, end].append(post.native_id)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        for labeler, ids in withdrawn.items():
            vault.let_in("bluesky", cause=labeler, native_ids=ids)
        for (labeler, until), ids in applied.items():
            vault.keep_out("bluesky", cause=labeler, now=now, until=until, native_ids=ids)


def _held(workspace: Workspace, removals: dy.DataFrame[CollectedRemoval]) -> set[str]:
    keyed = pseudonymize_removals(removals, key=workspace.key.pseudonym_key("bluesky"))
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        return set(removals["native_id"].filter(store.is_held(warehouse, keyed)).to_list())
