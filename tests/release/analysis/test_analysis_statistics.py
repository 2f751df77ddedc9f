"""The evidence and the bound, against other people's and against brute force."""

import random
from math import inf, isclose, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest  # type: ignore[import-untyped]

from release.analysis.statistics import ALTERNATIVES, ENOUGH, Stratum, evidence, lower_bound, upper_bound

COUNTS = st.integers(1, 60)


@st.composite
def strata(draw: st.DrawFn) -> Stratum:
    n, m = draw(COUNTS), draw(COUNTS)
    return stratum(n, draw(st.integers(0, n)), m, draw(st.integers(0, m)))


def stratum(n: int, a: int, m: int, b: int) -> Stratum:
    return Stratum(candidate_all=n, candidate_bad=a, stable_all=m, stable_bad=b)


def test_four_errors_of_a_tenth_of_the_traffic_are_enough() -> None:
    found = [evidence([stratum(100, errors, 900, 0)], 1.5) for errors in (3, 4)]
    # By hand for 3: (5.932³ + 3.684³ + 2.154³ + 1.273³) ÷ 4.
    assert found == [pytest.approx(67.7, abs=0.1), pytest.approx(361.6, abs=0.5)]
    assert found[0] < ENOUGH <= found[1]


def test_what_hits_both_alike_is_no_evidence() -> None:
    assert evidence([stratum(100, 30, 900, 270)], 1.5) < 0.01


@pytest.mark.parametrize("one", [stratum(50, 50, 0, 0), stratum(0, 0, 50, 50), stratum(0, 0, 0, 0)])
def test_without_a_peer_there_is_no_evidence(one: Stratum) -> None:
    assert evidence([one], 1.5) == 1.0


def test_overwhelming_evidence_does_not_overflow() -> None:
    assert evidence([stratum(100_000, 100_000, 900_000, 0)], 1.5) == inf


@given(st.lists(strata(), min_size=1, max_size=3))
def test_the_evidence_is_the_mean_of_likelihood_ratios(found: list[Stratum]) -> None:
    """Given how many answers were bad, those of the candidate are binomial: scipy has the same likelihoods."""

    def likelihood(ratio: float) -> float:
        return prod(
            float(
                binom.pmf(
                    one.candidate_bad,
                    one.candidate_bad + one.stable_bad,
                    ratio * one.candidate_all / (ratio * one.candidate_all + one.stable_all),
                )
            )
            for one in found
        )

    tolerated = likelihood(1.5)
    if tolerated < 1e-250:
        return
    wanted = sum(likelihood(ratio) for ratio in ALTERNATIVES) / len(ALTERNATIVES) / tolerated
    assert isclose(evidence(found, 1.5), wanted, rel_tol=1e-6, abs_tol=1e-200)


@given(st.permutations([stratum(10, 3, 90, 1), stratum(20, 0, 80, 4), stratum(5, 5, 5, 0)]))
def test_the_order_of_the_strata_does_not_matter(found: list[Stratum]) -> None:
    assert isclose(evidence(found, 1.5), evidence(sorted(found, key=str), 1.5), rel_tol=1e-12)


def test_a_false_alarm_is_rarer_than_one_in_a_hundred_however_often_one_looks() -> None:
    """At the very edge of what is tolerated, with a look after each of 200 strata."""
    alarms = 0
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311 - not for secrets
        product = dict.fromkeys(ALTERNATIVES, 1.0)
        for _ in range(200):
            n, m = 20, 180
            a = sum(chance.random() < 0.015 for _ in range(n))
            b = sum(chance.random() < 0.010 for _ in range(m))
            seen = stratum(n, a, m, b)
            for ratio in ALTERNATIVES:
                product[ratio] *= evidence([seen], 1.5, (ratio,))
            if sum(product.values()) / len(product) >= ENOUGH:
                alarms += 1
                break
    assert alarms <= 3


@settings(max_examples=60)
@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_are_wilson_s(counts: tuple[int, int]) -> None:
    bad, answers = counts
    # Both sides of a 90 % interval are a 95 % bound each.
    wanted = binomtest(bad, answers).proportion_ci(confidence_level=0.9, method="wilson")
    assert upper_bound(bad, answers) == pytest.approx(wanted.high, abs=1e-9)
    assert lower_bound(bad, answers) == pytest.approx(wanted.low, abs=1e-9)


def test_nothing_is_known_of_nothing() -> None:
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0.0, 1.0)
