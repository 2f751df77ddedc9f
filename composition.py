"""From the shapes of the settings to the shapes of the components: what ``__main__`` would say if it were prose."""

from collections.abc import Mapping, Sequence

from components import labels
from components.app import Cache, Configuration, Database, ReleaseArgs, Scheduling, Sizing
from components.app.migration import MIGRATION
from components.app.release import BACKEND, BACKEND_PORT, FRONTEND, FRONTEND_PORT
from components.network_policy import Allowance, Peer
from settings import Colour, Settings, Workload

APPLICATION = "english-training"
"""Namespace of the application."""
GATEWAY = "gateway"
"""Namespace of the Gateway and its certificate."""
PROXIES = "envoy-gateway-system"
"""Namespace of the proxies that serve the Gateway."""
MONITORING = "monitoring"
"""Namespace of Prometheus."""

CONTAINER_LIMITS: Mapping[str, str] = {"memory": "256Mi"}
"""Limits of a container that states none: small, so that forgetting them shows early and harms nobody."""
CONTAINER_REQUESTS: Mapping[str, str] = {"cpu": "50m", "memory": "64Mi"}
"""Requests of a container that states none."""


def release_args(settings: Settings, colour: Colour) -> ReleaseArgs:
    """One colour of the application. The colour must have a release."""
    release = settings.units[colour]
    return ReleaseArgs(
        version=release.version,
        backend_image=release.backend_image,
        frontend_image=release.frontend_image,
        schema_version=release.schema_version,
        backend_sizing=_sizing(settings.backend),
        frontend_sizing=_sizing(settings.frontend),
        scheduling=Scheduling(
            node_selector=settings.scheduling.node_selector,
            tolerations=[toleration.model_dump(exclude_none=True) for toleration in settings.scheduling.tolerations],
        ),
        django=release.overrides.django,
        frontend=release.overrides.frontend,
        cold=settings.is_cold(colour),
        migrates=release.migration is not None,
    )


def configuration(settings: Settings) -> Configuration:
    """What both colours read at start."""
    return Configuration(
        database=Database(
            host=settings.database.host,
            port=settings.database.port,
            name=settings.database.name,
            user=settings.database.user,
            ssl_mode=settings.database.ssl_mode,
        ),
        cache=Cache(
            host=settings.redis.host,
            port=settings.redis.port,
            tls=settings.redis.tls,
            database=settings.redis.database,
        ),
        domain=settings.domain,
        allowed_hosts=settings.allowed_hosts,
        public_url=settings.public_url,
        django=settings.overrides.django,
        frontend=settings.overrides.frontend,
    )


def application_allowances(settings: Settings) -> Sequence[Allowance]:
    """The flows of the application: in from the proxies and Prometheus, out to its data, and frontend to backend."""
    backend, frontend = (
        {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": labels.PART_OF} for name in (BACKEND, FRONTEND)
    )
    data = [Peer(cidr=cidr) for cidr in settings.data_cidrs]
    return [
        Allowance(
            name="gateway-to-backend",
            direction="Ingress",
            pods=backend,
            peers=[Peer(namespace=PROXIES), Peer(namespace=MONITORING)],
            ports=[BACKEND_PORT],
        ),
        Allowance(
            name="gateway-to-frontend",
            direction="Ingress",
            pods=frontend,
            peers=[Peer(namespace=PROXIES), Peer(namespace=MONITORING)],
            ports=[FRONTEND_PORT],
        ),
        Allowance(
            name="frontend-to-backend",
            direction="Egress",
            pods=frontend,
            peers=[Peer(pods=backend)],
            ports=[BACKEND_PORT],
        ),
        Allowance(
            name="backend-from-frontend",
            direction="Ingress",
            pods=backend,
            peers=[Peer(pods=frontend)],
            ports=[BACKEND_PORT],
        ),
        Allowance(
            name="backend-to-data",
            direction="Egress",
            pods=backend,
            peers=data,
            ports=[settings.database.port, settings.redis.port],
        ),
        Allowance(
            name="migration-to-data",
            direction="Egress",
            pods={"app.kubernetes.io/name": MIGRATION, "app.kubernetes.io/part-of": labels.PART_OF},
            peers=data,
            ports=[settings.database.port],
        ),
    ]


def _sizing(workload: Workload) -> Sizing:
    resources = workload.resources
    return Sizing(
        cpu_request=resources.cpu_request,
        memory_request=resources.memory_request,
        memory_limit=resources.memory_limit,
        cpu_limit=resources.cpu_limit,
        min_replicas=workload.min_replicas,
        max_replicas=workload.max_replicas,
        target_cpu_percent=workload.target_cpu_percent,
        progress_deadline_seconds=workload.progress_deadline_seconds,
    )
