"""A coder's work, in a real browser on the real server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

from annotation import label_studio
from annotation.codebook import load_codebook
from annotation.disputes import Dispute
from annotation.form import shown_name
from annotation.label_studio_server import Login
from schema.codebook import Codebook
from schema.coding import CodingTask
from schema.vocabulary import UnitKind
from tests.support.coding_tasks import coding_task, turn
from tests.support.needs import needs_program

pytestmark = [pytest.mark.browser, pytest.mark.label_studio]

QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update")
SCREEN = {"width": 1500, "height": 1000}
WAIT_MS = 20_000
FAMILY = "👩\u200d👩\u200d👧"  # three code points and two joiners, one picture
BEGINNING = f"Since winter 🌧️{FAMILY} I have not slept. <script>alert(1)</script> & so on. مرحبا. "
EVIDENCE, RELIEF = "have not slept", "wanted it out of me"
TEXT = f"{BEGINNING}I wrote it down because I {RELIEF}. Tomorrow I will call somebody."
TITLE = "Where else <b>to put</b> this"
CONTEXT = "Somebody asked: how are you <i>all</i>? 🌱"
NOTE = "Topic: sleep, loneliness. Intensity: medium."
MEMO = "Borderline; see rule 2."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = needs_program("chromium", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def hosts() -> set[str]:
    """Return the set that fills with every host the page asks."""
    return set()


@pytest.fixture
def page(browser: Browser, hosts: set[str], client: label_studio.Client) -> Iterator[Page]:
    context = browser.new_context(viewport=SCREEN)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).netloc))
    page.on("dialog", lambda dialog: pytest.fail(f"a post ran as a program: {dialog.type}"))
    yield page
    context.close()


def open_task(
    page: Page,
    url: str,
    login: Login,
    project: label_studio.Project,
    opening: str = "Before you begin.",
) -> None:
    """Sign in as a person does, open the project's first task, put the instruction away."""
    page.goto(f"{url}/user/login/")
    page.fill("input[name=email]", login.username)
    page.fill("input[name=password]", login.password)
    page.click("button[type=submit]")
    page.wait_for_url(f"{url}/")
    page.goto(f"{url}/projects/{project.id}/data?labeling=1")
    page.get_by_text(opening).wait_for()
    page.keyboard.press("Escape")
    page.get_by_text(opening).wait_for(state="hidden")


def mark_words(page: Page, words: str, part: str = ".confide-text") -> None:
    """Draw the mouse over `words` in the post, or another part, as a hand does."""
    box = page.locator(part).evaluate(
        """(post, words) => {
            const walker = document.createTreeWalker(post, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const start = node.data.indexOf(words);
                if (start < 0) continue;
                const range = document.createRange();
                range.setStart(node, start);
                range.setEnd(node, start + words.length);
                const rects = [...range.getClientRects()];
                const [first, last] = [rects[0], rects[rects.length - 1]];
                return {x0: first.left + 0.5, y0: (first.top + first.bottom) / 2,
                        x1: last.right - 0.5, y1: (last.top + last.bottom) / 2};
            }
        }""",
        words,
    )
    page.mouse.move(box["x0"], box["y0"])
    page.mouse.down()
    page.mouse.move((box["x0"] + box["x1"]) / 2, box["y1"])
    page.mouse.move(box["x1"], box["y1"])
    page.mouse.up()


def is_submission(answer: Response) -> bool:
    return answer.request.method == "POST" and "/annotations" in answer.url


def blur(page: Page, part: str) -> str:
    """Return how much the words of a part of the form are blurred."""
    return str(
        page.locator(part).evaluate(
            """part => {
                const words = [...part.querySelectorAll('[class*=text], [class*=phrase]')];
                const seen = new Set(words.map(word => getComputedStyle(word).filter));
                return [...seen].filter(filter => filter !== 'none').join() || 'none';
            }"""
        )
    )


