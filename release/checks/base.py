"""What a check is, and how checks run: together, each within its own time, all findings reported at once."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import JsonValue

from release.errors import BadOrder
from release.model import Finding, Outcome

_GRAVITY: Final = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.HALT)
"""Outcomes, from the best to the worst."""


class Check(Protocol):
    """A named thing that looks at something and says what it found. It does not raise for what it looks at."""

    @property
    def name(self) -> str:
        """How people call it: ``database``."""
        ...

    @property
    def seconds(self) -> float:
        """How long it may take; then it has failed."""
        ...

    @property
    def stage(self) -> int:
        """Checks of a later stage are made only when all of the earlier ones passed."""
        ...

    def look(self) -> Finding:
        """What is found."""
        ...


@dataclass(frozen=True, kw_only=True)
class Task:
    """A check that is a function."""

    name: str
    finds: Callable[[], Finding]
    seconds: float
    stage: int = 0

    def look(self) -> Finding:
        """What is found."""
        return self.finds()


def run(checks: Sequence[Check], *, clock: Callable[[], float] = time.monotonic) -> tuple[Finding, ...]:
    """A finding for each of ``checks``, in their order.

    Those of one stage run at the same time. One that does not end within its seconds has failed, and is left to
    itself: its thread ends with the program at the latest.
    """
    found: dict[int, Finding] = {}
    for stage in sorted({check.stage for check in checks}):
        members = [(place, check) for place, check in enumerate(checks) if check.stage == stage]
        if found and worst(found.values()) is not Outcome.PASS:
            found |= {place: _not_reached(check, list(found.values())) for place, check in members}
        else:
            found |= _together(members, clock)
    return tuple(found[place] for place in range(len(checks)))


def worst(findings: Iterable[Finding]) -> Outcome:
    """The gravest outcome; without any finding nothing is known."""
    outcomes = [finding.outcome for finding in findings]
    return max(outcomes, key=_GRAVITY.index) if outcomes else Outcome.INCONCLUSIVE


def only(checks: Sequence[Check], names: Iterable[str]) -> tuple[Check, ...]:
    """The checks of these names, in their own order; a name may be cut short (``config``).

    Raises ``BadOrder`` for a name that is none, or short for several.
    """
    wanted: set[str] = set()
    for name in names:
        meant = [check.name for check in checks if check.name == name]
        meant = meant or [check.name for check in checks if name and check.name.startswith(name)]
        if len(meant) != 1:
            known = ", ".join(check.name for check in checks)
            raise BadOrder(f"there is no check named {name!r}", remedy=f"name one of {known}")
        wanted |= set(meant)
    return tuple(check for check in checks if check.name in wanted)


def passed(name: str, text: str, figures: Mapping[str, JsonValue] | None = None) -> Finding:
    """All is as it must be."""
    return Finding(name=name, outcome=Outcome.PASS, text=text, figures=figures or {})


def failed(name: str, text: str, *, remedy: str, figures: Mapping[str, JsonValue] | None = None) -> Finding:
    """Something is not as it must be."""
    return Finding(name=name, outcome=Outcome.FAIL, text=text, remedy=remedy, figures=figures or {})


def unknown(name: str, text: str, *, remedy: str, figures: Mapping[str, JsonValue] | None = None) -> Finding:
    """Whether it is as it must be cannot be said, which is no pass."""
    return Finding(name=name, outcome=Outcome.INCONCLUSIVE, text=text, remedy=remedy, figures=figures or {})


def joined(name: str, findings: Sequence[Finding]) -> Finding:
    """Several findings as one: the worst outcome, each text, each remedy once, all figures."""
    remedies = dict.fromkeys(finding.remedy for finding in findings if finding.remedy)
    return Finding(
        name=name,
        outcome=worst(findings),
        text="; ".join(finding.text for finding in findings),
        remedy="; ".join(remedies) or None,
        figures={key: value for finding in findings for key, value in finding.figures.items()},
    )


def _together(members: Sequence[tuple[int, Check]], clock: Callable[[], float]) -> dict[int, Finding]:
    """Findings of checks that run at the same time, by place."""
    under_way: list[tuple[int, Check, float, queue.SimpleQueue[Finding]]] = []
    for place, check in members:
        answer: queue.SimpleQueue[Finding] = queue.SimpleQueue()
        deadline = clock() + check.seconds
        # A daemon: what hangs in a system call must not keep the program from ending.
        threading.Thread(target=_answer, args=(check, answer), name=f"check-{check.name}", daemon=True).start()
        under_way.append((place, check, deadline, answer))
    found = {}
    for place, check, deadline, answer in under_way:
        try:
            found[place] = answer.get(timeout=max(0.0, deadline - clock()))
        except queue.Empty:
            found[place] = failed(
                check.name,
                f"did not end within {check.seconds:g} s",
                remedy=f"look whether what it asks is up, then run `release check {check.name}`",
            )
    return found


def _answer(check: Check, answer: "queue.SimpleQueue[Finding]") -> None:
    try:
        answer.put(check.look())
    except Exception as error:  # whatever it is, nothing is known; its text may hold a secret
        text = f"stopped with an error of its own ({type(error).__name__}), so nothing is known"
        answer.put(unknown(check.name, text, remedy=f"run `release check {check.name}`, and report it if it stays"))


def _not_reached(check: Check, found: Sequence[Finding]) -> Finding:
    blocking = ", ".join(finding.name for finding in found if finding.outcome is not Outcome.PASS)
    return unknown(check.name, f"was not tried, because {blocking} did not pass", remedy=f"first mend {blocking}")
