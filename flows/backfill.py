"""Backfill: files that somebody handed over, each from the byte that was stored.

A file may be called after an account, so its path enters neither a parameter nor an error of
Prefect's: files are checked before the flow begins and handed to it through the environment,
where each is known by its source and an id of its content and of what the study lets in.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from prefect import flow, task

from connectors import reddit_archive, reddit_export
from flows import progress
from flows.alerts import PASS_HOOKS
from flows.artifacts import progress_shown
from flows.gate import land
from flows.guard import guarded
from flows.newest_export import drop_missing
from flows.passes import each
from flows.permission import check_permission
from flows.reading import Reading, query_for
from flows.runs import recorded
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput, CorpusError
from schema.sources import FILE_SOURCES, FileSource, RedditArchiveSource, RedditExportSource
from schema.study import Study
from warehouse import store

FILES_VARIABLE = "CONFIDE_BACKFILL_FILES"
ANY_VENUE = "*"


def hand_over(
    directory: Path, name: str | None, files: Sequence[Path], *, is_newest: bool = False
) -> tuple[str, list[str]]:
    """Check the files and lay them ready for the flow; return the source's name and their ids.

    Raises:
        BadInput: no such source, or a file that it cannot read; names the file and the remedy.
        PolicyRefused: nothing permits reading the source's files (R2, R5).
    """
    workspace = open_workspace(directory)
    source = file_source(workspace.study, name)
    check_permission(workspace, source)
    if is_newest and isinstance(source, RedditArchiveSource):
        raise BadInput(
            f"source {source.name}: --newest is for exports: an archive never lacks what was "
            "deleted since"
        )
    found: dict[str, str] = {}
    for path in files:
        _check_file(source, path)
        found[_reading_id(workspace.study, source, path)] = str(path.resolve())
    os.environ[FILES_VARIABLE] = json.dumps(found)
    return source.name, list(found)


def file_source(study: Study, name: str | None) -> FileSource:
    """Pick the source that files belong to: the named one, or the study's only one.

    Raises:
        BadInput: there is none, or several and none was named.
    """
    known = {source.name: source for source in study.source if isinstance(source, FILE_SOURCES)}
    if not known:
        raise BadInput(
            "the study has no source that is read from files: add a [[source]] of kind "
            "reddit_archive or reddit_export to study.toml"
        )
    if name is None and len(known) > 1:
        raise BadInput(f"which source are these files of? say --source: {', '.join(known)}")
    chosen = known.get(name) if name is not None else next(iter(known.values()))
    if chosen is None:
        raise BadInput(f"no source of files is called {name}: there are {', '.join(known)}")
    return chosen


@flow(name="backfill", log_prints=False, persist_result=False, **PASS_HOOKS)
@guarded
def backfill(
    source: str, archives: list[str], is_newest: bool = False
) -> dict[str, dict[str, int]]:
    """Read every file to its end; return each one's counts.

    `archives` are ids of what `hand_over` laid ready. `is_newest`: together they are the
    source's newest export, whole, so what is held of it and missing there is removed (R14).

    Raises:
        CorpusError: at least one file failed; the others were read.
    """
    parts = [f"{source}/{archive}" for archive in archives]

    def work(part: str) -> dict[str, int]:
        if part == source:
            return drop_missing_posts(source, archives)
        return backfill_file(source, part.removeprefix(f"{source}/"))

    with progress_shown(stream_sizes(source, archives)):
        return each([*parts, source] if is_newest else parts, work)


@task(task_run_name="backfill-{source}-{archive}", persist_result=False)
@guarded
def backfill_file(source: str, archive: str) -> dict[str, int]:
    """Read one file from its stored position, a transaction a page."""
    workspace = open_workspace()
    chosen = file_source(workspace.study, source)
    check_permission(workspace, chosen)
    stream = f"{source}/{archive}"
    with recorded(workspace, chosen, stream=stream) as run:
        for reading in _unnamed(_readings(workspace, chosen, stream, _path(archive)), archive):
            page = reading.page
            run.tally.add(land(workspace, page, reading.parse(page), run.stamp(stream)))
            progress.told(stream, _place(page.position)["file_at"])
    return asdict(run.tally)


@task(task_run_name="drop-missing-{source}", persist_result=False)
@guarded
def drop_missing_posts(source: str, archives: list[str]) -> dict[str, int]:
    """Remove what the source's newest export lacks, once all of its files are read."""
    workspace = open_workspace()
    chosen = file_source(workspace.study, source)
    assert isinstance(chosen, RedditExportSource)  # `hand_over` lets --newest pass for these alone
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        positions = [store.read_position(warehouse, f"{source}/{name}") for name in archives]
    if not all(position and _place(position)["is_end"] for position in positions):
        raise BadInput(
            f"source {source}: its newest export was not read to the end, so nothing missing "
            "was removed: run the same command again"
        )
    with recorded(workspace, chosen) as run:
        run.tally.removed_count = drop_missing(workspace, chosen, [_path(n) for n in archives])
    return asdict(run.tally)


