"""The verdict at a step's end: passes on evidence only."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from release.analysis import (
    Counters,
    Evidence,
    Judgement,
    Measure,
    Reading,
    answers_needed,
    combined,
    findings,
    judge,
    over_time,
    worst,
)
from release.analysis.counters import added
from release.model import Finding, Limits, Outcome
from tests.release.analysis.traffic import BLUE, GREEN, QUIET, counted, reading

WELL = {
    "backend green": counted(400),
    "backend blue": counted(3600, 2),
    "frontend green": counted(300),
    "frontend blue": counted(2700),
}
"""A step in which nothing is wrong."""


def judgement(totals: Mapping[str, Counters] | None = None, **changes: object) -> Judgement:
    """A step that begins with nothing and ends with ``totals``, in four equal strides."""
    end = {**WELL, **(totals or {})}
    values: dict[str, object] = {
        "limits": Limits(),
        "candidate": GREEN,
        "stable": BLUE,
        "share": 10,
        "readings": [reading(0.0, QUIET), reading(60.0, end)],
        **changes,
    }
    return Judgement(**values)  # type: ignore[arg-type]


def said(one: Judgement) -> tuple[Outcome, str]:
    found = judge(one)
    assert found.name == "verdict"
    assert (found.remedy is None) is (found.outcome in {Outcome.PASS, Outcome.FAIL})
    return found.outcome, found.text


def test_a_step_in_which_nothing_is_wrong_passes() -> None:
    assert said(judgement()) == (
        Outcome.PASS,
        "backend green: 0 of 400 answers were 5xx (0 %), stable 2 of 3,600; really below 0.67 % with 95 % confidence; "
        "backend green: p95 9.8 ms of 400 answers, stable 9.8 ms; "
        "frontend green: 0 of 300 answers were 5xx (0 %), stable 0 of 2,700; really below 0.89 % with 95 % confidence; "
        "frontend green: p95 9.8 ms of 300 answers, stable 9.8 ms",
    )


def test_the_figures_are_there_for_machines() -> None:
    figures = judge(judgement()).figures
    assert set(figures) == {
        "errors of the backend",
        "latency of the backend",
        "errors of the frontend",
        "latency of the frontend",
    }
    assert figures["latency of the backend"] == {"p95Ms": 9.75, "stableP95Ms": 9.75, "answers": 400}
    errors = figures["errors of the backend"]
    assert isinstance(errors, dict)
    assert (errors["requests"], errors["errors"], errors["stableRequests"], errors["stableErrors"]) == (400, 0, 3600, 2)


def test_more_errors_than_stable_fail_by_evidence() -> None:
    assert said(judgement({"backend green": counted(212, 7), "backend blue": counted(1904)})) == (
        Outcome.FAIL,
        "backend green: 7 of 212 answers were 5xx (3.3 %), stable 0 of 1,904; "
        "evidence 6.6e+04 to 1 that green is worse",
    )


def test_one_error_in_a_hundred_fails_once_there_are_enough_of_them() -> None:
    three = said(judgement({"backend green": counted(300, 3), "backend blue": counted(2700)}))
    assert three[0] is Outcome.INCONCLUSIVE
    assert three[1].endswith("really below 2.5 % with 95 % confidence, which has to be below 1.0 %; evidence 67.7 to 1")
    four = said(judgement({"backend green": counted(400, 4), "backend blue": counted(3600)}))
    assert four[0] is Outcome.FAIL


def test_errors_within_the_objective_do_not_fail_for_being_more_than_none() -> None:
    found = said(judgement({"backend green": counted(10_000, 8), "backend blue": counted(90_000)}))
    assert found[0] is Outcome.PASS


def test_what_hits_both_colours_at_the_same_time_is_no_fault_of_the_candidate() -> None:
    """One answer in 25 fails for a while, in which green has most of its traffic and blue little of its own."""
    calm = {"backend green": counted(10), "backend blue": counted(50_000)}
    burst = {"backend green": counted(310, 12), "backend blue": counted(50_600, 24)}
    steps = [reading(0.0, QUIET), reading(14.0, {**WELL, **calm}), reading(29.0, {**WELL, **burst})]
    verdict, text = said(judgement(readings=steps))
    assert verdict is Outcome.INCONCLUSIVE
    assert "12 of 310 answers were 5xx (3.9 %), stable 24 of 50,600" in text


@pytest.mark.parametrize(
    ("green", "wanted"),
    [(counted(60, 3), "the hard limit is 5.0 % of 50"), (counted(20, 11), "most answers are errors")],
)
def test_hard_limits_fail_at_once(green: Counters, wanted: str) -> None:
    verdict, text = said(judgement({"backend green": green, "backend blue": counted(500, 20)}))
    assert verdict is Outcome.FAIL
    assert text.endswith(wanted)


def test_a_candidate_that_gets_nothing_of_its_share_fails() -> None:
    assert said(judgement({"frontend green": counted()})) == (
        Outcome.FAIL,
        "frontend green: 0 of 0 answers were 5xx (no answers), stable 0 of 2,700; "
        "its share of 10 % promised 300 requests",
    )


def test_stable_as_ill_as_the_candidate_halts() -> None:
    assert said(judgement({"backend green": counted(400, 40), "backend blue": counted(3600, 300)})) == (
        Outcome.HALT,
        "backend green: 40 of 400 answers were 5xx (10 %), stable 300 of 3,600; stable is ill itself, so going "
        "back would not help",
    )


def test_while_stable_is_ill_times_say_nothing() -> None:
    slow = counted(400, 40, milliseconds=4000.0)
    assert said(judgement({"backend green": slow, "backend blue": counted(3600, 300)}))[0] is Outcome.HALT


def test_stable_that_is_ill_but_far_less_is_still_the_better_way() -> None:
    assert said(judgement({"backend green": counted(400, 200), "backend blue": counted(3600, 200)}))[0] is Outcome.FAIL


@pytest.mark.parametrize("requests", [0, 1, 99])
def test_too_few_answers_are_inconclusive(requests: int) -> None:
    few = {"frontend green": counted(requests), "frontend blue": counted(requests)}
    verdict, text = said(judgement(few))
    assert verdict is Outcome.INCONCLUSIVE
    assert "fewer than 100 answers show nothing" in text


def test_few_answers_show_nothing_even_where_many_errors_are_usual() -> None:
    found = findings(judgement({"backend green": counted(60), "backend blue": counted(450, 18)}))[0]
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.text.endswith("; fewer than 100 answers show nothing")


def test_a_hundred_answers_without_an_error_do_not_yet_prove_one_in_a_hundred() -> None:
    verdict, text = said(judgement({"frontend green": counted(100), "frontend blue": counted(900)}))
    assert verdict is Outcome.INCONCLUSIVE
    assert "really below 2.6 % with 95 % confidence, which has to be below 1.0 %" in text


def test_how_many_answers_a_pass_needs() -> None:
    needed = answers_needed(Limits())
    assert needed == 268
    for answers, wanted in ((needed - 1, Outcome.INCONCLUSIVE), (needed, Outcome.PASS)):
        assert said(judgement({"backend green": counted(answers)}))[0] is wanted
    assert answers_needed(Limits(minimum_requests=1000)) == 1000


def lost(at: float) -> Reading:
    return Reading(at=at, counters={}, complete=False)


def test_a_reading_that_was_lost_near_the_end_does_no_harm() -> None:
    before, after = judgement().readings
    some = judgement(readings=[lost(-1.0), before, lost(10.0), after, lost(65.0)])
    assert said(some) == said(judgement())


def test_without_a_complete_reading_near_the_end_it_is_inconclusive() -> None:
    before, after = judgement().readings
    verdict, text = said(judgement(readings=[before, after, lost(65.1)]))
    assert verdict is Outcome.INCONCLUSIVE
    assert text.count("the gateway's counters are not complete") == 4
    assert said(judgement(readings=[lost(0.0), after]))[0] is Outcome.INCONCLUSIVE


def test_errors_fail_though_not_all_is_known() -> None:
    before, after = judgement({"backend green": counted(400, 100)}).readings
    partial = Reading(at=after.at, counters=after.counters, complete=False)
    assert said(judgement(readings=[before, partial, lost(90.0)]))[0] is Outcome.FAIL


def test_the_first_slow_answers_of_cold_pods_are_no_proof() -> None:
    cold = {"backend green": counted(10, milliseconds=3000.0), "backend blue": counted(90)}
    assert said(judgement(cold))[0] is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("readings", [[], [reading(0.0, QUIET)], [reading(0.0, {}), reading(60.0, {})]])
def test_without_readings_it_is_inconclusive(readings: Sequence[Reading]) -> None:
    assert said(judgement(readings=readings))[0] is Outcome.INCONCLUSIVE


def test_without_services_it_is_inconclusive() -> None:
    assert said(judgement(services=())) == (Outcome.INCONCLUSIVE, "nothing was looked at")


def test_a_restart_in_the_middle_loses_only_what_nobody_saw() -> None:
    middle = {name: counted(100) for name in QUIET}
    after = {name: counted(50) for name in QUIET}
    steps = [reading(0.0, QUIET), reading(20.0, middle), reading(40.0, after), reading(60.0, WELL)]
    figures = judge(judgement(readings=steps)).figures["errors of the backend"]
    assert isinstance(figures, dict)
    assert figures["requests"] == 100 + 50 + 350


# No other colour at the same time

ALONE = {"backend blue": counted(), "frontend blue": counted()}


def test_alone_the_limits_are_absolute() -> None:
    assert said(judgement(ALONE, stable=None, share=100)) == (
        Outcome.PASS,
        "backend green: 0 of 400 answers were 5xx (0 %), with no other colour at the same time, so by absolute limits; "
        "really below 0.67 % with 95 % confidence; "
        "backend green: p95 9.8 ms of 400 answers; with no other colour to compare, so by the limit; "
        "frontend green: 0 of 300 answers were 5xx (0 %), with no other colour at the same time, so by absolute "
        "limits; really below 0.89 % with 95 % confidence; "
        "frontend green: p95 9.8 ms of 300 answers; with no other colour to compare, so by the limit",
    )


def test_alone_it_is_compared_with_what_stable_did_before() -> None:
    steps = [reading(0.0, QUIET), reading(60.0, {"backend blue": counted(1000, 30), "frontend blue": counted(900)})]
    before = over_time(steps, BLUE)
    some = {**ALONE, "backend green": counted(1000, 30)}
    verdict, text = said(judgement(some, share=100, before=before))
    assert verdict is Outcome.PASS
    assert "30 of 1,000 answers were 5xx (3.0 %), stable had 30 of 1,000 before; really below 4.0 %" in text
    assert "p95 9.8 ms of 1,000 answers, stable before 9.8 ms" in text
    assert said(judgement(some, share=100))[0] is Outcome.INCONCLUSIVE


def test_alone_much_slower_than_before_fails() -> None:
    before = {"backend": counted(1000, milliseconds=90.0), "frontend": counted(1000)}
    some = {**ALONE, "backend green": counted(400, milliseconds=480.0)}
    verdict, text = said(judgement(some, share=100, before=before))
    assert verdict is Outcome.FAIL
    assert text == (
        "backend green: p95 488 ms of 400 answers, stable before 98 ms; more than 3 times what stable took before"
    )
    some = {**ALONE, "backend green": counted(400, milliseconds=240.0)}
    assert said(judgement(some, share=100, before=before))[0] is Outcome.PASS


# Latency


def test_ten_times_slower_than_stable_fails() -> None:
    slow = {"backend green": counted(400, milliseconds=400.0), "backend blue": counted(3600, milliseconds=40.0)}
    assert said(judgement(slow)) == (
        Outcome.FAIL,
        "backend green: p95 488 ms of 400 answers, stable 49 ms; 400 of 400 answers took longer than 50 ms (100 %), "
        "stable 0 of 3,600; evidence more than 1e+300 to 1 that green is slower",
    )


def test_a_little_slower_where_nobody_minds_passes() -> None:
    fast = {"backend green": counted(400, milliseconds=20.0), "backend blue": counted(3600, milliseconds=2.0)}
    assert said(judgement(fast))[0] is Outcome.PASS


def test_what_is_slow_is_what_was_slow_for_stable_before_the_step() -> None:
    """Stable took 200 ms all day and is quicker now; 40 ms are not slow for it."""
    usual = {**QUIET, "backend blue": counted(10_000, milliseconds=200.0)}
    now = added(counted(10_000, milliseconds=200.0), counted(3600, milliseconds=20.0))
    end = {**WELL, "backend green": counted(400, milliseconds=40.0), "backend blue": now}
    assert said(judgement(readings=[reading(0.0, usual), reading(60.0, end)]))[0] is Outcome.PASS
    slower = {**end, "backend green": counted(400, milliseconds=400.0)}
    assert said(judgement(readings=[reading(0.0, usual), reading(60.0, slower)]))[0] is Outcome.FAIL


def test_a_few_late_answers_fail_where_stable_has_none() -> None:
    green = added(counted(388), counted(12, milliseconds=3000.0))
    verdict, text = said(judgement({"backend green": green}))
    assert verdict is Outcome.FAIL
    assert "12 of 400 answers took longer than 2.0 s (3.0 %), stable 0 of 3,600; evidence 4.8e+08 to 1" in text


def test_beyond_the_limit_fails_without_any_comparison() -> None:
    slow = {**ALONE, "backend green": counted(400, milliseconds=4000.0)}
    assert said(judgement(slow, stable=None)) == (
        Outcome.FAIL,
        "backend green: p95 4.9 s of 400 answers; the limit is 2.0 s",
    )


def test_both_beyond_the_limit_halts() -> None:
    slow = {name: counted(400, milliseconds=4000.0) for name in ("backend green", "backend blue")}
    assert said(judgement(slow)) == (
        Outcome.HALT,
        "backend green: p95 4.9 s of 400 answers, stable 4.9 s; the limit is 2.0 s, and stable exceeds it as well",
    )


def test_a_p95_that_few_answers_do_not_prove_is_inconclusive() -> None:
    latency = added(counted(94), counted(6, milliseconds=4000.0)).latency
    some = {**ALONE, "backend green": Counters(requests=400, latency=latency, endpoints=2)}
    verdict, text = said(judgement(some, stable=None))
    assert verdict is Outcome.INCONCLUSIVE
    assert text == ("backend green: p95 2.9 s of 100 answers; the limit is 2.0 s, but so few answers do not prove it")


def test_times_that_are_missing_are_inconclusive() -> None:
    some = {"backend green": Counters(requests=400, endpoints=2)}
    assert said(judgement(some)) == (
        Outcome.INCONCLUSIVE,
        "backend green: no times, stable 9.8 ms; the gateway has told none",
    )


# Other metrics

CPU = Measure(name="cpu", query="x", maximum=0.9, services=("backend",))


def samples(*values: float | None, name: str = "cpu", colour: object = GREEN) -> list[Evidence]:
    return [
        Evidence(name=name, service="backend", colour=colour, value=one, why=None if one is not None else "absent")  # type: ignore[arg-type]
        for one in values
    ]


@pytest.mark.parametrize(
    ("values", "outcome", "text"),
    [
        ((0.4, 0.5, 0.95), Outcome.PASS, "backend green: cpu 0.5"),
        ((0.4, 0.95, 0.97), Outcome.FAIL, "backend green: cpu 0.95, more than the 0.9 allowed"),
        ((0.4, None, 0.5), Outcome.PASS, "backend green: cpu 0.45"),
        ((0.4, 0.5, None), Outcome.INCONCLUSIVE, "backend green: cpu is not known in 1 of 3 samples: absent"),
        ((None, None, 0.5), Outcome.INCONCLUSIVE, "backend green: cpu is not known in 2 of 3 samples: absent"),
        ((), Outcome.INCONCLUSIVE, "backend green: cpu is not known in 0 of 0 samples: it was never asked for"),
    ],
)
def test_a_measure_is_judged_by_the_median_of_its_samples(
    values: tuple[float | None, ...], outcome: Outcome, text: str
) -> None:
    found = findings(judgement(measures=[CPU], evidence=samples(*values)))[-1]
    assert (found.outcome, found.text) == (outcome, text)
    assert judge(judgement(measures=[CPU], evidence=samples(*values))).outcome is outcome


QUEUE = Measure(name="queue", query="x", times_stable=2.0, unit="ms", services=("backend",))


@pytest.mark.parametrize(
    ("peer", "outcome", "text"),
    [
        ((30.0,), Outcome.PASS, "backend green: queue 50 ms, stable 30 ms, 2 times as much allowed"),
        ((20.0,), Outcome.FAIL, "backend green: queue 50 ms, stable 20 ms, 2 times as much allowed"),
        (
            (None,),
            Outcome.INCONCLUSIVE,
            "backend green: queue 50 ms, and there is no value of stable to compare it with",
        ),
        ((), Outcome.INCONCLUSIVE, "backend green: queue 50 ms, and there is no value of stable to compare it with"),
    ],
)
def test_a_measure_is_compared_with_stable(peer: tuple[float | None, ...], outcome: Outcome, text: str) -> None:
    evidence = [*samples(50.0, name="queue"), *samples(*peer, name="queue", colour=BLUE)]
    found = findings(judgement(measures=[QUEUE], evidence=evidence))[-1]
    assert (found.outcome, found.text) == (outcome, text)


def test_a_measure_with_a_limit_needs_no_peer() -> None:
    both = QUEUE.model_copy(update={"maximum": 60.0})
    evidence = samples(50.0, name="queue")
    assert findings(judgement(measures=[both], evidence=evidence))[-1].outcome is Outcome.PASS


# Several findings


def finding(outcome: Outcome, text: str = "x") -> Finding:
    return Finding(name=text, outcome=outcome, text=text, remedy="do")


def test_the_worst_of_several() -> None:
    order = [Outcome.FAIL, Outcome.HALT, Outcome.INCONCLUSIVE, Outcome.PASS]
    for number, outcome in enumerate(order):
        assert worst([finding(one) for one in reversed(order[number:])]) is outcome
    assert worst([]) is Outcome.INCONCLUSIVE


def test_findings_combined_tell_what_decided() -> None:
    several = [
        finding(Outcome.PASS, "a"),
        finding(Outcome.FAIL, "b"),
        finding(Outcome.HALT, "c"),
        finding(Outcome.FAIL, "d"),
    ]
    assert combined("all", several) == Finding(name="all", outcome=Outcome.FAIL, text="b; d", remedy="do")


COUNTS = st.integers(0, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@settings(max_examples=80, deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_it_never_passes_without_enough_answers_and_few_errors(
    green: tuple[int, int], blue: tuple[int, int], front: tuple[int, int], stable: tuple[int, int]
) -> None:
    names = ("backend green", "backend blue", "frontend green", "frontend blue")
    totals = {name: counted(*one) for name, one in zip(names, (green, blue, front, stable), strict=True)}
    found = judge(judgement(totals))
    if found.outcome is Outcome.PASS:
        for (answers, errors), (others, wrong) in ((green, blue), (front, stable)):
            assert answers >= 100
            assert errors <= max(0.01 * answers, 2 * wrong / others * answers if others else 0.0)