def everything_fits(page: Page) -> bool:
    """Tell whether codes, grades, the text's box and the memo are all on the screen at once."""
    return bool(
        page.locator(".confide").evaluate(
            """form => {
                const parts = form.querySelectorAll('.confide-grid *, .confide-text, textarea');
                const shown = [...parts].map(part => part.getBoundingClientRect())
                    .filter(box => box.width > 0 && box.height > 0);
                const footer = innerHeight - 50;
                return shown.length > 20 && shown.every(box =>
                    box.top >= 0 && box.bottom <= footer && box.right <= innerWidth);
            }"""
        )
    )


@pytest.fixture
def task() -> CodingTask:
    return coding_task(7, title=TITLE, text=TEXT, thread=(turn(CONTEXT),), content_note=NOTE)


def test_a_coder_reads_codes_and_submits_and_pull_brings_it_back(
    page: Page,
    hosts: set[str],
    client: label_studio.Client,
    coder_login: Login,
    codebook: Codebook,
    project: label_studio.Project,
    task: CodingTask,
    artifacts: Path,
) -> None:
    task_id = label_studio.push(client, project, [task]).task_ids[task.unit_key]
    open_task(page, client.url, coder_login, project)
    for shown in (NOTE, CONTEXT, TITLE, BEGINNING.strip()):
        page.get_by_text(shown).first.wait_for()

    assert not page.get_by_text("Virtual Catharsis").first.is_visible()  # its gate is closed
    page.locator(".confide-text").hover()
    assert blur(page, ".confide-thread") == "blur(6px)"
    page.keyboard.press("1")  # struggleposting, the gate
    page.keyboard.press("Alt+Shift+Digit1")  # its value 2
    page.get_by_text("Virtual Catharsis").first.click()
    row = page.locator(".confide-grades:visible").nth(1)
    row.locator("label").nth(0).click()  # its value 1
    row.locator("label").nth(3).click()  # its certainty 2, behind 1 | 2 and 1
    page.keyboard.press("c")  # help_seeking_step, which has no grades
    assert page.locator(".confide-grades:visible").count() == 3
    page.keyboard.press("Shift+Digit1")
    mark_words(page, EVIDENCE)
    page.get_by_text("shift+5", exact=True).click()
    mark_words(page, RELIEF)
    page.get_by_placeholder("Memo").fill(MEMO)
    assert everything_fits(page)
    page.screenshot(path=artifacts / "label-studio-root.png")
    submit(page)

    pulled = label_studio.pull(client, project, codebook, since=None)
    assert (pulled.refused_count, pulled.annotations_count, pulled.memos_count) == (0, 1, 1)
    assert MEMO in str(client.sdk.annotations.list(id=task_id)[0].result)
    codings = {row["code_id"]: row for row in pulled.codings.to_dicts()}
    assert {code: row["value"] for code, row in codings.items() if row["value"]} == {
        "struggleposting": 2,
        "virtual_catharsis": 1,
        "help_seeking_step": 1,
    }
    assert {code for code, row in codings.items() if row["certainty"] != 3} == {"virtual_catharsis"}
    assert codings["virtual_catharsis"]["certainty"] == 2
    marked = {
        row["code_id"]: TEXT[row["span_start"] : row["span_end"]] for row in pulled.spans.to_dicts()
    }
    assert marked == {"struggleposting": EVIDENCE, "virtual_catharsis": RELIEF}
    assert codings["struggleposting"]["coder"] == project.key.coder
    assert codings["struggleposting"]["lead_seconds"] > 0
    assert hosts <= {urlsplit(client.url).netloc, ""}


