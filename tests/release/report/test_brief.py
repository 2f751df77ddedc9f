"""Verdicts in a few words."""

from typing import Any

import pytest

from release.model import Event
from release.report.brief import brief
from release.report.timeline import decisions, step_lines
from tests.release.world import START, order, release

FULL = "backend green: 1 of 453 answers were 5xx (0.22 %), stable 0 of 3,993; frontend green: 0 of 292 …; p95 …"
FIGURES: dict[str, Any] = {
    "outcome": "pass",
    "errors of the backend": {"requests": 453, "errors": 1, "stableRequests": 3993, "stableErrors": 0},
    "latency of the backend": {"p95Ms": 1204.0, "stableP95Ms": 38.2, "answers": 400},
    "errors of the frontend": {"requests": 292, "errors": 0, "stableRequests": 0, "stableErrors": 0},
    "error-ratio": {"measure": "error-ratio", "value": 0.0},
}
SHORT = "backend 1 of 453 failed (stable 0 of 3,993), p95 1.2 s (stable 38 ms); frontend 0 of 292 failed"


def verdict(text: str = FULL, **changes: Any) -> Event:
    return Event(at=START, kind="verdict", text=text, step="watch at 10 %", figures={**FIGURES, **changes})


def test_a_pass_is_told_by_its_figures() -> None:
    assert brief(verdict()) == SHORT


@pytest.mark.parametrize(
    "event",
    [
        verdict(outcome="fail"),
        verdict(outcome="inconclusive"),
        verdict("a person promoted it"),
        Event(at=START, kind="verdict", text="pass: all is well", figures={"outcome": "pass"}),
        Event(at=START, kind="verdict", text=FULL, figures={"outcome": "pass", "errors of the backend": "many"}),
    ],
)
def test_everything_else_is_told_as_it_was(event: Event) -> None:
    assert brief(event) == event.text


def test_a_report_says_a_pass_once_and_briefly() -> None:
    begin = Event(at=START, kind="begin", text="watch at 10 %", step="watch at 10 %")
    made = release(order(steps=(10, 100)))
    done = next(number for number, step in enumerate(made.steps, 1) if str(step) == "watch at 10 %")
    made = made.model_copy(update={"events": (begin, verdict()), "done": done})
    assert [(one.label, one.text) for one in decisions(made)] == [("watch at 10 %", ""), ("pass", "")]
    assert next(line.verdict for line in step_lines(made) if line.name == "watch at 10 %") == SHORT
