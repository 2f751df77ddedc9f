"""What a runner sees of the traffic: readings in time, alarms, verdicts, and rows for the report."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from release.analysis import SERVICES, Evidence, Reading
from release.errors import Unreachable
from release.model import Kind, Outcome, Step, Strategy
from release.watch import Watch
from tests.release.analysis.traffic import counted, reading
from tests.release.world import START, order, release

CANARY = Step(kind=Kind.WATCH, share=10, seconds=30)
ALL = Step(kind=Kind.WATCH, share=100, seconds=30)


@dataclass(kw_only=True)
class Gateway:
    """Counters that grow by so many answers a second, by target, from second ``since`` on."""

    now: float = 0.0
    rates: dict[str, float] = field(default_factory=dict)
    bad: dict[str, float] = field(default_factory=dict)
    milliseconds: float = 8.0
    incomplete: bool = False
    silent: bool = False
    reads: list[float] = field(default_factory=list)
    _counted: dict[str, list[float]] = field(default_factory=dict)
    _last: float = 0.0

    def read(self) -> Reading:
        self.reads.append(self.now)
        if self.silent:
            raise Unreachable("no proxy of the gateway can be found", remedy="look")
        for name, rate in self.rates.items():
            have = self._counted.setdefault(name, [0.0, 0.0])
            answers = rate * (self.now - self._last)
            have[0] += answers
            have[1] += answers * self.bad.get(name, 0.0)
        self._last = self.now
        names = [f"{service} {colour}" for service in SERVICES for colour in ("blue", "green")]
        found = {name: self._counted.get(name, [0.0, 0.0]) for name in names}
        counters = {name: counted(round(n), round(errors), self.milliseconds) for name, (n, errors) in found.items()}
        return reading(self.now, counters, complete=not self.incomplete)


def both(blue: float, green: float) -> dict[str, float]:
    """Answers a second of each service."""
    return {f"{service} {colour}": rate for service in SERVICES for colour, rate in (("blue", blue), ("green", green))}


def a_watch(gateway: Gateway, strategy: Strategy = Strategy.CANARY, **more: Any) -> Watch:
    """Of a release of version 2.0.0."""
    return Watch(release(order(strategy)), gateway, now=lambda: START + timedelta(seconds=gateway.now), **more)


def go_on(watch: Watch, gateway: Gateway, seconds: float, share: int | None = 10) -> None:
    """Look eight times a second, about as often as the runner does."""
    for _ in range(round(seconds * 8)):
        gateway.now += 0.125
        watch.look(gateway.now, share)


def test_the_counters_are_read_twice_a_second_whether_or_not_anything_is_watched() -> None:
    gateway = Gateway()
    go_on(a_watch(gateway), gateway, 2.0)
    assert gateway.reads == [0.125, 0.625, 1.125, 1.625]


def test_a_step_without_fault_passes_and_is_counted_once() -> None:
    gateway = Gateway(rates=both(90, 10))
    watch = a_watch(gateway)
    go_on(watch, gateway, 2.0, share=0)
    assert watch.verdict is None
    assert watch.alarm is None
    assert (watch.elapsed, watch.take()) == (0.0, (0, 0))
    watch.begin(gateway.now, CANARY)
    go_on(watch, gateway, 30.0)
    assert watch.elapsed == 30.0
    assert watch.alarm is None
    assert watch.verdict is not None
    assert watch.verdict.outcome is Outcome.PASS
    requests, errors = watch.take()
    assert (errors, watch.take()) == (0, (0, 0))
    assert 590 <= requests <= 600
    watch.end()
    assert (watch.verdict, watch.elapsed) == (None, 0.0)


def test_too_few_requests_show_nothing() -> None:
    gateway = Gateway(rates=both(9, 1))
    watch = a_watch(gateway)
    watch.begin(0.0, CANARY)
    go_on(watch, gateway, 30.0)
    assert watch.verdict is not None
    assert watch.verdict.outcome is Outcome.INCONCLUSIVE
    assert "fewer than 100 answers show nothing" in watch.verdict.text


def test_errors_are_cried_within_a_second_and_dated() -> None:
    gateway = Gateway(rates=both(90, 10))
    watch = a_watch(gateway)
    watch.begin(0.0, CANARY)
    go_on(watch, gateway, 10.0)
    gateway.bad = {"frontend green": 1.0}
    while watch.alarm is None:
        go_on(watch, gateway, 0.125)
    assert gateway.now <= 11.2
    assert watch.alarm.outcome is Outcome.FAIL
    assert watch.alarm.text.startswith("frontend green: ")
    first = watch.first_bad(START + timedelta(seconds=gateway.now))
    assert first is not None
    assert START + timedelta(seconds=9.5) <= first <= START + timedelta(seconds=10.5)
    assert watch.take()[1] > 0


def test_before_the_candidate_can_have_traffic_nobody_cries() -> None:
    gateway = Gateway(rates=both(0, 50), bad=dict.fromkeys(both(0, 0), 1.0))
    watch = a_watch(gateway)
    go_on(watch, gateway, 10.0, share=0)
    assert (watch.alarm, watch.first_bad(START), watch.take()) == (None, None, (0, 0))
    watch.arm(gateway.now, 10)
    go_on(watch, gateway, 2.0)
    assert watch.alarm is not None


def test_a_colour_that_has_all_traffic_is_measured_by_what_the_other_did_before() -> None:
    def verdict_at(milliseconds: float, *, compared: bool) -> Outcome:
        gateway = Gateway(rates=both(50, 50), milliseconds=8.0)
        watch = a_watch(gateway)
        if compared:
            watch.begin(0.0, Step(kind=Kind.WATCH, share=50, seconds=30))
            go_on(watch, gateway, 30.0, share=50)
            watch.end()
        gateway.rates, gateway.milliseconds = both(0, 100), milliseconds
        watch.begin(gateway.now, ALL)
        go_on(watch, gateway, 30.0, share=100)
        assert watch.verdict is not None
        assert ("before" in watch.verdict.text) is compared
        return watch.verdict.outcome

    assert verdict_at(8.0, compared=True) is Outcome.PASS
    assert verdict_at(8.0, compared=False) is Outcome.PASS


def test_a_rolling_update_has_no_peer() -> None:
    gateway = Gateway(rates=both(100, 0))
    watch = a_watch(gateway, Strategy.ROLLING)
    watch.begin(0.0, ALL)
    go_on(watch, gateway, 30.0, share=100)
    assert watch.verdict is not None
    assert watch.verdict.outcome is Outcome.PASS
    assert "backend blue: 0 of" in watch.verdict.text
    assert "green" not in watch.verdict.text


@pytest.mark.parametrize(("fault", "trouble"), [("incomplete", "not every proxy gives"), ("silent", "no proxy of the")])
def test_counters_that_are_away_are_no_pass_and_no_alarm(fault: str, trouble: str) -> None:
    gateway = Gateway(rates=both(90, 10))
    watch = a_watch(gateway)
    watch.begin(0.0, CANARY)
    go_on(watch, gateway, 20.0)
    assert watch.trouble is None
    setattr(gateway, fault, True)
    go_on(watch, gateway, 10.0)
    assert watch.trouble is not None
    assert watch.trouble.startswith(trouble)
    assert watch.alarm is None
    assert watch.verdict is not None
    assert watch.verdict.outcome is Outcome.INCONCLUSIVE
    setattr(gateway, fault, False)
    go_on(watch, gateway, 10.0)
    assert (watch.trouble, watch.verdict.outcome) == (None, Outcome.PASS)


def test_rows_for_the_report_are_two_seconds_apart_and_say_who_had_which_share() -> None:
    gateway = Gateway(rates=both(90, 10))
    watch = a_watch(gateway)
    go_on(watch, gateway, 9.0, share=None)
    times = sorted({row.at for row in watch.rows})
    assert [(later - first).total_seconds() for first, later in pairwise(times)] == [2.0] * 3
    last = {(row.service, row.colour): row for row in watch.rows if row.at == times[-1]}
    assert {(key, round(row.requests_per_second)) for key, row in last.items()} == {
        (("backend", "blue"), 90),
        (("backend", "green"), 10),
        (("frontend", "blue"), 90),
        (("frontend", "green"), 10),
    }
    assert {row.share for row in watch.rows} == {0}


class Held(ThreadPoolExecutor):
    """Work that is done when the test says so."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.waiting.append((future, lambda: fn(*args, **kwargs)))
        return future

    def finish(self) -> None:
        future, work = self.waiting.pop(0)
        future.set_result(work())


