"""Coders' accounts on a Label Studio server.

Label Studio ignores the password of an account that is made through its API, so an account is
made as a person would: by the sign-up form behind the organisation's invitation. A coder is a
pseudonym, so the address is one that can receive no mail. Logins lie in one file, 0600.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import httpx

from annotation.label_studio_client import Client, asking
from annotation.label_studio_home import Login, write_private
from annotation.label_studio_login import csrf_field, page_session, sign_in
from schema.errors import LabelStudioError

Reset = Callable[[Login], None]


def coder_email(coder: str) -> str:
    """Return the address a coder signs in with; `.invalid` receives no mail."""
    return f"{coder}@coders.invalid"


def account_of(client: Client, coder: str) -> int | None:
    """Return the number of the coder's account; None where we made none on this server."""
    with asking("for its accounts"):
        users = client.sdk.users.list()
    return next((user.id for user in users if user.email == coder_email(coder)), None)


def ensure_coders(
    client: Client, coders: Sequence[str], path: Path, *, reset: Reset | None = None
) -> dict[str, Login]:
    """Return each coder's login, making the accounts that are missing; `path` keeps them, 0600.

    A password is written down before its account is made, so a crash between loses nothing.
    `reset` sets an account's password anew where the file was lost; an embedded server can.

    Raises:
        LabelStudioError: an account exists whose password is not known, or the server refuses.
    """
    logins = read_logins(path)
    missing = {
        coder: Login(coder_email(coder), secrets.token_urlsafe(12), "")
        for coder in coders
        if coder not in logins
    }
    logins |= missing
    if missing:
        _write(path, logins)
    with asking("for its accounts"):
        present = {user.email for user in client.sdk.users.list()}
    for coder in coders:
        login = _working(
            client, logins[coder], is_present=logins[coder].username in present, reset=reset
        )
        if login != logins[coder]:
            logins[coder] = login
            _write(path, logins)
    return {coder: logins[coder] for coder in coders}


def _working(client: Client, login: Login, *, is_present: bool, reset: Reset | None) -> Login:
    """Return the login with a token that works, signing up or in as needed."""
    with page_session(client.url) as session:
        if is_present and login.token and _is_accepted(session, login.token):
            return login
        if not is_present:
            _sign_up(client, session, login)
        elif not sign_in(session, login.username, login.password):
            if reset is None:
                raise LabelStudioError(
                    "a coder's account exists and its password is not known here: set it to "
                    "the one in the file of logins, or restore that file"
                )
            login = replace(login, token=secrets.token_hex(20))
            reset(login)
            return login
        return replace(login, token=_token(session))


def _sign_up(client: Client, session: httpx.Client, login: Login) -> None:
    with asking("for its invitation"):
        invitation = client.sdk.organizations.invites.get_invite_link().invite_url
    session.get(str(invitation))
    session.post(
        str(invitation),
        data={"email": login.username, "password": login.password} | csrf_field(session),
        headers={"Referer": str(session.base_url)},
    )
    if session.get("/api/current-user/whoami").status_code != httpx.codes.OK:
        raise LabelStudioError(
            "Label Studio did not take a coder's sign-up by invitation: is version 1.23 running?"
        )


def _token(session: httpx.Client) -> str:
    """Make the signed-in account's access token, or take its older kind of token."""
    headers = {"X-CSRFToken": csrf_field(session)["csrfmiddlewaretoken"]}
    headers["Referer"] = str(session.base_url)
    made = session.post("/api/token/", headers=headers)
    if made.status_code in {httpx.codes.OK, httpx.codes.CREATED}:
        return str(made.json()["token"])
    older = session.get("/api/current-user/token")  # one of the new kind exists, and is not shown
    if older.status_code == httpx.codes.OK:
        return str(older.json()["token"])
    raise LabelStudioError(
        "Label Studio gives a coder no access token: revoke the one on the account's page"
    )


def _is_accepted(session: httpx.Client, token: str) -> bool:
    if token.count(".") == 2:
        answer = session.post("/api/token/refresh", json={"refresh": token})
    else:
        answer = session.get(
            "/api/current-user/whoami", headers={"Authorization": f"Token {token}"}
        )
    return answer.status_code == httpx.codes.OK


def read_logins(path: Path) -> dict[str, Login]:
    """Return the logins that were made, by coder.

    Raises:
        LabelStudioError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        stored = json.loads(path.read_text("utf-8"))
        return {coder: Login(**fields) for coder, fields in stored.items()}
    except (ValueError, TypeError, AttributeError):
        raise LabelStudioError(
            f"{path} is damaged: restore it, or delete it to make new passwords"
        ) from None


def hand_out(path: Path, coders: Sequence[str]) -> dict[str, Login]:
    """Return the logins of these coders whose passwords nobody was shown yet; the next time none.

    It does not matter which flow made the accounts.
    """
    logins = read_logins(path)
    fresh = {coder: logins[coder] for coder in coders if coder in logins}
    fresh = {coder: login for coder, login in fresh.items() if not login.is_shown}
    if fresh:
        shown = {coder: replace(login, is_shown=True) for coder, login in fresh.items()}
        _write(path, {**logins, **shown})
    return fresh


def _write(path: Path, logins: Mapping[str, Login]) -> None:
    write_private(path, json.dumps({coder: asdict(login) for coder, login in logins.items()}))
