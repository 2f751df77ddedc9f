"""Carries out one release: looks, lets :mod:`release.decide` decide, acts, writes down; until it ends or has to wait.

One thread decides. Long work (updates, checks) runs in another, so that the guard on the gateway's counters goes on
looking while an update is under way, and can take the traffic back before that is done.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from release.decide import (
    Begin,
    Decision,
    Divert,
    End,
    Finish,
    Heed,
    Hold,
    Observation,
    Progress,
    TurnBack,
    Wait,
    decide,
)
from release.errors import LostLock, ReleaseError, Unreachable
from release.journal.asking import Asked
from release.journal.ports import Journal, Requests
from release.model import Event, Finding, Kind, Release, Status, Step, Times
from release.plan import FULL
from release.ports import Clock, Route
from release.work import Work

TICK: Final = 0.1
"""Seconds between two looks at what is going on here."""
ROUTE_EVERY: Final = 1.0
"""Seconds between two looks at the route."""
REQUESTS_EVERY: Final = 1.0
"""Seconds between two looks whether a person asks for something."""

MOVING: Final = frozenset({Kind.MIGRATE, Kind.PROVISION, Kind.ROLL, Kind.SHIFT, Kind.CLOSE, Kind.SETTLE})
"""Kinds of steps that run an update, which can be interrupted."""


class Watching(Protocol):
    """The traffic, as a runner sees it; :class:`release.watch.Watch` is the real one."""

    @property
    def alarm(self) -> Finding | None:
        """What the guard cries, once it is armed."""

    @property
    def verdict(self) -> Finding | None:
        """What the comparison says of the step that is watched."""

    @property
    def elapsed(self) -> float:
        """Seconds for which the step has been watched."""

    def look(self, now: float, share: int | None) -> None:
        """Look again, if it is time to. ``share`` is what the route gives the candidate."""

    def arm(self, now: float, share: int) -> None:
        """From now on the candidate may get ``share`` per cent of the requests, and the guard counts."""

    def begin(self, now: float, step: Step) -> None:
        """Watch a step."""

    def end(self) -> None:
        """The step is over."""

    def take(self) -> tuple[int, int]:
        """Requests that the candidate answered since the last call, and errors among them."""

    def first_bad(self, now: datetime) -> datetime | None:
        """When the first bad answer was seen, if any was; ``now`` is the time of the call."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What there is to be seen of a release, now."""

    release: Release
    why: str
    """What it is doing or waiting for."""
    share: int | None
    """Candidate's share that the route carries."""
    watch: Watching
    line: str | None = None
    """Something that just happened."""
    event: Event | None = None
    """The same as the journal has it; ``None`` for what is said while a step is being done."""


