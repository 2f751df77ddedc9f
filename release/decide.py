"""What to do next: a pure function of the release as journalled and of what its runner sees. No clock, no cluster.

Every step can be done again: a step that was begun and whose end nobody wrote down is simply begun anew. A step that
was finished is never done twice.
"""

from dataclasses import dataclass
from enum import StrEnum

from release.model import Finding, Kind, Outcome, Release, Request, Status, Step
from release.plan import lineup_after

ATTEMPTS = 3
"""How often a half of the way back is tried before a person is called."""


class Progress(StrEnum):
    """How far the work on the current step is, in this runner."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What the runner sees."""

    work: Progress | None = None
    """Of the current step; ``None`` while this runner has not begun it."""
    trouble: str | None = None
    """Why the work failed."""
    remedy: str | None = None
    """What to do about that."""
    attempts: int = 0
    """How often this runner has tried the current half of the way back."""
    elapsed: float = 0.0
    """Seconds that this runner has watched, without a break."""
    alarm: Finding | None = None
    """What the guard on the gateway's counters cries."""
    verdict: Finding | None = None
    """What the comparison says so far; only ever the last word once the time is over."""
    share: int | None = None
    """Candidate's share that the route carries; ``None`` if that cannot be known now."""


@dataclass(frozen=True, kw_only=True)
class Begin:
    """Write down that the current step begins, then do it."""

    step: Step


@dataclass(frozen=True, kw_only=True)
class Finish:
    """Write down that the current step is done."""

    step: Step
    note: str


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Nothing to do but to look again."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Write down that the release waits for a person."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Heed:
    """A person's request takes effect, and is written down."""

    request: Request
    paused: bool
    promoted: int


@dataclass(frozen=True, kw_only=True)
class TurnBack:
    """The way back begins: if the candidate has traffic, first the route, then the journal."""

    why: str
    traffic_first: bool


@dataclass(frozen=True, kw_only=True)
class Divert:
    """The route carries something else than it should on the way back: write it again."""


@dataclass(frozen=True, kw_only=True)
class End:
    """Write down how it ended."""

    status: Status
    reason: str | None = None
    remedy: str | None = None


Decision = Begin | Finish | Wait | Hold | Heed | TurnBack | Divert | End


def decide(release: Release, seen: Observation) -> Decision:
    """The next thing to do. The release must not have ended."""
    if release.status.ended:
        raise ValueError(f"release {release.id} has ended: {release.status}")
    if release.returning:
        return _way_back(release, seen)
    if release.request is not None:
        return _heed(release, release.request, seen)
    if seen.alarm is not None:
        return _trouble(release, seen, seen.alarm)
    if _diverted(release, seen):
        return TurnBack(why="the route already carries the weights from before", traffic_first=True)
    if release.done == len(release.steps):
        return End(status=Status.SUCCESS)
    return _forward(release, release.steps[release.done], seen)


def changed(release: Release) -> bool:
    """Whether the release has begun to change anything that a way back would have to undo."""
    return any(step.kind not in {Kind.CHECK, Kind.SAVE} for step in _touched(release))


def shares(release: Release) -> set[int]:
    """Candidate's shares that the route may carry now: the last one, and the one that the current step brings."""
    now = {lineup_after(release, release.done).share(release.candidate)}
    if release.begun and release.done < len(release.steps):
        now.add(lineup_after(release, release.done + 1).share(release.candidate))
    return now


def _touched(release: Release) -> tuple[Step, ...]:
    return release.steps[: release.done + release.begun]


def _forward(release: Release, step: Step, seen: Observation) -> Decision:
    if seen.work is None:
        return _begin(release, step)
    if seen.work is Progress.FAILED:
        return _failed(release, step, seen)
    if step.kind is Kind.WATCH:
        return _watched(release, step, seen)
    if seen.work is Progress.RUNNING:
        return Wait(why=str(step))
    return Finish(step=step, note="")


def _begin(release: Release, step: Step) -> Decision:
    if release.paused:
        return Wait(why=release.reason or "paused: release resume")
    if step.gate and release.promoted <= release.done:
        return Wait(why=f"waits for a person before it goes to {step.share} %: release promote")
    return Begin(step=step)


