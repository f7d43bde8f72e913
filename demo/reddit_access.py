"""Who may ask the demo's Reddit, how often, and how it says no."""

import time
from dataclasses import dataclass, field
from typing import Final

CLIENT_ID: Final = "demo-client"
CLIENT_SECRET: Final = "demo-secret"


@dataclass(frozen=True, slots=True)
class RedditOptions:
    """How the server differs from the platform's own settings.

    `tree_limit`: comments shown at once (the platform: 500; less here, so that small threads need
    morechildren). `window_elapsed`: seconds of the rate window that are over when it starts.
    `keeps_removed`: listings keep the places of posts that went.
    """

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    token_seconds: int = 86_400
    requests_per_window: int = 1_000
    window_seconds: int = 600
    window_elapsed: float = 400.0
    tree_limit: int = 40
    tree_depth: int = 10
    keeps_removed: bool = False


class Refusal(Exception):
    """An answer that is not 200: status, reason, and what belongs in its headers."""

    def __init__(self, status: int, message: str, **body: str) -> None:
        """Remember the answer."""
        super().__init__(status)
        self.status = status
        self.body = {**body, "message": message, "error": status}
        self.headers: dict[str, str] = {}


@dataclass(slots=True)
class RateWindow:
    """Requests counted over a window, told in the headers, refused beyond the limit."""

    options: RedditOptions
    began: float = field(init=False)
    used: int = 0

    def __post_init__(self) -> None:
        """Let so much of the window be over."""
        self.began = time.monotonic() - self.options.window_elapsed

    def spend(self) -> bool:
        """Count one request; False when the window's budget is over."""
        now = time.monotonic()
        while now - self.began >= self.options.window_seconds:
            self.began += self.options.window_seconds
            self.used = 0
        self.used += 1
        return self.used <= self.options.requests_per_window

    def headers(self) -> dict[str, str]:
        """Tell what is left."""
        left = max(0, self.options.requests_per_window - self.used)
        reset = self.options.window_seconds - (time.monotonic() - self.began)
        return {
            "x-ratelimit-remaining": f"{left:.1f}",
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(max(1, int(reset))),
        }
