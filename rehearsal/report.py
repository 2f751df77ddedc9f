"""How long work shows itself: a line for each step, and a sign of life at least every few seconds."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

EVERY: Final = 10.0
"""Seconds between two lines about one piece of work, where there is no terminal to draw a bar on."""


def clock_of(seconds: float) -> str:
    """Seconds as minutes and seconds: ``6:02``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Reporter(Protocol):
    """Told how far long work has come. May be called from any thread."""

    def step(self, text: str) -> None:
        """A step begins or has ended."""

    def note(self, text: str) -> None:
        """Something worth knowing beside the steps."""

    def progress(self, name: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of the work called ``name`` are done. Called often; ``total`` ends it."""


@dataclass(kw_only=True)
class Lines:
    """Reports in plain lines: readable on a terminal and in a log alike."""

    stream: TextIO = field(default_factory=lambda: sys.stdout)
    clock: Callable[[], float] = time.monotonic
    _console: Console = field(init=False)
    _begun: float = field(init=False)
    _last: dict[str, float] = field(init=False, default_factory=dict)
    _lock: threading.RLock = field(init=False, default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Start counting the seconds that the lines show."""
        self._begun = self.clock()
        self._console = Console(file=self.stream, highlight=False, soft_wrap=True)

    def step(self, text: str) -> None:
        """One line, with the time since the beginning."""
        self._line(text, "")

    def note(self, text: str) -> None:
        """One line, dimmed where that can be."""
        self._line(text, "dim")

    def progress(self, name: str, done: int, total: int) -> None:
        """A line every few seconds."""
        with self._lock:
            now = self.clock()
            if done >= total:
                self._last.pop(name, None)
            elif now - self._last.get(name, -EVERY) >= EVERY:
                self._last[name] = now
                self.step(f"{name}: {done} of {total} ({100 * done // total} %)")

    def _line(self, text: str, style: str) -> None:
        seconds = self.clock() - self._begun
        with self._lock:
            self._console.print(Text.assemble((f"{clock_of(seconds):>7}  ", "dim"), (text, style)))


@dataclass(kw_only=True)
class Bars(Lines):
    """Reports on a terminal: lines for the steps, below them a bar for each piece of work while it lasts."""

    _drawn: Progress | None = field(init=False, default=None)
    _tasks: dict[str, TaskID] = field(init=False, default_factory=dict)

    def progress(self, name: str, done: int, total: int) -> None:
        """Draw or move a bar; it goes away with the work."""
        with self._lock:
            if done < total:
                drawn = self._drawn = self._drawn or self._draw()
                if name not in self._tasks:
                    self._tasks[name] = drawn.add_task(name, total=total)
                drawn.update(self._tasks[name], completed=done, total=total)
            elif self._drawn and name in self._tasks:
                self._drawn.remove_task(self._tasks.pop(name))
                if not self._tasks:
                    self._drawn.stop()
                    self._drawn = None

    def _draw(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        drawn = Progress(*columns, console=self._console, transient=True)
        drawn.start()
        return drawn


def reporter(stream: TextIO | None = None) -> Reporter:
    """Bars on a terminal, lines anywhere else."""
    stream = stream or sys.stdout
    console = Console(file=stream)
    return Bars(stream=stream) if console.is_terminal and not console.is_dumb_terminal else Lines(stream=stream)
