"""The shapes of a report about many releases: figures with their targets, and what its plots and tables show."""

import json
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from release.model import Record, Status


class Unit(StrEnum):
    """What a figure counts."""

    PER_DAY = "per day"
    PER_MONTH = "per 30 days"
    SECONDS = "seconds"
    RATIO = "ratio"
    """0–1, shown in per cent."""


class Target(Record):
    """What ``spec.md`` asks of a figure."""

    requirement: str
    """Its row there: ``R-03``."""
    text: str
    """As it is written there: ``> 99 %``."""
    limit: float
    """In the figure's unit."""
    above: bool
    """Whether values above the limit meet it, or those below."""
    inclusive: bool = False
    """Whether the limit itself meets it."""

    def met(self, value: float) -> bool:
        """Whether ``value`` is as good as asked for."""
        if self.inclusive and value == self.limit:
            return True
        return value > self.limit if self.above else value < self.limit


class Figure(Record):
    """One number. ``value`` is ``None`` where there is too little to say: never 0 instead."""

    key: str
    """Stable name, as in the metrics: ``deployment_frequency_per_day``."""
    group: str
    """Heading above it."""
    title: str
    unit: Unit
    value: float | None
    n: int
    """How many releases, commits or entries it is made from."""
    target: Target | None = None
    note: str | None = None
    """What it was counted over, or why there is no value."""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; ``None`` without a target or a value."""
        return None if self.target is None or self.value is None else self.target.met(self.value)


class Running(Record):
    """A failed release from which the site has not recovered."""

    id: str
    since: AwareDatetime
    """Its first bad request."""


class Line(Record):
    """One release in the report's table."""

    id: str
    kind: str
    version: str
    strategy: str
    status: Status
    actor: str
    started: AwareDatetime
    ended: AwareDatetime | None
    reason: str | None = None


class Day(Record):
    """What ended on one day (UTC)."""

    day: date
    succeeded: int = 0
    rolled_back: int = 0
    failed: int = 0


class LeadTime(Record):
    """How long one commit waited from its merge until all requests went to it."""

    sha: str
    released: AwareDatetime
    seconds: float


class Availability(Record):
    """What the site answered in the window, by the recording rules at the listener."""

    requests: Annotated[int, Field(ge=0)]
    errors: Annotated[int, Field(ge=0)]
    source: str
    """Where it was read: ``prometheus``."""

    @model_validator(mode="after")
    def _no_more_errors_than_requests(self) -> "Availability":
        if self.errors > self.requests:
            raise ValueError("more errors than requests")
        return self


class Coverage(Record):
    """How many of all steps of the runbooks' list are automated."""

    automated: Annotated[int, Field(ge=0)]
    steps: Annotated[int, Field(ge=0)]
    source: str

    @model_validator(mode="after")
    def _no_more_automated_than_all(self) -> "Coverage":
        if self.automated > self.steps:
            raise ValueError("more automated steps than steps")
        return self


class Cost(Record):
    """The monthly cost of the infrastructure. Given, not calculated: no release knows it."""

    amount: Decimal
    currency: str
    source: str
    """Whose figure it is: ``Alibaba Cloud bill``."""
    on: date
    """When it was read."""


class Numbers(Record):
    """All that a report about a window of time says."""

    stack: str
    since: datetime
    until: datetime
    history_since: datetime | None = None
    """Before this the trimmed journal knows nothing; ``since`` is not earlier."""
    releases: int
    """Deploys that ended in the window."""
    figures: tuple[Figure, ...]
    running: tuple[Running, ...] = ()
    """Failures that are not over."""
    waiting_commits: int = 0
    """Commits of failed or rolled-back releases that no successful release has brought yet: their clocks run."""
    cost: Cost | None = None
    days: tuple[Day, ...] = ()
    lead_times: tuple[LeadTime, ...] = ()
    lines: tuple[Line, ...] = ()
    """The releases that ended in the window, newest first, at most 200."""

    def as_json(self) -> str:
        """The report for other programs: these fields in ``camelCase``, and ``met`` beside each figure's target."""
        document = self.model_dump(mode="json", by_alias=True)
        for stored, one in zip(document["figures"], self.figures, strict=True):
            stored["met"] = one.met
        return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    def figure(self, key: str) -> Figure:
        """The figure of that name. Raises ``KeyError`` for others."""
        for figure in self.figures:
            if figure.key == key:
                return figure
        raise KeyError(key)
