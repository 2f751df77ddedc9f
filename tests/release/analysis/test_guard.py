"""The guard: what it cries about, and what leaves it calm."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.analysis import SERVICES, Counters, Guard, Reading
from release.model import Colour, Limits, Outcome
from tests.release.analysis.traffic import BLUE, GREEN, QUIET, counted, reading, target


def guard(**changes: object) -> Guard:
    values = {"limits": Limits(), "candidate": GREEN, "stable": BLUE, "share": 10, **changes}
    return Guard(**values)  # type: ignore[arg-type]


def watched(steps: Sequence[Mapping[str, Counters]], start: Guard | None = None, every: float = 1.0) -> Guard:
    """A guard that has seen nothing happen, and then these totals."""
    seen = (start or guard()).see(reading(0.0, QUIET))
    for number, step in enumerate(steps, 1):
        seen = seen.see(reading(number * every, {**QUIET, **step}))
    return seen


def outcome(seen: Guard) -> tuple[Outcome, str]:
    assert seen.alarm is not None
    return seen.alarm.outcome, seen.alarm.text


HEALTHY = {"backend blue": counted(900), "frontend blue": counted(500), "frontend green": counted(60)}


def test_three_errors_are_enough_where_nothing_else_comes() -> None:
    steps = [{"backend green": counted(number, number), "backend blue": counted(9 * number)} for number in range(1, 4)]
    assert watched(steps[:2]).alarm is None
    seen = watched(steps)
    assert outcome(seen) == (
        Outcome.FAIL,
        "backend green: 3 of 3 answers were 5xx (100 %) within 3 s, stable 0 of 27; score 11.7, alarm at 9.2",
    )
    assert seen.alarm is not None
    assert seen.alarm.figures == {"service": "backend", "answers": 3, "errors": 3}
    assert (seen.first_bad_at, seen.answers, seen.errors) == (1.0, 3, 3)


def test_two_errors_are_chance_even_in_one_reading() -> None:
    assert watched([{"backend green": counted(2, 2)}, {"backend green": counted(2, 2)}]).alarm is None


def test_an_ill_frontend_beside_a_well_backend_fails() -> None:
    ill = {**HEALTHY, "backend green": counted(100), "frontend green": counted(50, 20)}
    assert outcome(watched([ill])) == (
        Outcome.FAIL,
        "frontend green: 20 of 50 answers were 5xx (40 %) within 1 s, stable 0 of 500; score 18.4, alarm at 9.2",
    )


def test_stable_just_as_ill_halts() -> None:
    seen = watched([{"backend green": counted(10, 9), "backend blue": counted(90, 80)}])
    verdict, text = outcome(seen)
    assert verdict is Outcome.HALT
    assert text == (
        "backend green: 9 of 10 answers were 5xx (90 %) within 1 s, stable 80 of 90; score 18.4, alarm at 9.2; "
        "backend blue is ill as well, so going back would not help"
    )
    assert seen.alarm is not None
    assert seen.alarm.remedy == (
        "look for what both colours share (database, cache, network), then `release resume` or `release rollback`"
    )


def test_one_service_ill_in_both_colours_does_not_hide_another_that_is_ill_in_one() -> None:
    both = {"backend green": counted(10, 9), "backend blue": counted(90, 80)}
    seen = watched([{**both, "frontend green": counted(10, 9), "frontend blue": counted(90)}])
    verdict, text = outcome(seen)
    assert verdict is Outcome.FAIL
    assert text.startswith("frontend green: 9 of 10")


def test_errors_that_stable_has_as_well_but_few_of_halt() -> None:
    """The candidate has most of the traffic: what ails both shows in it first."""
    start = guard(share=90)
    warm = [{"backend green": counted(90), "backend blue": counted(10)}]
    seen = watched([*warm, {"backend green": counted(180, 30), "backend blue": counted(13)}], start)
    assert seen.alarm is None
    seen = seen.see(reading(3.0, {**QUIET, "backend green": counted(270, 60), "backend blue": counted(23, 5)}))
    assert outcome(seen)[0] is Outcome.HALT


def test_the_wait_for_stable_is_short() -> None:
    start = guard(share=99)
    warm = {"backend green": counted(90), "backend blue": counted(1)}
    steps = [
        warm,
        *({"backend green": counted(90 + 90 * n, 18 * n), "backend blue": counted(1)} for n in range(1, 4)),
    ]
    assert watched(steps[:3], start).alarm is None
    assert outcome(watched(steps, start)) == (
        Outcome.FAIL,
        "backend green: 54 of 270 answers were 5xx (20 %) within 3 s, stable 0 of 0; score 18.4, alarm at 9.2",
    )


def test_without_another_colour_the_limits_are_absolute() -> None:
    start = guard(stable=None, share=100)
    assert outcome(watched([{"backend green": counted(20, 10)}], start)) == (
        Outcome.FAIL,
        "backend green: 10 of 20 answers were 5xx (50 %) within 1 s; score 18.4, alarm at 9.2",
    )


def test_the_hard_limit_holds_where_stable_is_usually_bad() -> None:
    """Stable has 2 % of errors, so that 5 % are not much more, and still too many."""
    steps = [{"backend green": counted(100, 2), "backend blue": counted(1000, 20)}]
    steps.append({"backend green": counted(200, 10), "backend blue": counted(2000, 40)})
    seen = watched(steps)
    assert outcome(seen) == (
        Outcome.FAIL,
        "backend green: 10 of 200 answers were 5xx (5.0 %), the hard limit is 5.0 % of 50",
    )


def test_the_hard_limit_looks_at_the_last_minute() -> None:
    """A thousand good answers, and then one in twenty bad, one a second, where stable has one in fifty."""
    seen = watched([{"backend green": counted(1000), "backend blue": counted(1000, 20)}])
    for second in range(1, 61):
        assert seen.alarm is None
        now = {
            "backend green": counted(1000 + second, second // 20),
            "backend blue": counted(1000 + 50 * second, 20 + second),
        }
        seen = seen.see(reading(1.0 + second, {**QUIET, **now}))
    assert outcome(seen) == (
        Outcome.FAIL,
        "backend green: 3 of 60 answers were 5xx (5.0 %), the hard limit is 5.0 % of 50",
    )


def test_two_errors_are_chance_whatever_the_hard_limit_is() -> None:
    start = guard(limits=Limits(error_ratio=0.01))
    steps = [{"backend green": counted(100, 2)}, {"backend green": counted(200, 3)}]
    assert watched(steps[:1], start).alarm is None
    assert outcome(watched(steps, start))[0] is Outcome.FAIL


def test_errors_as_rare_as_the_objective_allows_are_left_alone() -> None:
    steps = [{"backend green": counted(1000 * n, n), "backend blue": counted(9000 * n, 9 * n)} for n in range(1, 30)]
    seen = watched(steps)
    assert (seen.alarm, seen.errors, seen.first_bad_at) == (None, 29, 1.0)


def test_errors_before_the_guard_began_are_nobodys() -> None:
    old = {**QUIET, "backend green": counted(1000, 900)}
    seen = guard().see(reading(0.0, old)).see(reading(1.0, old))
    assert (seen.alarm, seen.first_bad_at, seen.errors) == (None, None, 0)


def test_a_proxy_that_begins_anew_is_no_error() -> None:
    seen = guard().see(reading(0.0, {**QUIET, "backend green": counted(1000, 500)}))
    seen = seen.see(reading(1.0, {**QUIET, "backend green": counted(20)}))
    assert (seen.alarm, seen.answers) == (None, 20)


def test_an_alarm_stays_the_first() -> None:
    seen = watched([{"backend green": counted(5, 5)}])
    later = seen.see(reading(2.0, {**QUIET, "backend green": counted(50, 50)}))
    assert later.alarm == seen.alarm
    assert later.errors == 50


def test_a_reading_from_before_changes_nothing() -> None:
    seen = watched([{"backend green": counted(5)}])
    assert seen.see(reading(1.0, {**QUIET, "backend green": counted(50, 50)})) is seen


def hanging(**others: int) -> list[dict[str, Counters]]:
    """Ten requests a second, of which none is answered from the third second on."""
    steps = []
    for second in range(1, 12):
        answered = min(second, 2) * 10
        steps.append(
            {
                "backend green": counted(answered, started=second * 10, in_flight=second * 10 - answered),
                "backend blue": counted(second * 90, **others),
            }
        )
    return steps


def test_hanging_requests_are_seen_before_anybody_gives_up() -> None:
    for seconds, wanted in ((5, False), (6, True)):
        assert (watched(hanging()[:seconds]).alarm is not None) is wanted
    assert outcome(watched(hanging())) == (
        Outcome.FAIL,
        "backend green: at least 20 requests have waited longer than 2 s",
    )


def test_hanging_in_both_colours_halts() -> None:
    both = [
        {name.replace("green", colour): one for name, one in step.items() if "green" in name for colour in Colour}
        for step in hanging()
    ]
    verdict, text = outcome(watched(both))
    assert verdict is Outcome.HALT
    assert text.endswith("; backend blue is ill as well, so going back would not help")


@pytest.mark.parametrize(("seconds", "alarms"), [(2, False), (3, True)])
def test_slow_answers_show_in_how_many_wait(seconds: int, alarms: bool) -> None:
    """Ten requests a second that take so long, and always did: by Little's law, ten times as many are in flight."""
    seen = guard()
    for second in range(12):
        now = counted(second * 10, started=(second + seconds) * 10, in_flight=seconds * 10)
        seen = seen.see(reading(float(second), {**QUIET, "backend green": now}))
    assert (seen.alarm is not None) is alarms
    if alarms:
        wanted = "backend green: at least 10 requests have waited longer than 2 s"
        assert outcome(seen) == (Outcome.FAIL, wanted)


