"""A world for releases: a stack, a route, pods and a journal in memory, that can fail, and a runner that can die.

Every call of a port is counted, so that a test can let the runner die at exactly that one, before or after its effect.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from release.errors import LostLock, UpdateFailed
from release.journal.asking import Asked
from release.model import (
    Colour,
    Finding,
    Kind,
    Lineup,
    Order,
    Outcome,
    Release,
    Request,
    Step,
    Strategy,
    Times,
    Unit,
)
from release.plan import applied, destination, lineup_after, plan
from release.ports import Change, Move, Tell
from release.runner import Ends, Look, Runner
from release.work import Work

START = datetime(2026, 1, 1, tzinfo=UTC)
OLD: Unit = {"version": "1.0.0", "backendImage": "r/b:1", "frontendImage": "r/f:1", "schemaVersion": 1}
OLDER: Unit = {**OLD, "version": "0.9.0"}
BEFORE = Lineup(green_weight=0, blue=OLD, green=OLDER)


class Died(BaseException):
    """The process is gone, as by ``kill -9``."""


def order(strategy: Strategy = Strategy.CANARY, **changes: Any) -> Order:
    """An order of version 2.0.0."""
    return Order(
        **{
            "strategy": strategy,
            "version": "2.0.0",
            "backend_image": "r/b:2",
            "frontend_image": "r/f:2",
            "schema_version": 1,
            "soak_seconds": 2.0,
            **changes,
        }
    )


def release(wanted: Order, before: Lineup = BEFORE) -> Release:
    """The release that an order makes, not begun."""
    made = plan(wanted, before)
    return Release(
        id="20260101-000000-test",
        stack="test",
        actor="tester",
        order=wanted,
        candidate=made.candidate,
        before=before,
        after=made.after,
        steps=made.steps,
        way_back=made.way_back,
        times=Times(started=START),
    )


class Later(Future[Any]):
    """Work that is done, and says so only at the third look: what it did is felt before it has ended."""

    looks = 0

    def done(self) -> bool:
        self.looks += 1
        return self.looks > 2


class Inline(Executor):
    """Does work at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future = Later()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing runs."""


@dataclass(kw_only=True)
class World:
    """Everything outside a runner. What is in here outlives it."""

    record: Release
    lineup: Lineup = BEFORE
    """What the stack has in force."""
    route: int = 0
    """Green's weight in the route."""
    ready: set[Colour] = field(default_factory=lambda: {Colour.BLUE, Colour.GREEN})
    broken: frozenset[Kind] = frozenset()
    """Kinds of steps that fail, always."""
    alarm_at: int | None = None
    """Candidate's share from which the guard cries."""
    ill_stable: bool = False
    verdict: Outcome = Outcome.PASS
    asked: dict[int, Request] = field(default_factory=dict)
    """What a person asks, by the number of the journal's write after which."""
    die_at: int | None = None
    """Number of the call at which the runner dies."""
    die_after: bool = False
    """Whether the call had its effect before."""
    calls: int = 0
    writes: int = 0
    now: float = 0.0
    fence: int = 1
    finished: list[tuple[str, Step]] = field(default_factory=list)
    torn_down_with_traffic: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    pending: Asked | None = None
    cancelled: int = 0

    def call(self, what: str, effect: Callable[[], Any]) -> Any:
        """One call of a port: has its effect, or the runner dies at it."""
        self.calls += 1
        self.log.append(what)
        dies = self.calls == self.die_at
        if dies and not self.die_after:
            raise Died
        result = effect()
        if dies:
            raise Died
        return result

    # The clock.
    def clock_now(self) -> datetime:
        return START + timedelta(seconds=self.now)

    # Traffic.
    def weigh(self, weight: int) -> None:
        """The route gets a weight: the one moment in which somebody can be harmed."""
        for colour in Colour:
            share = weight if colour is Colour.GREEN else 100 - weight
            assert share == 0 or colour in self.ready, f"{colour} gets {share} % and is not ready"
        self.route = weight

    def share(self, colour: Colour) -> int:
        return self.route if colour is Colour.GREEN else 100 - self.route


@dataclass(kw_only=True)
class Journal:
    world: World

    def read(self, release_id: str) -> Release:
        return self.world.record

    def seize(self, release_id: str, fence: int) -> Release:
        return self.world.record

    def current(self) -> Release | None:
        return None if self.world.record.status.ended else self.world.record

    def write(self, release: Release, fence: int, *, heeded: Asked | None = None) -> Release:
        world = self.world
        if fence < world.fence:
            raise LostLock("taken over", remedy="release status")

        def put() -> None:
            before = world.record
            assert not before.status.ended, "a release that has ended is written again"
            if release.done > before.done:
                world.finished += [("forward", step) for step in release.steps[before.done : release.done]]
            if release.returned > before.returned:
                world.finished += [("back", step) for step in release.way_back[before.returned : release.returned]]
            world.record = release
            world.writes += 1
            if heeded is not None and world.pending == heeded:
                world.pending = None
            if world.writes in world.asked:
                asked = world.asked[world.writes]
                world.pending = Asked(request=asked, actor="person", at=START, token=str(world.writes))

        world.call(f"journal {release.status.value} {release.done}/{release.returned}", put)
        return world.record

    def asked(self, release_id: str) -> Asked | None:
        return self.world.pending

    def ask(self, release_id: str, request: Request, *, actor: str) -> Asked:
        raise AssertionError("a runner asks for nothing")

    def take(self, release_id: str, asked: Asked) -> bool:
        raise AssertionError("requests go with the write that heeds them")


