"""What is to be seen while a release runs: a live view in a terminal, plain lines elsewhere, JSON for programs."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from release.model import Kind, Outcome, Release, Status
from release.plan import longest
from release.report.series import Row
from release.runner import Look
from release.watch import Watch

STEADY: Final = 10.0
"""Seconds between two plain lines while nothing happens."""
LAST_LINES: Final = 8
_STYLE: Final = {
    Outcome.PASS: "green",
    Outcome.FAIL: "red",
    Outcome.HALT: "red",
    Outcome.INCONCLUSIVE: "yellow",
    Status.SUCCESS: "green",
    Status.FAILED: "red",
    Status.ROLLED_BACK: "yellow",
}


class View(Protocol):
    """Shows looks. A context manager, so that a terminal is left as it was."""

    def __call__(self, look: Look) -> None:
        """Show one."""

    def __enter__(self) -> "View":
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""


class Lines:
    """Plain lines: what happens, and now and then that nothing does."""

    def __init__(self, console: Console, monotonic: Callable[[], float]) -> None:
        self._console, self._monotonic = console, monotonic
        self._said, self._last = "", float("-inf")

    def __call__(self, look: Look) -> None:
        """A line if something happened, or a while after the last one."""
        now = self._monotonic()
        if look.line is not None:
            self._print(f"{look.line}", now)
        elif look.why != self._said and not look.release.status.ended:
            self._print(f"… {look.why}", now)
            self._said = look.why
        elif now - self._last >= STEADY:
            self._print(f"… {look.why}; {traffic(look)}", now)

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy up."""

    def _print(self, text: str, now: float) -> None:
        self._last = now
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class JsonLines:
    """One JSON document a line for each thing that happens."""

    def __init__(self, write: Callable[[str], object], now: Callable[[], datetime]) -> None:
        self._write, self._now = write, now

    def __call__(self, look: Look) -> None:
        """A document if something happened."""
        if look.line is not None:
            self._write(
                json.dumps(
                    {
                        "at": self._now().isoformat(),
                        "release": look.release.id,
                        "status": look.release.status.value,
                        "done": look.release.done,
                        "share": look.share,
                        "text": look.line,
                    }
                )
            )

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy up."""


class Screen:
    """One live view: steps, weights, figures of both colours, the verdict and the time that is left."""

    def __init__(self, console: Console, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lines: list[str] = []
        self._live = Live(console=console, refresh_per_second=4, transient=False)

    def __call__(self, look: Look) -> None:
        """Draw anew."""
        if look.line is not None:
            self._lines = [*self._lines, f"{self._now():%H:%M:%S} {look.line}"][-LAST_LINES:]
        self._live.update(self._drawn(look))

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _drawn(self, look: Look) -> Group:
        return Group(
            headline(look.release),
            steps(look),
            figures(look),
            Text(f"{look.why}{left(look)}", style="bold"),
            *(Text(line, style="dim") for line in self._lines),
        )


def headline(release: Release) -> Text:
    """Which release this is and how it stands."""
    text = Text(f"{release.kind} {release.id}: {release.order.version} to {release.candidate}, ")
    return text.append(release.status.value, style=_STYLE.get(release.status, "cyan"))


def steps(look: Look) -> Text:
    """All steps in a line: done, current, to come."""
    release = look.release
    text = Text()
    for number, step in enumerate(release.steps):
        done, current = number < release.done, number == release.done and release.begun and not release.returning
        mark, style = ("✓", "green") if done else ("▶", "bold cyan") if current else ("·", "dim")
        text.append(f"{mark} {step}  ", style=style)
    for number, step in enumerate(release.way_back if release.returning else ()):
        mark, style = ("✓", "yellow") if number < release.returned else ("▶", "bold yellow")
        text.append(f"{mark} {step}  ", style=style)
    return text


def figures(look: Look) -> Table:
    """Requests, errors and latency of each colour of each service, of the last two seconds."""
    table = Table("service", "colour", "share", "requests/s", "errors", "p50 ms", "p95 ms", box=None, pad_edge=False)
    candidate = look.release.candidate
    for row in newest(look):
        share = None if look.share is None else look.share if row.colour == candidate.value else 100 - look.share
        table.add_row(
            row.service,
            row.colour + (" (new)" if row.colour == candidate.value else ""),
            "?" if share is None else f"{share} %",
            f"{row.requests_per_second:.1f}",
            _number(row.error_ratio, 100, " %"),
            _number(row.p50_ms, 1, ""),
            _number(row.p95_ms, 1, ""),
        )
    return table


def newest(look: Look) -> list[Row]:
    """The rows of the last sample."""
    if not isinstance(look.watch, Watch) or not look.watch.rows:
        return []
    last = look.watch.rows[-1].at
    return [row for row in look.watch.rows[-8:] if row.at == last]


def traffic(look: Look) -> str:
    """The same in a few words."""
    share = "unknown share" if look.share is None else f"{look.share} % on {look.release.candidate}"
    own = [row for row in newest(look) if row.colour == look.release.candidate.value]
    bad = max((row.error_ratio or 0.0 for row in own), default=0.0)
    return f"{share}, {sum(row.requests_per_second for row in own):.0f} requests/s, {100 * bad:.1f} % errors"


def left(look: Look) -> str:
    """How long the watching may take yet, at most."""
    release = look.release
    if release.status.ended or release.returning:
        return ""
    seconds = longest(release.steps[release.done :]) - look.watch.elapsed
    if release.steps[release.done : release.done + 1] and release.steps[release.done].kind is Kind.WATCH:
        verdict = look.watch.verdict
        said = f" ({verdict.outcome.value} so far)" if verdict is not None else ""
    else:
        said = ""
    return f"{said}; at most {max(0, round(seconds))} s of watching left"


def _number(value: float | None, factor: float, unit: str) -> str:
    return "–" if value is None else f"{value * factor:.1f}{unit}"
