"""Telemetry stays within its bounds, and when it is damaged it is simply not there."""

import base64
import gzip
import json
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.journal import series
from release.journal.series import MOST_BYTES, Series
from tests.release.journal.samples import ID, STACK

cells = st.none() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | st.text('aé"\\')


def rows(count: int, width: int = 2) -> Series:
    return Series(
        columns=tuple("abcdefgh"[:width]),
        rows=tuple(tuple(index + cell for cell in range(width)) for index in range(count)),
    )


@given(st.lists(st.tuples(cells, cells), max_size=50))
def test_any_rows_come_back_as_they_went(found: list[tuple[Any, Any]]) -> None:
    one = Series(columns=("at", "value"), rows=tuple(found))
    assert series.from_object(series.to_object(ID, STACK, one)) == one


def test_it_lies_beside_the_record_under_a_name_of_its_own() -> None:
    manifest = series.to_object(ID, STACK, rows(1))
    assert manifest["metadata"] == {
        "name": f"release-{ID}-series",
        "labels": {
            "app.kubernetes.io/part-of": "english-training",
            "english-training.dev/journal": "series",
            "english-training.dev/stack": STACK,
        },
    }
    assert list(manifest["binaryData"]) == ["series"]


@given(st.integers(0, 300), st.integers(2, 100))
def test_thinning_keeps_the_ends_and_spreads_the_rest(count: int, most: int) -> None:
    one = rows(count, 1)
    thinned: list[Any] = [row[0] for row in series.thinned(one, most).rows]
    assert len(thinned) == min(count, most)
    if count > most:
        assert (thinned[0], thinned[-1]) == (0, count - 1)
        steps = {after - before for before, after in pairwise(thinned)}
        assert max(steps) - min(steps) <= 1


def test_at_most_two_thousand_rows_are_kept() -> None:
    found = series.unpack(series.pack(rows(5_000)))
    assert found is not None
    assert len(found.rows) == 2_000


def test_rows_that_cannot_be_compressed_are_thinned_until_they_fit() -> None:
    dice = random.Random(1)  # noqa: S311 - repeatable, guards nothing
    noise = tuple((dice.randbytes(400).hex(),) for _ in range(2_000))
    packed = series.pack(Series(columns=("noise",), rows=noise))
    found = series.unpack(packed)
    assert found is not None
    assert len(packed) <= MOST_BYTES
    assert len(found.rows) == 500
    assert (found.rows[0], found.rows[-1]) == (noise[0], noise[-1])


def test_what_is_no_number_is_left_out_of_a_cell() -> None:
    found = series.unpack(series.pack(Series(columns=("a",), rows=((float("nan"),),))))
    assert found == Series(columns=("a",), rows=((None,),))


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"series": 7},
        {"series": "é"},
        {"series": "AAAA"},
        {"series": base64.b64encode(gzip.compress(b"{}")[:-4]).decode()},
        {"series": base64.b64encode(gzip.compress(b"[]")).decode()},
        {"series": base64.b64encode(gzip.compress(b'{"format": 2}')).decode()},
        {"series": base64.b64encode(gzip.compress(json.dumps({"columns": ["a"], "rows": [[1, 2]]}).encode())).decode()},
        {"series": base64.b64encode(gzip.compress(b" " * 64 * 1024 * 1024)).decode()},
    ],
)
def test_what_is_damaged_newer_or_a_bomb_is_not_there(data: Any) -> None:
    assert series.from_object({"binaryData": data}) is None


def test_telemetry_without_a_release_is_found() -> None:
    names = [f"release-{letter}-series" for letter in "abc"]
    assert series.orphans(names, ["b"]) == ["release-a-series", "release-c-series"]
