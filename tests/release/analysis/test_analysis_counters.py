"""Counters: what happened between two looks."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.analysis import Counters, Latency, Reading, Row, over_time, sample_rows
from release.analysis.counters import NOTHING, added, all_carried, carried, changes, difference, stretches, total
from tests.release.analysis.traffic import BOUNDS, GREEN, counted, latency, reading, target, times


@st.composite
def histograms(draw: st.DrawFn) -> Latency:
    counts = sorted(draw(st.lists(st.integers(0, 10**6), min_size=4, max_size=4)))
    return Latency(bounds=(1.0, 10.0, 100.0), counts=tuple(counts), total_ms=float(draw(st.integers(0, 10**9))))


@st.composite
def anything(draw: st.DrawFn) -> Counters:
    requests = draw(st.integers(0, 10**6))
    names = ("started", "connect_failures", "timeouts", "in_flight", "queued")
    return Counters(
        requests=requests,
        errors=draw(st.integers(0, requests)),
        latency=draw(histograms()),
        **{name: draw(st.integers(0, 10**6)) for name in names},
    )


def test_a_difference_is_what_was_added() -> None:
    before, after = counted(100, 4, timeouts=2, connect_failures=1), counted(130, 9, timeouts=2, connect_failures=4)
    found = difference(before, after)
    assert found == counted(30, 5, connect_failures=3)


def test_a_counter_that_fell_began_anew() -> None:
    found = difference(counted(1000, 10), counted(7, 1))
    assert (found.requests, found.errors, found.started, found.latency.count) == (7, 1, 7, 7)


def test_what_is_absent_counts_nothing_and_what_is_born_counts_whole() -> None:
    assert difference(counted(1000, 10), None) == NOTHING
    assert difference(None, counted(7, 1)) == counted(7, 1)
    found = changes(reading(0, {"backend blue": counted(5)}), reading(1, {"backend green": counted(3)}))
    assert {str(one): change.requests for one, change in found.items()} == {"backend blue": 0, "backend green": 3}


def test_errors_never_outnumber_the_answers_they_are_among() -> None:
    """Began anew: the answers have passed their old number again, the errors have not."""
    found = difference(counted(10, 9), counted(12, 8))
    assert (found.requests, found.errors) == (12, 8)


@given(anything(), anything())
def test_a_difference_is_never_negative(before: Counters, after: Counters) -> None:
    found = difference(before, after)
    for name in ("requests", "errors", "started", "connect_failures", "timeouts"):
        assert 0 <= getattr(found, name) <= getattr(after, name)
    assert found.errors <= found.requests
    assert list(found.latency.counts) == sorted(found.latency.counts)
    assert found.latency.counts[0] >= 0
    assert found.latency.total_ms >= 0


@given(anything(), anything())
def test_what_was_added_is_found_again(before: Counters, more: Counters) -> None:
    found = difference(before, added(before, more))
    assert (found.requests, found.errors, found.latency.counts) == (more.requests, more.errors, more.latency.counts)


@given(anything(), anything(), anything())
def test_the_order_of_adding_does_not_matter(one: Counters, two: Counters, three: Counters) -> None:
    assert added(added(one, two), three) == added(one, added(two, three))
    assert added(one, two) == added(two, one)


def test_a_total_has_no_state_of_the_moment() -> None:
    found = total([counted(3, 1, in_flight=4, queued=2), counted(5)])
    assert (found.requests, found.errors, found.in_flight, found.queued, found.endpoints) == (8, 1, 0, 0, None)


def test_histograms_with_other_buckets_add_up_in_those_they_share() -> None:
    one = Latency(bounds=(1.0, 10.0, 100.0), counts=(1, 2, 3, 4), total_ms=500.0)
    two = Latency(bounds=(10.0, 50.0, 100.0), counts=(5, 6, 7, 8), total_ms=600.0)
    found = added(Counters(latency=one), Counters(latency=two)).latency
    assert found == Latency(bounds=(10.0, 100.0), counts=(7, 10, 12), total_ms=1100.0)


@pytest.mark.parametrize(
    ("share", "wanted"),
    [(0.5, 5.0), (0.25, 3.0), (0.95, 500.0), (1.0, 500.0)],
)
def test_a_quantile_is_interpolated_in_its_bucket(share: float, wanted: float) -> None:
    # Two in (1, 5], two in (250, 500].
    assert latency(2.0, 3.0, 400.0, 450.0).quantile(share) == pytest.approx(wanted, abs=25.1 if wanted > 5 else 0.01)


def test_a_quantile_of_nothing_is_none_and_beyond_the_last_bucket_it_is_that_bucket() -> None:
    assert Latency().quantile(0.95) is None
    assert Latency(bounds=BOUNDS, counts=(0,) * 14).quantile(0.95) is None
    assert times(10, 20_000.0).quantile(0.95) == 10_000.0
    assert Latency(bounds=(), counts=(5,)).quantile(0.95) is None


@pytest.mark.parametrize(("bound", "wanted"), [(5.0, 3), (250.0, 2), (2000.0, 1), (0.1, 4), (60_000.0, 0)])
def test_answers_slower_than_a_bound(bound: float, wanted: int) -> None:
    """Between two buckets, the stricter one counts."""
    assert latency(2.0, 200.0, 400.0, 2200.0).slower_than(bound) == wanted


@pytest.mark.parametrize(
    ("counters", "wanted"),
    [
        (Counters(started=10, requests=7, in_flight=3), 3),
        (Counters(started=10, requests=10, in_flight=3), 0),  # three downloads
        (Counters(started=90, requests=7, in_flight=3), 3),  # clients gave up before
        (Counters(started=10, requests=12, in_flight=3, queued=2), 2),  # answers of the gateway itself
    ],
)
def test_unanswered_requests(counters: Counters, wanted: int) -> None:
    assert counters.unanswered == wanted


def test_counts_over_time_survive_a_restart_in_between() -> None:
    totals = (counted(100, 5), counted(120, 5), counted(4, 1), counted(10, 1))
    readings = [reading(at, {"backend green": one, "backend blue": counted(9)}) for at, one in enumerate(totals)]
    found = over_time(readings, GREEN)
    assert {service: (one.requests, one.errors) for service, one in found.items()} == {"backend": (30, 1)}
    assert over_time(readings[:1], GREEN) == {}


@given(st.lists(st.tuples(st.none() | anything(), st.booleans()), min_size=2, max_size=12), st.sampled_from([2.5, inf]))
def test_stretches_are_the_sums_of_the_changes_in_them(
    steps: list[tuple[Counters | None, bool]], seconds: float
) -> None:
    name = target("backend green")
    readings = all_carried(
        Reading(at=float(at), counters={} if one is None else {name: one}, complete=complete)
        for at, (one, complete) in enumerate(steps)
    )
    wanted: dict[int, list[Counters]] = {}
    for before, after in pairwise(readings):
        wanted.setdefault(int(after.at // seconds), []).append(changes(before, after).get(name, NOTHING))
    found = stretches(readings, name, seconds)
    for number in wanted.keys() | found.keys():
        one, other = found.get(number, NOTHING), total(wanted.get(number, []))
        assert (one.requests, one.errors, one.started) == (other.requests, other.errors, other.started)


def test_what_an_incomplete_reading_lacks_is_as_it_was() -> None:
    before = reading(0.0, {"backend green": counted(5), "backend blue": counted(7)})
    after = reading(1.0, {"backend green": counted(6)}, complete=False)
    assert carried(before, after).counters == {**before.counters, target("backend green"): counted(6)}
    whole = reading(1.0, {"backend green": counted(6)})
    assert carried(before, whole) is whole


def test_rows_of_the_live_view() -> None:
    before = reading(10.0, {"backend green": counted(100, 5), "frontend blue": counted(1)})
    after = reading(12.0, {"backend green": counted(140, 6, 8.0), "frontend blue": counted(1)})
    assert sample_rows(before, after) == (
        Row(target=target("backend green"), per_second=20.0, error_ratio=0.025, p50_ms=7.5, p95_ms=9.75),
        Row(target=target("frontend blue"), per_second=0.0, error_ratio=None, p50_ms=None, p95_ms=None),
    )
    assert sample_rows(after, before) == ()
