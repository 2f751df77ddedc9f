"""Requests that hang: they are in no counter of errors until somebody gives up. Pure."""

from dataclasses import dataclass, replace
from typing import Final

MINIMUM: Final = 5
"""Stuck requests below which nothing is called a hang: a few slow uploads are none."""
IN_A_ROW: Final = 2
"""Readings that have to agree."""


@dataclass(frozen=True, kw_only=True)
class _Moment:
    at: float
    unanswered: int
    answered: int
    """Since the flow is watched."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Whether requests to one target are answered within ``tolerated`` seconds, as far as counters can tell.

    They know the time of no request. But of those that were unanswered ``tolerated`` seconds ago, at least as many are
    still waiting as there were more of them than there have been answers since. Where traffic is steady, that is
    Little's law: requests in flight are rate times mean time, and stuck is what exceeds rate times ``tolerated``.
    """

    tolerated: float
    moments: tuple[_Moment, ...] = ()
    stuck: int = 0
    """Requests that have certainly waited longer than ``tolerated``."""
    suspicious: int = 0
    """Readings in a row with too many of them."""

    @property
    def hangs(self) -> bool:
        """Whether it is time to act."""
        return self.suspicious >= IN_A_ROW

    def see(self, at: float, answers: int, unanswered: int) -> "Flow":
        """The same after another reading: answers since the one before, and requests without an answer now."""
        answered = answers + (self.moments[-1].answered if self.moments else 0)
        now = _Moment(at=at, unanswered=unanswered, answered=answered)
        old = [one for one in self.moments if at - one.at >= self.tolerated]
        stuck = max(0, min(unanswered, old[-1].unanswered - (answered - old[-1].answered))) if old else 0
        return replace(
            self,
            # Of the old ones only the last is still needed.
            moments=(*old[-1:], *self.moments[len(old) :], now),
            stuck=stuck,
            suspicious=self.suspicious + 1 if stuck >= MINIMUM else 0,
        )

    def interrupted(self) -> "Flow":
        """The same after a reading that was not complete: it has to begin anew."""
        return Flow(tolerated=self.tolerated)
