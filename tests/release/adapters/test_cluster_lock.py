"""The lock on a real API server: one holder, by nobody's wall clock, and none that comes back from the dead."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from release.adapters.cluster_lock import ClusterLock, steady
from release.adapters.cluster_objects import ClusterObjects
from release.adapters.cluster_wire import NoAnswerError
from release.adapters.heartbeat import Heartbeat
from release.errors import Busy, LostLock, NotFound, Unreachable
from release.journal.lease import Held
from tests.release.adapters.scripted import Hands, Script
from tests.release.control_plane import ControlPlane, LossyWire
from tests.release.journal.samples import STACK

pytestmark = pytest.mark.cluster

NOW = datetime(2026, 11, 24, 10, 45, 59, tzinfo=UTC)
ANA, BOB = "ana@build-7/1/a", "bob@desk/2/b"


class Contender:
    """A runner with its own connection, its own steady clock and its own wall clock, which stands still."""

    def __init__(self, plane: ControlPlane, namespace: str, *, now: datetime = NOW, floor: int = 0) -> None:
        self.wire = LossyWire(plane.wire())
        self.hands = Hands()
        objects = ClusterObjects(self.wire, namespace, clock=self.hands.clock, sleep=lambda _: None)
        self.lock = ClusterLock(
            objects,
            STACK,
            floor=lambda: floor,
            now=lambda: now,
            clock=self.hands.clock,
            sleep=self.hands.sleep,
        )


@pytest.fixture
def contend(control_plane: ControlPlane, namespace: str) -> Callable[..., Contender]:
    def make(**options: Any) -> Contender:
        return Contender(control_plane, namespace, **options)

    return make


Make = Callable[..., Contender]


@pytest.fixture
def lease(control_plane: ControlPlane, namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/release-{STACK}"


def test_who_comes_first_has_it_and_everybody_sees_who_and_since_when(contend: Make) -> None:
    ana, bob = contend(), contend()
    assert ana.lock.acquire(ANA) == Held(holder=ANA, fence=1, duration=15.0, renewed=1000.0)
    seen = bob.lock.look()
    assert (seen.holder, seen.since, seen.renewed, seen.age, seen.fence) == (ANA, NOW, NOW, 0.0, 1)
    bob.hands.now += 4.0
    assert bob.lock.look().age == 4.0
    assert not bob.lock.look().expired


def test_a_lock_that_was_given_back_is_taken_at_once_with_a_greater_fence(contend: Make) -> None:
    ana, bob = contend(), contend()
    held = ana.lock.acquire(ANA)
    assert ana.lock.release(held) is True
    assert bob.lock.look().holder is None
    assert bob.lock.acquire(BOB).fence == 2
    assert bob.hands.slept == []
    assert ana.lock.release(held) is False
    assert bob.lock.look().holder == BOB


def test_a_holder_that_gives_a_sign_of_life_is_not_waited_for_any_longer(contend: Make) -> None:
    ana, bob = contend(), contend()
    held = ana.lock.acquire(ANA)
    bob.hands.meanwhile = [lambda: None, lambda: ana.lock.renew(held)]
    with pytest.raises(Busy) as caught:
        bob.lock.acquire(BOB)
    assert caught.value.problem == (
        f"{ANA} holds the lock of stack staging and is alive (last sign of life 2026-11-24 10:45:59 UTC by its clock)"
    )
    assert bob.hands.slept == [1.0, 1.0]


@pytest.mark.parametrize("years", [-20, 0, 20])
def test_a_silent_holder_is_relieved_after_its_duration_whatever_the_wall_clocks_say(contend: Make, years: int) -> None:
    ana, bob = contend(), contend(now=NOW + timedelta(days=365 * years))
    held = ana.lock.acquire(ANA)
    taken = bob.lock.acquire(BOB)
    assert taken.fence == 2
    assert sum(bob.hands.slept) == 15.0
    with pytest.raises(LostLock) as caught:
        ana.lock.renew(held)
    assert caught.value.problem == (
        f"the lock that {ANA} held is held by {BOB} now: this runner must not touch anything any more"
    )
    assert bob.lock.renew(taken) == Held(holder=BOB, fence=2, duration=15.0, renewed=bob.hands.now)


@pytest.mark.parametrize("years", [-20, 20])
def test_a_living_holder_is_left_alone_whatever_the_wall_clocks_say(contend: Make, years: int) -> None:
    ana, bob = contend(now=NOW + timedelta(days=365 * years)), contend()
    held = ana.lock.acquire(ANA)
    bob.hands.now += 10_000_000.0
    bob.hands.meanwhile = [*[lambda: None] * 13, lambda: ana.lock.renew(held)]
    with pytest.raises(Busy):
        bob.lock.acquire(BOB)
    assert ana.lock.look().holder == ANA


def test_a_look_long_ago_counts_so_that_a_dead_holder_is_relieved_at_once(contend: Make) -> None:
    ana, bob = contend(), contend()
    ana.lock.acquire(ANA)
    bob.lock.look()
    bob.hands.now += 15.0
    assert bob.lock.look().expired
    assert bob.lock.acquire(BOB).fence == 2
    assert bob.hands.slept == []


def test_of_many_that_reach_for_it_at_once_no_two_have_the_same_fence(contend: Make) -> None:
    contenders = [contend() for _ in range(8)]
    barrier = threading.Barrier(len(contenders))

    def reach(index: int) -> Held | None:
        barrier.wait(30)
        try:
            return contenders[index].lock.acquire(f"holder-{index}")
        except Busy:
            return None

    with ThreadPoolExecutor(len(contenders)) as pool:
        held = {one.fence: one.holder for one in pool.map(reach, range(len(contenders))) if one is not None}
    # Their clocks run by themselves, so that some take over from others: each with a fence of its own.
    assert sorted(held) == list(range(1, len(held) + 1))
    state = contenders[0].lock.look()
    assert (state.fence, state.holder) == (max(held), held[max(held)])


@pytest.mark.parametrize("lost", [1, 2, 3])
@pytest.mark.parametrize("first", [True, False])
def test_taking_it_with_lost_answers_is_known_as_done(contend: Make, lost: int, *, first: bool) -> None:
    ana = contend()
    if not first:
        bob = contend()
        bob.lock.release(bob.lock.acquire(BOB))
    ana.wire.lose = lost
    held = ana.lock.acquire(ANA)
    assert held.fence == (1 if first else 2)
    assert held.renewed == 1000.0
    assert ana.lock.renew(held).fence == held.fence


def test_a_lock_whose_taking_took_long_is_renewed_before_it_is_believed(contend: Make) -> None:
    ana = contend()
    send: Any = ana.wire.send
    wire: Any = ana.wire

    def slow(method: str, *arguments: Any, **options: Any) -> Any:
        answer = send(method, *arguments, **options)
        if method == "POST":
            ana.hands.now += 20.0
        return answer

    wire.send = slow
    assert ana.lock.acquire(ANA).renewed == 1020.0
    assert [method for method, _ in ana.wire.calls] == ["GET", "POST", "PATCH"]


def test_a_sign_of_life_whose_answer_is_lost_can_be_given_again(contend: Make) -> None:
    ana = contend()
    held = ana.lock.acquire(ANA)
    ana.wire.lose = 1
    ana.hands.now += 5.0
    with pytest.raises(Unreachable):
        ana.lock.renew(held)
    ana.hands.now += 1.0
    assert ana.lock.renew(held).renewed == 1006.0


def test_a_sign_of_life_is_one_small_request(contend: Make) -> None:
    ana = contend()
    held = ana.lock.acquire(ANA)
    ana.wire.calls.clear()
    ana.lock.renew(held)
    ana.lock.renew(held)
    assert [method for method, _ in ana.wire.calls] == ["PATCH", "PATCH"]


def test_a_lease_that_somebody_annotated_is_still_held(contend: Make, control_plane: ControlPlane, lease: str) -> None:
    ana = contend()
    held = ana.lock.acquire(ANA)
    control_plane.call("PATCH", lease, {"metadata": {"annotations": {"seen": "yes"}}})
    assert ana.lock.renew(held).fence == 1


def test_where_the_lease_was_deleted_the_holder_has_lost_it_and_fences_go_on_above_the_journals(
    contend: Make, control_plane: ControlPlane, lease: str
) -> None:
    ana, bob = contend(), contend(floor=41)
    held = ana.lock.acquire(ANA)
    control_plane.call("DELETE", lease)
    with pytest.raises(LostLock):
        ana.lock.renew(held)
    assert ana.lock.release(held) is False
    assert bob.lock.acquire(BOB).fence == 42


def test_unlocking_hits_the_holder_that_was_seen_and_no_other(contend: Make) -> None:
    ana, bob, person = contend(), contend(), contend()
    with pytest.raises(NotFound):
        person.lock.unlock(ANA)
    held = ana.lock.acquire(ANA)
    with pytest.raises(Busy) as caught:
        person.lock.unlock(BOB)
    assert caught.value.problem == (f"the lock of stack staging is held by {ANA}, not by {BOB}: nothing was changed")
    state = person.lock.unlock(ANA)
    assert (state.holder, state.fence) == (None, 2)
    with pytest.raises(LostLock):
        ana.lock.renew(held)
    assert bob.lock.acquire(BOB).fence == 3


@pytest.mark.parametrize("lost", [1, 2])
def test_unlocking_whose_answer_is_lost_happens_once(contend: Make, lost: int) -> None:
    ana, person = contend(), contend()
    ana.lock.acquire(ANA)
    person.wire.lose = lost
    assert person.lock.unlock(ANA).fence == 2


def test_giving_back_to_a_cluster_that_does_not_answer_is_no_error(namespace: str) -> None:
    script, hands = Script(answers=[NoAnswerError("connection refused")] * 50), Hands()
    objects = ClusterObjects(script, namespace, clock=hands.clock, sleep=hands.sleep)
    lock = ClusterLock(objects, STACK, clock=hands.clock, sleep=hands.sleep)
    assert lock.release(Held(holder=ANA, fence=1, duration=15.0, renewed=1000.0)) is False


def test_without_permission_the_lock_says_which_and_how_to_see_it(control_plane: ControlPlane, namespace: str) -> None:
    objects = ClusterObjects(control_plane.wire(control_plane.account(namespace)), namespace)
    with pytest.raises(Unreachable) as caught:
        ClusterLock(objects, STACK).acquire(ANA)
    assert caught.value.problem == f"no permission to get leases.coordination.k8s.io in the namespace {namespace}"


def test_a_heartbeat_outlives_the_api_servers_restart(control_plane: ControlPlane, namespace: str) -> None:
    objects = ClusterObjects(control_plane.wire(), namespace)
    lock = ClusterLock(objects, STACK, duration=60.0, clock=steady)
    held = lock.acquire(ANA)
    heartbeat = Heartbeat(lock, held)
    control_plane.stop_api()
    try:
        assert heartbeat.beat() == 1.0
        heartbeat.check()
    finally:
        control_plane.start_api()
    assert heartbeat.beat() == 20.0
    assert heartbeat.held.renewed > held.renewed
    heartbeat.check()
