"""What each chapter has shown, and the table at the end. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

_VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})\.\d{1,6}", re.ASCII)
FIRST: Final = (2, 0)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One chapter."""

    title: str
    found: str
    """What came out, in figures."""
    requests: int
    failed: int
    as_promised: bool
    release: str | None = None
    """Its release, for the report."""


def next_versions(known: Sequence[str], count: int) -> list[str]:
    """Versions that come after all of ``known``: after ``1.4.2`` and ``1.3.0`` come ``1.5.0`` and ``1.6.0``."""
    found = [(int(match[1]), int(match[2])) for one in known if (match := _VERSION.match(one))]
    major, minor = max(found, default=FIRST)
    return [f"{major}.{minor + number}.0" for number in range(1, count + 1)]


def summary(shown: Sequence[Shown]) -> Table:
    """The table at the end of the story."""
    table = Table("", "what was shown", "figures")
    table.add_column("requests", justify="right")
    table.add_column("lost", justify="right")
    for one in shown:
        table.add_row(
            "[green]✓[/]" if one.as_promised else "[red]✗[/]",
            one.title,
            one.found,
            f"{one.requests:,}",
            f"{one.failed:,}",
        )
    return table
