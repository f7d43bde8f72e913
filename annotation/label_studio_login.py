"""Label Studio by its pages: signing in as a person does, and asking whether it phones home.

Label Studio's web interface answers some things only as pages: a session is opened by form,
and whether the browser will be asked to report to the makers stands in a page's settings.
Source: login and start page of Label Studio 1.23; both hold `collect_analytics`, the second
`sentry_dsn` besides.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from schema.errors import LabelStudioError

PAGE_TIMEOUT_SECONDS = 30.0
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_ANALYTICS = re.compile(r"\bcollect_analytics\s*[:=]\s*(true|false)\b")
_SENTRY = re.compile(r"\bsentry_dsn\s*[:=]\s*(null|\"[^\"]*\")")
_ASKED_VERSION = re.compile(r"\"latest_version_from_pypi\"\s*:\s*\"")


@contextmanager
def page_session(url: str) -> Iterator[httpx.Client]:
    """Open a cookie session on the server at `url`; proxies of the environment are not used.

    Raises:
        LabelStudioError: the server does not answer, or is reached in clear over a network.
    """
    place = urlsplit(url)
    if place.scheme != "https" and place.hostname not in LOOPBACK_HOSTS:
        raise LabelStudioError(
            f"Label Studio at {place.hostname} is not on this machine and its address is not "
            "https: posts would travel in clear; use its https address"
        )
    try:
        with httpx.Client(
            base_url=url, timeout=PAGE_TIMEOUT_SECONDS, follow_redirects=True, trust_env=False
        ) as session:
            yield session
    except httpx.HTTPError as error:
        raise LabelStudioError(
            f"Label Studio at {place.hostname}:{place.port} does not answer "
            f"({type(error).__name__}): is it running?"
        ) from None


def sign_in(session: httpx.Client, email: str, password: str) -> bool:
    """Sign in by form; False where the server does not know this account and password."""
    session.cookies.clear()
    session.get("/user/login/")
    session.post(
        "/user/login/",
        data={"email": email, "password": password} | csrf_field(session),
        headers={"Referer": str(session.base_url)},
    )
    return session.get("/api/current-user/whoami").status_code == httpx.codes.OK


def csrf_field(session: httpx.Client) -> dict[str, str]:
    """Return the form field that repeats the session's cookie against forged posts."""
    return {"csrfmiddlewaretoken": session.cookies.get("csrftoken") or ""}


def refuse_telemetry(
    url: str, *, token: str | None = None, login: tuple[str, str] | None = None
) -> None:
    """Refuse a server whose pages would send what coders see to Label Studio's makers.

    Without a credential only the login page is asked: it tells of analytics, not of Sentry.
    With a personal access token, or a login (e-mail and password), the start page and the
    version are read too. A Sentry DSN of the server's own process shows on no page: on a server
    of the lab's own, `LABEL_STUDIO_SENTRY_DSN` must be set empty where it is started.

    Raises:
        LabelStudioError: analytics, Sentry or the version check are on, or the pages do not
            tell, or a legacy token could not ask them.
    """
    with page_session(url) as session:
        _refuse_analytics(session.get("/user/login/").text)
        if login is not None:
            if not sign_in(session, *login):
                raise LabelStudioError("Label Studio does not know the administrator's password")
        elif token is None:
            return
        elif token.count(".") == 2:
            session.headers["Authorization"] = f"Bearer {_access_token(session, token)}"
        else:
            raise LabelStudioError(
                "this is a legacy token of Label Studio's, which opens none of its pages: "
                "make a personal access token on the account page"
            )
        page, version = session.get("/projects/").text, session.get("/version").text
    _refuse_analytics(page)
    _refuse_sentry(page)
    _refuse_version_check(version)


def _access_token(session: httpx.Client, refresh_token: str) -> str:
    answer = session.post("/api/token/refresh", json={"refresh": refresh_token})
    if answer.status_code != httpx.codes.OK:
        raise LabelStudioError(
            "Label Studio does not accept the access token: make a new one on its account page"
        )
    return str(answer.json()["access"])


def _refuse_analytics(page: str) -> None:
    match _ANALYTICS.findall(page):
        case []:
            raise LabelStudioError(
                "Label Studio's page does not say whether it collects analytics: use version "
                "1.23, started with LABEL_STUDIO_COLLECT_ANALYTICS=false"
            )
        case found if "true" in found:
            raise LabelStudioError(
                "Label Studio sends posts and codings to its makers: start it with "
                "LABEL_STUDIO_COLLECT_ANALYTICS=false"
            )


def _refuse_sentry(page: str) -> None:
    found = _SENTRY.search(page)
    if found is None or found[1] not in {"null", '""'}:
        raise LabelStudioError(
            "Label Studio reports errors, with what is on screen, to Sentry: start it with "
            "LABEL_STUDIO_SENTRY_DSN and LABEL_STUDIO_FRONTEND_SENTRY_DSN set empty"
        )


def _refuse_version_check(answer: str) -> None:
    """Refuse a server that has asked a package registry what its newest version is."""
    if _ASKED_VERSION.search(answer):
        raise LabelStudioError(
            "Label Studio asks a package registry for its newest version: start it with "
            "LABEL_STUDIO_LATEST_VERSION_CHECK=false"
        )