Show = Callable[[Look], None]


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Everything that a runner reaches for."""

    journal: Journal
    requests: Requests
    route: Route
    work: Work
    clock: Clock
    show: Show
    keep: Callable[[str, Watching], None]
    """Keeps what was measured so far for the report; may fail without harm."""
    fence: Callable[[], int]
    """Token of the lock. Raises ``LostLock`` once it is lost."""
    patience: float = 1800.0
    """Seconds that a runner waits for a person before it leaves the release to whoever resumes it."""


def stamped(times: Times, step: Step, now: datetime) -> Times:
    """The times of a release once ``step`` is done."""
    found: dict[str, datetime] = {}
    if step.kind in {Kind.SHIFT, Kind.ROLL, Kind.DIVERT} and step.share > 0:
        found["traffic_at"] = times.traffic_at or now
        if step.share == FULL:
            found["traffic_full_at"] = times.traffic_full_at or now
    elif step.kind in {Kind.DIVERT, Kind.SETTLE} and step.share == 0:
        found["recovered_at"] = times.recovered_at or now
    return times.model_copy(update=found)


@dataclass(kw_only=True)
class _Task:
    """Work under way."""

    step: Step
    future: "Future[str]"
    begun: float


@dataclass(kw_only=True)
class Runner:
    """One release in one process."""

    release: Release
    ends: Ends
    watch: Watching
    pool: Executor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="step"))
    _task: _Task | None = None
    _trouble: str | None = None
    _remedy: str | None = None
    _note: str = ""
    _progress: Progress | None = None
    _attempts: int = 0
    _share: int | None = None
    _asked: Asked | None = None
    _waiting_since: float | None = None
    _due: dict[str, float] = field(default_factory=dict)
    _again: bool = False
    _interrupted: threading.Event = field(default_factory=threading.Event)
    _lines: list[str | Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        # A step that somebody began and whose end nobody wrote down may have left things half made.
        self._again = self.release.begun

    def interrupt(self) -> None:
        """Stop soon, leaving the release where it is; from a signal handler or another thread."""
        self._interrupted.set()

    def run(self) -> Release:
        """Go on until the release has ended, waits for a person for too long, or is interrupted.

        Raises :class:`LostLock`, and :class:`Unreachable` where the journal cannot be written; the release then goes on
        with whoever resumes it.
        """
        try:
            while not self.release.status.ended:
                self.ends.fence()
                if self._interrupted.is_set():
                    return self._stop()
                self._look()
                decision = decide(self.release, self._observation())
                self._act(decision)
                if self._waited_too_long(decision):
                    return self.release
                if isinstance(decision, Wait):
                    self.ends.clock.sleep(TICK)
        except LostLock:
            self.ends.work.stack.cancel()
            raise
        finally:
            self.pool.shutdown(wait=True)
        return self.release

    def _look(self) -> None:
        now = self.ends.clock.monotonic()
        if self._is_due("requests", now, REQUESTS_EVERY):
            self._asked = self.ends.requests.asked(self.release.id)
        if self._is_due("route", now, ROUTE_EVERY):
            self._share = self._route_share()
        self.watch.look(now, self._share)
        task = self._task
        if task is not None and task.future.done():
            self._task = None
            error = task.future.exception()
            if error is not None and (isinstance(error, LostLock) or not isinstance(error, ReleaseError)):
                raise error
            if self.release.returning and task.step not in self.release.way_back:
                # What was under way when it turned back has ended, somehow; the way back says what holds now.
                self._progress, self._attempts = None, 0
            elif error is None:
                self._progress, self._note = Progress.SUCCEEDED, task.future.result()
            else:
                self._progress, self._trouble, self._remedy = Progress.FAILED, error.problem, error.remedy

    def _route_share(self) -> int | None:
        try:
            return self.ends.route.share(self.release.candidate)
        except Unreachable:
            return None

    def _is_due(self, what: str, now: float, every: float) -> bool:
        if now < self._due.get(what, now):
            return False
        self._due[what] = now + every
        return True

    def _observation(self) -> Observation:
        if self._asked is not None:
            self.release = self.release.model_copy(update={"request": self._asked.request})
        return Observation(
            work=self._progress,
            trouble=self._trouble,
            remedy=self._remedy,
            attempts=self._attempts,
            elapsed=self.watch.elapsed,
            alarm=self.watch.alarm,
            verdict=self.watch.verdict,
            share=self._share,
        )

    def _act(self, decision: Decision) -> None:
        match decision:
            case Wait(why=why):
                self._show(why)
            case Begin(step=step):
                self._begin(step)
            case Finish(step=step, note=note):
                self._finish(step, note or self._note)
            case Hold(why=why):
                self._progress, self._again = None, True
                self._write({"paused": True, "reason": why}, "note", f"waits for a person: {why}")
            case Heed(request=request, paused=paused, promoted=promoted):
                changes = {"paused": paused, "promoted": promoted, "request": None}
                self._write(changes, "request", f"{request.value}, as {self._who()} asked", person=True)
            case TurnBack(why=why, traffic_first=traffic_first):
                self._turn_back(why, traffic_first=traffic_first)
            case Divert():
                self._divert()
            case End(status=status, reason=reason, remedy=remedy):
                self._end(status, reason, remedy)

    def _begin(self, step: Step) -> None:
        again = self._again or self._progress is Progress.FAILED
        self._again = False
        self._attempts += 1
        self._trouble, self._remedy, self._note = None, None, ""
        changes: dict[str, object] = {"begun": True, "status": Status.IN_PROGRESS, "reason": self.release.reason}
        if not self.release.returning:
            changes["reason"] = None
        self._write(changes, "begin", str(step), step=str(step))
        self._progress = Progress.RUNNING
        if step.kind is Kind.WATCH:
            self.watch.begin(self.ends.clock.monotonic(), step)
            return
        if step.kind in {Kind.SHIFT, Kind.ROLL}:
            self.watch.arm(self.ends.clock.monotonic(), step.share)
        release = self.release
        future = self.pool.submit(self.ends.work.do, release, step, self._lines.append, again=again)
        self._task = _Task(step=step, future=future, begun=self.ends.clock.monotonic())

    def _finish(self, step: Step, note: str) -> None:
        self._progress, self._attempts, self._trouble, self._remedy = None, 0, None, None
        verdict = self.watch.verdict
        if step.kind is Kind.WATCH:
            self.ends.keep(self.release.id, self.watch)
        self.watch.end()
        counter = "returned" if self.release.returning else "done"
        changes: dict[str, object] = {counter: getattr(self.release, counter) + 1, "begun": False}
        times = stamped(self.release.times, step, self.ends.clock.now())
        changes["times"] = times
        kind = "verdict" if step.kind is Kind.WATCH else "done"
        self._write(changes, kind, note or str(step), step=str(step), finding=verdict)
        self._due.pop("route", None)

    def _turn_back(self, why: str, *, traffic_first: bool) -> None:
        """Traffic first: the route is written before anything is written down. Whoever finds us dead sees it there."""
        diverted = False
        if traffic_first and self.release.way_back[0].kind is Kind.DIVERT:
            try:
                self.ends.route.write(self.release.before, guard=self.ends.fence)
                diverted = True
            except Unreachable as error:
                self._lines.append(f"the route cannot be written yet: {error.problem}")
        now = self.ends.clock.now()
        times = self.release.times.model_copy(
            update={
                "failed_at": self.watch.first_bad(now),
                "detected_at": now,
                "recovered_at": now if diverted else None,
            }
        )
        person = self._asked is not None
        changes: dict[str, object] = {
            "returning": True,
            "returned": 1 if diverted else 0,
            "begun": False,
            "paused": False,
            "reason": why,
            "times": times,
            "request": None,
        }
        kind = "alarm" if self.watch.alarm is not None else "failed"
        also = [Event(at=now, kind=one, text=str(Kind.DIVERT), step=str(Kind.DIVERT)) for one in ("begin", "done")]
        self._write(
            changes,
            kind,
            f"turns back: {why}",
            finding=self.watch.alarm,
            person=person,
            also=also if diverted else (),
        )
        self.watch.end()
        if self._task is None:
            self._progress, self._attempts = None, 0
        else:
            # The update that is under way must end before the way back's own; it is asked to.
            self.ends.work.stack.cancel()
        self._due.pop("route", None)

    def _divert(self) -> None:
        try:
            self.ends.route.write(self.release.before, guard=self.ends.fence)
            self._share = self.release.before.share(self.release.candidate)
            self._lines.append("the route carried other weights again and was written anew")
        except Unreachable as error:
            self._lines.append(f"the route cannot be written yet: {error.problem}")
            self.ends.clock.sleep(TICK)

    def _end(self, status: Status, reason: str | None, remedy: str | None) -> None:
        now = self.ends.clock.now()
        changes: dict[str, object] = {
            "status": status,
            "reason": reason,
            "remedy": remedy,
            "begun": False,
            "request": None,
            "paused": False,
            "times": self.release.times.model_copy(update={"ended": now}),
        }
        self.ends.keep(self.release.id, self.watch)
        self._write(changes, "status", f"{status.value}" + (f": {reason}" if reason else ""))

    def _write(
        self,
        changes: Mapping[str, object],
        kind: str,
        text: str,
        *,
        step: str | None = None,
        finding: Finding | None = None,
        person: bool = False,
        also: Sequence[Event] = (),
    ) -> None:
        event = Event(
            at=self.ends.clock.now(),
            kind=kind,
            text=text,
            step=step,
            actor="person" if person else "machine",
            figures={**finding.figures, "outcome": finding.outcome.value} if finding is not None else {},
        )
        requests, errors = self.watch.take()
        release = self.release.model_copy(
            update={
                **changes,
                "events": (*self.release.events, event, *(one.model_copy(update={"at": event.at}) for one in also)),
                "requests": self.release.requests + requests,
                "errors": self.release.errors + errors,
            }
        )
        heeded = self._asked if changes.get("request", ...) is None else None
        self.release = self.ends.journal.write(release, self.ends.fence(), heeded=heeded)
        self._asked = None if heeded is not None else self._asked
        self._lines.append(event)
        self._show(text)

    def _show(self, why: str) -> None:
        lines, self._lines[:] = list(self._lines), []
        said: list[str | Event | None] = [*lines]
        for one in said or [None]:
            line, event = (one.text, one) if isinstance(one, Event) else (one, None)
            look = Look(release=self.release, why=why, share=self._share, watch=self.watch, line=line, event=event)
            self.ends.show(look)

    def _who(self) -> str:
        return self._asked.actor if self._asked is not None else "somebody"

    def _waited_too_long(self, decision: Decision) -> bool:
        now = self.ends.clock.monotonic()
        release = self.release
        waits = isinstance(decision, Wait) and self._progress is None and self._task is None
        paused = release.paused and isinstance(decision, Wait)
        if not (waits or paused):
            self._waiting_since = None
            return False
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        return now - self._waiting_since >= self.ends.patience

    def _stop(self) -> Release:
        task = self._task
        if task is not None:
            if task.step.kind in MOVING:
                self.ends.work.stack.cancel()
            task.future.exception()
        self._write({}, "note", "interrupted; the release stays where it is")
        return self.release