def stream_sizes(source: str, archives: Sequence[str]) -> dict[str, int]:
    """Tell how many bytes each laid-ready file has, by its stream."""
    return {f"{source}/{name}": _path(name).stat().st_size for name in archives}


def _readings(
    workspace: Workspace, source: FileSource, stream: str, path: Path
) -> Iterator[Reading]:
    query = query_for(workspace, source.name, stream=stream, venue=ANY_VENUE)
    if isinstance(source, RedditArchiveSource):
        wanted = reddit_archive.ArchiveFilter(
            subreddits=frozenset(name.lower() for name in source.subreddits),
            keywords=source.keywords,
            minimum_chars=source.minimum_chars,
        )
        for page in reddit_archive.fetch_archive_pages(path, query, wanted):
            yield Reading(page, reddit_archive.parse_archive_page)
    else:
        for page in reddit_export.fetch_export_pages(path, query, source.columns):
            yield Reading(page, reddit_export.parse_export_page)


def _unnamed(readings: Iterator[Reading], archive: str) -> Iterator[Reading]:
    """Call a file by its id in what goes wrong with it: Prefect keeps the sentence."""
    try:
        yield from readings
    except BadInput as error:
        sentence = str(error).replace(_path(archive).name, archive)
    else:
        return
    raise BadInput(sentence)  # outside the handler: the original must not travel along


def in_their_names(error: CorpusError) -> CorpusError:
    """Put the files' names back into a sentence, for the person who gave them."""
    sentence = str(error)
    for archive, path in json.loads(os.environ.get(FILES_VARIABLE, "{}")).items():
        sentence = sentence.replace(archive, Path(path).name)
    return type(error)(sentence)


def _reading_id(study: Study, source: FileSource, path: Path) -> str:
    """Name a file's content and what of it is let in: with another filter it is read anew."""
    let_in = [
        source.model_dump(mode="json", exclude={"permission", "every", "cron"}),
        study.study.model_dump(mode="json", include={"since", "until", "languages"}),
        study.policy.model_dump(mode="json", include={"excluded_communities", "nsfw"}),
    ]
    told = f"{reddit_archive.archive_id(path)} {json.dumps(let_in, sort_keys=True)}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _check_file(source: FileSource, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({type(error).__name__}): name a file that is there"
        ) from None
    if not isinstance(source, RedditArchiveSource):
        reddit_export.check_export(path, source.columns)


def _path(archive: str) -> Path:
    laid_ready = json.loads(os.environ.get(FILES_VARIABLE, "{}"))
    if archive not in laid_ready:
        raise BadInput(f"file {archive} is not laid ready: run `confide backfill FILE…`")
    return Path(laid_ready[archive])


def _place(position: str | None) -> dict[str, int]:
    return dict(json.loads(position or "{}"))
