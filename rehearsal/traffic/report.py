"""What came back: counts, shares and latencies, for people and for programs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table

from rehearsal.traffic.figures import percentile

SERVER_ERROR: Final = 500
TOO_MANY: Final = 429
CLIENT_ERROR: Final = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One request and how it ended."""

    at: float
    """When it ended, seconds since the epoch."""
    seconds: float
    """From when it was due (or sent, without a rate) until the end of its answer."""
    error: str = ""
    """Why it failed (``5xx``, ``429``, ``4xx``, ``connect``, ``timeout``, ``tls``, ``closed``), empty if it did not."""
    status: int = 0
    """HTTP status, 0 where there was no answer."""
    component: str = ""
    """Who answered, empty where it was the gateway itself or nobody."""
    colour: str = ""


def error_of(status: int) -> str:
    """Name the kind of failure that an HTTP status stands for; empty for none."""
    if status >= SERVER_ERROR:
        return "5xx"
    if status == TOO_MANY:
        return "429"
    return "4xx" if status >= CLIENT_ERROR else ""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Nearest-rank percentiles in seconds, over answers of any status; None where there was none."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, answers: Iterable[Answered]) -> "Latency":
        """Latency of all that were answered."""
        ascending = sorted(one.seconds for one in answers if one.status)
        return cls(p50=percentile(ascending, 50), p95=percentile(ascending, 95), p99=percentile(ascending, 99))


@dataclass(frozen=True, kw_only=True)
class Group:
    """What one colour of one component answered."""

    component: str
    colour: str
    count: int
    share: float
    """Of all that this component answered, 0–1."""
    errors: int
    latency: Latency


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcome of one run."""

    requests: int
    seconds: float
    """Duration of the run."""
    errors: dict[str, int]
    """Failed requests by kind, the most frequent first."""
    statuses: dict[int, int]
    groups: tuple[Group, ...]
    latency: Latency
    timeline: tuple[Answered, ...] | None
    """Every answer in the order of time, if the plan asked for it."""

    @classmethod
    def of(cls, answers: Sequence[Answered], *, seconds: float, timeline: bool = False) -> "Report":
        """Count ``answers``."""
        by_group: dict[tuple[str, str], list[Answered]] = defaultdict(list)
        for one in answers:
            if one.component:
                by_group[one.component, one.colour].append(one)
        totals = Counter(one.component for one in answers)
        return cls(
            requests=len(answers),
            seconds=seconds,
            errors=dict(Counter(one.error for one in answers if one.error).most_common()),
            statuses=dict(sorted(Counter(one.status for one in answers if one.status).items())),
            groups=tuple(
                Group(
                    component=component,
                    colour=colour,
                    count=len(group),
                    share=len(group) / totals[component],
                    errors=sum(1 for one in group if one.error),
                    latency=Latency.of(group),
                )
                for (component, colour), group in sorted(by_group.items())
            ),
            latency=Latency.of(answers),
            timeline=tuple(sorted(answers, key=lambda one: one.at)) if timeline else None,
        )

    @property
    def failed(self) -> int:
        """How many requests failed."""
        return sum(self.errors.values())

    @property
    def kinds(self) -> str:
        """The failures by kind, as text: ``3 x timeout, 1 x 5xx``."""
        return ", ".join(f"{count} x {kind}" for kind, count in self.errors.items())

    def count(self, component: str, colour: str) -> int:
        """How many requests one colour of a component answered."""
        return sum(group.count for group in self.groups if (group.component, group.colour) == (component, colour))

    def answered(self, component: str) -> int:
        """How many requests a component answered."""
        return sum(group.count for group in self.groups if group.component == component)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain data; a row of the timeline is time (epoch), component, colour, status."""
        data: dict[str, Any] = {
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "failed": self.failed,
            "errors": self.errors,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "latency": _rounded(self.latency),
            "groups": [
                {
                    "component": group.component,
                    "colour": group.colour,
                    "count": group.count,
                    "share": round(group.share, 4),
                    "errors": group.errors,
                    "latency": _rounded(group.latency),
                }
                for group in self.groups
            ],
        }
        if self.timeline is not None:
            data["timeline"] = [[round(one.at, 4), one.component, one.colour, one.status] for one in self.timeline]
        return data

    def table(self) -> Table:
        """Return the report as a table for a terminal."""
        table = Table(title=f"{self.requests} requests in {self.seconds:.1f} s; failed: {self.kinds or 'none'}")
        table.add_column("component")
        table.add_column("colour")
        for name in ("requests", "share", "failed", "p50", "p95", "p99"):
            table.add_column(name, justify="right")
        for group in self.groups:
            figures = (str(group.count), f"{group.share:.1%}", str(group.errors))
            table.add_row(group.component, group.colour, *figures, *_milliseconds(group.latency))
        other = self.requests - sum(group.count for group in self.groups)
        table.add_section()
        if other:
            table.add_row("no pod", "", str(other), "", "", "", "", "")
        table.add_row("all", "", str(self.requests), "", str(self.failed), *_milliseconds(self.latency))
        return table


def _rounded(latency: Latency) -> dict[str, float | None]:
    named = {"p50": latency.p50, "p95": latency.p95, "p99": latency.p99}
    return {name: None if value is None else round(value, 5) for name, value in named.items()}


def _milliseconds(latency: Latency) -> tuple[str, ...]:
    return tuple("–" if one is None else f"{one * 1000:.1f} ms" for one in (latency.p50, latency.p95, latency.p99))
