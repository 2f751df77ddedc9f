"""How a candidate is judged: at once, by a guard on the gateway's counters, and at a step's end, by a verdict. Pure.

A runner folds every reading into a guard and looks at its alarm, keeps the readings of a step, and asks for a
judgement over them at its end::

    guard = Guard(limits=limits, candidate=Colour.GREEN, stable=Colour.BLUE, share=10)
    guard = guard.see(reading)
    if guard.alarm: ...
    finding = judge(Judgement(limits=limits, candidate=…, stable=…, share=10, readings=readings))
"""

from release.analysis.counters import Counters, Latency, Reading, Row, Target, over_time, sample_rows
from release.analysis.evidence import Evidence
from release.analysis.guard import SERVICES, Guard
from release.analysis.verdict import Judgement, answers_needed, combined, findings, judge, worst
from release.model import Measure

__all__ = [
    "SERVICES",
    "Counters",
    "Evidence",
    "Guard",
    "Judgement",
    "Latency",
    "Measure",
    "Reading",
    "Row",
    "Target",
    "answers_needed",
    "combined",
    "findings",
    "judge",
    "over_time",
    "sample_rows",
    "worst",
]
