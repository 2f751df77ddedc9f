"""Checks run together, each within its time, and what is not known is no pass."""

import itertools
import threading

import pytest

from release.checks import only, run, worst
from release.checks.base import Task, failed, joined, passed, unknown
from release.errors import BadOrder
from release.model import Finding, Outcome

LONG = 60.0


def task(finding: Finding, *, stage: int = 0) -> Task:
    return Task(name=finding.name, finds=lambda: finding, seconds=LONG, stage=stage)


def test_all_findings_come_in_the_order_of_the_checks() -> None:
    findings = (passed("a", "well"), failed("b", "ill", remedy="mend b"), unknown("c", "dark", remedy="light"))
    assert run([task(finding) for finding in findings]) == findings


def test_checks_of_a_stage_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=LONG)

    def meet() -> Finding:
        barrier.wait()
        return passed("meets", "met")

    assert run([Task(name="meets", finds=meet, seconds=LONG) for _ in range(3)]) == (passed("meets", "met"),) * 3


def test_a_check_that_does_not_end_has_failed_and_holds_up_no_other() -> None:
    release = threading.Event()

    def hang() -> Finding:
        release.wait(LONG)
        return passed("hangs", "too late")

    times = itertools.count(0.0, 2.5)  # its deadline is 0 + 2, and when it is waited for 5 is past
    try:
        found = run(
            [Task(name="hangs", finds=hang, seconds=2.0), task(passed("other", "well"))], clock=lambda: next(times)
        )
    finally:
        release.set()
    assert found == (
        failed(
            "hangs", "did not end within 2 s", remedy="look whether what it asks is up, then run `release check hangs`"
        ),
        passed("other", "well"),
    )


def test_an_error_of_a_check_is_a_finding_that_repeats_no_text() -> None:
    def breaks() -> Finding:
        raise ValueError("password")

    (found,) = run([Task(name="breaks", finds=breaks, seconds=LONG)])
    assert found == unknown(
        "breaks",
        "stopped with an error of its own (ValueError), so nothing is known",
        remedy="run `release check breaks`, and report it if it stays",
    )


def test_a_later_stage_is_tried_only_when_the_earlier_passed() -> None:
    well, ill, dark = passed("a", "well"), failed("b", "ill", remedy="mend b"), passed("c", "well")
    assert run([task(dark, stage=1), task(well)]) == (dark, well)
    assert run([task(well), task(ill), task(dark, stage=1)]) == (
        well,
        ill,
        unknown("c", "was not tried, because b did not pass", remedy="first mend b"),
    )


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], Outcome.INCONCLUSIVE),
        ([Outcome.PASS, Outcome.PASS], Outcome.PASS),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], Outcome.INCONCLUSIVE),
        ([Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.PASS], Outcome.FAIL),
        ([Outcome.HALT, Outcome.FAIL], Outcome.HALT),
    ],
)
def test_the_worst_outcome_counts(outcomes: list[Outcome], expected: Outcome) -> None:
    assert worst(Finding(name="x", outcome=outcome, text="x") for outcome in outcomes) is expected


def test_findings_are_joined_without_loss() -> None:
    both = [
        passed("x", "one", {"a": 1}),
        failed("x", "two", remedy="mend", figures={"b": 2}),
        unknown("x", "three", remedy="mend"),
    ]
    assert joined("x", both) == failed("x", "one; two; three", remedy="mend", figures={"a": 1, "b": 2})


def test_single_checks_are_picked_by_name_or_its_beginning() -> None:
    checks = [task(passed(name, "well")) for name in ("cache", "cluster", "configuration", "data", "database")]
    assert [check.name for check in only(checks, ["config", "cache"])] == ["cache", "configuration"]
    assert [check.name for check in only(checks, ["data"])] == ["data"]


@pytest.mark.parametrize("name", ["c", "", "caches", "d"])
def test_a_name_that_means_no_check_or_several_is_refused(name: str) -> None:
    with pytest.raises(BadOrder) as caught:
        only([task(passed(name, "well")) for name in ("cache", "cluster", "d1", "d2")], ["cache", name])
    assert caught.value.problem == f"there is no check named {name!r}"
    assert caught.value.remedy == "name one of cache, cluster, d1, d2"
