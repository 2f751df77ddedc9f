"""Measurements survive their way through the journal, or are refused."""

import json
import math
from datetime import timedelta, timezone
from typing import Any

import pytest

from release.errors import JournalUnreadable
from release.report.series import COLUMNS, Row, from_cells, to_cells
from tests.release.report.samples import START, measured

ROW = Row(at=START, share=10, service="backend", colour="green", requests_per_second=20.0, error_ratio=0.01)
CELLS = ("2026-11-24T10:30:00.000+00:00", 10, "backend", "green", 20.0, 0.01, None, None)


def test_a_row_is_the_cells_of_its_columns() -> None:
    assert to_cells([ROW]) == (CELLS,)
    assert from_cells(COLUMNS, [CELLS]) == (ROW,)


def test_a_whole_release_comes_back_as_it_was_but_for_digits_that_say_nothing() -> None:
    stored = json.loads(json.dumps(to_cells(measured()), allow_nan=False))
    again = from_cells(COLUMNS, stored)
    assert to_cells(again) == to_cells(measured())
    assert [row.at for row in again] == [row.at for row in measured()]


def test_what_is_no_number_is_nothing() -> None:
    odd = Row(
        at=START.astimezone(timezone(timedelta(hours=8))),
        share=0,
        service="backend",
        colour="blue",
        requests_per_second=math.nan,
        error_ratio=math.inf,
        p50_ms=math.nan,
        p95_ms=12.3456,
    )
    assert to_cells([odd]) == (("2026-11-24T10:30:00.000+00:00", 0, "backend", "blue", 0.0, None, None, 12.35),)


def test_columns_may_come_in_another_order_and_with_others() -> None:
    columns, cells = ("new", *reversed(COLUMNS)), (1, *reversed(CELLS))
    assert from_cells(columns, [cells]) == (ROW,)


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        (0, "yesterday"),
        (0, "2026-11-24T10:30:00"),
        (0, 5),
        (1, 101),
        (1, -1),
        (1, 1.5),
        (1, None),
        (2, 7),
        (3, None),
        (4, "20"),
        (4, -1.0),
        (5, math.nan),
        (6, math.inf),
        (7, "12"),
    ],
)
def test_a_damaged_cell_is_refused_with_the_next_command(place: int, cell: Any) -> None:
    cells = [*CELLS[:place], cell, *CELLS[place + 1 :]]
    with pytest.raises(JournalUnreadable, match="are damaged") as caught:
        from_cells(COLUMNS, [cells])
    assert caught.value.remedy == "the release's record is readable without them: release logs ID"


@pytest.mark.parametrize(("columns", "cells"), [(COLUMNS[1:], CELLS), (COLUMNS, CELLS[:-1]), ((), ())])
def test_so_is_a_missing_column_or_cell(columns: tuple[str, ...], cells: tuple[Any, ...]) -> None:
    with pytest.raises(JournalUnreadable):
        from_cells(columns, [cells])