def _watched(release: Release, step: Step, seen: Observation) -> Decision:
    verdict = seen.verdict
    if verdict is not None and verdict.outcome in {Outcome.FAIL, Outcome.HALT}:
        return _trouble(release, seen, verdict)
    if release.promoted > release.done:
        return Finish(step=step, note="a person promoted it")
    if seen.elapsed < step.seconds or release.paused:
        return Wait(why=str(step))
    if verdict is not None and verdict.outcome is Outcome.PASS:
        return Finish(step=step, note=verdict.text)
    why = verdict.text if verdict else "nothing was measured"
    if seen.elapsed < 2 * step.seconds:
        return Wait(why=f"watches on, as it is not conclusive yet: {why}")
    return Hold(why=f"not conclusive: {why}")


def _heed(release: Release, request: Request, seen: Observation) -> Decision:
    match request:
        case Request.ABORT:
            return _turn_back(release, seen, "aborted by a person")
        case Request.PAUSE:
            return Heed(request=request, paused=True, promoted=release.promoted)
        case Request.RESUME:
            return Heed(request=request, paused=False, promoted=release.promoted)
        case Request.PROMOTE:
            return Heed(request=request, paused=False, promoted=release.done + 1)


def _trouble(release: Release, seen: Observation, finding: Finding) -> Decision:
    if finding.outcome is Outcome.HALT:
        return End(
            status=Status.FAILED,
            reason=f"halted, as the way back is no better: {finding.text}",
            remedy="look at both colours, then: release rollback",
        )
    if not release.order.auto_rollback and changed(release):
        return End(status=Status.FAILED, reason=finding.text, remedy="release rollback")
    return _turn_back(release, seen, finding.text, remedy=finding.remedy)


def _turn_back(release: Release, seen: Observation, why: str, remedy: str | None = None) -> Decision:
    if not changed(release):
        return End(status=Status.FAILED, reason=f"{why}; nothing was changed", remedy=remedy)
    if not release.way_back:
        return End(status=Status.FAILED, reason=why, remedy="release rollback")
    return TurnBack(why=why, traffic_first=seen.share != release.before.share(release.candidate))


def _way_back(release: Release, seen: Observation) -> Decision:
    if release.returned == len(release.way_back):
        return End(status=Status.ROLLED_BACK, reason=release.reason)
    step = release.way_back[release.returned]
    aside = seen.share is not None and seen.share != release.before.share(release.candidate)
    if seen.work is Progress.RUNNING:
        # An update that was on its way when the alarm came may still reach the route.
        return Divert() if aside else Wait(why=str(step))
    if seen.work is Progress.FAILED:
        return _retry(release, step, seen)
    if seen.work is Progress.SUCCEEDED:
        return Finish(step=step, note="")
    return Begin(step=step)


def _retry(release: Release, step: Step, seen: Observation) -> Decision:
    """A half of the way back failed: it is tried again, as there is nothing better."""
    if seen.attempts < ATTEMPTS:
        return Begin(step=step)
    before = f"{release.reason}; and " if release.reason else ""
    return End(
        status=Status.FAILED,
        reason=f"{before}the way back failed at its step {step}: {seen.trouble}",
        remedy="release rollback   (tries it anew), or release rollback --break-glass   (moves the route alone)",
    )


def _diverted(release: Release, seen: Observation) -> bool:
    """Whether somebody took the traffic back, and died before that was written down."""
    before = release.before.share(release.candidate)
    return bool(release.way_back) and seen.work is None and seen.share == before and before not in shares(release)


def _failed(release: Release, step: Step, seen: Observation) -> Decision:
    if step.kind is Kind.CLOSE:
        # The new version serves and is well: no reason to take it back.
        return Hold(why=f"all traffic is on the new version, but the last update failed: {seen.trouble}")
    if step.kind in {Kind.DIVERT, Kind.SETTLE}:
        return _retry(release, step, seen)
    text = f"{step} failed: {seen.trouble}"
    return _trouble(release, seen, Finding(name=str(step), outcome=Outcome.FAIL, text=text, remedy=seen.remedy))
