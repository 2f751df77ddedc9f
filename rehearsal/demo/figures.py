"""What the answers of one chapter amount to. Pure: from the traffic's own timeline to figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

SERVER_ERROR: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One request and who answered it, as the traffic's timeline has it."""

    at: float
    """When its answer was there, seconds since the epoch."""
    component: str
    """Empty where the gateway itself answered, or nobody."""
    colour: str
    status: int
    """HTTP status; 0 without an answer."""

    @property
    def bad(self) -> bool:
        """Whether the user was served badly by us: a 5xx, or no answer at all."""
        return self.status == 0 or self.status >= SERVER_ERROR


@dataclass(frozen=True, kw_only=True, slots=True)
class Harm:
    """What users saw of a fault."""

    lost: int
    """Bad answers."""
    first: float | None
    """When the first one came, seconds since the epoch; ``None`` without any."""
    last: float | None

    @property
    def seconds(self) -> float:
        """From the first bad answer to the last one; 0 with fewer than two."""
        return 0.0 if self.first is None or self.last is None else self.last - self.first


@dataclass(frozen=True, kw_only=True)
class Flow:
    """All that was sent in one chapter."""

    requests: int
    failed: int
    """Of those, with a 4xx, a 5xx, or without an answer."""
    seconds: float
    answers: tuple[Answer, ...]
    """In the order of time."""

    @classmethod
    def of(cls, report: dict[str, Any]) -> "Flow":
        """From what ``rehearsal traffic --timeline`` writes."""
        rows: Iterable[Sequence[Any]] = report["timeline"]
        answers = (
            Answer(at=float(at), component=str(component), colour=str(colour), status=int(status))
            for at, component, colour, status in rows
        )
        return cls(
            requests=int(report["requests"]),
            failed=int(report["failed"]),
            seconds=float(report["seconds"]),
            answers=tuple(answers),
        )

    @property
    def harm(self) -> Harm:
        """What users saw of faults."""
        bad = [answer.at for answer in self.answers if answer.bad]
        return Harm(lost=len(bad), first=bad[0] if bad else None, last=bad[-1] if bad else None)

    def count(self, colour: str) -> int:
        """How many requests ``colour`` answered."""
        return sum(answer.colour == colour for answer in self.answers)

    def last_of(self, colour: str, since: float) -> float | None:
        """When ``colour`` gave its last answer, in seconds after ``since``; ``None`` if it gave none after that."""
        times = [answer.at for answer in self.answers if answer.colour == colour and answer.at >= since]
        return times[-1] - since if times else None
