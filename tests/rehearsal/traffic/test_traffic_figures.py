"""Percentiles and the bound on shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.traffic.figures import percentile, within_binomial


def test_a_percentile_is_the_nearest_rank() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert [percentile(hundred, p) for p in (0, 1, 50, 95, 99, 100)] == [1, 1, 50, 95, 99, 100]
    assert percentile([3.0], 99) == 3.0
    assert percentile([], 50) is None


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 100))
def test_at_least_that_percent_is_no_larger(values: list[float], percent: float) -> None:
    found = percentile(sorted(values), percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-9


def test_a_share_may_deviate_by_four_sigma() -> None:
    # 1,000 at 10 %: sigma is 9.49, four of them 37.9
    assert within_binomial(137, 1000, 0.1)
    assert not within_binomial(138, 1000, 0.1)
    assert within_binomial(63, 1000, 0.1)
    assert not within_binomial(62, 1000, 0.1)
    assert not within_binomial(120, 1000, 0.1, sigma=2)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_nothing_and_everything_allow_no_exception(count: int, n: int) -> None:
    assert within_binomial(count, n, 0.0) == (count == 0)
    assert within_binomial(count, n, 1.0) == (count == n)


def test_a_share_outside_its_range_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"share 25 is not within 0 and 1"):
        within_binomial(1, 2, 25)