def test_a_long_reply_in_a_long_thread_is_graded_without_scrolling(
    page: Page,
    hosts: set[str],
    client: label_studio.Client,
    coder_login: Login,
    codebook: Codebook,
    new_key: Callable[..., label_studio.ProjectKey],
    artifacts: Path,
) -> None:
    project = label_studio.ensure_project(client, new_key("reply"), codebook)
    context = tuple(turn(f"Turn {n}. {TEXT} " * 4) for n in range(8))
    reply = coding_task(8, unit_kind="reply", title="", text="I hear you. " * 400, thread=context)
    label_studio.push(client, project, [reply])
    open_task(page, client.url, coder_login, project)
    page.get_by_text("I hear you.").first.wait_for()
    for code in codebook.codes_for("reply"):
        page.keyboard.press(code.hotkey)
    page.locator(".confide-grades:visible").last.wait_for()
    assert page.locator(".confide-grades:visible").count() == len(codebook.codes_for("reply"))
    assert everything_fits(page)
    page.screenshot(path=artifacts / "label-studio-reply.png")

    for code in codebook.codes_for("reply"):  # the keys untick as well
        page.keyboard.press(code.hotkey)
    page.locator(".confide-grades:visible").first.wait_for(state="detached")
    page.get_by_text("Advice / information / perspective").first.click()
    page.locator(".confide-grades:visible label").nth(1).click()  # its value 2
    page.keyboard.press("d")  # reply_emotional_support
    page.keyboard.press("Alt+KeyD")  # its value 1
    page.keyboard.press("Shift+KeyD")
    mark_words(page, "hear you")
    submit(page)
    pulled = label_studio.pull(client, project, codebook, since=None)
    given = pulled.codings.filter(pulled.codings["value"] > 0)
    assert dict(given.select("code_id", "value").iter_rows()) == {
        "reply_informational_support": 2,
        "reply_emotional_support": 1,
    }
    assert [(row["span_start"], row["span_end"]) for row in pulled.spans.to_dicts()] == [(2, 10)]
    assert hosts <= {urlsplit(client.url).netloc, ""}


CARD = """  Day   Gap  Feedback  Intensity  Uptake
    0     ?      -0.2          1      no
    9     9      +2.1          2      no
   11     2      +1.8          2     yes
"""
WEEK = """Root posts in the sample: 42, by 31 authors
                                             this week  4 weeks before
Posts in which authors share a struggle           0.58            0.49
Replies that support                              0.71               ?
"""
RELIEVED = "lighter since you wrote"
IN_REPLY = f"So do I 🌧️{FAMILY}.\nI am {RELIEVED} it down."
REPLY = "I read this twice. Reading it, I feel less alone."


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        ("thread", "theme_emotional_catharsis", TEXT),
        ("timeline", "social_validation_loop", CARD),
        ("community", "theme_social_norms", WEEK),
    ],
)
def test_threads_and_cards_are_coded_by_clicks_and_keys(
    kind: UnitKind,
    code: str,
    text: str,
    page: Page,
    hosts: set[str],
    client: label_studio.Client,
    coder_login: Login,
    new_key: Callable[..., label_studio.ProjectKey],
    artifacts: Path,
) -> None:
    codebook = load_codebook()
    project = label_studio.ensure_project(client, new_key(kind), codebook)
    is_thread = kind == "thread"
    replies = (turn(REPLY), turn(IN_REPLY, post_uid=f"{0x2002:016x}")) if is_thread else ()
    first, second = (
        coding_task(n, unit_kind=kind, title="A card", text=text, thread=replies) for n in (1, 2)
    )
    label_studio.push(client, project, [first, second])
    open_task(page, client.url, coder_login, project)
    page.get_by_text("A card").first.wait_for()
    assert page.get_by_text(REPLY).count() == (kind == "thread")
    asked = codebook.code(code)
    page.keyboard.press(asked.hotkey)
    page.locator(".confide-grades:visible").first.wait_for()
    page.keyboard.press(f"Alt+Shift+{key_of(asked.hotkey)}")  # its value 2
    page.locator(".confide-grades:visible label").nth(2).click()  # its certainty 1
    page.locator(".confide-text").hover()
    if is_thread:  # evidence lies in a reply as well as in the root
        page.keyboard.press(f"Shift+{key_of(asked.hotkey)}")
        mark_words(page, EVIDENCE)
        page.locator(".confide-thread").hover()
        page.locator(".confide-reply-marks").get_by_text(shown_name(asked)).click()
        mark_words(page, RELIEVED, ".confide-thread")
    page.screenshot(path=artifacts / f"label-studio-{kind}.png")
    submit(page)
    page.get_by_text("Context is missing").first.wait_for()
    page.locator(".confide-grades:visible").first.wait_for(state="detached")
    page.get_by_text("Context is missing").first.click()
    submit(page)

    pulled = label_studio.pull(client, project, codebook, since=None)
    assert (pulled.refused_count, pulled.annotations_count, dict(pulled.problems)) == (0, 2, {})
    given = pulled.codings.filter(pulled.codings["value"] > 0).to_dicts()
    assert [(row["code_id"], row["value"], row["certainty"]) for row in given] == [(code, 2, 1)]
    assert [one.reason for one in pulled.not_codable] == ["context"]
    assert {given[0]["unit_key"], pulled.not_codable[0].unit_key} == {0x1001, 0x1002}
    marked = {
        row["unit_key"]: (row["span_start"], row["span_end"]) for row in pulled.spans.to_dicts()
    }
    texts = {key: (TEXT if key == 0x1001 else IN_REPLY)[slice(*at)] for key, at in marked.items()}
    assert texts == ({given[0]["unit_key"]: EVIDENCE, 0x2002: RELIEVED} if is_thread else {})
    assert hosts <= {urlsplit(client.url).netloc, ""}


