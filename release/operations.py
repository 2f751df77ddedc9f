"""What a person can ask for: to begin a release, to go on with one, to take one back. Who does it holds the lock."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from release import returning
from release.adapters.heartbeat import Heartbeat, holding
from release.errors import BadOrder, Busy, NotFound, Unreachable
from release.journal.ports import History, Journal, Lock, Requests, Unlock
from release.model import Colour, Event, Lineup, Order, Release, Request, Status, Times
from release.plan import Plan, plan, serving
from release.ports import Clock, Move, Route, Stack
from release.runner import Runner

LOOK_BACK: Final = 200
"""Releases that are searched for one to go back to."""
KEEP: Final = 1000
"""Releases that the journal keeps."""


class Keys(Lock, Unlock, Protocol):
    """The lock, with what a person may do to it."""


class Pods(Protocol):
    """The application's pods."""

    def ready(self, colour: Colour) -> bool:
        """Whether every component of ``colour`` has a pod that can answer. Raises ``Unreachable``."""


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A request that was passed on to the runner of the release, which lives (or, for a pause, may)."""

    release: Release
    request: Request


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Everything a person can do to one stack's releases."""

    name: str
    """The stack's."""
    actor: str
    """``user@host``."""
    holder: str
    """Who holds the lock: the actor in this process."""
    journal: Journal
    history: History
    requests: Requests
    lock: Keys
    stack: Callable[[], Stack]
    """Made when needed: breaking the glass does without Pulumi."""
    route: Route
    pods: Pods
    clock: Clock
    new_id: Callable[[str | None], str]
    """A release's id, given the newest known one."""
    runner: Callable[[Release, Heartbeat], Runner]

    def begin(self, order: Order) -> Release:
        """Carry out a deployment. Raises what stands in its way before anything changes."""
        with self._holding() as held:
            self._require_free()
            return self._start(self.planned(order), held)

    def planned(self, order: Order) -> Release:
        """The release that an order would begin; nothing is written."""
        before = self.stack().lineup()
        try:
            made = plan(order, before)
        except BadOrder:
            # In mid-release the order would be wrong in ways that are none of its own.
            self._require_free()
            raise
        return self._new(order, made, before)

    def resume(self) -> Release | Passed:
        """Go on with the release that is in progress, whoever began it, and end a pause."""
        found = self.journal.current()
        if found is None:
            self._close_what_was_left_open()
            found = self.current()
        if found.paused:
            return self.ask(Request.RESUME)
        with self._holding() as held:
            return self._take_over(found, held)

    def ask(self, request: Request) -> Release | Passed:
        """Ask the runner of the release in progress; where none lives, do it here. ``pause`` needs nobody."""
        found = self.current()
        self.requests.ask(found.id, request, actor=self.actor)
        if request is Request.PAUSE:
            return Passed(release=found, request=request)
        with ExitStack() as stack:
            try:
                held = stack.enter_context(self._holding())
            except Busy:
                return Passed(release=found, request=request)
            return self._take_over(found, held)

    def go_back(self, to: str | None, *, soak_seconds: float) -> Release | Passed:
        """Take all traffic back: from the release in progress, from the last one, or to a named one."""
        current = self.journal.current()
        if current is not None:
            if to is not None or not current.way_back:
                raise Busy(
                    f"release {current.id} is in progress",
                    remedy="release resume   (ends it), or release abort; then release rollback",
                )
            return self.ask(Request.ABORT)
        with self._holding() as held:
            self._require_free()
            before = self.stack().lineup()
            known = self._known()
            target = returning.target(known, before, to)
            made = returning.plan_of(known, before, target, soak_seconds=soak_seconds)
            return self._start(self._new(returning.order_of(target, soak_seconds), made, before, back=True), held)

    def break_glass(self) -> Release:
        """Move the route alone, without Pulumi; the next ``resume`` makes the stack agree without moving traffic.

        A runner that lives loses the lock to us and stops.
        """
        with self._forced() as held:
            current = self.journal.current()
            release = self.journal.seize(current.id, held.fence) if current is not None else None
            known = self._known()
            to = returning.shares_before(known, release)
            if not self.pods.ready(serving(to)):
                raise BadOrder(
                    f"{serving(to)} has no pods that could answer, so the route cannot go there",
                    remedy="release rollback   (provisions it first)",
                )
            self.route.write(to, guard=held.check)
            now = self.clock.now()
            text = f"{self.actor} broke the glass: the route was moved alone"
            event = Event(at=now, kind="request", actor="person", text=text)
            if release is not None:
                return self.journal.write(returning.diverted(release, event), held.fence)
            back = self._new(
                returning.order_of(to.unit(serving(to)) or {}, 0.0), returning.instant(to, serving(to)), to, back=True
            )
            return self.journal.write(returning.begun(back, event), held.fence)

    def retire(self, *, at_once: bool) -> Colour:
        """End the pods of the colour without traffic, once it has been kept warm for as long as it should be."""
        with self._holding() as held:
            self._require_free()
            stack = self.stack()
            lineup = stack.lineup()
            idle = serving(lineup).other
            unit = lineup.unit(idle)
            if unit is None or unit.get("standby", "warm") == "cold":
                raise NotFound(f"{idle} has no pods to end", remedy="release status")
            last = next((one for one in self._known() if one.status is Status.SUCCESS), None)
            if last is not None and not at_once:
                returning.require_cooled(last, self.clock.now())
            held.check()
            cold = lineup.with_unit(idle, {**unit, "standby": "cold"})
            name = last.id if last is not None else "retire"
            stack.move(Move(release=name, lineup=cold, colour=idle, open=False, again=True), _quietly)
            return idle

    def unlock(self, holder: str) -> None:
        """Take the lock from a holder whom a person knows to be gone."""
        self.lock.unlock(holder)

    def current(self) -> Release:
        """The release in progress. Raises :class:`NotFound`."""
        found = self.journal.current()
        if found is None:
            raise NotFound(f"no release of stack {self.name} is in progress", remedy="release history")
        return found

    def _close_what_was_left_open(self) -> None:
        """The stack believes in a release that the journal does not know, or knows to have ended: let it go."""
        with self._holding() as held:
            stack = self.stack()
            name = stack.left_open()
            if name is None or self.journal.current() is not None:
                return
            lineup = stack.lineup()
            bigger = max(Colour, key=lineup.share)
            held.check()
            stack.move(Move(release=name, lineup=lineup, colour=bigger.other, open=False, again=True), _quietly)
            raise NotFound(
                f"the stack took release {name} for one in progress, though it has ended; now it does not any more",
                remedy="pulumi up   (takes changes of people again)",
            )

    def _start(self, release: Release, held: Heartbeat) -> Release:
        written = self.journal.write(release, held.fence)
        return self._run(written, held)

    def _take_over(self, found: Release, held: Heartbeat) -> Release:
        release = self.journal.seize(found.id, held.fence)
        if release.status.ended:
            return release
        text = f"{self.actor} goes on with it"
        event = Event(at=self.clock.now(), kind="takeover", actor="person", text=text)
        taken = release.model_copy(update={"events": (*release.events, event), "request": None})
        return self._run(self.journal.write(taken, held.fence), held)

    def _run(self, release: Release, held: Heartbeat) -> Release:
        ended = self.runner(release, held).run()
        if ended.status.ended:
            with suppress(Unreachable):
                self.history.trim(KEEP)
        return ended

    def _new(self, order: Order, made: Plan, before: Lineup, *, back: bool = False) -> Release:
        newest = next(iter(self.history.history(1)), None)
        return Release(
            id=self.new_id(newest.id if newest is not None else None),
            stack=self.name,
            kind="rollback" if back else "deploy",
            actor=self.actor,
            order=order,
            candidate=made.candidate,
            before=before,
            after=made.after,
            steps=made.steps,
            way_back=made.way_back,
            times=Times(started=self.clock.now()),
        )

    def _known(self) -> list[Release]:
        """The newest releases that can be read, newest first."""
        found = []
        for entry in self.history.history(LOOK_BACK):
            with suppress(NotFound):
                if not hasattr(entry, "problem"):
                    found.append(self.journal.read(entry.id))
        return found

    def _require_free(self) -> None:
        current = self.journal.current()
        if current is not None:
            raise Busy(
                f"release {current.id} ({current.order.version}) is {current.status.value}, begun by {current.actor}",
                remedy="release status, then release resume or release abort",
            )

    @contextmanager
    def _holding(self) -> Iterator[Heartbeat]:
        with holding(self.lock, self.holder) as held:
            yield held

    @contextmanager
    def _forced(self) -> Iterator[Heartbeat]:
        state = self.lock.look()
        if state.holder is not None:
            with suppress(NotFound):
                self.lock.unlock(state.holder)
        with holding(self.lock, self.holder) as held:
            yield held


def _quietly(_: str) -> None:
    """Nobody looks."""
