"""What is to be seen while a release runs: a live view in a terminal, plain lines elsewhere, JSON for programs."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from release.cli.progress import Pace, bar, doing, figures, headline, left, steps, traffic
from release.model import Event, Kind, Outcome, Release, Strategy
from release.report.brief import brief
from release.report.say import duration
from release.runner import Look

STEADY: Final = 15.0
"""Seconds between two plain lines while nothing happens."""
DOING_LINES: Final = 2
"""Lines for what is going on, and why."""
LAST_LINES: Final = 3
"""Details that the live view shows, such as the last resources that an update touched."""


class View(Protocol):
    """Shows looks. A context manager, so that a terminal is left as it was."""

    def __call__(self, look: Look) -> None:
        """Show one."""

    def __enter__(self) -> "View":
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""


class Lines:
    """Plain lines: what has happened, and now and then what is going on."""

    def __init__(self, console: Console, monotonic: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._console, self._monotonic, self._now = console, monotonic, now
        self._pace = Pace()
        self._last, self._named, self._waits = float("-inf"), False, ""

    def __call__(self, look: Look) -> None:
        """A line if something happened, or a while after the last one."""
        now = self._monotonic()
        if not self._named:
            self._named = True
            self._print(opening(look.release), now)
        if look.event is not None:
            text = told(look, look.event, self._pace.see(look.event))
            if text is not None:
                self._print(text, now)
        elif look.line is not None:
            if current(look.release) is Kind.CHECK:
                self._print(Text(f"  {detail(look.line)}"), now)
        elif self._is_new(look) or now - self._last >= STEADY:
            self._print(Text(f"… {doing(look)}; {traffic(look)}{left(look, self._pace)}"), now)

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy up."""

    def _is_new(self, look: Look) -> bool:
        """Whether it waits for a person, and has not said so yet."""
        waits = look.why if look.release.paused or waits_for_a_person(look) else ""
        new, self._waits = bool(waits) and waits != self._waits, waits
        return new

    def _print(self, text: Text, now: float) -> None:
        self._last = now
        stamp = Text(f"{self._now():%H:%M:%S} ", style="dim")
        self._console.print(stamp.append_text(text), soft_wrap=True)


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
                        "kind": look.event.kind if look.event is not None else "detail",
                        "step": look.event.step if look.event is not None else None,
                        "text": look.line,
                    }
                )
            )

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy up."""


class Screen:
    """What has happened as lines that stay; below them, while it runs, what is going on, drawn anew and anew."""

    def __init__(self, console: Console, now: Callable[[], datetime]) -> None:
        self._console, self._now = console, now
        self._pace = Pace()
        self._details: list[str] = []
        self._named = False
        # Removed in the end: what matters of it stays in the lines above.
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def __call__(self, look: Look) -> None:
        """Draw anew."""
        if not self._named:
            self._named = True
            self._print(opening(look.release))
        if look.event is not None:
            self._details = []
            text = told(look, look.event, self._pace.see(look.event))
            if text is not None and look.event.kind != "begin":
                self._print(text)
        elif look.line is not None:
            self._details = [*self._details, detail(look.line)][-LAST_LINES:]
        self._live.update(self._drawn(look))

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _print(self, text: Text) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(f"{self._now():%H:%M:%S}", style="dim"), text)
        self._console.print(line)

    def _drawn(self, look: Look) -> Group:
        elapsed = (self._now() - look.release.times.started).total_seconds()
        return Group(
            Text(""),
            headline(look.release).append(f", {duration(max(0.0, elapsed))}{left(look, self._pace)}", style="dim"),
            steps(look),
            bar(look),
            Padding(figures(look), (1, 0)),
            *self._doing(look),
            *(_one_line(line) for line in [*self._details, *[""] * LAST_LINES][:LAST_LINES]),
        )

    def _doing(self, look: Look) -> list[Text]:
        """Always as many lines, so that nothing jumps."""
        text = Text(doing(look), style="bold")
        lines = text.wrap(self._console, self._console.width, no_wrap=False)[:DOING_LINES]
        return [*lines, *[Text("")] * DOING_LINES][:DOING_LINES]


def opening(release: Release) -> Text:
    """The first line: what is about to happen."""
    order = release.order
    shares = " → ".join(str(step.share) for step in release.steps if step.kind is Kind.SHIFT)
    how = f", {order.strategy.value}" + (f" {shares} %" if order.strategy is Strategy.CANARY and shares else "")
    return headline(release).append(how if release.kind == "deploy" else "")


def told(look: Look, event: Event, seconds: float | None) -> Text | None:
    """A line about one thing that happened; ``None`` where others say it. ``seconds``: how long a step took."""
    took = "" if seconds is None else f"  ({duration(seconds)})"
    name = event.step or ""
    match event.kind:
        case "begin":
            return _beginning(look, name)
        case "done":
            said = "" if event.text == name else f": {event.text}"
            return Text.assemble(("✓ ", "green"), f"{name}{said}", (took, "dim"))
        case "verdict":
            passed = event.figures.get("outcome") == Outcome.PASS
            mark = ("✓ ", "green") if passed else ("• ", "yellow")
            return Text.assemble(mark, f"{name}: {brief(event)}", (took, "dim"))
        case "alarm" | "failed":
            return Text.assemble(("✗ ", "bold red"), (event.text, "red"), _diverted(look.release))
        case "status":  # the command itself says how it ended
            return None
        case _:
            return Text.assemble(("• ", "cyan"), event.text)


def detail(line: str) -> str:
    """What is said while a step is being done, without what goes without saying."""
    return line.replace(": pass: ", ": ", 1)


def current(release: Release) -> Kind | None:
    """The kind of the step under way."""
    ahead = release.way_back[release.returned :] if release.returning else release.steps[release.done :]
    return ahead[0].kind if ahead and release.begun else None


def waits_for_a_person(look: Look) -> bool:
    """Whether the next step has a gate that nobody has opened yet."""
    release = look.release
    ahead = release.steps[release.done : release.done + 1]
    return not release.returning and not release.begun and any(step.gate for step in ahead)


def _beginning(look: Look, name: str) -> Text | None:
    """Only watching is announced: everything else is either short, or shown while it goes on."""
    ahead = look.release.steps[look.release.done : look.release.done + 1]
    if look.release.returning or not ahead or ahead[0].kind is not Kind.WATCH:
        return None
    return Text.assemble(("▶ ", "cyan"), f"{name}, for {duration(ahead[0].seconds)}")


def _diverted(release: Release) -> str:
    """That the traffic is back, where the turn itself took it back."""
    if release.returned and release.way_back and release.way_back[0].kind is Kind.DIVERT:
        return f"\n  ↩ all requests go to {release.stable} again"
    return ""


def _one_line(line: str) -> Text:
    return Text(line, style="dim", overflow="ellipsis", no_wrap=True)
