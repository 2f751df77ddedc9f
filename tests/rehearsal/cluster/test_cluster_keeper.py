"""Keeping one part alive: order, health, restarts, gates and children. Time and processes are the tests' own."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import keeper as module
from rehearsal.cluster.keeper import Keeper, Seen, Surroundings
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.part import Gate, Part
from rehearsal.cluster.processes import Nursery, Process
from rehearsal.cluster.state import State


class FakeProcess(Process):
    """A process that ends when the test says so, or when it is asked to."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid, asyncio.get_running_loop().create_future())

    async def end(self, *, grace: float, ask: signal.Signals = signal.SIGTERM) -> None:
        assert grace == module.GRACE
        assert ask is signal.SIGTERM
        if not self.exited.done():
            self.exited.set_result(0)


class World(Nursery):
    """Everything around a keeper, under the test's control."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.layout = Layout(root=folder)
        self.layout.logs.mkdir()
        self.started: list[FakeProcess] = []
        self.well = True
        self.seen: Seen = frozenset({"Gateway"})
        self.blind = False
        self.refuse: OSError | None = None
        self.history: list[tuple[State, str]] = []
        self.children: dict[int, int] = {}

    def spawn(
        self, argv: Sequence[str], *, environment: Mapping[str, str], log: Path, descriptors: Sequence[int] = ()
    ) -> Process:
        if self.refuse:
            raise self.refuse
        assert argv == ("program",)
        assert environment == {"PATH": "/bin", "OWN": "1"}
        assert descriptors == ()
        log.write_text("first line\nlast words\n")
        self.started.append(FakeProcess(100 + len(self.started)))
        return self.started[-1]

    async def healthy(self, url: str) -> bool:
        assert url == "http://health"
        return self.well

    async def look(self) -> Seen:
        if self.blind:
            raise ConnectionError
        return self.seen

    def keeper(self, *after: Keeper, **changes: Any) -> Keeper:
        part = Part(name="part", argv=("program",), environment={"OWN": "1"}, health="http://health", **changes)
        around = Surroundings(
            layout=self.layout,
            environment={"PATH": "/bin"},
            nursery=self,
            healthy=self.healthy,
            look=self.look,
            changed=lambda: self.history.append((kept.statuses[0].state, kept.statuses[0].detail)),
        )
        kept = Keeper(part, around, after)
        return kept


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE", "POLL", "CHILD_EVERY", "GATE_POLL", "GATE_EVERY"):
        monkeypatch.setattr(module, name, 0.0)
    created = World(tmp_path)
    monkeypatch.setattr(module, "child_of", lambda pid, name: created.children.get(pid) if name == "child" else None)
    return created  # type: ignore[return-value]  # monkeypatch undoes itself


def play(script: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(script, 10))


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_a_part_starts_becomes_healthy_and_stops(world: World) -> None:
    async def script() -> None:
        world.well = False
        keeper = world.keeper()
        keeper.start()
        await until(lambda: world.started)
        assert keeper.statuses[0].state is State.STARTING
        assert not keeper.ready.is_set()
        world.well = True
        await keeper.ready.wait()
        status = keeper.statuses[0]
        assert (status.state, status.pid, status.restarts) == (State.RUNNING, 100, 0)
        await keeper.stop()
        assert world.started[0].exited.result() == 0
        assert [state for state, _ in world.history] == [State.STARTING, State.RUNNING, State.STOPPED]

    play(script())


def test_a_part_waits_for_the_parts_it_needs(world: World) -> None:
    async def script() -> None:
        first = world.keeper()
        second = world.keeper(first)
        second.start()
        await until(lambda: second.statuses[0].detail)
        assert second.statuses[0].detail == "for part"
        assert world.started == []
        first.start()
        await second.ready.wait()
        await second.stop()
        await first.stop()

    play(script())


@pytest.mark.parametrize(("status", "words"), [(-9, "killed by SIGKILL"), (1, "exit status 1")])
def test_a_part_that_ends_is_started_again_with_the_reason_on_record(world: World, status: int, words: str) -> None:
    async def script() -> None:
        keeper = world.keeper()
        keeper.start()
        await keeper.ready.wait()
        world.started[0].exited.set_result(status)
        await until(lambda: len(world.started) == 2)
        await keeper.ready.wait()
        assert (State.BACKOFF, f"{words}: last words") in world.history
        assert keeper.statuses[0].restarts == 1
        await keeper.stop()

    play(script())


def test_the_pause_before_a_restart_doubles_up_to_the_longest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds:
            pauses.append(seconds)
        await real(0)

    async def script() -> None:
        monkeypatch.setattr(module, "FIRST_PAUSE", 1.0)
        monkeypatch.setattr(module, "LONGEST_PAUSE", 5.0)
        world.refuse = OSError("no such program")
        keeper = world.keeper()
        keeper.start()
        await until(lambda: len(pauses) >= 5)
        await keeper.stop()
        assert pauses[:5] == [1.0, 2.0, 4.0, 5.0, 5.0]
        assert (State.BACKOFF, "cannot be started: no such program") in world.history

    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", sleep)
    play(script())


def test_a_gated_part_waits_until_the_gate_shows_something(world: World) -> None:
    async def script() -> None:
        world.seen = None
        keeper = world.keeper(gate=Gate.GATEWAY_API)
        keeper.start()
        await until(lambda: world.history)
        assert keeper.statuses[0].detail == "for the Gateway API in the cluster"
        assert not keeper.statuses[0].needed
        world.seen = frozenset({"Gateway"})
        await keeper.ready.wait()
        await keeper.stop()

    play(script())


def test_a_new_kind_behind_the_gate_restarts_the_part_without_blame(world: World) -> None:
    async def script() -> None:
        keeper = world.keeper(gate=Gate.GATEWAY_API)
        keeper.start()
        await keeper.ready.wait()
        world.seen = frozenset({"Gateway", "EnvoyProxy"})
        await until(lambda: len(world.started) == 2)
        assert keeper.statuses[0].restarts == 0
        await keeper.stop()

    play(script())


def test_a_part_whose_gate_closes_stops_and_waits_again(world: World) -> None:
    async def script() -> None:
        keeper = world.keeper(gate=Gate.GATEWAY_API)
        keeper.start()
        await keeper.ready.wait()
        world.seen = None
        await until(lambda: keeper.statuses[0].state is State.WAITING)
        assert world.started[0].exited.result() == 0
        await keeper.stop()

    play(script())


def test_a_gate_that_cannot_be_seen_is_taken_to_be_as_it_was(world: World) -> None:
    async def script() -> None:
        keeper = world.keeper(gate=Gate.GATEWAY_API)
        keeper.start()
        await keeper.ready.wait()
        world.blind = True
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(world.started) == 1
        assert keeper.statuses[0].state is State.RUNNING
        await keeper.stop()

    play(script())


def test_a_child_is_shown_beside_its_part_and_its_loss_restarts_the_part(world: World) -> None:
    async def script() -> None:
        keeper = world.keeper(child="child")
        keeper.start()
        await keeper.ready.wait()
        world.children[100] = 7
        await until(lambda: len(keeper.statuses) == 2)
        assert (keeper.statuses[1].name, keeper.statuses[1].pid) == ("child", 7)
        del world.children[100]
        await until(lambda: len(world.started) == 2)
        assert (State.BACKOFF, "its child child ended") in world.history
        assert keeper.statuses[0].restarts == 1
        await keeper.stop()

    play(script())


def test_a_child_that_ended_before_anybody_looked_is_missed_by_its_trace(world: World, tmp_path: Path) -> None:
    async def script() -> None:
        traces = tmp_path / "traces"
        traces.mkdir()
        (traces / "of an earlier life").touch()
        keeper = world.keeper(child="child", child_traces=traces)
        keeper.start()
        await keeper.ready.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(world.started) == 1
        (traces / "of this life").touch()
        await until(lambda: len(world.started) == 2)
        await keeper.stop()

    play(script())
