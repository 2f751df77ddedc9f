"""How work shows itself, on a terminal and without one."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from rehearsal.report import Bars, Lines, reporter


class Clock:
    """Time that stands still unless moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_step_is_one_line_with_the_time_since_the_beginning(clock: Clock) -> None:
    lines, read = _lines(clock)
    clock.now = 62.9
    lines.step("[bold]etcd[/bold] is up")
    lines.note("by the way")
    assert read() == "   1:02  [bold]etcd[/bold] is up\n   1:02  by the way\n"


def test_progress_is_a_line_every_ten_seconds_for_each_piece_of_work(clock: Clock) -> None:
    lines, read = _lines(clock)
    for clock.now in (0.0, 1.0, 9.9, 10.0, 12.0):
        lines.progress("cluster", int(clock.now), 40)
    lines.progress("pulumi", 1, 3)
    assert read().splitlines() == [
        "   0:00  cluster: 0 of 40 (0 %)",
        "   0:10  cluster: 10 of 40 (25 %)",
        "   0:12  pulumi: 1 of 3 (33 %)",
    ]


def test_work_that_has_ended_says_nothing_and_may_begin_again(clock: Clock) -> None:
    lines, read = _lines(clock)
    lines.progress("cluster", 1, 2)
    lines.progress("cluster", 2, 2)
    lines.progress("cluster", 0, 2)
    assert read().splitlines() == ["   0:00  cluster: 1 of 2 (50 %)", "   0:00  cluster: 0 of 2 (0 %)"]


def test_without_a_terminal_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    assert type(reporter(io.StringIO())) is Lines


def test_a_terminal_has_bars_while_work_lasts_and_lines_above_them(clock: Clock) -> None:
    bars = Bars(stream=io.StringIO(), clock=clock)
    stream = io.StringIO()
    bars._console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    bars.progress("cluster", 1, 2)
    bars.progress("pulumi", 1, 3)
    bars.step("etcd is up")
    bars.progress("cluster", 2, 2)
    assert bars._drawn is not None
    bars.progress("pulumi", 3, 3)
    assert bars._drawn is None
    assert "   0:00  etcd is up\n" in stream.getvalue()
    assert "cluster" in stream.getvalue()


def _lines(clock: Clock) -> tuple[Lines, Callable[[], str]]:
    stream = io.StringIO()
    return Lines(stream=stream, clock=clock), stream.getvalue
