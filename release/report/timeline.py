"""What happened within one release: its steps with their times and verdicts, and the decisions on the way. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from release.model import Event, Outcome, Release, Request, Status, Step
from release.report.brief import brief

_TURNS: Final = frozenset({"alarm", "failed"})
_LAST_WORDS: Final = frozenset({"alarm", "done", "failed", "verdict"})


class State(StrEnum):
    """How far a step is."""

    DONE = "done"
    FAILED = "failed"
    RUNNING = "running"
    NOT_REACHED = "not reached"


class Tone(StrEnum):
    """What a decision means for the release."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    DOUBT = "doubt"


@dataclass(frozen=True, kw_only=True)
class StepLine:
    """One step of the plan or of the way back."""

    name: str
    state: State
    begun: datetime | None
    ended: datetime | None
    verdict: str
    """In words; empty where nothing was judged."""
    way_back: bool = False

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.begun is None or self.ended is None else (self.ended - self.begun).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A point at which something was decided."""

    number: int
    """As marked in the plots, from 1."""
    at: datetime
    label: str
    """A few words."""
    text: str
    """The journal's own, without the label at its beginning."""
    tone: Tone
    person: bool


def step_lines(release: Release) -> list[StepLine]:
    """The plan's steps, then those of the way back if it was taken."""
    lines = list(_lines(release, release.steps, release.done, way_back=False))
    if release.returning:
        lines += _lines(release, release.way_back, release.returned, way_back=True)
    return lines


def decisions(release: Release) -> list[Decision]:
    """Steps that began, verdicts, alarms, failures, people's requests and the end, in their order."""
    chosen: list[tuple[Event, str, Tone]] = []
    said: str | None = None
    for event in release.events:
        label, tone = _label(event)
        # A comparison that says the same every few seconds is decided once.
        if label is None or (event.kind == "verdict" and label == said):
            continue
        said = label if event.kind == "verdict" else None
        chosen.append((event, label, tone))
    return [
        Decision(
            number=number,
            at=event.at,
            label=label,
            text=_beside(label, event.text) if brief(event) == event.text else "",  # the step says it
            tone=tone,
            person=event.actor == "person",
        )
        for number, (event, label, tone) in enumerate(chosen, start=1)
    ]


def _beside(label: str, text: str) -> str:
    """What ``text`` says beside ``label``."""
    shown = text.strip().removeprefix("turns back: ")
    return shown[len(label) :].lstrip(":, ") if shown.lower().startswith(label.lower()) else shown


def outcome(event: Event) -> Outcome | None:
    """What a verdict says: the figure ``outcome``, else the first word of its text."""
    given = event.figures.get("outcome")
    word = given if isinstance(given, str) else event.text.strip().split(" ")[0].strip(":,.").lower()
    return next((one for one in Outcome if one.value == word), None)


def _lines(release: Release, steps: Sequence[Step], done: int, *, way_back: bool) -> Iterator[StepLine]:
    for index, step in enumerate(steps):
        mine = [event for event in release.events if event.step == str(step)]
        begun = next((event.at for event in mine if event.kind == "begin"), None)
        turned = release.returning and not way_back
        state = _state(release, index, done, turned=turned, begun=begun is not None)
        last = _last_word(release, mine, state)
        yield StepLine(
            name=str(step),
            state=state,
            begun=begun,
            ended=last.at if last is not None and state in {State.DONE, State.FAILED} else None,
            verdict="" if last is None else _beside(str(step), brief(last)),
            way_back=way_back,
        )


def _last_word(release: Release, mine: Sequence[Event], state: State) -> Event | None:
    """What ended a step: its own last entry, or, where it failed, the release's turn for the worse after it began."""
    own = next((event for event in reversed(mine) if event.kind in _LAST_WORDS), None)
    if state is not State.FAILED or (own is not None and own.kind in _TURNS):
        return own
    begun = next((event.at for event in reversed(mine) if event.kind == "begin"), None)
    later = [event for event in release.events if begun is not None and event.at >= begun and event.step is None]
    return next((event for event in later if event.kind in _TURNS or _ended_badly(event)), own)


def _ended_badly(event: Event) -> bool:
    return event.kind == "status" and _status(event)[1] is Tone.BAD


def _state(release: Release, index: int, done: int, *, turned: bool, begun: bool) -> State:
    if index < done:
        return State.DONE
    if index > done or not begun:
        return State.NOT_REACHED
    over = turned or (release.status.ended and release.status is not Status.SUCCESS)
    return State.FAILED if over else State.RUNNING


def _label(event: Event) -> tuple[str | None, Tone]:
    label: str | None
    match event.kind:
        case "begin":
            label, tone = event.step or "begin", Tone.PLAIN
        case "verdict":
            label, tone = _verdict(event)
        case "alarm":
            label, tone = "alarm", Tone.BAD
        case "failed":
            label, tone = f"{event.step} failed" if event.step else "turned back", Tone.BAD
        case "request":
            word = event.text.split(" ")[0].strip(":,.")
            label, tone = next((one.value for one in Request if one.value == word), "request"), Tone.DOUBT
        case "takeover":
            label, tone = "taken over", Tone.DOUBT
        case "status":
            label, tone = _status(event)
        case _:
            label, tone = None, Tone.PLAIN
    return label, tone


def _verdict(event: Event) -> tuple[str, Tone]:
    match outcome(event):
        case None:
            return "verdict", Tone.PLAIN
        case Outcome.PASS:
            return "pass", Tone.GOOD
        case Outcome.INCONCLUSIVE:
            return "inconclusive", Tone.DOUBT
        case found:
            return found.value, Tone.BAD


def _status(event: Event) -> tuple[str | None, Tone]:
    """Only how it ended is a decision."""
    given = event.figures.get("status")
    said = given if isinstance(given, str) else event.text
    tones = {Status.SUCCESS: Tone.GOOD, Status.FAILED: Tone.BAD, Status.ROLLED_BACK: Tone.BAD}
    for status, tone in tones.items():
        if said.strip().lower().startswith(status.value):
            return status.value, tone
    return None, Tone.PLAIN
