"""Figures as people read them."""

import pytest

from release.analysis import words


@pytest.mark.parametrize(
    ("part", "whole", "wanted"),
    [
        (14, 212, "6.6 %"),
        (0, 1904, "0 %"),
        (1, 1, "100 %"),
        (1, 2000, "0.05 %"),
        (1, 3, "33 %"),
        (999, 10_000, "10.0 %"),
        (0, 0, "no answers"),
    ],
)
def test_shares(part: int, whole: int, wanted: str) -> None:
    assert words.percent(part, whole) == wanted


def test_counts() -> None:
    assert words.of(14, 1904) == "14 of 1,904"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (3.1e6, "3.1e+06 to 1"),
        (123.4, "123 to 1"),
        (1.0, "1 to 1"),
        (0.004, "4.0e-03 to 1"),
        (float("inf"), "more than 1e+300 to 1"),
    ],
)
def test_odds(value: float, wanted: str) -> None:
    assert words.odds(value) == wanted


@pytest.mark.parametrize(("value", "wanted"), [(38.2, "38 ms"), (0.4, "0.4 ms"), (1234.0, "1.2 s")])
def test_durations(value: float, wanted: str) -> None:
    assert words.duration(value) == wanted


@pytest.mark.parametrize(
    ("value", "unit", "wanted"), [(0.8312, "", "0.831"), (412.0, "ms", "412 ms"), (12345.6, "MB", "12,346 MB")]
)
def test_figures(value: float, unit: str, wanted: str) -> None:
    assert words.figure(value, unit) == wanted
