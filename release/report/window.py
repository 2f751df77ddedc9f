"""The window of time that a report covers. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

DAY: Final = timedelta(days=1)
MONTH: Final = 30 * DAY
"""What "a month" means in a target."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """From ``since`` (included) to ``until`` (excluded), both aware and kept in UTC.

    Raises ``ValueError`` for a naive time or a window that does not go forward.
    """

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("the report's window must have a time zone")
        if not self.since < self.until:
            raise ValueError("the report's window must end after it begins")
        object.__setattr__(self, "since", self.since.astimezone(UTC))
        object.__setattr__(self, "until", self.until.astimezone(UTC))

    @property
    def days(self) -> float:
        """Its length in days of 24 hours."""
        return (self.until - self.since) / DAY

    def holds(self, moment: datetime | None) -> bool:
        """Whether ``moment`` lies in it."""
        return moment is not None and self.since <= moment < self.until

    def whole_days(self) -> list[datetime]:
        """Midnights of the days (UTC) that lie wholly in it."""
        midnight = _midnight(self.since)
        first = midnight if midnight == self.since else midnight + DAY
        return [first + index * DAY for index in range(max(0, (self.until - first) // DAY))]

    def touched_days(self) -> list[datetime]:
        """Midnights of the days (UTC) of which any part lies in it."""
        first, last = _midnight(self.since), _midnight(self.until - timedelta(microseconds=1))
        return [first + index * DAY for index in range((last - first) // DAY + 1)]


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
