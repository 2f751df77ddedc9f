"""What a release is: the shapes that the journal keeps and that everything else reasons about. Pure.

Times are UTC. They are for people and for reports: no decision compares the clocks of two runners.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

FORMAT: Final = 1
"""Version of the journal's records. A reader refuses newer ones."""

Share = Annotated[int, Field(ge=0, le=100)]
"""Share of the requests, in per cent."""


class Colour(StrEnum):
    """One of the two releases side by side."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Colour":
        """The other colour."""
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE


class Strategy(StrEnum):
    """How a release reaches its users (R-50)."""

    CANARY = "canary"
    BLUE_GREEN = "blue-green"
    ROLLING = "rolling"


class Status(StrEnum):
    """Where a release stands (R-53)."""

    PENDING = "pending"
    IN_PROGRESS = "in progress"
    SUCCESS = "success"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the release by itself."""
        return self in {Status.SUCCESS, Status.FAILED, Status.ROLLED_BACK}


class Kind(StrEnum):
    """What one step does."""

    CHECK = "check"
    """Everything that must hold before anything changes (R-51)."""
    SAVE = "save"
    """The configuration in force becomes a named point (R-34)."""
    MIGRATE = "migrate"
    """The database gets the schema that the release expects (R-42)."""
    PROVISION = "provision"
    """The candidate's pods are made and become ready, without traffic."""
    VERIFY = "verify"
    """Health, smoke and speed of the candidate, asked for by header (R-52)."""
    SHIFT = "shift"
    """Traffic moves to the candidate's share."""
    WATCH = "watch"
    """Traffic stays while both colours are compared."""
    ROLL = "roll"
    """Pods of the serving colour are replaced in place (R-50)."""
    CLOSE = "close"
    """The stack's record says that nobody is moving it any more."""
    DIVERT = "divert"
    """Way back, first half: the route gets the weights from before, at once."""
    SETTLE = "settle"
    """Way back, second half: the stack's configuration agrees with the route, and the release unit from before is
    there again."""


class Record(BaseModel):
    """A part of the journal: frozen, nothing converted, nothing unknown; ``camelCase`` keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


Unit = Mapping[str, JsonValue]
"""A release unit as the stack's configuration has it (``settings.Release``): images, schema, overrides, standby."""


class Lineup(Record):
    """Which release unit each colour runs, and how requests are split: all of the configuration that releases own."""

    green_weight: Share
    """Green's share; blue has the rest."""
    blue: Unit | None = None
    green: Unit | None = None

    def unit(self, colour: Colour) -> Unit | None:
        """The release unit of ``colour``."""
        return self.green if colour is Colour.GREEN else self.blue

    def share(self, colour: Colour) -> int:
        """The share of ``colour``."""
        return self.green_weight if colour is Colour.GREEN else 100 - self.green_weight

    def with_unit(self, colour: Colour, unit: Unit | None) -> "Lineup":
        """The same with another unit in ``colour``."""
        return self.model_copy(update={colour.value: unit})

    def with_share(self, colour: Colour, share: int) -> "Lineup":
        """The same with ``share`` per cent for ``colour``."""
        return self.model_copy(update={"green_weight": share if colour is Colour.GREEN else 100 - share})

    def configuration(self) -> dict[str, Any]:
        """The stack's keys that say this; a colour without a unit has none."""
        return {
            "greenWeight": self.green_weight,
            **{c.value: _in_order(unit) for c in Colour if (unit := self.unit(c)) is not None},
        }


_ORDER: Final = ("version", "backendImage", "frontendImage", "schemaVersion")
"""How people write a release unit; what comes back from the engine is sorted by letters."""


def _in_order(unit: Unit) -> dict[str, JsonValue]:
    first = {key: unit[key] for key in _ORDER if key in unit}
    return {**first, **unit}


class Migration(Record):
    """How the database gets the schema that a release expects."""

    image: str
    """Image that migrates; the backend's own by default."""
    phase: Literal["expand", "contract"] = "expand"
    """``expand`` only adds, so the old version can go on; ``contract`` removes what the old version needs."""


class Limits(Record):
    """What a candidate may not exceed. Shares are 0–1, times in seconds."""

    error_ratio: float = 0.05
    """Hard limit: at least so many of at least ``minimum_failing`` answers are 5xx."""
    minimum_failing: int = 50
    """Answers from which the hard limit counts."""
    minimum_requests: int = 100
    """Answers in a step below which nothing can be concluded."""
    tolerated_ratio: float = 1.5
    """How many times the stable colour's error ratio is still put down to chance and warm-up."""
    p95_seconds: float = 2.0
    """R-06: nine of ten answers and more come within this."""


