"""A holder knows the moment from which he can no longer be sure of the lock."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from release.adapters.heartbeat import Heartbeat, holding
from release.errors import LostLock, Unreachable
from release.journal.lease import Held, LockState
from tests.release.adapters.scripted import Hands

HELD = Held(holder="ana@build-7/1/a", fence=4, duration=15.0, renewed=1000.0)
DOWN = Unreachable("the API server is down", remedy="wait")
TAKEN = LostLock("bob has it", remedy="release status")


class ScriptedLock:
    """A lock whose renewals go as told: a failure, or seconds that it takes; fails on anything more."""

    def __init__(self, hands: Hands, *renewals: Exception | float) -> None:
        self.hands = hands
        self.renewals = list(renewals)
        self.given_back: list[Held] = []

    def acquire(self, holder: str) -> Held:
        return replace(HELD, holder=holder)

    def renew(self, held: Held) -> Held:
        begun = self.hands.now
        outcome = self.renewals.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        self.hands.now += outcome
        return replace(held, renewed=begun)

    def release(self, held: Held) -> bool:
        self.given_back.append(held)
        return True

    def look(self) -> LockState:
        raise AssertionError


def beating(*renewals: Exception | float) -> tuple[Heartbeat, Hands, list[LostLock]]:
    hands, heard = Hands(), list[LostLock]()
    lock = ScriptedLock(hands, *renewals)
    return Heartbeat(lock, HELD, clock=hands.clock, on_lost=heard.append), hands, heard


def test_it_renews_three_times_in_a_duration() -> None:
    heartbeat, hands, heard = beating(0.5, 0.5)
    assert heartbeat.beat() == 5.0
    hands.now = 1005.5
    assert heartbeat.beat() == 5.0
    assert heartbeat.held == replace(HELD, renewed=1005.5)
    assert heartbeat.fence == 4
    heartbeat.check()
    assert heard == []


def test_a_failure_is_tried_again_every_second_until_time_has_run_out() -> None:
    heartbeat, hands, heard = beating(*[DOWN] * 20)
    beats = 0
    while pause := heartbeat.beat():
        beats += 1
        assert pause <= 1.0
        heartbeat.check()
        hands.now += pause
    assert hands.now == 1012.0
    assert beats == 12
    assert heartbeat.lost.is_set()
    assert [error.problem for error in heard] == [
        "the lock that ana@build-7/1/a held ran out after 12 s without a sign of life: it could not be renewed in time"
    ]


def test_after_a_failure_that_passes_all_is_as_before() -> None:
    heartbeat, hands, heard = beating(DOWN, 0.1)
    hands.now = 1010.0
    assert heartbeat.beat() == 1.0
    hands.now = 1011.0
    assert heartbeat.beat() == 5.0
    hands.now = 1022.9
    heartbeat.check()
    assert heard == []


def test_another_holder_ends_it_at_once_and_is_told_once() -> None:
    heartbeat, _, heard = beating(TAKEN)
    assert heartbeat.beat() == 0.0
    assert heartbeat.beat() == 0.0
    for _ in range(2):
        with pytest.raises(LostLock) as caught:
            heartbeat.check()
        assert caught.value.problem == "bob has it"
    assert heard == [TAKEN]


def test_a_process_that_was_stopped_notices_by_itself_before_its_thread_does() -> None:
    heartbeat, hands, heard = beating()
    hands.now = 1011.9
    heartbeat.check()
    hands.now = 1012.0
    with pytest.raises(LostLock):
        heartbeat.check()
    assert heartbeat.lost.is_set()
    assert heartbeat.beat() == 0.0
    assert len(heard) == 1


def test_an_answer_that_comes_too_late_does_not_revive_the_lock() -> None:
    heartbeat, _, heard = beating(13.0)
    assert heartbeat.beat() == 0.0
    with pytest.raises(LostLock) as caught:
        heartbeat.check()
    assert caught.value.problem.endswith("the renewal took too long")
    assert len(heard) == 1


@pytest.mark.parametrize("margin", [0.0, 3.0, 14.0, 99.0])
def test_whatever_the_margin_the_holder_stops_before_another_may_begin(margin: float) -> None:
    hands = Hands()
    heartbeat = Heartbeat(ScriptedLock(hands), HELD, margin=margin, clock=hands.clock)
    heartbeat.check()
    hands.now = 1015.0
    with pytest.raises(LostLock):
        heartbeat.check()


def test_the_thread_beats_by_itself_and_ends_with_its_block() -> None:
    beaten = threading.Event()

    class Real(ScriptedLock):
        def renew(self, held: Held) -> Held:
            beaten.set()
            return replace(held, renewed=self.hands.now)

    hands = Hands()
    with Heartbeat(Real(hands), replace(HELD, duration=0.03), margin=0.0, clock=hands.clock) as heartbeat:
        assert beaten.wait(30)
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
    heartbeat.check()


@pytest.mark.parametrize("work", [lambda: None, lambda: 1 / 0])
def test_the_lock_is_given_back_whatever_happens(work: Callable[[], object]) -> None:
    lock = ScriptedLock(Hands())
    try:
        with holding(lock, "ana@build-7/1/a"):
            work()
    except ZeroDivisionError:
        pass
    assert lock.given_back == [HELD]
