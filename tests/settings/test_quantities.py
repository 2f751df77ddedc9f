from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings.quantities import cores, duration, gibibytes, quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", "0.25"),
        ("1", "1"),
        ("0.5", "0.5"),
        ("2k", "2000"),
        ("1M", "1000000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1T", "1000000000000"),
        ("1Ti", "1099511627776"),
    ],
)
def test_a_quantity_is_a_number(text: str, value: str) -> None:
    assert quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "-1", "1e3", "1 Gi", "1gi", "1KB", "٣", "1.", ".5", "1Gi\n"])
def test_anything_else_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity(text)


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("10s", 10_000), ("500ms", 500), ("1m30s", 90_000), ("1h", 3_600_000), ("0s", 0)]
)
def test_a_duration_is_a_length_of_time(text: str, milliseconds: int) -> None:
    assert duration(text) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("text", ["", "10", "s", "1d", "1.5s", "-1s", "123456s", "1h1h1h1h1h", "10s\n"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


@given(millicores=st.integers(1, 10**6))
def test_cores_read_back_as_they_were(millicores: int) -> None:
    assert quantity(cores(Decimal(millicores) / 1000)) == Decimal(millicores) / 1000


@given(size=st.integers(1, 2**45))
def test_bytes_are_rounded_up_to_what_can_be_written_and_by_less_than_a_mebibyte(size: int) -> None:
    written = quantity(gibibytes(Decimal(size)))
    assert 0 <= written - size < 2**20
