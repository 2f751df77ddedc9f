"""Figures, times and other people's text in words, the same in every output. Pure."""

import unicodedata
from datetime import UTC, datetime
from typing import Final

from release.report.figures import Figure, Unit

NOTHING: Final = "n/a"
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_WORDS: Final = {True: "met", False: "missed", None: "–"}


def figure(one: Figure) -> str:
    """The value with its unit; ``n/a`` where there is none."""
    if one.value is None:
        return NOTHING
    match one.unit:
        case Unit.SECONDS:
            return duration(one.value)
        case Unit.RATIO:
            return ratio(one.value)
        case Unit.PER_DAY:
            return f"{one.value:.2f} a day"
        case Unit.PER_MONTH:
            return f"{one.value:.1f} in 30 days"


def target(one: Figure) -> str:
    """What was asked for, and by which requirement."""
    return f"{one.target.text} ({one.target.requirement})" if one.target else "–"


def met(one: Figure) -> str:
    """Whether the target is met, in a word."""
    if one.target is not None and one.met is None:
        return "not known"
    return _WORDS[one.met]


def ratio(value: float) -> str:
    """0–1 in per cent; what is not quite 100 % never reads as 100 %."""
    if 0.999 < value < 1:  # noqa: PLR2004 - here the third digit is the news
        return f"{min(value, 0.99999) * 100:.3f} %"
    return f"{value * 100:.1f} %"


def duration(seconds: float) -> str:
    """Two units at most: ``42 s``, ``4 min 12 s``, ``3 h 5 min``, ``2 d 4 h``; under ten seconds with a tenth."""
    if seconds < 10:  # noqa: PLR2004 - see above
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def elapsed(seconds: float) -> str:
    """Since the start, as a clock shows it: ``4:12``, ``1:04:12``."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, _HOUR)
    minutes, seconds_left = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"


def moment(at: datetime | None) -> str:
    """A time in UTC."""
    return "–" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plain(text: str) -> str:
    """Other people's text on one line, without signs that are not seen: nothing moves a cursor or turns around."""
    shown = "".join(" " if unicodedata.category(sign) in _HIDDEN else sign for sign in text)
    return " ".join(shown.split())


def short(text: str, limit: int) -> str:
    """:func:`plain`, at most ``limit`` characters."""
    shown = plain(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
