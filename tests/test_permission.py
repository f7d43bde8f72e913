"""Rules R1, R2 and R5: what a study must record before anybody's posts are read."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from flows.permission import check_permission, check_platform
from flows.workspace import Workspace, open_workspace
from schema.errors import PolicyRefused
from tests.support.command import NOW, environment

# real addresses, so that the records count; loopback is allowed for the clock's sake alone
HEAD = """[study]
name = "permitted"
since = 2026-01-01

[policy]
allow_loopback = true
"""
ETHICS = """[policy.ethics]
protocol = "invented"
impact_assessment = "invented"
notice_url = "https://notice.example"
expires = {expires}
"""
APPROVAL = """[platforms.reddit.approval]
programme = "invented"
reference = "invented"
communities = [{communities}]
signed_by = ["investigator", "officer"]
expires = {expires}
"""
FILES = """[[source]]
name = "dumps"
kind = "{kind}"
permission = {{ reference = "{reference}", covers = "{covers}", expires = {expires} }}
"""
COLUMNS = """columns = { native_id = "id", author = "a", text = "t", created_at = "c", venue = "s" }
"""
LIVE = {
    "porch": 'kind = "reddit"\nsubreddit = "QuietPorch"\n',
    "seek": 'kind = "reddit_search"\nquery = "porch"\n',
    "seek-there": 'kind = "reddit_search"\nsubreddit = "QuietPorch"\nquery = "porch"\n',
    "panel": 'kind = "reddit_user"\nauthors_file = "/nowhere/panel.authors"\n',
}
BLUESKY = 'kind = "bluesky_author"\nauthors_file = "/nowhere/panel.dids"\n'
LATER, EARLIER, FAR = "2026-12-31", "2026-01-31", "2027-03-01"


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with environment({"CONFIDE_NOW": NOW}):
        yield


def ethics(expires: str = LATER) -> str:
    return ETHICS.format(expires=expires)


def approval(*communities: str, expires: str = LATER) -> str:
    named = ", ".join(f'"{community}"' for community in communities)
    return APPROVAL.format(communities=named, expires=expires)


def source(name: str, body: str) -> str:
    return f'[[source]]\nname = "{name}"\n{body}'


def files(
    kind: str = "reddit_archive",
    *,
    reference: str = "board 7",
    covers: str = "QuietPorch, 2026",
    expires: str = LATER,
) -> str:
    text = FILES.format(kind=kind, reference=reference, covers=covers, expires=expires)
    return text + (COLUMNS if kind == "reddit_export" else "")


def study(folder: Path, *parts: str) -> Workspace:
    (folder / "study.toml").write_text("\n".join([HEAD, *parts]), "utf-8")
    return open_workspace(folder)


def refusal(workspace: Workspace) -> str:
    with pytest.raises(PolicyRefused) as refused:
        check_permission(workspace, workspace.study.source[0])
    assert refused.value.exit_code == 3
    return str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        BLUESKY,
        f'{BLUESKY}history = "repository"\n',
        'kind = "bluesky_feed"\nuri_file = "/nowhere/feeds.uris"\n',
        'kind = "bluesky_search"\nquery = "porch"\n',
        'kind = "bluesky_stream"\nkeywords = ["porch"]\n',
        'kind = "bluesky_thread"\n',
    ],
)
def test_every_live_bluesky_source_needs_an_ethics_record_and_no_approval(
    tmp_path: Path, body: str
) -> None:
    told = refusal(study(tmp_path, source("sky", body)))
    assert told.startswith("source sky: R5 wants an ethics record")
    workspace = study(tmp_path, ethics(), source("sky", body))
    check_permission(workspace, workspace.study.source[0])


@pytest.mark.parametrize("name", LIVE)
def test_a_live_reddit_source_needs_an_approval(tmp_path: Path, name: str) -> None:
    told = refusal(study(tmp_path, ethics(), source(name, LIVE[name])))
    assert told.startswith(f"source {name}: R1 wants Reddit's approval")
    covers = "QuietPorch" if "QuietPorch" in LIVE[name] else "…"
    words = ("[platforms.reddit.approval]", "programme", "reference", "signed_by", "expires")
    assert all(word in told for word in (*words, f'communities = ["{covers}"]'))


@pytest.mark.parametrize("name", ["porch", "seek-there"])
def test_an_approval_must_cover_the_community_a_source_names(tmp_path: Path, name: str) -> None:
    told = refusal(study(tmp_path, ethics(), approval("Elsewhere"), source(name, LIVE[name])))
    assert "does not cover QuietPorch" in told
    assert 'add "QuietPorch" to its communities' in told
    workspace = study(tmp_path, ethics(), approval("quietporch"), source(name, LIVE[name]))
    check_permission(workspace, workspace.study.source[0])


@pytest.mark.parametrize("name", ["seek", "panel"])
def test_a_source_that_leads_anywhere_needs_an_approval_of_some_community(
    tmp_path: Path, name: str
) -> None:
    workspace = study(tmp_path, ethics(), approval("Elsewhere"), source(name, LIVE[name]))
    check_permission(workspace, workspace.study.source[0])
    told = refusal(study(tmp_path, ethics(), approval(), source(name, LIVE[name])))
    assert "covers no community" in told


@pytest.mark.parametrize(
    ("expires", "words"),
    [(EARLIER, ("expired on 2026-01-31", "renew")), (FAR, ("twelve months at most",))],
)
def test_an_approval_holds_for_its_year_only(
    tmp_path: Path, expires: str, words: tuple[str, ...]
) -> None:
    told = refusal(
        study(
            tmp_path,
            ethics(),
            approval("QuietPorch", expires=expires),
            source("porch", LIVE["porch"]),
        )
    )
    assert all(word in told for word in ("source porch: R1", *words))


@pytest.mark.parametrize(
    "body", [source("porch", LIVE["porch"]), source("panel", BLUESKY), files()]
)
@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("", ("R5", "add [policy.ethics]", "impact_assessment", "notice_url")),
        (ethics(EARLIER), ("R5", "expired on 2026-01-31", "renew")),
    ],
)
def test_nobody_s_posts_are_read_without_an_ethics_record(
    tmp_path: Path, body: str, record: str, words: tuple[str, ...]
) -> None:
    told = refusal(study(tmp_path, record, approval("QuietPorch"), body))
    assert all(word in told for word in words)


@pytest.mark.parametrize("kind", ["reddit_archive", "reddit_export"])
@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"expires": EARLIER}, ("its permission expired on 2026-01-31", "renew")),
        ({"covers": " "}, ("permission.covers",)),
        ({"covers": "…"}, ("permission.covers",)),
        ({"reference": ""}, ("permission.reference",)),
    ],
)
def test_files_need_a_permission_of_their_own(
    tmp_path: Path, kind: str, record: dict[str, str], words: tuple[str, ...]
) -> None:
    told = refusal(study(tmp_path, ethics(), files(kind, **record)))
    assert all(word in told for word in ("source dumps: R2", *words))


@pytest.mark.parametrize("kind", ["reddit_archive", "reddit_export"])
def test_files_need_no_approval_of_the_live_platform(tmp_path: Path, kind: str) -> None:
    workspace = study(tmp_path, ethics(), files(kind))
    check_permission(workspace, workspace.study.source[0])


def test_a_permission_holds_through_its_last_day(tmp_path: Path) -> None:
    today = str(date.fromisoformat(NOW[:10]))
    workspace = study(tmp_path, ethics(today), files(expires=today))
    check_permission(workspace, workspace.study.source[0])


def test_what_files_brought_is_not_looked_up_live_without_an_approval(tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match="reddit: R1 wants Reddit's approval"):
        check_platform(study(tmp_path, ethics(), files()), "reddit")
    check_platform(study(tmp_path, ethics(), approval("any"), files()), "reddit")


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ('oauth_url = "https://mirror.example"', "R2 wants Reddit asked at its own API"),
        ('user_agent = "Mozilla/5.0 (X11) Firefox/140.0"', "R3 wants a truthful user agent"),
    ],
)
def test_what_is_held_is_looked_up_at_the_api_and_under_a_true_name(
    tmp_path: Path, entry: str, rule: str
) -> None:
    place = f"[platforms.reddit]\n{entry}\n"
    with pytest.raises(PolicyRefused, match=f"^reddit: {rule}"):
        check_platform(study(tmp_path, ethics(), place, approval("any"), files()), "reddit")


@pytest.mark.parametrize("kind", ["reddit_archive", "reddit_export"])
def test_files_of_an_invented_platform_need_nothing_and_never_count_as_real(
    tmp_path: Path, kind: str
) -> None:
    here = '[platforms.reddit]\nurl = "http://127.0.0.1:9"\noauth_url = "http://127.0.0.1:9"\n'
    workspace = study(tmp_path, here, files(kind, expires=EARLIER))
    check_permission(workspace, workspace.study.source[0])
    assert workspace.study.route(kind) == "synthetic"


@pytest.mark.parametrize(
    ("kind", "route"),
    [("reddit_archive", "reddit_archive"), ("reddit_export", "reddit_rfr_export")],
)
def test_real_files_have_a_route_of_their_own(tmp_path: Path, kind: str, route: str) -> None:
    assert study(tmp_path, files(kind)).study.route(kind) == route