def test_slow_downloads_and_a_few_slow_requests_are_no_hang() -> None:
    downloads = [{"backend green": counted(20, in_flight=20)} for _ in range(30)]
    uploads = [{"backend green": counted(0, started=4, in_flight=4)} for _ in range(30)]
    assert watched(downloads).alarm is None
    assert watched(uploads).alarm is None


def test_a_gap_in_the_readings_is_no_hang() -> None:
    seen = guard().see(reading(0.0, QUIET))
    for second in range(1, 10):
        waiting = {**QUIET, "backend green": counted(0, started=9, in_flight=9)}
        seen = seen.see(reading(float(second), waiting, complete=second % 2 == 0))
    assert seen.alarm is None


def test_refused_connections_fail_although_second_tries_succeed() -> None:
    steps = [{"backend green": counted(10 * n, connect_failures=3 * n)} for n in range(1, 4)]
    assert watched(steps[:2]).alarm is None
    assert outcome(watched(steps)) == (
        Outcome.FAIL,
        "backend green: 9 connections to its pods failed in 10 s, beside 30 answers",
    )


def test_connections_refused_once_are_a_pod_that_ended() -> None:
    steps = [{"backend green": counted(10 * n, connect_failures=9)} for n in range(1, 30)]
    assert watched(steps).alarm is None


