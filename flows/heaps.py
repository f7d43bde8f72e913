"""Several answers of one moment stored at once: opening the stores takes longer than a small page.

What was read before a platform failed is handed over first; a crash repeats one heap.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from schema.errors import CorpusError, SourceRefused
from schema.pages import RawPage

ITEMS: Final = 500
THREADS: Final = 50


def joined(pages: Sequence[RawPage]) -> RawPage:
    """Make one page of several, none of which moves a position."""
    return replace(
        pages[0],
        items=tuple(item for page in pages for item in page.items),
        missing=tuple(dict.fromkeys(name for page in pages for name in page.missing)),
        contexts=tuple(fact for page in pages for fact in page.contexts),
        requests_count=sum(page.requests_count for page in pages),
        notes=sum((Counter(page.notes) for page in pages), Counter[str]()),
    )


def heaps(pages: Iterable[RawPage]) -> Iterator[RawPage]:
    """Join pages until one holds `ITEMS`."""
    heap: list[RawPage] = []
    try:
        for page in pages:
            heap.append(page)
            if _is_full(heap):
                yield joined(heap)
                heap = []
    except CorpusError:
        if heap:
            yield joined(heap)
        raise
    if heap:
        yield joined(heap)


def thread_heaps(
    due: Iterable[tuple[int, str]],
    read: Callable[[str], Iterable[RawPage]],
    refused: Callable[[], None],
) -> Iterator[tuple[RawPage, Mapping[int, str]]]:
    """Read the thread of each root; yield some at a time, beside their roots.

    `due` holds post keys and native ids. `refused` is told of each closed thread, which must not
    end the pass.
    """
    heap: list[RawPage] = []
    roots: dict[int, str] = {}
    try:
        for post_key, native_id in due:
            try:
                heap += read(native_id)
            except SourceRefused:
                refused()
                continue
            roots[post_key] = native_id
            if len(roots) >= THREADS or _is_full(heap):
                yield joined(heap), roots
                heap, roots = [], {}
    except CorpusError:
        if heap:
            yield joined(heap), roots
        raise
    if heap:
        yield joined(heap), roots


def _is_full(heap: Sequence[RawPage]) -> bool:
    return sum(len(page.items) for page in heap) >= ITEMS
