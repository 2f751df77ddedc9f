"""Figures as people read them. Pure."""

from math import isinf


def percent(part: int, whole: int) -> str:
    """A share, as ``6.6 %``; ``no answers`` of nothing."""
    return ratio(part / whole) if whole else "no answers"


def ratio(value: float) -> str:
    """A share of 1, as ``6.6 %``: two significant digits, and never 0 for what is not."""
    shown = value * 100
    if shown >= 10 or shown == 0:  # noqa: PLR2004 - digits, not a limit
        return f"{shown:.0f} %"
    return f"{shown:.1f} %" if shown >= 1 else f"{shown:.2g} %"


def of(part: int, whole: int) -> str:
    """``14 of 1,904``."""
    return f"{part:,} of {whole:,}"


def odds(value: float) -> str:
    """``3.1e+06 to 1``."""
    if isinf(value):
        return "more than 1e+300 to 1"
    return f"{value:.1e} to 1" if value >= 1e4 or value < 0.01 else f"{value:.3g} to 1"  # noqa: PLR2004 - digits


def duration(milliseconds: float) -> str:
    """``0.4 ms``, ``38 ms``, ``1.2 s``."""
    if milliseconds >= 1000:  # noqa: PLR2004 - a unit
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.2g} ms"  # noqa: PLR2004 - digits


def figure(value: float, unit: str) -> str:
    """``0.83``, ``412 ms``."""
    return f"{value:.3g} {unit}".rstrip() if abs(value) < 1000 else f"{value:,.0f} {unit}".rstrip()  # noqa: PLR2004 - digits
