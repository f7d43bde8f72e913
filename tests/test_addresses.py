"""How a person may write whom or what is to be forgotten, and what is taken for nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.addresses import Address, read_address

DID = "did:plc:mosslantern7731abcdefghi"
MARKS = "\u2066\u2069\u200e\ufeff"  # as apps put around a handle


@pytest.mark.parametrize(
    ("line", "account"),
    [
        ("u/moss-lantern", "moss-lantern"),
        ("/u/Moss_Lantern", "Moss_Lantern"),
        ("https://www.reddit.com/user/moss-lantern/", "moss-lantern"),
        ("https://old.reddit.com/u/moss-lantern/comments/", "moss-lantern"),
        ("https://reddit.com/user/moss-lantern?utm_source=share", "moss-lantern"),
    ],
)
def test_an_account_of_reddit(line: str, account: str) -> None:
    assert read_address(line) == Address("reddit", account=account)


@pytest.mark.parametrize(
    ("line", "post"),
    [
        ("t3_v00001", "t3_v00001"),
        ("T1_W00001", "t1_w00001"),
        ("https://www.reddit.com/r/QuietPorch/comments/v00001/porch_note_1/", "t3_v00001"),
        ("https://www.reddit.com/r/QuietPorch/comments/v00001/porch_note_1/w00002/", "t1_w00002"),
        ("https://www.reddit.com/r/QuietPorch/comments/v00001/comment/w00002/?x=1", "t1_w00002"),
        ("https://www.reddit.com/user/moss-lantern/comments/v00001/note", "t3_v00001"),
        ("https://redd.it/v00001", "t3_v00001"),
    ],
)
def test_a_post_of_reddit(line: str, post: str) -> None:
    assert read_address(line) == Address("reddit", post=post)


@pytest.mark.parametrize(
    ("line", "account", "rkey"),
    [
        (DID, DID, None),
        ("@Moss.Invented.example", "moss.invented.example", None),
        (f"{MARKS}@moss.invented.example{MARKS}", "moss.invented.example", None),
        ("https://bsky.app/profile/moss.invented.example", "moss.invented.example", None),
        (f"https://bsky.app/profile/{DID}/post/3kabc", DID, "3kabc"),
        ("https://bsky.app/profile/did%3Aplc%3Amoss/post/3kabc", "did:plc:moss", "3kabc"),
        (f"at://{DID}/app.bsky.feed.post/3kabc", DID, "3kabc"),
        (f"at://{DID}", DID, None),
    ],
)
def test_an_account_or_post_of_bluesky(line: str, account: str, rkey: str | None) -> None:
    found = read_address(line)
    assert found == Address("bluesky", account=account, post=rkey)
    assert (found.handle is None) == account.startswith("did:")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "moss-lantern",  # on which platform?
        "u/",
        "u/moss lantern",
        "u/moss'; drop table posts; --",
        "u/moss\u202e\u2067lantern\nu/fern",
        "https://moss.example/user/moss-lantern",
        "https://reddit.com.moss.example/user/moss-lantern",
        "https://reddit.com/user/moss-lantern|x",
        "http://[",
        "ftp://reddit.com/user/moss-lantern",
        f"at://{DID}/app.bsky.feed.like/3kabc",
        "u/" + "m" * 65_536,
        "m." * 40_000 + "example",
    ],
)
def test_what_names_nobody_here(line: str) -> None:
    assert read_address(line) is None


@given(st.text(max_size=300))
def test_no_line_is_an_error(line: str) -> None:
    found = read_address(line)
    assert found is None or (found.account or found.post)


def test_an_address_does_not_show_whom_it_means() -> None:
    shown = repr([read_address(line) for line in ("u/moss-lantern", DID, "t3_v00001")])
    assert not any(name in shown for name in ("moss", "v00001"))