@dataclass(kw_only=True)
class Stack:
    world: World

    def lineup(self) -> Lineup:
        return self.world.lineup

    def left_open(self) -> str | None:
        return None

    def preview(self, move: Move) -> Sequence[Change]:
        return ()

    def move(self, move: Move, tell: Tell) -> None:
        world = self.world
        colour, kind = move.colour, self._kind(move)
        unit = move.lineup.unit(colour)
        rolling = world.record.order.strategy is Strategy.ROLLING
        assert move.lineup == self._expected(), "a step is done that is not the current one"

        def effect() -> None:
            if kind in world.broken:
                if unit != world.lineup.unit(colour) and not rolling:
                    # New pods were made, and did not get ready.
                    world.lineup = world.lineup.with_unit(colour, unit)
                    world.ready.discard(colour)
                raise UpdateFailed(f"{kind.value} failed", remedy="look")
            if unit != world.lineup.unit(colour) and not rolling:
                if world.share(colour) > 0:
                    world.torn_down_with_traffic.append(f"{colour} at {world.share(colour)} %")
                world.ready.add(colour)
            world.weigh(move.lineup.green_weight)
            world.lineup = move.lineup

        world.call(f"move {kind.value} to {move.lineup.green_weight}", effect)

    def cancel(self) -> None:
        self.world.cancelled += 1

    def _expected(self) -> Lineup:
        record = self.world.record
        if record.returning or not record.way_back:
            return destination(record)
        return applied(record, lineup_after(record, record.done), record.steps[record.done])

    def _kind(self, move: Move) -> Kind:
        if self.world.record.returning:
            return Kind.SETTLE
        return self.world.record.steps[self.world.record.done].kind


@dataclass(kw_only=True)
class Route:
    world: World

    def share(self, colour: Colour) -> int:
        return self.world.share(colour)

    def write(self, lineup: Lineup, *, guard: Callable[[], object]) -> None:
        guard()
        self.world.call(f"route {lineup.green_weight}", lambda: self.world.weigh(lineup.green_weight))


@dataclass(kw_only=True)
class Checks:
    world: World

    def before(self, release: Release) -> Sequence[Finding]:
        return [self._finding(Kind.CHECK)]

    def candidate(self, release: Release) -> Sequence[Finding]:
        return [self._finding(Kind.VERIFY)]

    def _finding(self, kind: Kind) -> Finding:
        bad = kind in self.world.broken
        return Finding(name=kind.value, outcome=Outcome.FAIL if bad else Outcome.PASS, text=f"{kind.value} looked")


@dataclass(kw_only=True)
class Watch:
    """The traffic of the world."""

    world: World
    armed: bool = False
    since: float | None = None

    @property
    def alarm(self) -> Finding | None:
        world = self.world
        share = world.share(world.record.candidate)
        if not self.armed or world.alarm_at is None or share < max(world.alarm_at, 1) or world.record.returning:
            return None
        outcome = Outcome.HALT if world.ill_stable else Outcome.FAIL
        return Finding(name="guard", outcome=outcome, text=f"errors at {share} %")

    @property
    def verdict(self) -> Finding | None:
        if self.since is None:
            return None
        return Finding(name="judge", outcome=self.world.verdict, text=f"judged {self.world.verdict.value}")

    @property
    def elapsed(self) -> float:
        return 0.0 if self.since is None else self.world.now - self.since

    def look(self, now: float, share: int | None) -> None:
        """Nothing is read."""

    def arm(self, now: float, share: int) -> None:
        self.armed = True

    def begin(self, now: float, step: Step) -> None:
        self.armed, self.since = True, now

    def end(self) -> None:
        self.since = None

    def take(self) -> tuple[int, int]:
        return (0, 0)

    def first_bad(self, now: datetime) -> datetime | None:
        return None


def runner(world: World, *, patience: float = 50.0) -> Runner:
    """A new process that goes on with the world's release."""
    world.fence += 1
    mine = world.fence

    def fence() -> int:
        if world.fence != mine:
            raise LostLock("taken over", remedy="release status")
        return mine

    class Clock:
        def now(self) -> datetime:
            return world.clock_now()

        def monotonic(self) -> float:
            return world.now

        def sleep(self, seconds: float) -> None:
            world.now += max(seconds, 0.5)

    route, journal = Route(world=world), Journal(world=world)
    work = Work(
        stack=Stack(world=world),
        route=route,
        checks=Checks(world=world),
        keep=lambda release: "saved",
        bounds=lambda changes, release: (),
        guard=fence,
    )

    def show(look: Look) -> None:
        """Nobody looks."""

    ends = Ends(
        journal=journal,
        requests=journal,
        route=route,
        work=work,
        clock=Clock(),
        show=show,
        keep=lambda release_id, watch: None,
        fence=fence,
        patience=patience,
    )
    return Runner(release=world.record, ends=ends, watch=Watch(world=world), pool=Inline())


def run(world: World, *, patience: float = 50.0) -> Release:
    """Run to the end; when the runner dies, another goes on."""
    while True:
        try:
            return runner(world, patience=patience).run()
        except Died:
            world.die_at = None


def figures(world: World) -> Mapping[str, Any]:
    """What a test compares."""
    return {"status": world.record.status.value, "route": world.route, "lineup": world.lineup}
