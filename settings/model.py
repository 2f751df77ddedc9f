"""The shape of a stack's configuration. What each key means, its unit, its default and where that comes from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from settings.formats import (
    Address,
    AllowedHost,
    Cidr,
    DjangoName,
    Duration,
    HostName,
    Identifier,
    Image,
    Line,
    ObjectName,
    Quantity,
    Registry,
    Url,
    VariableName,
    Version,
)
from settings.secret import Secret


class Environment(StrEnum):
    """What a stack is for; the stricter rules hold outside development."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Colour(StrEnum):
    """One of the two releases side by side."""

    BLUE = "blue"
    GREEN = "green"


class Unreadable(Exception):
    """A rule asked for a value that is missing or wrong, which is reported as such."""


class Section(BaseModel):
    """A part of the configuration: frozen, nothing converted, nothing unknown; ``camelCase`` keys."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    if not TYPE_CHECKING:  # a typed object has all its fields; one that is still being judged may not

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the base class finds
            if name in type(self).model_fields:
                raise Unreadable(name)
            return super().__getattr__(name)


class Cluster(Section):
    """Where the platform runs."""

    kind: Literal["existing"] = Field(examples=["existing"])
    """Who makes the cluster: ``existing`` takes one that is there."""
    context: Line = Field(examples=["english-training"])
    """Context of the ambient kubeconfig; named, so that no update lands in whatever is selected."""
    identifier: Line = Field(examples=["english-training"])
    """Stable name of the cluster: while it stays, a changed address or certificate replaces no resource."""


class Database(Section):
    """The PostgreSQL that both colours use."""

    host: Address = Field(examples=["db.example.internal"])
    """Host of PostgreSQL."""
    port: int = Field(default=5432, ge=1, le=65535)
    """Port; PostgreSQL's own by default."""
    name: Identifier = Field(examples=["english_training"])
    """Name of the database."""
    user: Identifier = Field(examples=["english_training"])
    """Role that the backend logs in as."""
    ssl_mode: Literal["disable", "require", "verify-ca", "verify-full"] = "verify-full"
    """libpq's ``sslmode``; by default the only one that proves whom it talks to."""


class Redis(Section):
    """The Redis that both colours use."""

    host: Address = Field(examples=["redis.example.internal"])
    """Host of Redis."""
    port: int = Field(default=6379, ge=1, le=65535)
    """Port; Redis's own by default."""
    tls: bool = True
    """Whether the connection is encrypted."""
    database: int = Field(default=0, ge=0, le=15)
    """Number of the database; Redis has 16 unless told otherwise."""


class Overrides(Section):
    """The application's own settings. They end in ConfigMaps, in clear: nothing secret belongs here."""

    django: Mapping[DjangoName, JsonValue] = Field(default_factory=dict)
    """Django settings by name, beside or instead of those that the platform renders."""
    frontend: Mapping[VariableName, str] = Field(default_factory=dict)
    """Environment of the frontend's server, by name."""


class Release(Section):
    """A release unit: both images, their configuration and the schema they expect, moved together."""

    version: Version = Field(examples=["1.4.2"])
    """Version that labels, metrics and the history of releases carry."""
    backend_image: Image = Field(
        examples=["harbor.example.com/english-training-system/backend:1.4.2@sha256:" + "0" * 64]
    )
    """Image of the Django backend; by digest outside development."""
    frontend_image: Image = Field(
        examples=["harbor.example.com/english-training-system/frontend:1.4.2@sha256:" + "0" * 64]
    )
    """Image of the Next.js frontend; by digest outside development."""
    schema_version: int = Field(ge=1, examples=[7])
    """Database schema that the code expects: the number of its last migration."""
    overrides: Overrides = Overrides()
    """Settings that only this release has; they win over the stack's."""
    migration: Literal["expand", "contract"] | None = None
    """Bring the database to ``schemaVersion`` before there are pods. ``expand`` only adds, so that the version before
    goes on; ``contract`` takes away what that one needed. By default the schema is there already."""
    standby: Literal["warm", "cold"] = "warm"
    """What becomes of the release at weight 0: ``warm`` keeps its pods for a switch in seconds, ``cold`` keeps none."""


