"""Facets count UTF-8 bytes: whatever stands before them, they mark the very words meant."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.bluesky import parse_page
from tests.support.appview_script import OTHER, page, view

ODD = [
    "👩\u200d👩\u200d👧",
    "e\u0301",
    "ü",
    "🇨🇭",
    "\u200f",
    "日本",
    "a",
    " ",
    "\n",
    "\U0001f937🏽\u200d♀️",
]
WORDS = st.lists(st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8")), max_size=12).map(
    "".join
)
LINK = "https://news.invented.example/a/very/long/way/to/a/page"


def facet(before: str, words: str, **feature: Any) -> dict[str, Any]:
    """Mark `words` behind `before`, as a client does."""
    start = len(before.encode())
    index = {"byteStart": start, "byteEnd": start + len(words.encode())}
    kind = feature.pop("kind")
    return {"index": index, "features": [{"$type": f"app.bsky.richtext.facet#{kind}"} | feature]}


@given(before=WORDS, between=WORDS, after=WORDS)
def test_links_and_mentions_are_the_words_that_were_marked(
    before: str, between: str, after: str
) -> None:
    shown, name = "news.invented.example/a/v...", "@wren.invented.example"
    upto = f"{before}{shown}{between}"
    record = {
        "text": f"{upto}{name}{after}",
        "facets": [
            facet(before, shown, kind="link", uri=LINK),
            facet(upto, name, kind="mention", did=OTHER),
            facet(f"{upto}{name}", after, kind="tag", tag="x"),
        ],
    }
    [row] = parse_page(page(view("f", record=record))).posts.rows(named=True)
    assert row["text"] == f"{before}{LINK}{between}{name}{after}"
    assert row["mentions"] == ["wren.invented.example", OTHER]
    assert (row["links"], row["hashtags_count"]) == ([LINK], 1)


@given(text=WORDS, start=st.integers(0, 60), end=st.integers(0, 60))
def test_a_facet_that_cuts_a_letter_in_two_costs_no_post(text: str, start: int, end: int) -> None:
    index = {"byteStart": start, "byteEnd": end}
    features = [{"$type": "app.bsky.richtext.facet#mention", "did": OTHER}]
    record = {"text": text, "facets": [{"index": index, "features": features}]}
    [row] = parse_page(page(view("f", record=record))).posts.rows(named=True)
    assert row["text"] == text
    assert OTHER in row["mentions"]