@pytest.mark.parametrize("gone", [None, counted(endpoints=0)])
def test_no_endpoint_fails_where_there_is_traffic_to_come(gone: Counters | None) -> None:
    without = {name: one for name, one in QUIET.items() if name != "frontend green"}
    if gone is not None:
        without["frontend green"] = gone
    seen = guard().see(reading(0.0, QUIET))
    for second in range(1, 4):
        assert seen.alarm is None
        seen = seen.see(reading(float(second), without))
    assert outcome(seen) == (Outcome.FAIL, "frontend green: no endpoint, though it gets 10 % of the requests")


def test_no_endpoint_is_as_it_should_be_without_traffic() -> None:
    steps = [{"frontend green": counted(endpoints=0)}] * 5
    assert watched(steps, guard().with_share(0)).alarm is None
    assert (
        watched(steps, guard().with_share(0)).with_share(10).see(reading(9.0, {**QUIET, **steps[0]})).alarm is not None
    )


def test_no_endpoint_for_either_colour_halts() -> None:
    steps = [{"frontend green": counted(endpoints=0), "frontend blue": counted(endpoints=0)}] * 3
    assert outcome(watched(steps))[0] is Outcome.HALT


def test_a_service_that_nobody_counts_is_no_alarm() -> None:
    seen = guard()
    for second in range(9):
        seen = seen.see(reading(float(second), {"backend green": counted(), "backend blue": counted()}))
    assert seen.alarm is None


