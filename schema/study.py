"""The study: every key of study.toml as a frozen model.

A secret never stands in a study, nor a person's name: unknown keys are refused, and
authors are named in a 0600 file outside.
"""

from datetime import date
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from schema.section import Name, Section
from schema.sources import Source
from schema.vocabulary import PLATFORMS, Platform, SourceRoute

Coder = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,19}$")]
Share = Annotated[float, Field(ge=0, le=1)]
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class StudyHead(Section):
    """What the study is, and the window of creation times it keeps."""

    name: Name
    since: date
    until: date | None = None
    languages: tuple[str, ...] = ("en",)
    codebook: str | None = None
    time_zone: str = "UTC"

    @model_validator(mode="after")
    def _window_is_ordered(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("until lies before since: exchange the two dates")
        return self

    @field_validator("time_zone")
    @classmethod
    def _time_zone_is_one(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (OSError, ValueError, KeyError):
            if name != "UTC":  # a machine may lack the database of time zones
                raise ValueError('is no time zone: name one like "Europe/Berlin"') from None
        return name


class Ethics(Section):
    """The approvals of R5, required before a live source."""

    protocol: str
    impact_assessment: str
    notice_url: str
    expires: date


class Policy(Section):
    """Deadlines and exclusions. The defaults are the rules'; looser needs a reason."""

    allow_loopback: bool = False
    loopback_route: Literal["synthetic", "fixture"] = "synthetic"
    minimum_age_days: int = Field(default=14, ge=0)
    text_months: int = Field(default=12, ge=1)
    refresh_hours: tuple[int, ...] = (1, 6, 24, 36, 168, 720)
    removal_hours: dict[Platform, int] = Field(default={"reddit": 48, "bluesky": 24})
    minimum_cell: int = Field(default=11, ge=1)
    cross_platform_duplicates: bool = False
    excluded_communities: tuple[str, ...] = ("SuicideWatch",)
    nsfw: bool = False
    names_model: bool = False
    reasons: dict[str, str] = Field(default={})
    ethics: Ethics | None = None

    @model_validator(mode="after")
    def _looser_has_a_reason(self) -> Self:
        for key in self.looser_keys():
            if not self.reasons.get(key, "").strip():
                raise ValueError(
                    f"policy.{key} is looser than the rules allow: put it back to its default, "
                    f"or give policy.reasons.{key} with the approval that covers it"
                )
        if list(self.refresh_hours) != sorted(set(self.refresh_hours)):
            raise ValueError("policy.refresh_hours must rise: sort them and drop repeats")
        return self

    def looser_keys(self) -> tuple[str, ...]:
        """Name the keys that go beyond the compliance rules."""
        strictest = {"reddit": 48, "bluesky": 24}
        looser = {
            "minimum_age_days": self.minimum_age_days < 14,
            "text_months": self.text_months > 12,
            "minimum_cell": self.minimum_cell < 11,
            "removal_hours": any(
                self.removal_hours.get(p, strictest[p]) > strictest[p] for p in PLATFORMS
            ),
            "cross_platform_duplicates": self.cross_platform_duplicates,
            "excluded_communities": "suicidewatch"
            not in {name.lower() for name in self.excluded_communities},
            "nsfw": self.nsfw,
        }
        return tuple(key for key, is_looser in looser.items() if is_looser)


class Approval(Section):
    """The signed record without which a live Reddit source refuses (R1)."""

    programme: str
    reference: str
    communities: tuple[str, ...]
    signed_by: tuple[str, ...] = Field(min_length=2)
    expires: date


class RedditPlatform(Section):
    """Where Reddit answers and as whom we ask."""

    url: str = "https://www.reddit.com"
    oauth_url: str = "https://oauth.reddit.com"
    user_agent: Annotated[str, StringConstraints(min_length=10)] | None = None
    requests_per_minute: int = Field(default=100, ge=1, le=100)
    approval: Approval | None = None


class BlueskyPlatform(Section):
    """Where Bluesky's services answer."""

    appview: str = "https://public.api.bsky.app"
    pds: str = "https://bsky.social"
    plc: str = "https://plc.directory"
    jetstream: tuple[str, ...] = ()
    labelers: tuple[str, ...] = ()


class Platforms(Section):
    """Both platforms; each has working defaults."""

    reddit: RedditPlatform = RedditPlatform()
    bluesky: BlueskyPlatform = BlueskyPlatform()


class LabelStudio(Section):
    """Where coders work. `embedded`: Confide starts the server itself, on loopback."""

    url: str = "http://127.0.0.1:8080"
    embedded: bool = True


class Sampling(Section):
    """How many units of each kind are drawn, and how."""

    seed: int = 1
    strata: tuple[Literal["platform", "community_kind", "week", "four_weeks", "volume"], ...] = (
        "platform",
        "week",
    )
    roots: int = Field(default=2400, ge=0)
    replies: int = Field(default=6000, ge=0)
    timelines: int = Field(default=300, ge=0)
    community_weeks: int = Field(default=480, ge=0)
    community_minimum: int = Field(default=30, ge=1)
    random_share: Annotated[float, Field(gt=0, le=1)] = 0.4
    minimum_probability: Annotated[float, Field(gt=0, le=1)] = 0.01
    per_author: int = Field(default=3, ge=1)


class Coding(Section):
    """Who codes, by pseudonym, and how much each carries."""

    coders: tuple[Coder, ...] = ("c1", "c2", "c3")
    adjudicators: tuple[Coder, ...] = ("a1",)
    double_share: Share = 0.25
    batch: int = Field(default=25, ge=1, le=25)
    high_intensity_share: Share = 0.3
    daily_batches: int = Field(default=6, ge=1)
    avoid_file: str | None = None
    paced: bool = True

    @model_validator(mode="after")
    def _roles_are_apart(self) -> Self:
        if len(set(self.coders)) != len(self.coders):
            raise ValueError("a coder is named twice: name each once")
        if both := set(self.coders) & set(self.adjudicators):
            raise ValueError(f"{', '.join(sorted(both))} codes and adjudicates: choose one role")
        return self


class Alerts(Section):
    """Where warnings go."""

    webhook_file: str | None = None
    falling_volume: Share = 0.5


class Warehouse(Section):
    """Which engine stores the corpus."""

    engine: Literal["duckdb"] = "duckdb"


class Study(Section):
    """A whole study.toml."""

    study: StudyHead
    policy: Policy = Policy()
    platforms: Platforms = Platforms()
    label_studio: LabelStudio = LabelStudio()
    source: tuple[Source, ...] = ()
    sampling: Sampling = Sampling()
    coding: Coding = Coding()
    alerts: Alerts = Alerts()
    warehouse: Warehouse = Warehouse()

    @model_validator(mode="after")
    def _sources_agree(self) -> Self:
        excluded = {name.lower() for name in self.policy.excluded_communities}
        seen: set[str] = set()
        for number, source in enumerate(self.source):
            if source.name in seen:
                raise ValueError(f"source.{number}.name {source.name} stands twice: rename one")
            if getattr(source, "subreddit", "").lower() in excluded:
                raise ValueError(
                    f"source.{number}.subreddit is an excluded community: remove the source"
                )
            seen.add(source.name)
        return self

    @model_validator(mode="after")
    def _people_are_paced(self) -> Self:
        if not self.coding.paced and not self.policy.allow_loopback:
            raise ValueError(
                "coding.paced = false puts everything before coders at once: only for an invented "
                "study (policy.allow_loopback); leave the key out"
            )
        return self

    @model_validator(mode="after")
    def _loopback_is_allowed(self) -> Self:
        if self.policy.allow_loopback:
            return self
        for where, url in self.platform_urls().items():
            if is_loopback(url):
                raise ValueError(
                    f"{where} is a loopback address: use the platform's own, or set "
                    "policy.allow_loopback for a test"
                )
        return self

    def platform_urls(self) -> dict[str, str]:
        """Map each platform address's place in the study to the address."""
        reddit, bluesky = self.platforms.reddit, self.platforms.bluesky
        urls = {
            "platforms.reddit.url": reddit.url,
            "platforms.reddit.oauth_url": reddit.oauth_url,
            "platforms.bluesky.appview": bluesky.appview,
            "platforms.bluesky.pds": bluesky.pds,
            "platforms.bluesky.plc": bluesky.plc,
        }
        for name in ("jetstream", "labelers"):
            hosts = enumerate(getattr(bluesky, name))
            urls |= {f"platforms.bluesky.{name}[{n}]": url for n, url in hosts}
        return urls

    def route(self, kind: str) -> SourceRoute:
        """Say under which permission a source's rows stand; loopback rows are never real."""
        platform = "reddit" if kind.startswith("reddit") else "bluesky"
        if self.policy.allow_loopback and self.is_invented(platform):
            return self.policy.loopback_route
        routes: dict[str, SourceRoute] = {
            "reddit_archive": "reddit_archive",
            "reddit_export": "reddit_rfr_export",
            "bluesky_stream": "bluesky_jetstream",
        }
        fallback: SourceRoute = "reddit_approved_api" if platform == "reddit" else "bluesky_appview"
        return routes.get(kind, fallback)

    def is_invented(self, platform: str) -> bool:
        """Tell whether the platform's addresses are all on this machine."""
        urls = [u for place, u in self.platform_urls().items() if f".{platform}." in place]
        if platform == "bluesky":  # these two are asked by some sources alone
            urls = [u for u in urls if u not in (BlueskyPlatform().pds, BlueskyPlatform().plc)]
        return all(is_loopback(url) for url in urls)


def is_loopback(url: str) -> bool:
    """Tell whether an address stays on this machine."""
    return (urlsplit(url).hostname or "") in LOOPBACK_HOSTS
