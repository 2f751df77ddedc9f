"""Names of releases, and of those who run them. Pure: clock and random numbers are passed in."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what people mistake for one another: 0 and o, 1, i and l."""
_DRAWN: Final = 4
_TIME: Final = "%Y%m%d-%H%M%S"
_SHAPE: Final = re.compile(r"(\d{8}-\d{6})-[a-z0-9]+")
_HOLDER_LENGTH: Final = 40

Draw = Callable[[int], int]
"""A random number from 0 to below its argument, such as ``random.randrange`` or ``secrets.randbelow``."""


def new_id(now: datetime, draw: Draw, *, after: str | None = None) -> str:
    """An identifier such as ``20261124-104559-k3f9``: safe in names of objects, and greater than ``after``.

    ``after`` is the newest known release. Where a runner's clock is behind the one that named it, the identifier
    continues from there: sorted by identifier, releases are in the order in which they began, whatever the clocks.
    """
    moment = now.astimezone(UTC).replace(microsecond=0)
    last = _time_of(after or "")
    if last is not None:
        moment = max(moment, last + timedelta(seconds=1))
    return f"{moment.strftime(_TIME)}-{_word(draw, _DRAWN)}"


def holder(*, user: str, host: str, pid: int, draw: Draw) -> str:
    """Who holds a lock: ``user@host/pid/random``. Two processes never have the same, even with the same pid."""
    return f"{_plain(user)}@{_plain(host)}/{pid}/{_word(draw, 8)}"


def _time_of(release_id: str) -> datetime | None:
    match = _SHAPE.fullmatch(release_id)
    try:
        return datetime.strptime(match.group(1), _TIME).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def _word(draw: Draw, length: int) -> str:
    return "".join(ALPHABET[draw(len(ALPHABET))] for _ in range(length))


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:_HOLDER_LENGTH] or "unknown"
