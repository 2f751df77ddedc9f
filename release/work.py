"""What each kind of step does, through the ports. Each can be done again: a runner may die in the middle of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from release.errors import ChecksFailed, OutOfBounds, Unreachable
from release.model import Colour, Finding, Kind, Outcome, Release, Step
from release.plan import applied, destination, lineup_after
from release.ports import Change, Checks, Move, Route, Stack, Tell

PATIENCE: Final = 30.0
"""Seconds that the way back waits for an API server that is being restarted."""

SHOWN: Final = 5
"""Resources that one error names."""


class Keep(Protocol):
    """Saves the stack's configuration as a named point."""

    def __call__(self, release: Release) -> str:
        """Save what is in force before the release; return what was done, for the log."""


class Bounds(Protocol):
    """Tells what a release may not touch."""

    def __call__(self, changes: Sequence[Change], release: Release) -> Sequence[Change]:
        """Of ``changes``, those outside the release's own resources."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """Does one step."""

    stack: Stack
    route: Route
    checks: Checks
    keep: Keep
    bounds: Bounds
    guard: Callable[[], object]
    """Raises ``LostLock`` if the lock is lost."""

    def do(self, release: Release, step: Step, tell: Tell, *, again: bool) -> str:
        """Do ``step``; return what was found, for the log. Raises ``ReleaseError`` if it failed."""
        match step.kind:
            case Kind.CHECK:
                return self._check(release, tell)
            case Kind.SAVE:
                return self.keep(release)
            case Kind.VERIFY:
                return self._verify(release, tell)
            case Kind.DIVERT:
                return self._divert(release)
            case Kind.SETTLE:
                return self._settle(release, tell)
            case _:
                return self._move(release, step, tell, again=again)

    def _check(self, release: Release, tell: Tell) -> str:
        findings = list(self.checks.before(release))
        for finding in findings:
            tell(f"{finding.name}: {finding.outcome.value}: {finding.text}")
        _require(findings)
        # The whole release at once: whatever of the stack differs beside it shows before anything is moved.
        move = Move(release=release.id, lineup=release.after, colour=release.candidate)
        changes = self._within(move, release)
        return f"{len(findings)} checks passed; preview: {_changes(len(changes))}, all of them the release's own"

    def _move(self, release: Release, step: Step, tell: Tell, *, again: bool) -> str:
        lineup = applied(release, lineup_after(release, release.done), step)
        move = Move(
            release=release.id,
            lineup=lineup,
            colour=release.candidate,
            migrate_only=step.kind is Kind.MIGRATE,
            open=step.kind is not Kind.CLOSE,
            again=again,
        )
        if step.kind is not Kind.CLOSE:
            self._within(move, release)
        self.guard()
        self.stack.move(move, tell)
        return ""

    def _verify(self, release: Release, tell: Tell) -> str:
        findings = self.checks.candidate(release)
        for finding in findings:
            tell(f"{finding.name}: {finding.outcome.value}: {finding.text}")
        _require(findings)
        return "; ".join(finding.text for finding in findings)

    def _divert(self, release: Release) -> str:
        for attempt in Retrying(
            retry=retry_if_exception_type(Unreachable),
            stop=stop_after_delay(PATIENCE),
            wait=wait_exponential(multiplier=0.1, max=1.0),
            reraise=True,
        ):
            with attempt:
                self.route.write(destination(release), guard=self.guard)
        return f"the route gives {destination(release).share(Colour.BLUE)} % to blue, the rest to green"

    def _settle(self, release: Release, tell: Tell) -> str:
        self.guard()
        move = Move(release=release.id, lineup=destination(release), colour=release.candidate, open=False, again=True)
        self.stack.move(move, tell)
        return "the stack agrees with the route"

    def _within(self, move: Move, release: Release) -> Sequence[Change]:
        changes = self.stack.preview(move)
        beyond = self.bounds(changes, release)
        if beyond:
            shown = ", ".join(map(str, beyond[:SHOWN])) + (", …" if len(beyond) > SHOWN else "")
            raise OutOfBounds(
                f"an update would touch what is not this release's: {shown}",
                remedy="bring the stack up to date first: pulumi preview --diff, then pulumi up",
            )
        return changes


def _changes(count: int) -> str:
    return "1 change" if count == 1 else f"{count} changes"


def _require(findings: Sequence[Finding]) -> None:
    bad = [finding for finding in findings if finding.outcome is not Outcome.PASS]
    if bad:
        remedies = list(dict.fromkeys(finding.remedy for finding in bad if finding.remedy))
        raise ChecksFailed(
            "; ".join(f"{finding.name}: {finding.text}" for finding in bad),
            remedy="; ".join(remedies) or "release check",
        )
