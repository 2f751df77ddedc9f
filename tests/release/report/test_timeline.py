"""What happened within a release, told from its journal alone."""

from datetime import timedelta
from typing import Any

import pytest

from release.model import Event, Kind, Status, Step
from release.report.timeline import State, Tone, decisions, outcome, step_lines
from tests.release.report.samples import BAD, START, at, canary, release

STEPS = (Step(kind=Kind.CHECK), Step(kind=Kind.PROVISION), Step(kind=Kind.SHIFT, share=100))


def event(kind: str, text: str = "", step: str | None = None, second: int = 0, **figures: Any) -> Event:
    return Event(at=START + timedelta(seconds=second), kind=kind, text=text, step=step, figures=figures)


def states(**changes: Any) -> list[tuple[str, str]]:
    begun = (event("begin", step="check"), event("done", step="check"), event("begin", step="provision"))
    given: dict[str, Any] = {"steps": STEPS, "done": 1, "begun": True, "events": begun, "minutes": None}
    return [(line.name, line.state.value) for line in step_lines(release("1", at(), **{**given, **changes}))]


@pytest.mark.parametrize(
    ("status", "state"),
    [(Status.IN_PROGRESS, "running"), (Status.FAILED, "failed"), (Status.ROLLED_BACK, "failed")],
)
def test_the_step_at_hand_runs_until_the_release_ends_otherwise(status: Status, state: str) -> None:
    assert states(status=status) == [("check", "done"), ("provision", state), ("shift to 100 %", "not reached")]


def test_a_step_that_never_began_did_not_fail() -> None:
    assert states(status=Status.FAILED, events=())[1] == ("provision", "not reached")


def test_while_it_comes_back_the_step_that_failed_has_failed_and_the_way_back_runs() -> None:
    back = (Step(kind=Kind.DIVERT), Step(kind=Kind.SETTLE))
    events = (event("begin", step="provision"), event("begin", step="divert"))
    given: dict[str, Any] = {"returning": True, "way_back": back, "events": events, "status": Status.IN_PROGRESS}
    assert states(**given)[1:] == [
        ("provision", "failed"),
        ("shift to 100 %", "not reached"),
        ("divert", "running"),
        ("settle", "not reached"),
    ]


def test_a_step_has_its_times_and_the_last_word_on_it() -> None:
    line = next(one for one in step_lines(canary()) if one.name == "watch at 25 %")
    assert (line.state, line.seconds) == (State.DONE, 300.0)
    assert line.verdict == "green answers 0.1 % of 2250 requests with 5xx, blue 0.1 %"
    failed = next(one for one in step_lines(canary()) if one.name == "watch at 50 %")
    assert (failed.state, failed.seconds, failed.verdict) == (State.FAILED, 50.2, BAD)
    back = step_lines(canary())[-2:]
    assert [(one.name, one.state, one.seconds, one.way_back) for one in back] == [
        ("divert", State.DONE, None, True),
        ("settle", State.DONE, 29.7, True),
    ]


def test_a_step_that_failed_before_anything_changed_has_the_end_as_its_last_word() -> None:
    events = (event("begin", "check", "check"), event("status", "failed: no room; nothing was changed", second=4))
    (line, *_) = step_lines(release("1", at(), steps=STEPS, done=0, begun=True, status=Status.FAILED, events=events))
    assert (line.state, line.seconds, line.verdict) == (State.FAILED, 4.0, "failed: no room; nothing was changed")


def test_decisions_are_numbered_and_toned() -> None:
    found = decisions(canary())
    assert [(one.number, one.label, one.tone) for one in found if one.tone is not Tone.PLAIN] == [
        (8, "pass", Tone.GOOD),
        (11, "pause", Tone.DOUBT),
        (12, "resume", Tone.DOUBT),
        (13, "pass", Tone.GOOD),
        (16, "alarm", Tone.BAD),
        (18, "rolled back", Tone.BAD),
    ]
    assert [one.number for one in found if one.person] == [11, 12]
    assert (found[7].text, found[10].text) == (
        "green answers 0.1 % of 900 requests with 5xx, blue 0.1 %",
        "as bob@laptop asked",
    )


def test_a_verdict_that_is_said_again_is_decided_once() -> None:
    said = ("inconclusive", "inconclusive", "pass", "inconclusive")
    events = tuple(event("verdict", f"{word}: words", second=second) for second, word in enumerate(said))
    found = decisions(release("1", at(), events=events))
    assert [one.label for one in found] == ["inconclusive", "pass", "inconclusive"]


@pytest.mark.parametrize(
    ("given", "label", "tone"),
    [
        (event("failed", "no", "migrate"), "migrate failed", Tone.BAD),
        (event("failed", "turns back: aborted"), "turned back", Tone.BAD),
        (event("takeover", "by bob"), "taken over", Tone.DOUBT),
        (event("verdict", "halt: both are ill"), "halt", Tone.BAD),
        (event("verdict", "looks odd"), "verdict", Tone.PLAIN),
        (event("verdict", "words", outcome="fail"), "fail", Tone.BAD),
        (event("status", "success"), "success", Tone.GOOD),
        (event("status", "ended", status="failed"), "failed", Tone.BAD),
        (event("request", "abort, as ada@ci asked"), "abort", Tone.DOUBT),
        (event("request", "<b>"), "request", Tone.DOUBT),
    ],
)
def test_how_an_entry_is_labelled(given: Event, label: str, tone: Tone) -> None:
    (found,) = decisions(release("1", at(), events=(given,)))
    assert (found.label, found.tone) == (label, tone)


@pytest.mark.parametrize("given", [event("note", "x"), event("done", "x", "check"), event("status", "in progress")])
def test_what_is_no_decision(given: Event) -> None:
    assert decisions(release("1", at(), events=(given,))) == []


def test_a_figure_that_is_no_outcome_is_none() -> None:
    assert outcome(event("verdict", "words", outcome=7)) is None