def test_incomplete_readings_alarm_by_what_they_hold_and_make_it_blind() -> None:
    seen = guard().see(reading(0.0, QUIET))
    for second in range(1, 6):
        seen = seen.see(Reading(at=float(second), counters={}, complete=False))
    assert (seen.alarm, seen.blind_seconds) == (None, 5.0)
    ill = {**QUIET, "backend green": counted(5, 5)}
    assert outcome(seen.see(reading(6.0, ill, complete=False)))[0] is Outcome.FAIL
    assert seen.see(reading(6.0, QUIET)).blind_seconds == 0.0


def test_what_was_counted_before_a_reading_was_lost_is_not_counted_again() -> None:
    old = {name: counted(10_000, 500) for name in QUIET}
    lost = Reading(at=2.0, counters={}, complete=False)
    seen = guard().see(reading(1.0, old)).see(lost).see(reading(3.0, old))
    assert (seen.alarm, seen.errors, seen.first_bad_at) == (None, 0, None)
    seen = guard().see(lost).see(reading(3.0, old)).see(reading(4.0, {**old, "backend green": counted(10_007, 501)}))
    assert (seen.alarm, seen.answers, seen.errors, seen.first_bad_at) == (None, 7, 1, 4.0)


def test_a_guard_that_has_seen_nothing() -> None:
    assert (guard().blind_seconds, guard().answers, guard().errors, guard().alarm) == (0.0, 0, 0, None)
    first = guard().see(reading(5.0, QUIET, complete=False))
    assert (first.blind_seconds, first.sides) == (0.0, {})
    assert first.see(reading(7.0, QUIET, complete=False)).blind_seconds == 2.0


STEPS = st.lists(
    st.dictionaries(
        st.sampled_from(sorted(QUIET)),
        st.tuples(st.integers(0, 50), st.integers(0, 5)),
        max_size=4,
    ),
    min_size=1,
    max_size=20,
)


def totals(steps: Sequence[Mapping[str, tuple[int, int]]]) -> list[dict[str, Counters]]:
    """Readings' totals from what happens in each second: answers and errors."""
    sums = {name: [0, 0] for name in QUIET}
    found = []
    for step in steps:
        for name, (good, bad) in step.items():
            sums[name][0] += good + bad
            sums[name][1] += bad
        found.append({name: counted(*total) for name, total in sums.items()})
    return found


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_without_errors_hangs_or_refused_connections_there_is_no_alarm(
    steps: list[dict[str, tuple[int, int]]],
) -> None:
    calm = [{name: (good, bad if "blue" in name else 0) for name, (good, bad) in step.items()} for step in steps]
    seen = watched(totals(calm))
    assert (seen.alarm, seen.first_bad_at) == (None, None)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_order_of_the_services_does_not_matter(steps: list[dict[str, tuple[int, int]]]) -> None:
    one, other = watched(totals(steps)), guard(services=SERVICES[::-1]).see(reading(0.0, QUIET))
    for number, step in enumerate(totals(steps), 1):
        turned = dict(reversed(step.items()))
        other = other.see(reading(float(number), turned))
    assert (one.alarm is None) == (other.alarm is None)
    if one.alarm is not None and other.alarm is not None:
        assert one.alarm.outcome is other.alarm.outcome
    assert (one.first_bad_at, one.answers, one.errors) == (other.first_bad_at, other.answers, other.errors)
    assert one.sides[target("backend green")] == other.sides[target("backend green")]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_candidate_s_errors_are_counted_from_the_first_on(steps: list[dict[str, tuple[int, int]]]) -> None:
    bad = [sum(one[1] for name, one in step.items() if "green" in name) for step in steps]
    seen = watched(totals(steps))
    assert seen.errors == sum(bad)
    assert seen.first_bad_at == next((float(number) for number, errors in enumerate(bad, 1) if errors), None)
