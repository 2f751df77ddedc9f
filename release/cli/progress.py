"""How far a release is, in words, figures and a bar: what both views and ``release status`` are made of. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from rich.table import Table
from rich.text import Text

from release.model import Colour, Event, Kind, Outcome, Release, Status, Step
from release.report.say import duration, short
from release.report.series import Row
from release.runner import MOVING, Look
from release.watch import FULL, Watch

USUAL: Final = 8.0
"""Seconds that an update takes, as long as none was seen."""
BAR: Final = 40
"""Width of the bar that shows the shares."""
WHY: Final = 140
"""Characters of the reason why a step is not decided yet."""
SERVICES: Final = ("backend", "frontend")
_STYLE: Final = {
    Status.SUCCESS: "green",
    Status.FAILED: "red",
    Status.ROLLED_BACK: "yellow",
}
_SO_FAR: Final = {
    Outcome.PASS: "no worse than stable so far",
    Outcome.FAIL: "worse than stable",
    Outcome.HALT: "stable is ill as well",
}


@dataclass(kw_only=True)
class Pace:
    """How long steps take, by the events seen so far."""

    _begun: dict[str, datetime] = field(default_factory=dict)
    _took: list[float] = field(default_factory=list)

    def see(self, event: Event) -> float | None:
        """Another event; how many seconds the step took that it ends, if it ends one whose beginning was seen."""
        if event.step is None:
            return None
        if event.kind == "begin":
            self._begun[event.step] = event.at
            return None
        begun = self._begun.pop(event.step, None)
        if begun is None:
            return None
        seconds = max(0.0, (event.at - begun).total_seconds())
        if event.step.startswith(str(Kind.SHIFT)):
            self._took.append(seconds)
        return seconds

    @property
    def move(self) -> float:
        """Seconds that one change of the shares takes."""
        return sum(self._took) / len(self._took) if self._took else USUAL


def headline(release: Release) -> Text:
    """Which release this is and how it stands."""
    text = Text(f"{release.kind} {release.id}: {release.order.version} to {release.candidate}, ")
    return text.append(release.status.value, style=_STYLE.get(release.status, "cyan"))


def steps(look: Look) -> Text:
    """All steps in a line: done, current, to come. A share and its watching are one."""
    release = look.release
    text = Text()
    number = 0
    for name, group in groupby(release.steps, key=_group):
        size = len(list(group))
        done = number + size <= release.done
        now = number <= release.done < number + size and not release.returning
        mark, style = ("✓", "green") if done else ("▶", "bold cyan") if now else ("·", "dim")
        text.append(f"{mark} {name} ", style=style)
        number += size
    for number, step in enumerate(release.way_back if release.returning else ()):
        mark, style = ("✓", "yellow") if number < release.returned else ("▶", "bold yellow")
        text.append(f"{mark} {step} ", style=style)
    return text


def bar(look: Look) -> Text:
    """The shares of both colours, in their colours."""
    if look.share is None:
        return Text("shares: not known at the moment", style="yellow")
    candidate, other = look.release.candidate, look.release.candidate.other
    own = round(BAR * look.share / FULL)
    own = max(1, own) if look.share else own
    return Text.assemble(
        (f"{other} {FULL - look.share} % ", str(other)),
        ("█" * (BAR - own), str(other)),
        ("▒" * own, str(candidate)),  # told apart without colours, too
        (f" {candidate} {look.share} %", str(candidate)),
    )


def figures(look: Look) -> Table:
    """Requests, errors and latency of each colour of each service, of the last two seconds. Always as many rows."""
    candidate = look.release.candidate
    table = Table(box=None, pad_edge=False)
    for name in ("service", "colour"):
        table.add_column(name)
    for name in ("requests/s", "errors", "p50 ms", "p95 ms"):
        table.add_column(name, justify="right", min_width=7)
    rows = {(row.service, row.colour): row for row in newest(look)}
    for service in sorted({service for service, _ in rows} or SERVICES):
        for colour in Colour:
            row = rows.get((service, colour.value))
            name = f"{colour} (new)" if colour is candidate else str(colour)
            if row is None:
                table.add_row(service, name, *["–"] * 4)
                continue
            errors = Text(_number(row.error_ratio, 100, " %"), style="bold red" if row.error_ratio else "")
            table.add_row(
                service,
                name,
                f"{row.requests_per_second:.1f}",
                errors,
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
    """The candidate's traffic in a few words."""
    share = "unknown share" if look.share is None else f"{look.share} %"
    own = [row for row in newest(look) if row.colour == look.release.candidate.value]
    rate = sum(row.requests_per_second for row in own)
    bad = sum((row.error_ratio or 0.0) * row.requests_per_second for row in own)
    errors = f", {100 * bad / rate:.1f} % errors" if rate else ""
    return f"{share} on {look.release.candidate}, {rate:.0f} requests/s{errors}"


def doing(look: Look) -> str:
    """What is going on."""
    release, watch = look.release, look.watch
    ahead = release.steps[release.done : release.done + 1]
    if release.returning or not release.begun or not ahead or ahead[0].kind is not Kind.WATCH:
        return look.why
    verdict = watch.verdict
    if verdict is None:
        found = "nothing is measured yet"
    else:
        found = _SO_FAR.get(verdict.outcome) or f"not decided yet: {short(verdict.text, WHY)}"
    return f"watches at {ahead[0].share} %: {watch.elapsed:.0f} of {ahead[0].seconds:.0f} s; {found}"


def left(look: Look, pace: Pace) -> str:
    """How long it will take yet, if all goes well and nobody has to be waited for."""
    release = look.release
    ahead = release.steps[release.done :]
    if release.status.ended or release.returning or release.paused or any(step.gate for step in ahead):
        return ""
    watching = sum(step.seconds for step in ahead)
    watched = min(look.watch.elapsed, ahead[0].seconds) if ahead else 0.0
    moving = sum(step.kind in MOVING for step in ahead) * pace.move
    return f"; about {duration(round(watching - watched + moving))} left"


def _group(step: Step) -> str:
    """What a step is called in the line of all: a share and its watching alike."""
    return f"{step.share} %" if step.kind in {Kind.SHIFT, Kind.WATCH} else str(step)


def _number(value: float | None, factor: float, unit: str) -> str:
    return "–" if value is None else f"{value * factor:.1f}{unit}"
