"""Keeps one part alive: waits for what it needs, starts it, watches it, starts it again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.cluster.layout import Layout
from rehearsal.cluster.part import Part
from rehearsal.cluster.processes import Nursery, Process, child_of, describe_exit
from rehearsal.cluster.state import PartStatus, State

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
"""Seconds before a part that ended starts again: doubled each time, up to the longest."""
SETTLED: Final = 30.0
"""A part that lived this many seconds starts again after the first pause."""
GRACE: Final = 3.0
"""Seconds between asking a part to stop and stopping it."""
POLL: Final = 0.1
"""Seconds between two health checks of a part that starts."""
CHILD_EVERY: Final = 1.0
"""Seconds between two looks for a part's child."""
GATE_POLL: Final = 0.4
"""Seconds between two looks through the gate of a part that waits."""
GATE_EVERY: Final = 5.0
"""Seconds between two looks through the gate of a part that runs."""

Seen = frozenset[str] | None
"""What a gate saw: ``None`` keeps the part waiting, a change restarts it."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What every keeper needs from the supervisor."""

    layout: Layout
    environment: Mapping[str, str]
    nursery: Nursery
    healthy: Callable[[str], Awaitable[bool]]
    look: Callable[[], Awaitable[Seen]]
    """Looks through the gate. Raises ``OSError`` or the like when it cannot see."""
    changed: Callable[[], None]
    """Called after every change of a part's status."""


class Keeper:
    """Runs one part until told to stop."""

    def __init__(self, part: Part, around: Surroundings, after: Sequence["Keeper"]) -> None:
        self.part = part
        self.ready = asyncio.Event()
        self._around = around
        self._after = after
        self._task: asyncio.Task[None] | None = None
        self._child: int | None = None
        self._restarts = 0
        self._detail = ""
        self._state = State.WAITING
        self._pid: int | None = None
        self._since = time.time()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self.part.name)

    async def stop(self) -> None:
        """End the part, and keep it ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._set(State.STOPPED, detail="")

    @property
    def statuses(self) -> tuple[PartStatus, ...]:
        """The part, and its child if it has one."""
        part = PartStatus(
            name=self.part.name,
            state=self._state,
            since=self._since,
            pid=self._pid,
            restarts=self._restarts,
            detail=self._detail,
            needed=self.part.gate is None,
        )
        if self.part.child is None or self._child is None:
            return (part,)
        child = PartStatus(name=self.part.child, state=State.RUNNING, since=self._since, pid=self._child, needed=False)
        return (part, child)

    async def _run(self) -> None:
        for keeper in self._after:
            self._set(State.WAITING, detail=f"for {keeper.part.name}")
            await keeper.ready.wait()
        pause = FIRST_PAUSE
        while True:
            seen = await self._pass_gate()
            begun = time.monotonic()
            reason = await self._live(seen)
            if reason is None:
                continue
            self._restarts += 1
            pause = FIRST_PAUSE if time.monotonic() - begun > SETTLED else pause
            self._set(State.BACKOFF, detail=reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _pass_gate(self) -> Seen:
        """Wait until the gate shows twice the same."""
        if self.part.gate is None:
            return None
        self._set(State.WAITING, detail=f"for {self.part.gate.value}")
        last: Seen = None
        while True:
            seen = await self._look(last)
            if seen is not None and seen == last:
                return seen
            last = seen
            await asyncio.sleep(GATE_POLL)

    async def _look(self, otherwise: Seen) -> Seen:
        try:
            return await self._around.look()
        except Exception:
            return otherwise  # Whatever keeps the API server from answering: what was there is taken to be there still.

    async def _live(self, seen: Seen) -> str | None:
        """One life of the process. Returns why it ended; ``None`` if that was intended."""
        traces = self._traces()
        try:
            process = self._around.nursery.spawn(
                self.part.argv,
                environment={**self._around.environment, **self.part.environment},
                log=self._around.layout.log(self.part.name),
                descriptors=self.part.descriptors,
            )
        except OSError as error:
            return f"cannot be started: {error}"
        self._set(State.STARTING, pid=process.pid)
        watch = asyncio.create_task(self._watch(process, seen, traces))
        try:
            both: list[asyncio.Future[Any]] = [process.exited, watch]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if process.exited.done():
                return f"{describe_exit(process.exited.result())}{self._last_words()}"
            return watch.result()
        finally:
            watch.cancel()
            self.ready.clear()
            self._child = None
            await process.end(grace=GRACE, ask=self.part.end)

    async def _watch(self, process: Process, seen: Seen, traces: frozenset[str]) -> str | None:
        """Returns why a living process has to be replaced; ``None`` if its gate has changed."""
        while self.part.health is not None and not await self._around.healthy(self.part.health):
            await asyncio.sleep(POLL)
        self.ready.set()
        self._set(State.RUNNING, pid=process.pid)
        guards: list[asyncio.Task[str | None]] = []
        if self.part.gate is not None:
            guards.append(asyncio.create_task(self._guard_gate(seen)))
        if self.part.child is not None:
            guards.append(asyncio.create_task(self._guard_child(process.pid, self.part.child, traces)))
        if not guards:
            await asyncio.wait([process.exited])  # Not awaited itself: cancelling this watch must not cancel it.
            return None
        try:
            finished, _ = await asyncio.wait(guards, return_when=asyncio.FIRST_COMPLETED)
            return finished.pop().result()
        finally:
            for guard in guards:
                guard.cancel()

    async def _guard_gate(self, seen: Seen) -> None:
        """Returns when the gate shows something else than ``seen``."""
        while await self._look(seen) == seen:
            await asyncio.sleep(GATE_EVERY)

    async def _guard_child(self, pid: int, name: str, before: frozenset[str]) -> str:
        """Returns when ``pid`` has started its child ``name``, and the child is gone.

        A child may end sooner than anybody looks: then only its trace is there.
        """
        missed = False
        while True:
            child = child_of(pid, name)
            if child is None and missed:
                return f"its child {name} ended"
            missed = child is None and (self._child is not None or self._traces() > before)
            if child is not None and child != self._child:
                self._child = child
                self._around.changed()
            await asyncio.sleep(CHILD_EVERY)

    def _traces(self) -> frozenset[str]:
        """What the part's children have left behind so far."""
        folder = self.part.child_traces
        return frozenset(entry.name for entry in folder.iterdir()) if folder and folder.is_dir() else frozenset()

    def _last_words(self) -> str:
        """The end of the part's log, for people."""
        try:
            text = self._around.layout.log(self.part.name).read_bytes()[-2000:].decode(errors="replace")
        except OSError:
            return ""
        lines = [line for line in text.splitlines() if line.strip()]
        return f": {lines[-1][-300:]}" if lines else ""

    def _set(self, state: State, *, detail: str = "", pid: int | None = None) -> None:
        self._state, self._detail, self._pid, self._since = state, detail, pid, time.time()
        self._around.changed()
