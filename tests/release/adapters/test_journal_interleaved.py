"""Thousands of generated histories: two runners and a person at once, answers lost, others acting in between."""

from functools import partial
from itertools import pairwise
from typing import Any

from hypothesis import event as hypothesis_event
from hypothesis import given, settings
from hypothesis import strategies as st

from release.adapters.cluster_journal import ClusterJournal
from release.adapters.cluster_objects import ClusterObjects
from release.adapters.cluster_requests import ClusterRequests
from release.errors import Busy, LostLock
from release.journal import records
from release.model import Release, Request
from tests.release.adapters.memory import Memory, MemoryWire
from tests.release.journal.samples import ID, STACK, event, release

NAMESPACE = "exam"
Who = int
"""A runner is its fence; 0 is the person."""


class World:
    """A release in memory, two runners that both take it for theirs, and a person who asks for things."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.wires = {who: MemoryWire(memory=self.memory) for who in (0, 1, 2)}
        objects = {
            who: ClusterObjects(wire, NAMESPACE, clock=lambda: 0.0, sleep=lambda _: None)
            for who, wire in self.wires.items()
        }
        self.journals = {who: ClusterJournal(objects[who], STACK) for who in (1, 2)}
        self.requests = {who: ClusterRequests(objects[who], STACK, token=self._token) for who in (0, 1, 2)}
        self.known: dict[Who, Release] = {1: self.journals[1].write(release(), 1)}
        self.asked: set[str] = set()
        """Tokens of requests that were answered for."""
        self.replaced: set[str] = set()
        """Those of them that another came instead of."""
        self.written: list[tuple[Who, int]] = []
        """Acknowledged writes: by whom, and the counter that each has in ``requests``."""
        self.count = 0

    def stored(self) -> Release:
        return records.from_object(self.memory.objects[f"release-{ID}"], namespace=NAMESPACE)

    def act(self, who: Who, what: str) -> None:
        if who == 0:
            self._ask(Request.PROMOTE if what == "write" else Request.PAUSE)
        elif what == "seize":
            self._seize(who)
        elif what == "read":
            self.known[who] = self.journals[who].read(ID)
        elif who in self.known:
            self._write(who)

    def _token(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def _ask(self, request: Request) -> None:
        before = self.requests[0].asked(ID)
        asked = self.requests[0].ask(ID, request, actor="bob@desk")
        self.asked.add(asked.token)
        if before is not None and before.token != asked.token:
            self.replaced.add(before.token)

    def _seize(self, who: Who) -> None:
        try:
            self.known[who] = self.journals[who].seize(ID, who)
        except LostLock:
            assert self.stored().fence > who
            self.known.pop(who, None)

    def _write(self, who: Who) -> None:
        """Count one on, heed what waits, and say in ``errors`` on which count that builds, in one write."""
        waiting = self.requests[who].asked(ID)
        self.count += 1
        log = (*self.known[who].events, *([event("request", waiting.token)] if waiting else []))
        mine, known = self.count, self.known[who]
        wanted = known.model_copy(update={"requests": mine, "errors": known.requests, "events": log, "request": None})
        try:
            self.known[who] = self.journals[who].write(wanted, who, heeded=waiting)
        except LostLock:
            assert self.stored().fence > who
            self.known.pop(who)
        except Busy:
            # Somebody wrote under no greater fence since this one read: it has to read again.
            assert self.stored().fence <= who
            assert self.stored().requests != mine
            self.known.pop(who)
        else:
            self.written.append((who, mine))


action = st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from(["seize", "read", "write", "write"]))


@settings(max_examples=1_000, deadline=None)
@given(st.lists(st.tuples(action, st.lists(st.none() | action, max_size=3)), max_size=12))
def test_whatever_happens_in_between_nothing_is_lost_doubled_or_written_by_the_dead(history: list[Any]) -> None:
    world = World()
    fence = 1
    for (who, what), faults in history:
        others = [
            None if fault is None else partial(world.act, *fault) for fault in faults if not fault or fault[0] != who
        ]
        world.wires[who].faults = list(others)
        world.act(who, what)
        world.wires[who].faults = []
        stored = world.stored()
        assert stored.fence >= fence
        fence = stored.fence
        # Who has the greatest fence and was told that his write is there finds it there.
        acknowledged = [count for by, count in world.written if by == fence]
        if acknowledged:
            assert stored.requests >= max(acknowledged)

    heeded = [one.text for one in world.stored().events]
    assert len(set(heeded)) == len(heeded)
    waiting = world.requests[0].asked(ID)
    left = {waiting.token} if waiting else set()
    assert left | set(heeded) <= world.asked
    assert world.asked - set(heeded) - world.replaced == left
    counts = [(one.errors, one.requests) for one in map(Release.model_validate_json, world.memory.records)]
    steps = [after for before, after in pairwise(counts) if after != before]
    assert [on for on, _ in steps] == [0, *(count for _, count in steps)][: len(steps)]
    hypothesis_event(f"heeded {len(heeded)}, fence {fence}")