class Resources(Section):
    """What one pod gets, as Kubernetes quantities."""

    cpu_request: Quantity = Field(examples=["250m"])
    """CPU that the scheduler reserves."""
    memory_request: Quantity = Field(examples=["256Mi"])
    """Memory that the scheduler reserves."""
    memory_limit: Quantity = Field(examples=["512Mi"])
    """Memory above which the pod is ended."""
    cpu_limit: Quantity | None = None
    """CPU above which the pod is slowed down; by default it may use what is free."""


class Workload(Section):
    """Size of one component; both colours have the same, so that a switch changes no capacity."""

    resources: Resources
    """What one pod gets."""
    min_replicas: int = Field(ge=1, le=100, examples=[2])
    """Fewest pods while the colour is in use."""
    max_replicas: int = Field(ge=1, le=100, examples=[6])
    """Most pods that autoscaling may start."""
    target_cpu_percent: int = Field(default=75, ge=10, le=95)
    """Mean CPU use that autoscaling aims at, in per cent of the request; the middle of R-06's 70–80 %."""
    progress_deadline_seconds: int = Field(default=300, ge=10, le=3600)
    """Seconds without progress after which a rollout has failed; longer than a pod takes to start."""


class Media(Section):
    """The volume of uploaded files, shared by all backend pods."""

    storage_class: ObjectName = Field(examples=["shared"])
    """StorageClass that many nodes can write at once (EFS, NAS, NFS)."""
    size: Quantity = Field(examples=["100Gi"])
    """Size of the volume."""


class Toleration(Section):
    """A taint that the pods bear, in the shape of Kubernetes."""

    key: Line = Field(examples=["english-training.dev/pool"])
    """Key of the taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """How the value is compared; Kubernetes' default."""
    value: str | None = None
    """Value of the taint; none for ``Exists``."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """Effect of the taint."""


class Scheduling(Section):
    """Which nodes the application's pods may run on; by default any."""

    node_selector: Mapping[str, str] = Field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints that the pods bear."""


class RateLimit(Section):
    """How often one client, told by its address, may ask."""

    requests_per_minute: int = Field(default=100, ge=1, le=1_000_000)
    """Requests a minute; R-19 says 100."""
    scope: Literal["local", "global"] = "global"
    """``global`` counts over all proxies, in Redis; ``local`` lets each proxy count by itself."""


class Timeouts(Section):
    """How long a request may take, as Gateway API durations."""

    request: Duration = "30s"
    """The whole request, second tries included."""
    backend_request: Duration = "10s"
    """One try; at most ``request``."""


class Gateway(Section):
    """The public entrance."""

    issuer: ObjectName = Field(examples=["letsencrypt-prod"])
    """cert-manager ClusterIssuer that certifies the domain."""
    class_name: ObjectName = "english-training"
    """Name of the GatewayClass; one per cluster."""
    http_port: int = Field(default=80, ge=1, le=65535)
    """Port at which clients reach plain HTTP, which is redirected."""
    https_port: int = Field(default=443, ge=1, le=65535)
    """Port at which clients reach HTTPS; redirects and links name it."""
    proxy: Literal["kubernetes", "host"] = "kubernetes"
    """Where proxies run: pods of the cluster, or processes beside the controller in a cluster without containers."""
    rate_limit: RateLimit = RateLimit()
    """How often one client may ask."""
    timeouts: Timeouts = Timeouts()
    """How long a request may take."""


class Quota(Section):
    """What all pods of the application's namespace may hold together."""

    cpu: Quantity = Field(examples=["16"])
    """Sum of CPU requests, in cores."""
    memory: Quantity = Field(examples=["32Gi"])
    """Sum of memory limits."""
    pods: int = Field(ge=1, le=10_000, examples=[80])
    """Number of pods."""

    @property
    def hard(self) -> Mapping[str, str]:
        """The limits as a ResourceQuota names them."""
        return {"requests.cpu": self.cpu, "limits.memory": self.memory, "pods": str(self.pods)}


class Releases(Section):
    """What the release tool demands of a release in this environment, and whom it asks."""

    prometheus: Url | None = Field(default=None, examples=["http://prometheus.monitoring.example.internal:9090"])
    """Prometheus that measures both colours; by default the gateway's own counters alone are judged by."""
    measures: tuple[Literal["error-ratio", "p95-latency", "cpu-saturation", "memory-saturation"], ...] = (
        "error-ratio",
        "p95-latency",
        "cpu-saturation",
        "memory-saturation",
    )
    """What Prometheus is asked for each colour. One that it does not know keeps a release from being promoted."""
    harbor: bool = True
    """The registry is a Harbor, whose scanner's verdict is asked for."""
    highest_severity: Literal["none", "low", "medium", "high", "critical"] = "medium"
    """The worst weakness that an image may have."""
    health_tries: int = Field(default=10, ge=1, le=10)
    """How often a candidate is asked for its health, ever longer apart (R-52)."""
    schema_table: Identifier | None = None
    """Table whose column ``version`` says which schema the database has; ``platform_schema`` where migrations of this
    platform run."""