def test_an_adjudicator_rules_by_keys_and_opens_a_dispute_by_clicks(
    page: Page,
    hosts: set[str],
    client: label_studio.Client,
    coder_login: Login,
    codebook: Codebook,
    new_key: Callable[..., label_studio.ProjectKey],
    task: CodingTask,
    artifacts: Path,
) -> None:
    project = label_studio.ensure_adjudication(client, new_key(), codebook)
    disputes = [
        Dispute("root", task.unit_key, code, readings, "two steps apart")
        for code, readings in (("virtual_catharsis", (0, 2, 2)), ("help_seeking_step", (0, 1)))
    ]
    label_studio.push_disputes(client, project, codebook, disputes, {task.unit_key: task})
    open_task(page, client.url, coder_login, project, "Each task is one code")
    for shown in (NOTE, CONTEXT, TITLE, "Coders read: 0 2 2", "two steps apart", "Rule 1, against"):
        page.get_by_text(shown).first.wait_for()
    page.get_by_text("Coders read: 0 2 2").hover()
    assert blur(page, ".confide-text.confide-blur") == "blur(6px)"
    for name in (project.key.coder, "c1"):
        assert page.locator(".confide").get_by_text(name, exact=True).count() == 0
    page.keyboard.press("2")
    page.keyboard.press("q")  # the first rule
    page.locator(".confide-text.confide-blur").hover()
    page.screenshot(path=artifacts / "label-studio-adjudication.png")
    submit(page)
    page.get_by_text("Coders read: 0 1").first.wait_for()
    page.locator("label:visible", has_text="1").first.click()
    page.get_by_text("No rule decides this").first.click()
    page.get_by_placeholder("The rule you propose").fill("A plan that is not dated is a step.")
    submit(page)

    found = label_studio.pull_rulings(client, project, codebook)
    first = codebook.code("virtual_catharsis").decision_rules[0].against
    assert found.refused_count == 0
    assert {(one.code_id, one.value, one.rule) for one in found.standing} == {
        ("virtual_catharsis", 2, first),
        ("help_seeking_step", 1, None),
    }
    assert hosts <= {urlsplit(client.url).netloc, ""}


def key_of(hotkey: str) -> str:
    return f"Digit{hotkey}" if hotkey.isdigit() else f"Key{hotkey.upper()}"


def submit(page: Page) -> None:
    with page.expect_response(is_submission) as answered:
        page.get_by_role("button", name="Submit current annotation").click()
    assert answered.value.ok
