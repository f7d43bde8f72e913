"""What is put before each coder of a round: planned, released in batches, sent to Label Studio.

What is released is noted first and sent then: a push that dies is completed by the next one. A
batch is released once the one before is answered and its break is over, by the task server's clock.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from annotation import batches, label_studio
from annotation.assignment import FULL_OVERLAP_ROUNDS, SENTINELS_A_WEEK, assign, sentinel_units
from annotation.content_notes import ContentNote
from flows.avoided import avoided_topics
from flows.workspace import Workspace
from schema.codebook import Codebook
from schema.coding import CodingTask
from schema.vocabulary import UnitKind
from warehouse import store

# a coder's own order of kinds: what the others rest on first
ORDER: tuple[UnitKind, ...] = ("root", "reply", "thread", "timeline", "community")
REPEATS_A_BATCH = 10  # at least, for each batch is one of a day's few
Noted = tuple[CodingTask, ContentNote]


@dataclass(slots=True)
class _State:
    """What the round released so far, and what each coder has coded of each kind."""

    released: list[store.Assignment]
    able: Sequence[str]  # the coders who may code: who passed the quiz
    coded: Mapping[tuple[UnitKind, str], set[int]]

    def of(self, coder: str) -> list[store.Assignment]:
        return [one for one in self.released if one.coder == coder]


@dataclass(frozen=True, slots=True)
class Release:
    """A round under a codebook, and what of it coders may see now."""

    workspace: Workspace
    codebook: Codebook
    wave: str
    round: str
    tasks: Mapping[UnitKind, Mapping[int, Noted]] = field(repr=False)
    repeats: Mapping[tuple[UnitKind, str], Sequence[int]] | None = field(default=None, repr=False)

    def push(self, client: label_studio.Client) -> dict[str, int]:
        """Release what is due to each coder and send it; return counts, and why others wait."""
        now = label_studio.server_time(client)
        state = self._state()
        self._close_left(client, state)
        told: Counter[str] = Counter(tasks=0)
        plan = self._plan(state, now)
        told["waiting_quiz"] = len(self.workspace.study.coding.coders) - len(state.able)
        for coder in state.able:
            if self._is_paced:  # what a push that died released lies open, too
                told["tasks"] += self._send(client, coder, state)
            reason = self._release(client, coder, plan, state, now)
            if reason is not None:
                told[f"waiting_{reason}"] += 1
            if reason is None or not self._is_paced:
                told["tasks"] += self._send(client, coder, state)
        return {what: count for what, count in told.items() if count or what == "tasks"}

    @property
    def _is_paced(self) -> bool:
        return self.workspace.study.coding.paced

    def _projects(self, coder: str, round_: str | None = None) -> Iterator[label_studio.ProjectKey]:
        of = self.round if round_ is None else round_
        for kind in ORDER:
            yield label_studio.ProjectKey(self.wave, self.codebook.version, of, kind, coder)

    def _warehouse(self) -> AbstractContextManager[store.Warehouse]:
        return store.open_warehouse(self.workspace.warehouse, now=self.workspace.now())

    def _state(self) -> _State:
        version = self.codebook.version
        with self._warehouse() as warehouse:
            released = store.read_assignments(warehouse, self.wave, self.round, version)
            able = able_coders(self.workspace, warehouse, self.codebook)
            coders = {*self.workspace.study.coding.coders, *(one.coder for one in released)}
            coded = {
                (kind, coder): store.coded_units(
                    warehouse, self.wave, self.round, kind, coder, version
                )
                for kind in ORDER
                for coder in sorted(coders)
            }
        return _State(released, able, coded)

    def _plan(self, state: _State, now: datetime) -> Mapping[UnitKind, Mapping[str, list[int]]]:
        """Deal the units of each kind that are ready; who has one keeps it."""
        coding = self.workspace.study.coding
        if self.repeats is not None:
            return {
                kind: {
                    coder: [key for key in self.repeats.get((kind, coder), ()) if key in tasks]
                    for coder in state.able
                }
                for kind, tasks in self.tasks.items()
            }
        avoided = avoided_topics(self.workspace)
        plan: dict[UnitKind, Mapping[str, list[int]]] = {}
        for kind in ORDER:
            tasks = self.tasks[kind]
            plan[kind] = assign(
                list(tasks),
                state.able,
                round_=self.round,
                double_share=coding.double_share,
                seed=self.workspace.study.sampling.seed,
                sentinels=self._sentinels(kind, state, now),
                held=self._held(kind, state),
                avoided={
                    coder: {key for key, (_, note) in tasks.items() if topics & {*note.topics}}
                    for coder, topics in avoided.items()
                },
            )
        return plan

    def _held(self, kind: UnitKind, state: _State) -> Mapping[int, set[str]]:
        """Say who has each unit: coders who are there and were given it, and all who coded it."""
        held: dict[int, set[str]] = {key: set() for key in self.tasks[kind]}
        for (of, coder), keys in state.coded.items():
            for key in keys & held.keys() if of == kind else ():
                held[key].add(coder)
        for one in state.released:
            is_there = one.coder in self.workspace.study.coding.coders
            if one.unit_kind == kind and one.unit_key in held and is_there:
                held[one.unit_key].add(one.coder)
        return held

    def _sentinels(self, kind: UnitKind, state: _State, now: datetime) -> int:
        """Count the roots that go to everybody: so many more each week since the first batch."""
        if kind != "root" or self.round in FULL_OVERLAP_ROUNDS:
            return 0
        began = min((one.released_at for one in state.released), default=now)
        return SENTINELS_A_WEEK * (1 + (now - began) // timedelta(weeks=1))

    def _send(self, client: label_studio.Client, coder: str, state: _State) -> int:
        """Make sure that each released unit which the coder has not coded has its task."""
        sent = 0
        for key in self._projects(coder):
            kind, shown = key.unit_kind, self.tasks[key.unit_kind]
            mine = {one.unit_key: one.batch for one in state.of(coder) if one.unit_kind == kind}
            coded = state.coded[kind, coder]
            due = [shown[unit][0] for unit in mine if unit in shown and unit not in coded]
            if due:
                opened = label_studio.ensure_project(client, key, self.codebook)
                sent += label_studio.push(client, opened, due, batches=mine).new
        return sent

    def _release(
        self,
        client: label_studio.Client,
        coder: str,
        plan: Mapping[UnitKind, Mapping[str, list[int]]],
        state: _State,
        now: datetime,
    ) -> str | None:
        """Note the coder's next batch, or all where no person codes; or say why not."""
        had = {(one.unit_kind, one.unit_key) for one in state.of(coder)}
        for_all = sentinel_units(
            list(self.tasks.get("root", ())),
            round_=self.round,
            seed=self.workspace.study.sampling.seed,
            count=0 if self.repeats is not None else self._sentinels("root", state, now),
        )
        waiting = [
            batches.Waiting(
                kind,
                key,
                self.tasks[kind][key][1].is_intense,
                is_sentinel=kind == "root" and key in for_all,
            )
            for kind in ORDER
            for key in plan[kind][coder]
            if (kind, key) not in had and key not in state.coded[kind, coder]
        ]
        if len(waiting) < (1 if self.repeats is None else REPEATS_A_BATCH):
            return "nothing"
        if not self._is_paced:
            self._note(coder, waiting, state, now)
            return None
        given, answers, pace = self._history(coder)
        open_count = self._open(client, coder)
        reason = batches.why_not_yet(
            given, open_count=open_count, answers=answers, pace=pace, now=now
        )
        if reason is not None:
            return reason
        chosen = batches.next_batch(waiting, given, answers=answers, pace=pace, now=now)
        if not chosen:
            return "intense"
        self._note(coder, chosen, state, now)
        return None

    def _pace(self, seconds: float | None) -> batches.Pace:
        coding, zone = self.workspace.study.coding, self.workspace.study.study.time_zone
        caps = (coding.batch, coding.high_intensity_share, coding.daily_batches, zone)
        return batches.Pace(*caps) if seconds is None else batches.Pace(*caps, seconds)

    def _history(self, coder: str) -> tuple[list[batches.Released], list[datetime], batches.Pace]:
        """Read what the coder was given, when they answered how fast: a day is of all rounds."""
        with self._warehouse() as warehouse:
            times = store.release_times(warehouse, coder)
            answers = store.answer_times(warehouse, coder)
            seconds = store.unit_seconds(warehouse, coder)
        places = dict.fromkeys((place, batch) for place, batch, _at, _hot in times)
        numbers = {place: number for number, place in enumerate(places)}
        given = [
            batches.Released(numbers[place, batch], at, hot) for place, batch, at, hot in times
        ]
        return given, answers, self._pace(seconds)

    def _note(
        self, coder: str, chosen: Sequence[batches.Waiting], state: _State, now: datetime
    ) -> None:
        size = self.workspace.study.coding.batch
        number = max((one.batch for one in state.of(coder)), default=0)
        rows = [
            store.Assignment(
                one.unit_kind,
                one.unit_key,
                coder,
                number + 1 + place // size,
                one.is_intense,
                now,
                one.is_sentinel,
            )
            for place, one in enumerate(chosen)
        ]
        with self._warehouse() as warehouse:
            place = (self.wave, self.round, self.codebook.version)
            store.save_assignments(warehouse, *place, rows, at=now)
        state.released += rows

    def _open(self, client: label_studio.Client, coder: str) -> int:
        """Count what lies before the coder unanswered, in this round and its repeat."""
        first = self.round.removesuffix(store.REPEAT)
        rounds = (first, first + store.REPEAT)
        keys = [key for one in rounds for key in self._projects(coder, one)]
        found = [label_studio.find_project(client, key) for key in keys]
        return sum(len(label_studio.open_tasks(client, one)) for one in found if one is not None)

    def _close_left(self, client: label_studio.Client, state: _State) -> None:
        """Take back what lies unanswered before coders who left."""
        left = {one.coder for one in state.released} - {*self.workspace.study.coding.coders}
        for coder in sorted(left):
            for key in self._projects(coder):
                if (project := label_studio.find_project(client, key)) is not None:
                    label_studio.close_open_tasks(client, project)


def able_coders(
    workspace: Workspace, warehouse: store.Warehouse, codebook: Codebook
) -> tuple[str, ...]:
    """List the coders who may code: who passed the quiz, since its first number last rose.

    Where nobody paces the work no person codes, and nobody sits a quiz.
    """
    coding = workspace.study.coding
    if not coding.paced:
        return coding.coders
    passed = store.qualified_coders(warehouse, codebook.version)
    return tuple(coder for coder in coding.coders if coder in passed)
