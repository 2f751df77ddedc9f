"""What was measured while a release ran: one row per look, service and colour, and its form for the journal. Pure.

The journal keeps columns and rows of cells (``release.journal.series``); it packs and thins them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from release.errors import JournalUnreadable

Cell = float | int | str | None
COLUMNS: Final = ("at", "share", "service", "colour", "requestsPerSecond", "errorRatio", "p50Ms", "p95Ms")
"""Names of the cells of a row, in their order."""
_FULL: Final = 100


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one service answered in one colour, at one look. ``None`` where nothing was measured."""

    at: datetime
    """UTC."""
    share: int
    """The candidate's share of the requests, in per cent."""
    service: str
    """``backend`` or ``frontend``."""
    colour: str
    """``blue`` or ``green``."""
    requests_per_second: float
    error_ratio: float | None = None
    """Answers with 5xx among all, 0–1."""
    p50_ms: float | None = None
    p95_ms: float | None = None


def to_cells(rows: Iterable[Row]) -> tuple[tuple[Cell, ...], ...]:
    """``rows`` as the journal keeps them under :data:`COLUMNS`; what is not a number is ``None``."""
    return tuple(
        (
            row.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            row.share,
            row.service,
            row.colour,
            _rounded(row.requests_per_second, 2) or 0.0,
            _rounded(row.error_ratio, 6),
            _rounded(row.p50_ms, 2),
            _rounded(row.p95_ms, 2),
        )
        for row in rows
    )


def from_cells(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> tuple[Row, ...]:
    """The rows that :func:`to_cells` made, in their order; columns that a newer version added are ignored.

    Raises :class:`~release.errors.JournalUnreadable` where a column is missing or a cell is none of its kind.
    """
    try:
        places = {name: columns.index(name) for name in COLUMNS}
        return tuple(_row({name: cells[place] for name, place in places.items()}) for cells in rows)
    except (ValueError, IndexError) as error:
        raise JournalUnreadable(
            "the measurements of this release are damaged",
            remedy="the release's record is readable without them: release logs ID",
        ) from error


def _row(cells: Mapping[str, Cell]) -> Row:
    at = datetime.fromisoformat(_text(cells["at"]))
    share = cells["share"]
    if at.tzinfo is None or not isinstance(share, int) or not 0 <= share <= _FULL:
        raise ValueError
    return Row(
        at=at.astimezone(UTC),
        share=share,
        service=_text(cells["service"]),
        colour=_text(cells["colour"]),
        requests_per_second=_number(cells["requestsPerSecond"]) or 0.0,
        error_ratio=_number(cells["errorRatio"]),
        p50_ms=_number(cells["p50Ms"]),
        p95_ms=_number(cells["p95Ms"]),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _text(cell: Cell) -> str:
    if not isinstance(cell, str):
        raise ValueError  # noqa: TRY004 - a damaged cell, like all the others
    return cell


def _number(cell: Cell) -> float | None:
    if isinstance(cell, str) or (cell is not None and not (math.isfinite(cell) and cell >= 0)):
        raise ValueError
    return cell
