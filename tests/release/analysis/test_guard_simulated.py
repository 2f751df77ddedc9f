"""How fast the guard is and how seldom it errs, on seeded traffic: 200 requests a second, a tenth of them to green."""

from collections.abc import Mapping

import pytest

from release.analysis import Guard
from release.model import Limits, Outcome
from tests.release.analysis.traffic import BLUE, GREEN, Requests

RATES = {"backend green": 12.0, "frontend green": 8.0, "backend blue": 108.0, "frontend blue": 72.0}


def alarmed(
    seed: int, bad: Mapping[str, float], seconds: float, rates: Mapping[str, float] = RATES
) -> tuple[float, Outcome] | None:
    """Seconds from the first bad answer to the alarm, and what it says; ``None`` if there was none."""
    guard = Guard(limits=Limits(), candidate=GREEN, stable=BLUE, share=10)
    traffic = Requests(seed=seed, per_second=rates, bad=bad)
    for reading in traffic.readings(seconds):
        guard = guard.see(reading)
        if guard.alarm is not None:
            assert traffic.first_bad is not None
            return reading.at - traffic.first_bad, guard.alarm.outcome
    return None


def delays(bad: Mapping[str, float], seeds: int, seconds: float) -> list[float]:
    """The delays of so many runs, sorted; every one of them fails."""
    found = [alarmed(seed, bad, seconds) for seed in range(seeds)]
    assert [one[1] for one in found if one is not None] == [Outcome.FAIL] * seeds
    return sorted(one[0] for one in found if one is not None)


def test_only_errors_are_seen_within_a_reading() -> None:
    found = delays({"backend green": 1.0, "frontend green": 1.0}, seeds=40, seconds=10)
    assert found[-1] < 2.0


@pytest.mark.parametrize(
    ("ill", "median", "slowest"),
    [
        (("backend green", "frontend green"), 5, 20),
        (("backend green",), 6, 30),
        (("frontend green",), 8, 30),
    ],
)
def test_one_error_in_twenty_is_seen_within_half_a_minute(ill: tuple[str, ...], median: float, slowest: float) -> None:
    found = delays(dict.fromkeys(ill, 0.05), seeds=100, seconds=120)
    assert found[len(found) // 2] <= median
    assert found[-1] <= slowest


def test_errors_as_rare_as_the_objective_allows_hardly_ever_alarm() -> None:
    rare = dict.fromkeys(RATES, 0.001)
    found = [alarmed(seed, rare, 120) for seed in range(40)]
    assert sum(one is not None for one in found) <= 1


def test_what_ails_both_colours_halts_every_time() -> None:
    found = [alarmed(seed, dict.fromkeys(RATES, 0.3), 60) for seed in range(40)]
    assert [one and one[1] for one in found] == [Outcome.HALT] * 40