class Sampler:
    """Measures, of which nothing is known."""

    def __init__(self) -> None:
        self.asked = 0

    def sample(self, seconds: float) -> Sequence[Evidence]:
        self.asked += 1
        return ()


def test_measures_are_asked_every_five_seconds_and_never_twice_at_once() -> None:
    gateway, pool, sampler = Gateway(rates=both(90, 10)), Held(), Sampler()
    watch = a_watch(gateway, sampler=sampler, pool=pool)
    go_on(watch, gateway, 6.0)
    assert pool.waiting == []
    watch.begin(gateway.now, CANARY)
    go_on(watch, gateway, 12.0)
    assert len(pool.waiting) == 1
    pool.finish()
    go_on(watch, gateway, 0.25)
    assert (len(pool.waiting), sampler.asked) == (1, 1)
    pool.finish()
    go_on(watch, gateway, 1.0)
    assert pool.waiting == []


def test_a_measure_that_was_asked_for_in_an_earlier_step_counts_for_nothing_in_the_next() -> None:
    gateway, pool = Gateway(rates=both(90, 10)), Held()
    watch = a_watch(gateway, sampler=Sampler(), pool=pool)
    watch.begin(0.0, CANARY)
    go_on(watch, gateway, 1.0)
    [(late, _)] = pool.waiting
    watch.end()
    watch.begin(gateway.now, Step(kind=Kind.WATCH, share=50, seconds=30))
    late.set_exception(AssertionError("nobody may look at this any more"))
    go_on(watch, gateway, 6.0)
    assert watch.alarm is None
