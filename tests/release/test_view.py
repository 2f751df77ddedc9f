"""What people see of a release while it runs: in lines, on a screen, and as JSON."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from release.cli.progress import Pace, bar, doing, left, steps, traffic
from release.cli.view import JsonLines, Lines, Screen, View
from release.model import Event, Finding, Kind, Order, Outcome, Release, Status, Step, Strategy
from release.runner import Look
from tests.release.world import START, order, release

SOAK = 10.0
FIGURES: dict[str, Any] = {
    "outcome": "pass",
    "errors of the backend": {"requests": 453, "errors": 0, "stableRequests": 3993, "stableErrors": 2},
    "latency of the backend": {"p95Ms": 0.48, "stableP95Ms": 12.4},
    "errors of the frontend": {"requests": 292, "errors": 1, "stableRequests": 0, "stableErrors": 0},
    "latency of the frontend": {"p95Ms": None, "stableP95Ms": None},
}


class Seen:
    """A watch as views see it."""

    def __init__(self, elapsed: float = 0.0, verdict: Finding | None = None) -> None:
        self.elapsed, self.verdict = elapsed, verdict
        self.alarm = None

    def _never(self, *_: object) -> Any:
        raise AssertionError("a view only looks")

    look = arm = begin = end = take = first_bad = _never


def made(**changes: Any) -> Release:
    wanted: Order = order(soak_seconds=SOAK, steps=(10, 50, 100), version="2.0.0")
    return release(wanted).model_copy(update={"status": Status.IN_PROGRESS, **changes})


def at(number: int, *, begun: bool = True, **changes: Any) -> Release:
    """Before step ``number``, or in it."""
    return made(done=number, begun=begun, **changes)


WATCH_10 = next(number for number, step in enumerate(made().steps) if str(step) == "watch at 10 %")


def look(of: Release, why: str = "shift to 10 %", *, event: Event | None = None, **changes: Any) -> Look:
    said = {"line": event.text, "event": event} if event is not None else {}
    given: dict[str, Any] = {"release": of, "why": why, "share": 10, "watch": Seen(), **said, **changes}
    return Look(**given)


def event(kind: str, text: str, step: str | None = None, seconds: float = 0.0, **figures: Any) -> Event:
    return Event(at=START + timedelta(seconds=seconds), kind=kind, text=text, step=step, figures=figures)


class Told:
    """A plain view and what it has printed."""

    def __init__(self) -> None:
        self.text, self.time = io.StringIO(), 0.0
        console = Console(file=self.text, width=80, color_system=None)
        self.view = Lines(console, lambda: self.time, lambda: START + timedelta(seconds=self.time))

    def lines(self) -> list[str]:
        """Without the time of day."""
        return [line.removeprefix("00:00:00 ") for line in self.text.getvalue().splitlines()]


def test_a_release_is_named_first_and_each_step_once_when_it_is_done() -> None:
    told = Told()
    for one in (
        look(at(0), event=event("begin", "check", "check")),
        look(at(0), "check"),
        look(at(1, begun=False), event=event("done", "8 checks passed", "check", 4.2)),
        look(at(4), event=event("begin", "shift to 10 %", "shift to 10 %", 10)),
        look(at(4)),
        look(at(5, begun=False), event=event("done", "shift to 10 %", "shift to 10 %", 18.9)),
    ):
        told.view(one)
    assert told.lines() == [
        "deploy 20260101-000000-test: 2.0.0 to green, in progress, canary 10 → 50 → 100 %",
        "✓ check: 8 checks passed  (4.2 s)",
        "✓ shift to 10 %  (8.9 s)",
    ]


def test_watching_is_announced_and_its_verdict_is_short() -> None:
    told = Told()
    told.view(look(at(WATCH_10), event=event("begin", "watch at 10 %", "watch at 10 %")))
    text = "backend green: 0 of 453 answers were 5xx (0 %); frontend green: …"
    told.view(look(at(WATCH_10 + 1), event=event("verdict", text, "watch at 10 %", 12.0, **FIGURES)))
    assert told.lines()[1:] == [
        "▶ watch at 10 %, for 10 s",
        "✓ watch at 10 %: backend 0 of 453 failed (stable 2 of 3,993), p95 0.48 ms (stable 12 ms); "
        "frontend 1 of 292 failed  (12 s)",
    ]


def test_a_person_who_lets_a_step_pass_is_not_hidden_by_figures() -> None:
    told = Told()
    told.view(look(at(WATCH_10 + 1), event=event("verdict", "a person promoted it", "watch at 10 %", **FIGURES)))
    assert told.lines()[1:] == ["✓ watch at 10 %: a person promoted it"]


def test_checks_are_shown_in_lines_and_the_engines_own_steps_are_not() -> None:
    told = Told()
    told.view(look(at(0), line="quota: pass: pods 32 left"))
    told.view(look(at(0), line="scan: inconclusive: no verdict"))
    told.view(look(at(3), line="update app-green-backend-deployment"))
    assert told.lines()[1:] == ["  quota: pods 32 left", "  scan: inconclusive: no verdict"]


def test_turning_back_says_why_and_that_the_traffic_is_back() -> None:
    told = Told()
    why = "turns back: backend green: 3 of 5 answers were 5xx"
    told.view(look(at(WATCH_10, returning=True, returned=1, begun=False), event=event("alarm", why)))
    told.view(look(at(WATCH_10, returning=True, returned=0, begun=False), event=event("failed", "turns back: x")))
    assert told.lines()[1:] == [f"✗ {why}", "  ↩ all requests go to blue again", "✗ turns back: x"]


def test_how_it_ended_is_left_to_the_command() -> None:
    told = Told()
    told.view(look(at(10, status=Status.SUCCESS, begun=False), event=event("status", "success")))
    assert told.lines() == ["deploy 20260101-000000-test: 2.0.0 to green, success, canary 10 → 50 → 100 %"]


def test_while_nothing_happens_there_is_a_line_now_and_then() -> None:
    told = Told()
    for second in range(40):
        told.time = float(second)
        told.view(look(at(WATCH_10), "watch at 10 %", watch=Seen(second / 4)))
    assert [line[9:] for line in told.text.getvalue().splitlines()[1:]] == [
        "… watches at 10 %: 4 of 10 s; nothing is measured yet; 10 % on green, 0 requests/s; about 50 s left",
        "… watches at 10 %: 8 of 10 s; nothing is measured yet; 10 % on green, 0 requests/s; about 46 s left",
    ]


def test_that_it_waits_for_a_person_is_said_at_once_and_once() -> None:
    gated = made()
    stops = tuple(replace_gate(step) for step in gated.steps)
    waits = gated.model_copy(update={"steps": stops, "done": WATCH_10 + 1, "begun": False})
    told = Told()
    for second in range(3):
        told.time = float(second)
        told.view(look(waits, "waits for a person before it goes to 50 %: release promote"))
    assert [line[9:] for line in told.text.getvalue().splitlines()[1:]] == [
        "… waits for a person before it goes to 50 %: release promote; 10 % on green, 0 requests/s"
    ]


def replace_gate(step: Step) -> Step:
    return step.model_copy(update={"gate": step.kind is Kind.SHIFT and step.share > 10})


def test_a_step_that_is_not_decided_yet_says_why_in_few_words() -> None:
    found = Finding(name="verdict", outcome=Outcome.INCONCLUSIVE, text="frontend green: 0 of 9 answers " + "x" * 500)
    text = doing(look(at(WATCH_10), watch=Seen(3.2, found)))
    assert text.startswith("watches at 10 %: 3 of 10 s; not decided yet: frontend green: 0 of 9 answers xxx")
    assert len(text) == len("watches at 10 %: 3 of 10 s; not decided yet: ") + 140


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.PASS, "no worse than stable so far"),
        (Outcome.FAIL, "worse than stable"),
        (Outcome.HALT, "stable is ill as well"),
    ],
)
def test_a_verdict_so_far_is_said_in_words(outcome: Outcome, words: str) -> None:
    seen = Seen(3.0, Finding(name="verdict", outcome=outcome, text="figures"))
    assert doing(look(at(WATCH_10), watch=seen)) == f"watches at 10 %: 3 of 10 s; {words}"


def test_the_time_left_counts_watching_and_the_moves_at_the_pace_seen() -> None:
    pace = Pace()
    here = look(at(WATCH_10), watch=Seen(4.0))
    # Two more shares and the end: three moves; 30 seconds of watching, of which 4 are over.
    assert left(here, pace) == "; about 50 s left"
    pace.see(event("begin", "shift to 10 %", "shift to 10 %", 0))
    assert pace.see(event("done", "shift to 10 %", "shift to 10 %", 2)) == 2.0
    assert left(here, pace) == "; about 32 s left"
    # A step that takes longer than planned takes nothing from those to come.
    assert left(look(at(WATCH_10), watch=Seen(15.0)), pace) == "; about 26 s left"


@pytest.mark.parametrize("changes", [{"returning": True}, {"paused": True}, {"status": Status.SUCCESS}])
def test_no_time_is_promised_where_it_depends_on_others(changes: dict[str, Any]) -> None:
    assert left(look(at(WATCH_10, **changes)), Pace()) == ""


def test_all_steps_fit_on_one_line_of_a_small_terminal() -> None:
    wanted = order(soak_seconds=SOAK, steps=(10, 25, 50, 75, 100))
    here = release(wanted).model_copy(update={"done": 5, "begun": True, "status": Status.IN_PROGRESS})
    text = steps(look(here)).plain
    assert text == "✓ check ✓ save ✓ provision ✓ verify ▶ 10 % · 25 % · 50 % · 75 % · 100 % · close "
    assert len(text.rstrip()) <= 80


def test_the_way_back_follows_the_steps() -> None:
    text = steps(look(at(WATCH_10, returning=True, returned=1, begun=True))).plain
    assert text == "✓ check ✓ save ✓ provision ✓ verify · 10 % · 50 % · 100 % · close ✓ divert ▶ settle "


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, f"blue 100 % {'█' * 40} green 0 %"),
        (1, f"blue 99 % {'█' * 39}▒ green 1 %"),
        (100, f"blue 0 % {'▒' * 40} green 100 %"),
        (None, "shares: not known at the moment"),
    ],
)
def test_the_bar_shows_both_shares(share: int | None, expected: str) -> None:
    assert bar(look(made(), share=share)).plain == expected


def test_traffic_that_cannot_be_seen_is_called_unknown() -> None:
    assert traffic(look(made(), share=None)) == "unknown share on green, 0 requests/s"


Terminal = tuple[Screen, io.StringIO, Callable[[datetime], None]]


@pytest.fixture
def terminal() -> Callable[[int, int], Terminal]:
    def make(width: int, height: int) -> Terminal:
        text, times = io.StringIO(), [START]
        console = Console(file=text, width=width, height=height, force_terminal=True, color_system=None)
        screen = Screen(console, lambda: times[-1])
        screen._live.auto_refresh = False  # drawn when asked to, by no thread
        return screen, text, times.append

    return make


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (160, 50)])
def test_the_screen_keeps_what_has_happened_and_draws_the_rest_within_its_bounds(
    terminal: Callable[[int, int], Terminal], width: int, height: int
) -> None:
    screen, text, _ = terminal(width, height)
    found = Finding(name="verdict", outcome=Outcome.INCONCLUSIVE, text="frontend green: 0 of 9 answers " * 20)
    here = look(at(WATCH_10), "watch at 10 %", watch=Seen(4.0, found))
    with screen:
        screen(look(at(3), line="update app-green-" + "x" * 200))
        screen(look(at(4), event=event("done", "provision", "provision", 9)))
        screen(here)
        drawn = screen._drawn(here)
        lines = screen._console.render_lines(drawn, pad=False)
    assert len(lines) <= 17
    assert max(sum(segment.cell_length for segment in line) for line in lines) <= width
    assert text.getvalue().count("00:00:00 ✓ provision") == 1


def test_the_screens_height_stays_the_same_from_look_to_look(terminal: Callable[[int, int], Terminal]) -> None:
    screen, _, _ = terminal(100, 30)
    heights = set()
    with screen:
        for one in (
            look(at(0), "check"),
            look(at(0), line="cluster: pass: ready"),
            look(at(WATCH_10), "watch at 10 %", watch=Seen(4.0)),
            look(at(WATCH_10), "watch at 10 %", watch=Seen(9.0)),
        ):
            screen(one)
            heights.add(len(screen._console.render_lines(screen._drawn(one), pad=False)))
    assert len(heights) == 1


def test_json_tells_what_kind_of_thing_happened() -> None:
    written: list[str] = []
    view: View = JsonLines(written.append, lambda: START)
    with view:
        view(look(at(3), event=event("begin", "shift to 10 %", "shift to 10 %")))
        view(look(at(3), line="update route"))
        view(look(at(3)))
    common = {
        "at": "2026-01-01T00:00:00+00:00",
        "release": "20260101-000000-test",
        "status": "in progress",
        "done": 3,
        "share": 10,
    }
    assert [json.loads(line) for line in written] == [
        {**common, "kind": "begin", "step": "shift to 10 %", "text": "shift to 10 %"},
        {**common, "kind": "detail", "step": None, "text": "update route"},
    ]


def test_a_rolling_release_and_a_rollback_are_named_for_what_they_are() -> None:
    rolling = release(order(Strategy.ROLLING)).model_copy(update={"status": Status.IN_PROGRESS})
    told = Told()
    told.view(look(rolling))
    other = Told()
    other.view(look(rolling.model_copy(update={"kind": "rollback"})))
    assert [told.lines()[0], other.lines()[0]] == [
        "deploy 20260101-000000-test: 2.0.0 to blue, in progress, rolling",
        "rollback 20260101-000000-test: 2.0.0 to blue, in progress",
    ]


def test_looks_are_not_changed_by_views() -> None:
    one = look(at(3))
    told = Told()
    told.view(one)
    assert replace(one) == one
