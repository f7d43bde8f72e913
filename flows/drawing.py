"""Drawing a round: every kind of unit from the frame as it stands, once.

Timelines come first: their authors' root posts are coded with the others, and the chance of a
root counts both ways in. Replies come from the threads of drawn roots, threads are those roots with
enough replies, and communities the weeks of which enough roots were drawn.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import dataframely as dy
import polars as pl

from annotation import inclusion, replies, sampling, word_lists
from flows.workspace import Workspace
from schema.coding import FrameUnit, Unit
from schema.vocabulary import UnitKind
from warehouse import store

KINDS: tuple[UnitKind, ...] = ("timeline", "root", "reply", "thread", "community")
PLURAL: Mapping[UnitKind, str] = {
    "root": "roots",
    "reply": "replies",
    "thread": "threads",
    "timeline": "timelines",
    "community": "community_weeks",
}
REPLIES_PER_THREAD = 20
NO_CAP = 1_000_000_000
Drawn = tuple[dy.DataFrame[FrameUnit], dy.DataFrame[Unit]]


@dataclass(frozen=True, slots=True)
class Round:
    """A round that is being drawn: where, under which name, how many units of each kind."""

    workspace: Workspace
    wave: str
    name: str
    wanted: Mapping[UnitKind, int]

    def draw(self) -> dict[str, int]:
        """Draw each kind that was not drawn yet; return how many units there are of each."""
        drawn: dict[str, int] = {}
        for kind in KINDS:
            with self._warehouse() as warehouse:
                if (self.wave, self.name, kind) in store.drawn_rounds(warehouse):
                    drawn[PLURAL[kind]] = store.count_units(warehouse, self.wave, self.name, kind)
                    continue
            plan = self.plan(kind)
            frame, units = self._draw(kind, plan)
            with self._warehouse() as warehouse:
                store.save_units(warehouse, units, plan=plan, frame=frame)
            drawn[PLURAL[kind]] = units.height
        return drawn

    def plan(self, kind: UnitKind) -> inclusion.SamplingPlan:
        """State the plan for a kind, which is stored with the draw."""
        settings = self.workspace.study.sampling
        cap: Literal["author_pseudonym", "thread_key", "unit_key"] = "unit_key"
        per_author = NO_CAP
        if kind == "root":
            cap, per_author = "author_pseudonym", settings.per_author
        elif kind == "reply" and self.wanted.get("root", 0):
            cap, per_author = "thread_key", REPLIES_PER_THREAD
        is_root = kind == "root"
        return inclusion.SamplingPlan(
            n=self.wanted.get(kind, 0),
            seed=settings.seed,
            per_author=per_author,
            minimum_probability=settings.minimum_probability,
            wave=self.wave,
            round=self.name,
            unit_kind=kind,
            strata=settings.strata,
            random_share=settings.random_share if is_root else 1.0,
            lists=enriched() if is_root else (),
            cap=cap,
        )

    def _draw(self, kind: UnitKind, plan: inclusion.SamplingPlan) -> Drawn:
        ways: Mapping[UnitKind, Callable[[inclusion.SamplingPlan], Drawn]] = {
            "timeline": self._timelines,
            "root": self._roots,
            "reply": self._replies,
            "thread": self._threads,
            "community": self._communities,
        }
        if not self.wanted.get("reply" if kind == "thread" else kind, 0):  # none are wanted
            return FrameUnit.create_empty(), Unit.create_empty()
        return ways[kind](plan)

    def _timelines(self, plan: inclusion.SamplingPlan) -> Drawn:
        frame = self._frame("timeline")
        return frame, sampling.draw(frame, plan, now=self.workspace.now())

    def _roots(self, plan: inclusion.SamplingPlan) -> Drawn:
        frame = self._frame("root")
        if self.wanted.get("reply", 0):  # a root's chance counts in that of its replies
            asked = self._frame("reply")
            frame = replies.with_least_chances(frame, asked, self.plan("reply"))
        units = sampling.draw_with_timelines(
            frame, plan, self._timeline_chances(), now=self.workspace.now()
        )
        return frame, units

    def _replies(self, plan: inclusion.SamplingPlan) -> Drawn:
        frame, roots = self._frame("reply"), self._units("root")
        if roots.is_empty():  # replies alone
            return frame, sampling.draw(frame, plan, now=self.workspace.now())
        chances = replies.reply_chances(frame, self._root_chances(), plan)
        return frame, replies.draw_replies(chances, roots, plan, now=self.workspace.now())

    def _threads(self, plan: inclusion.SamplingPlan) -> Drawn:
        chances = replies.reply_chances(
            self._stored_frame("reply"), self._root_chances(), self.plan("reply")
        )
        frame = replies.with_enough_replies(self._frame("thread"), chances)
        now = self.workspace.now()
        return frame, replies.draw_threads(frame, self._units("root"), plan, now=now)

    def _communities(self, plan: inclusion.SamplingPlan) -> Drawn:
        minimum = self.workspace.study.sampling.community_minimum
        with self._warehouse() as warehouse:
            frame = store.community_frame(warehouse, self.wave, self.name, minimum_posts=minimum)
        return frame, sampling.draw(frame, plan, now=self.workspace.now())

    def _frame(self, kind: UnitKind) -> dy.DataFrame[FrameUnit]:
        policy, lists = self.workspace.study.policy, word_lists.word_lists()
        with self._warehouse() as warehouse:
            return store.sampling_frame(
                warehouse,
                kind,
                now=self.workspace.now(),
                minimum_age_days=policy.minimum_age_days,
                excluded_communities=policy.excluded_communities,
                word_lists={name: lists[name] for name in enriched()} if kind == "root" else {},
                disclosure=lists[word_lists.DISCLOSURE],
            )

    def _units(self, kind: UnitKind) -> dy.DataFrame[Unit]:
        with self._warehouse() as warehouse:
            return store.read_units(warehouse, self.wave, self.name, kind)

    def _timeline_chances(self) -> pl.DataFrame:
        """Give each author in the timelines' frame the timeline's chance, and whether it came."""
        frame = self._stored_frame("timeline")
        chances = inclusion.inclusion_probabilities(frame, self.plan("timeline"))
        drawn = self._units("timeline")["unit_key"].implode()
        return chances.select(
            "author_pseudonym",
            pl.col("inclusion_probability").alias("timeline_chance"),
            pl.col("unit_key").is_in(drawn).alias("is_drawn"),
        )

    def _root_chances(self) -> pl.DataFrame:
        """State the chance of every root that could have been drawn, by either way in."""
        timelines = self._timeline_chances()
        return sampling.joint_chances(self._stored_frame("root"), self.plan("root"), timelines)

    def _stored_frame(self, kind: UnitKind) -> dy.DataFrame[FrameUnit]:
        with self._warehouse() as warehouse:
            return store.read_frame(warehouse, self.wave, self.name, kind)

    def _warehouse(self) -> AbstractContextManager[store.Warehouse]:
        return store.open_warehouse(self.workspace.warehouse, now=self.workspace.now())


def enriched() -> tuple[str, ...]:
    """Name the codes that are enriched, in the order of the frame's bands."""
    return tuple(name for name in word_lists.word_lists() if name != word_lists.DISCLOSURE)
