"""What the checks need to know, and what they may demand."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, cast

from kubernetes.client import ApiClient

from release.adapters.harbor import Severity
from release.adapters.web import Reach
from release.checks.http import Http
from release.errors import BadOrder
from release.model import Colour, Lineup
from settings import Colour as SettingsColour
from settings import Release, Settings, SettingsError, parse, parsing
from settings.model import Unreadable

COLOUR_HEADER: Final = "x-release-colour"
"""Request header that asks the gateway for one colour, whatever its weight; ``components.gateway`` sets the route."""

COLOUR_LABEL: Final = "english-training.dev/colour"
"""Label of a colour's pods; ``components.labels`` sets it."""


@dataclass(frozen=True, kw_only=True)
class SmokeRequest:
    """A request to the candidate, and what its answer must be."""

    component: Literal["backend", "frontend"]
    """Which component answers; the gateway decides it by the path."""
    path: str
    method: str = "GET"
    status: int = 200
    header: tuple[str, str] | None = None
    """Name of a header of the answer, in lower case, and a text that it contains."""
    contains: str | None = None
    """A text that the body contains."""

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise BadOrder(f"{self.path!r} is no path", remedy="begin each path to try with '/'")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


DEFAULT_REQUESTS: Final = (
    SmokeRequest(component="frontend", path="/"),
    SmokeRequest(component="backend", path="/api/"),
    SmokeRequest(component="backend", path="/admin/login/"),
)
"""Each component, and each way to it that R-19 names."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the checks demand."""

    harbor: bool = True
    """The registry is a Harbor, which can say what its scanner found."""
    require_scan: bool = True
    """No verdict is no pass. Heeded in every environment but development."""
    highest_severity: Severity = "medium"
    """The worst weakness that an image may have."""
    scan_days: float | None = None
    """Days after which a verdict is too old; by default never."""
    connections_per_pod: int = 4
    """Connections to PostgreSQL that one backend pod holds: its workers, one each. An assumption, so it only warns."""
    schema_table: str | None = "platform_schema"
    """Table whose column ``version`` says which schema the database has; the release's migration writes it."""
    require_colour: bool = True
    """An answer that does not say which colour gave it is no pass."""
    performance_requests: int = 30
    """Requests to each component that tell how fast it is."""
    p95_seconds: float = 2.0
    """R-06: nineteen of twenty answers come within this."""
    try_seconds: float = 10.0
    """How long one request to the candidate may take; then it has failed."""
    tries: int = 10
    """R-52: how often health is looked for."""
    longest_wait: float = 30.0
    """R-52: seconds between two such tries at most."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One release, as the checks see it."""

    stack: str
    raw: Mapping[str, str] = field(repr=False)
    """The stack's configuration with the candidate in it (see :func:`configured`), as ``settings.parse`` takes it:
    keys without namespace, texts as they are, all else as JSON; secrets in clear."""
    secret: frozenset[str] = frozenset()
    """The keys that are stored encrypted."""
    candidate: Colour
    jobs: int = 0
    """Pods of the backend's size beside the colour's own: one where the release migrates the database."""
    api: ApiClient | None = None
    """The cluster; its absence is no pass."""
    namespace: str = "english-training"
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables: where the registry's account is looked for (see ``release.adapters.credentials``)."""
    database_password: Callable[[], str] | None = field(default=None, repr=False)
    """By default the one in ``raw``."""
    cache_password: Callable[[], str] | None = field(default=None, repr=False)
    """By default Redis asks for none."""
    database_authority: Path | None = None
    """Certificates to trust, as PEM, where the system's do not do; the same for the others."""
    cache_authority: Path | None = None
    registry_authority: Path | None = None
    reach: Reach = field(default_factory=dict)
    """Where a name of the configuration (``host:port`` or ``host``) is reached, if not where the name service says."""
    http: Http | None = None
    """The way to the gateway; needed after the release only, where its absence is no pass."""
    requests: tuple[SmokeRequest, ...] = DEFAULT_REQUESTS
    policy: Policy = Policy()
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def configured(raw: Mapping[str, str], lineup: Lineup) -> dict[str, str]:
    """``raw`` with the keys that releases own as ``lineup`` has them."""
    owned = {colour.value for colour in Colour} | {"greenWeight"}
    values = {key: json.dumps(value) for key, value in lineup.configuration().items()}
    return {key: text for key, text in raw.items() if key not in owned} | values


def readable(context: Context) -> Settings:
    """The settings; where they are not valid, what of them is: reading anything else raises ``Unreadable``."""
    try:
        return parse(context.stack, context.raw, context.secret)
    except SettingsError:
        values = {key: parsing.decode(key, text) for key, text in context.raw.items() if text}
        return cast("Settings", parsing.partial(Settings, values))


def candidate_of(context: Context, settings: Settings) -> Release:
    """The candidate's release unit. Raises ``Unreadable`` where there is none."""
    release = settings.release(SettingsColour(context.candidate.value))
    if release is None:
        raise Unreadable(context.candidate.value)
    return release
