"""The report: what it says, what it keeps to itself, and how it looks in a real browser."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Browser, Page

from flows.report import render
from flows.report_drawing import COLOURS
from tests.support.browser import chromium
from tests.support.command import Place, place
from tests.support.invented_study import NOW, POSTS
from tests.support.warehouse_rows import opened, post, save
from warehouse import open_corpus, store
from warehouse.figures import CELLS, read_figures

SCREENS = {"desk": (1200, 900), "phone": (390, 844)}
HEADINGS = [
    "What the data say",
    "How common each code is",
    "Agreement between coders",
    "Sample and weights",
    "Reactions as posts age",
    "How long posts stay up",
    "Coverage and gaps",
    "Collection health",
    "How to read this",
]
# Text whose contrast with what lies behind it falls short of WCAG's 4.5 to 1.
FAINT = """() => {
    const lightness = colour => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(c => {
            const s = c / 255;
            return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!/, 0\\)$/.test(colour) && colour !== 'transparent') return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const faint = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.data.trim() || !element.getClientRects().length) continue;
        const style = getComputedStyle(element);
        const ink = element instanceof SVGElement ? style.fill : style.color;
        const [one, other] = [lightness(ink), lightness(behind(element))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < 4.5) faint.push(`${node.data.trim()}: ${contrast.toFixed(2)}`);
    }
    return faint;
}"""


@pytest.fixture(scope="module")
def written(invented_study: Place) -> Path:
    told = invented_study.invoke("report", "--json").succeeds().out
    path = Path(json.loads(told)["report"])
    assert path == invented_study.folder / "published" / "report.html"
    assert path.stat().st_mode & 0o777 == 0o644
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Outline(HTMLParser):
    """Collects what a reader of the page's skeleton meets."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.levels: list[int] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.unscoped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags[tag] += 1
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if "id" in told:
            self.ids[str(told["id"])] += 1
        if "href" in told:
            self.links.append(str(told["href"]))
        self.unscoped += tag == "th" and "scope" not in told


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    return found


def test_the_page_stands_alone_and_in_order(written: Path) -> None:
    html = written.read_text("utf-8")
    found = outline(html)
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert not found.tags.keys() & {"script", "link", "img", "iframe", "object"}
    assert re.findall(r"url\((?!#)|@import|javascript:|\son[a-z]+=", html) == []
    assert {found.tags[tag] for tag in ("header", "nav", "main", "footer", "h1")} == {1}
    assert found.levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(found.levels))
    assert [name for name, count in found.ids.items() if count > 1] == []
    assert {link.removeprefix("#") for link in found.links} <= found.ids.keys()
    assert found.tags["table"] == found.tags["caption"] >= 10
    assert found.unscoped == 0
    assert found.tags["figure"] == found.tags["figcaption"] == html.count("The same as a table")
    assert not any(colour in html for colour in COLOURS)
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", html) == HEADINGS


def test_what_it_says_is_what_the_file_holds(written: Path, invented_study: Place) -> None:
    html = written.read_text("utf-8")
    with open_corpus(invented_study.folder) as corpus:
        verdicts = corpus.table("verdicts")
        texts = corpus.table("post")["text_masked"].to_list()
        keys = corpus.table("post").select(pl.col("post_key").cast(pl.String), "author_key")
        coders = corpus.table("annotation")["coder_key"].unique().to_list()
    assert f"{POSTS - 1:,d}" in html
    assert "Invented data" in html
    for row in verdicts.iter_rows(named=True):
        card = re.search(rf'<li id="{row["claim_id"]}">(.*?)</li>', html, re.DOTALL)
        assert card is not None
        assert f"{row['verdict']}</span>" in card[1]
        assert row["estimate"] is None or f"{row['estimate']:.2f} (95 %" in card[1]
    words = set(html.split())
    assert not any(" ".join(text.split()[:6]) in html for text in texts)
    assert words.isdisjoint({value for column in keys for value in column})
    assert not any(coder in html for coder in coders)


def test_no_cell_tells_of_few(invented_study: Place) -> None:
    with open_corpus(invented_study.folder) as corpus:
        most = corpus.frame("select count(distinct author_key) as n from post")["n"][0]
        for minimum in (11, 60, most + 1):
            figures = read_figures(corpus, minimum=minimum)
            for name in (*CELLS, "prevalence", "corpus"):
                authors = figures[name]["n_authors"].drop_nulls()
                assert authors.filter(authors < minimum).is_empty(), (name, minimum)
    html = render(figures, title="few", minimum=most + 1)
    assert "too few" in html
    assert f"{POSTS - 1:,d}" not in html
    assert "codes are not shown" in html


def look(browser: Browser, path: Path, screen: str, scheme: Any) -> tuple[Page, list[str]]:
    """Open a page as a person with this screen does; return it and what it asked for."""
    width, height = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
    )
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: pytest.fail(message.text))
    page.goto(path.as_uri())
    return page, asked


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_it_looks_well_and_asks_nobody(
    written: Path, browser: Browser, artifacts: Path, screen: str, scheme: str
) -> None:
    page, asked = look(browser, written, screen, scheme)
    assert asked == [written.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen][0]
    for other in SCREENS:
        assert page.locator(f".{other} svg").first.is_visible() is (other == screen)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen][0]
    assert page.evaluate(FAINT) == []
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = false)")
    page.screenshot(path=str(artifacts / f"report-{screen}-{scheme}.png"), full_page=True)
    page.context.close()


@pytest.mark.browser
def test_a_keyboard_reaches_everything(written: Path, browser: Browser) -> None:
    page, _ = look(browser, written, "desk", "light")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    first = page.locator("details").first
    assert first.get_attribute("open") is not None
    assert first.locator("table").is_visible()
    page.get_by_role("link", name="C07").click()
    assert page.locator("#C07").is_visible()  # folded away until somebody asks for it
    assert page.get_by_role("navigation", name="Sections").is_visible()
    page.context.close()


@pytest.mark.parametrize("posts", [0, 1, 30])
def test_a_study_with_little_in_it_says_what_to_do(tmp_path: Path, posts: int) -> None:
    here = place(tmp_path).having(CONFIDE_NOW=NOW.isoformat())
    here.write_study()
    here.invoke("report").refuses(2, "corpus.duckdb does not exist", "confide publish")
    path = here.folder / "warehouse.duckdb"
    with opened(path) as warehouse:
        if posts:
            save(warehouse, *(post(key) for key in range(1, posts + 1)))
    store.publish(path, here.folder / "published" / "corpus.duckdb", now=NOW)
    out = tmp_path / "mine.html"
    here.invoke("report", "--out", str(out)).succeeds()
    html = out.read_text("utf-8")
    found = outline(html)
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", html) == HEADINGS
    assert html.count('class="notice"') >= (6 if posts else 7)
    assert "No coding round is in force" in html
    assert "Run `confide collect`" in html
    assert (f"<dd>{posts}<" in html) is (posts != 1)
    assert found.tags["table"] == found.tags["caption"]