class ReleaseMark(Section):
    """What the release tool notes beside the keys that it writes (:mod:`settings.standing`). Not for people."""

    id: Line = Field(examples=["20261124-104559-k3f9"])
    """The release."""
    serial: int = Field(ge=1, examples=[1])
    """Counts the tool's writes; the highest one is the truth."""
    digest: Line = Field(examples=["0123456789abcdef"])
    """Of the values written: a person's later change shows."""
    open: bool = Field(examples=[False])
    """Whether the release is still in progress."""


class Settings(Section):
    """The configuration of one stack, valid as a whole."""

    environment: Environment = Field(examples=["staging"])
    """What the stack is for: ``development``, ``staging`` or ``production``."""
    domain: HostName = Field(examples=["english-training.example.com"])
    """Host name of the site."""
    allowed_hosts: tuple[AllowedHost, ...] = Field(min_length=1, examples=[["english-training.example.com"]])
    """Host names that Django answers to; the domain among them."""
    green_weight: int = Field(ge=0, le=100, examples=[10])
    """Green's share of the requests, in per cent; blue has the rest. The one scalar of traffic."""
    registry: Registry = Field(examples=["harbor.example.com/english-training-system"])
    """Registry and project that images come from."""
    cluster: Cluster
    """Where the platform runs."""
    database: Database
    """The PostgreSQL that both colours use."""
    database_password: Secret = Field(min_length=1)
    """Password of the database's user. A secret."""
    redis: Redis
    """The Redis that both colours use."""
    data_cidrs: tuple[Cidr, ...] = Field(min_length=1, examples=[["10.20.0.0/16"]])
    """Ranges of addresses that hold PostgreSQL and Redis; the backend reaches no others outside the cluster."""
    protect_data: bool = True
    """Whether what holds data is kept when the stack goes, and its deletion refused."""
    secret_key: Secret = Field(min_length=50)
    """Django's signing key: at least 50 characters, as Django's own check asks. A secret."""
    blue: Release | None = None
    """The blue release; none while the colour is unused."""
    green: Release | None = None
    """The green release; none while the colour is unused."""
    backend: Workload
    """Size of the backend."""
    frontend: Workload
    """Size of the frontend."""
    media: Media
    """The volume of uploaded files."""
    quota: Quota
    """What all pods of the application may hold together."""
    gateway: Gateway
    """The public entrance."""
    scheduling: Scheduling = Scheduling()
    """Which nodes the application's pods may run on."""
    overrides: Overrides = Overrides()
    """The application's own settings, of both colours."""
    releases: Releases = Releases()
    """What the release tool demands, and whom it asks."""
    release_mark: ReleaseMark | None = None
    """Written by the release tool, with the three keys that say what each colour runs and gets."""

    @property
    def weights(self) -> Mapping[str, int]:
        """Each colour's share of the requests, in per cent; together 100."""
        return {Colour.BLUE.value: 100 - self.green_weight, Colour.GREEN.value: self.green_weight}

    def release(self, colour: Colour) -> Release | None:
        """The release of ``colour``; ``None`` while the colour is unused."""
        return self.blue if colour is Colour.BLUE else self.green

    @property
    def units(self) -> Mapping[Colour, Release]:
        """The release units, of the colours that have one."""
        return {colour: release for colour in Colour if (release := self.release(colour)) is not None}

    def is_cold(self, colour: Colour) -> bool:
        """Whether ``colour`` keeps no pods: no traffic, and a release that is to stand by cold."""
        release = self.release(colour)
        return release is not None and release.standby == "cold" and self.weights[colour] == 0

    @property
    def public_url(self) -> str:
        """Address of the site as people type it, without a path."""
        port = self.gateway.https_port
        return f"https://{self.domain}" + ("" if port == 443 else f":{port}")  # noqa: PLR2004 - the port of HTTPS
