"""The two formulas that a judgement rests on. Pure; the tests compare them with scipy and with brute force."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import Final

ALTERNATIVES: Final = (2.0, 4.0, 10.0, 50.0)
"""How many times worse the new version might be; the evidence is the mean over these suspicions."""

ENOUGH: Final = 100.0
"""Evidence at which a suspicion is taken for a fact. By Ville's inequality it is reached wrongly in at most one of a
hundred runs, however often one looks in between."""

Z95: Final = 1.6448536269514722
"""The normal distribution's 95 % quantile, for bounds to one side."""


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Counts of both colours over the same short time."""

    candidate_all: int
    candidate_bad: int
    stable_all: int
    stable_bad: int


def evidence(strata: Iterable[Stratum], tolerated: float, alternatives: Sequence[float] = ALTERNATIVES) -> float:
    """How many to one it is that the candidate's bad answers are more than ``tolerated`` times as frequent as stable's.

    A mixture sequential probability ratio test (an e-value). If the candidate's rate is r times that of stable, a bad
    answer comes from the candidate with probability r·n ÷ (r·n + m), n and m being both colours' answers in the
    stratum. Each alternative's likelihood against ``tolerated`` is multiplied over all bad answers, and the mean over
    the alternatives is the evidence. What hits both colours alike, whenever it does, is no evidence.
    """
    logs = dict.fromkeys(alternatives, 0.0)
    for stratum in strata:
        n, m = stratum.candidate_all, stratum.stable_all
        if n == 0 or m == 0:
            continue  # Without a peer at the same time, it shows nothing.
        for ratio in alternatives:
            logs[ratio] += stratum.candidate_bad * log(_share(ratio, n, m) / _share(tolerated, n, m))
            logs[ratio] += stratum.stable_bad * log((1 - _share(ratio, n, m)) / (1 - _share(tolerated, n, m)))
    highest = max(logs.values())
    logarithm = highest + log(sum(exp(one - highest) for one in logs.values()) / len(logs))
    return exp(logarithm) if logarithm < log(1e300) else inf


def _share(ratio: float, n: int, m: int) -> float:
    return ratio * n / (ratio * n + m)


def upper_bound(bad: int, answers: int) -> float:
    """The share that is really bad is below this with 95 % confidence (Wilson's score bound). 1 without answers."""
    return _wilson(bad, answers, Z95) if answers else 1.0


def lower_bound(bad: int, answers: int) -> float:
    """The share that is really bad is above this with 95 % confidence (Wilson's score bound). 0 without answers."""
    return _wilson(bad, answers, -Z95) if answers else 0.0


def _wilson(bad: int, answers: int, z: float) -> float:
    ratio, square = bad / answers, z * z
    spread = z * sqrt(ratio * (1 - ratio) / answers + square / (4 * answers * answers))
    return min(1.0, max(0.0, (ratio + square / (2 * answers) + spread) / (1 + square / answers)))
