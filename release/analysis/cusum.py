"""A running score of how much the answers of one target look like a fault: a CUSUM with a floor at 0. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from typing import Final

ALARM: Final = 9.2
"""Score at which a fault is taken for a fact: ln(0.99 ÷ 10⁻⁴). Where errors are rare, one adds 3.9, and a good answer
takes 0.05."""
MINIMUM_ERRORS: Final = 3
"""Errors in a run below which nothing is called a fault."""
GOOD: Final = 0.001
"""Error ratio of a healthy target: the objective of 99.9 %."""
BAD: Final = 0.05
"""Error ratio that has to be found within seconds."""
TIMES: Final = 5.0
"""How many times worse than what is usual counts as bad, where that is more than ``BAD``."""
_HIGHEST_GOOD, _HIGHEST_BAD = 0.5, 0.9


@dataclass(frozen=True, kw_only=True)
class Cusum:
    """The score, and the run of answers since it was last 0."""

    score: float = 0.0
    since: float | None = None
    """When the run began, on the readings' clock; ``None`` without one."""
    answers: int = 0
    errors: int = 0

    @property
    def alarms(self) -> bool:
        """Whether it is a fault."""
        return self.score >= ALARM and self.errors >= MINIMUM_ERRORS

    def see(self, began: float, answers: int, errors: int, usual: float = 0.0) -> "Cusum":
        """The same after more answers, counted from ``began`` on. ``usual`` is the error ratio that is no fault."""
        good = min(max(GOOD, usual), _HIGHEST_GOOD)
        bad = min(max(BAD, TIMES * good), _HIGHEST_BAD)
        score = self.score + errors * log(bad / good) + (answers - errors) * log((1 - bad) / (1 - good))
        if score <= 0:
            return CALM
        return Cusum(
            # A long fault must not take as long to be forgotten.
            score=min(score, 2 * ALARM),
            since=began if self.since is None else self.since,
            answers=self.answers + answers,
            errors=self.errors + errors,
        )


CALM: Final = Cusum()


@dataclass(frozen=True, kw_only=True)
class Recent:
    """Counts between two readings."""

    at: float
    """When the later one was taken."""
    answers: int
    errors: int
    connect_failures: int


def kept(recent: tuple[Recent, ...], new: Recent, seconds: float) -> tuple[Recent, ...]:
    """``recent`` and ``new``, without what is older than ``seconds``."""
    return (*(one for one in recent if new.at - one.at < seconds), new)


def counted(recent: Iterable[Recent], since: float) -> tuple[int, int]:
    """Answers and errors after ``since``."""
    chosen = [one for one in recent if one.at > since]
    return sum(one.answers for one in chosen), sum(one.errors for one in chosen)