class Measure(Record):
    """A metric to be asked for each colour of a service, and what it may not exceed."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    query: str = Field(min_length=1, max_length=2000)
    """PromQL that gives one number. ``$namespace``, ``$service``, ``$colour`` and ``$window`` are filled in; ``$$`` is
    a dollar sign."""
    maximum: float | None = None
    """More than this fails."""
    times_stable: float | None = Field(default=None, gt=0)
    """More than so many times what stable has at the same time fails."""
    unit: str = Field(default="", max_length=10)
    services: tuple[str, ...] = ("backend", "frontend")
    """Services that have it."""


class Commit(Record):
    """One change that a release brings, for the lead time."""

    sha: str
    authored: datetime | None = None
    merged: datetime | None = None


class Order(Record):
    """What somebody asked for: a release, declared on the command line or in a file that lives in Git."""

    strategy: Strategy
    version: str
    backend_image: str
    frontend_image: str
    schema_version: int = Field(ge=1)
    overrides: Mapping[str, JsonValue] = Field(default_factory=dict)
    """The release unit's own settings."""
    steps: tuple[Share, ...] = ()
    """Candidate's shares, rising, the last one 100."""
    soak_seconds: float = 0.0
    """How long each share is watched."""
    auto_promote: bool = True
    """Go on by itself; otherwise wait for ``release promote`` before each further share."""
    auto_rollback: bool = True
    """Roll back by itself when something fails."""
    keep_warm_seconds: float = 1800.0
    """How long the old colour keeps its pods after promotion."""
    migration: Migration | None = None
    accept_no_rollback: bool = False
    """A contract migration may run although the old version could not serve any more."""
    cause: Literal["planned", "unplanned-fix"] = "planned"
    commits: tuple[Commit, ...] = ()
    limits: Limits = Limits()
    measures: tuple[Measure, ...] = ()
    """What Prometheus is asked beside the stack's own measures."""


class Step(Record):
    """One step of a plan."""

    kind: Kind
    share: Share = 0
    """Candidate's share once the step is done."""
    seconds: float = 0.0
    """How long it watches."""
    gate: bool = False
    """Wait for ``release promote`` before it begins."""

    def __str__(self) -> str:
        match self.kind:
            case Kind.SHIFT:
                return f"shift to {self.share} %"
            case Kind.WATCH:
                return f"watch at {self.share} %"
            case _:
                return self.kind.value


class Event(Record):
    """One thing that happened, for the log of a release."""

    at: datetime
    kind: str
    """``begin``, ``done``, ``failed``, ``verdict``, ``alarm``, ``request``, ``status``, ``takeover``, ``note``."""
    text: str
    step: str | None = None
    actor: Literal["machine", "person"] = "machine"
    figures: Mapping[str, JsonValue] = Field(default_factory=dict)


class Request(StrEnum):
    """What a person asks of a release in progress."""

    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    ABORT = "abort"


class Times(Record):
    """When what happened; ``None`` where it has not."""

    started: datetime
    traffic_at: datetime | None = None
    """First share above 0."""
    traffic_full_at: datetime | None = None
    """All requests on the new version."""
    failed_at: datetime | None = None
    """First bad request (R-04)."""
    detected_at: datetime | None = None
    recovered_at: datetime | None = None
    """All requests on the version before."""
    ended: datetime | None = None


class Release(Record):
    """One release, as the journal keeps it: the whole truth about how far it is."""

    format: int = FORMAT
    id: str
    stack: str
    kind: Literal["deploy", "rollback"] = "deploy"
    actor: str
    """Who began it, as ``user@host``."""
    order: Order
    candidate: Colour
    """The colour that gets the new unit; for a rolling update the serving one."""
    before: Lineup
    after: Lineup
    steps: tuple[Step, ...]
    way_back: tuple[Step, ...] = ()
    status: Status = Status.PENDING
    done: int = 0
    """How many of ``steps`` are finished."""
    begun: bool = False
    """Whether the step after those has begun."""
    returning: bool = False
    """Whether it is on its way back."""
    returned: int = 0
    """How many of ``way_back`` are finished."""
    paused: bool = False
    request: Request | None = None
    """What a person asked for and the runner has not yet heeded."""
    promoted: int = 0
    """Index of the last gated step that a person let pass, plus one."""
    reason: str | None = None
    """Why it failed, or was rolled back."""
    remedy: str | None = None
    """The next command, where one is needed."""
    rolled_back_to: str | None = None
    point: str | None = None
    """Name of the configuration saved before."""
    times: Times
    fence: int = 0
    """Token of the lock under which the last change was written."""
    requests: int = 0
    """Requests that the candidate answered."""
    errors: int = 0
    """Of those, with 5xx."""
    events: tuple[Event, ...] = ()

    @property
    def stable(self) -> Colour:
        """The colour that serves what was there before; for a rolling update the same."""
        return self.candidate if self.order.strategy is Strategy.ROLLING else self.candidate.other


class Outcome(StrEnum):
    """What a look at something says."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    HALT = "halt"
    """The stable colour is ill as well: neither way is better."""


class Finding(Record):
    """What one check or comparison found, in words and figures."""

    name: str
    outcome: Outcome
    text: str
    """What was found; if it is no pass, what that means."""
    remedy: str | None = None
    """The next command or action, if it is no pass."""
    figures: Mapping[str, JsonValue] = Field(default_factory=dict)
