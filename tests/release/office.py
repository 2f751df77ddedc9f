"""What a person can ask for, in the world of :mod:`tests.release.world`, with the lock and all releases in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from release.adapters.cluster_lock import steady
from release.adapters.heartbeat import Heartbeat
from release.errors import Busy, NotFound, Unreachable
from release.journal import summaries
from release.journal.asking import Asked
from release.journal.lease import Held, LockState
from release.journal.summaries import Entry, Unreadable
from release.model import Colour, Lineup, Release, Request, Status
from release.operations import Operations
from release.ports import Change, Move, Stack, Tell
from release.runner import Runner
from tests.release import world as worlds
from tests.release.world import BEFORE, START, World, order, release

ME, OTHER = "ana@build-7", "bo@laptop"


@dataclass(kw_only=True)
class Books:
    """The journal, its list, and what people ask: of all releases, the newest of which is the world's record."""

    world: World
    lock: "Lock"
    ended: dict[str, Release] = field(default_factory=dict)
    trimmed: list[int] = field(default_factory=list)
    damaged: dict[str, Exception] = field(default_factory=dict)

    def read(self, release_id: str) -> Release:
        if release_id in self.damaged:
            raise self.damaged[release_id]
        found = self._all().get(release_id)
        if found is None:
            raise NotFound(f"there is no release {release_id}", remedy="release history")
        return found

    def seize(self, release_id: str, fence: int) -> Release:
        assert fence == self.lock.fence
        return self.read(release_id)

    def current(self) -> Release | None:
        newest = max(self._all(), default=None)
        found = None if newest is None else self.read(newest)
        return None if found is None or found.status.ended else found

    def write(self, release: Release, fence: int, *, heeded: Asked | None = None) -> Release:
        assert fence == self.lock.fence
        assert heeded is None
        if release.id != self.world.record.id:
            self.ended = self._all()
        self.world.record = release
        return release

    def history(self, limit: int) -> Sequence[Entry]:
        found: list[Entry] = [summaries.summarise(one, 1) for one in self._all().values()]
        found += [Unreadable(id=name, problem="damaged", remedy="mend it") for name in self.damaged]
        return sorted(found, key=lambda one: one.id, reverse=True)[:limit]

    def trim(self, keep: int) -> int:
        self.trimmed.append(keep)
        return 0

    def asked(self, release_id: str) -> Asked | None:
        return self.world.pending

    def ask(self, release_id: str, request: Request, *, actor: str) -> Asked:
        assert release_id == self.world.record.id
        self.world.pending = Asked(request=request, actor=actor, at=START, token=f"{request}")
        return self.world.pending

    def take(self, release_id: str, asked: Asked) -> bool:
        raise AssertionError("requests go with the write that heeds them")

    def _all(self) -> dict[str, Release]:
        record = self.world.record
        return {**self.ended, **({record.id: record} if record.events or record.status is not Status.PENDING else {})}


@dataclass(kw_only=True)
class Lock:
    holder: str | None = None
    fence: int = 1
    lives: bool = True
    """Whether another who holds it gives signs of life."""
    log: list[str] = field(default_factory=list)

    def acquire(self, holder: str) -> Held:
        if self.holder is not None and self.lives:
            raise Busy(f"{self.holder} holds the lock and is alive", remedy="release status --watch")
        self.holder, self.fence = holder, self.fence + 1
        self.log.append(f"{holder} takes it")
        return Held(holder=holder, fence=self.fence, duration=15.0, renewed=steady())

    def renew(self, held: Held) -> Held:
        return replace(held, renewed=steady())

    def release(self, held: Held) -> bool:
        self.log.append(f"{held.holder} gives it back")
        self.holder = None
        return True

    def look(self) -> LockState:
        return LockState(holder=self.holder, since=None, renewed=None, age=0.0, duration=15.0, fence=self.fence)

    def unlock(self, holder: str) -> LockState:
        if self.holder != holder:
            raise NotFound("nobody holds it", remedy="release status")
        self.log.append(f"taken from {holder}")
        self.holder = None
        return self.look()


@dataclass(kw_only=True)
class Engine(worlds.Stack):
    """The world's stack, which may be out of reach, and may believe in a release that is none."""

    open: str | None = None
    moves: list[Move] = field(default_factory=list)

    def left_open(self) -> str | None:
        return self.open

    def preview(self, move: Move) -> Sequence[Change]:
        return ()

    def move(self, move: Move, tell: Tell) -> None:
        """What a person lets happen outside a release."""
        self.moves.append(move)
        self.open = None
        self.world.lineup = move.lineup


@dataclass(kw_only=True)
class Office:
    """Operations and all that is behind them."""

    world: World
    lock: Lock
    books: Books
    engine: Engine
    operations: Operations
    unreachable: bool = False


def office(before: Lineup = BEFORE, **changes: Any) -> Office:
    """Nothing was released yet; ``changes`` are the world's."""
    nothing = release(order(), before).model_copy(update={"id": "00000000-000000-none"})
    world = World(record=nothing, lineup=before, route=before.green_weight, **changes)
    lock = Lock()
    books = Books(world=world, lock=lock)
    engine = Engine(world=world)

    def stack() -> Stack:
        if made.unreachable:
            raise Unreachable("Pulumi's backend does not answer", remedy="pulumi whoami")
        return engine

    def runner(begun: Release, held: Heartbeat) -> Runner:
        assert begun == world.record
        assert held.fence == lock.fence
        return worlds.runner(world, patience=20.0)

    class Clock:
        def now(self) -> datetime:
            return world.clock_now()

        def monotonic(self) -> float:
            return world.now

        def sleep(self, seconds: float) -> None:
            raise AssertionError("operations do not wait")

    class Pods:
        def ready(self, colour: Colour) -> bool:
            return colour in world.ready

    made = Office(
        world=world,
        lock=lock,
        books=books,
        engine=engine,
        operations=Operations(
            name="test",
            actor=ME,
            holder=f"{ME}/1",
            journal=books,
            history=books,
            requests=books,
            lock=lock,
            stack=stack,
            route=worlds.Route(world=world),
            pods=Pods(),
            clock=Clock(),
            new_id=lambda after: f"r-{int((after or 'r-0').rpartition('-')[2]) + 1}",
            runner=runner,
        ),
    )
    return made
