"""What a step's readings hold of one service, laid out for the comparisons. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from release.analysis.counters import NOTHING, Counters, Target
from release.analysis.statistics import Stratum
from release.analysis.words import of


@dataclass(frozen=True, kw_only=True)
class Material:
    """Both colours of one service over one step."""

    STRATUM: ClassVar[float] = 15.0
    """Seconds within which both colours' answers are compared with each other: what hits both at once hides in it."""

    target: Target
    """The candidate."""
    strata: Sequence[tuple[Counters, Counters]]
    """Candidate and stable, for each stratum."""
    candidate: Counters
    """Over the whole step."""
    stable: Counters
    """Over the whole step; nothing if it had no traffic."""
    usual: Counters
    """What stable did before the step, as far as it is known."""
    before: Counters
    """What stable did before it lost its traffic; nothing if that is not known."""

    @property
    def peer(self) -> bool:
        """Whether stable had traffic at the same time."""
        return self.stable.requests > 0

    def errors(self) -> list[Stratum]:
        """The counts of errors."""
        return [
            Stratum(
                candidate_all=own.requests,
                candidate_bad=own.errors,
                stable_all=peer.requests,
                stable_bad=peer.errors,
            )
            for own, peer in self.strata
        ]

    def slower_than(self, bound: float) -> list[Stratum]:
        """The counts of answers that took longer than ``bound`` milliseconds."""
        return [
            Stratum(
                candidate_all=own.latency.count,
                candidate_bad=own.latency.slower_than(bound),
                stable_all=peer.latency.count,
                stable_bad=peer.latency.slower_than(bound),
            )
            for own, peer in self.strata
        ]

    def reference(self) -> Counters:
        """What the candidate is compared with: stable at the same time, or before, or nothing."""
        return self.stable if self.peer else self.before

    def usual_errors(self) -> float:
        """Stable's error ratio; 0 where nothing is known of it."""
        reference = self.reference()
        return reference.errors / reference.requests if reference.requests else 0.0

    def compared(self) -> str:
        """What it is compared with, in words."""
        if self.peer:
            return f"stable {of(self.stable.errors, self.stable.requests)}"
        if self.before == NOTHING:
            return "with no other colour at the same time, so by absolute limits"
        return f"stable had {of(self.before.errors, self.before.requests)} before"
