"""The processes beside the embedded cluster that a release needs: metrics, database, cache, images. Pure functions."""

import signal

from rehearsal.cluster.layout import (
    PROMETHEUS_PORT,
    REDIS_ADDRESS,
    REDIS_PLAIN_PORT,
    REDIS_PORT,
    REGISTRY_PORT,
    Layout,
)
from rehearsal.cluster.part import Part, python
from rehearsal.cluster.plan import Plan


def prometheus(layout: Layout, plan: Plan) -> Part:
    """Scrapes Envoy's statistics and the pods, and works out what a release is judged by."""
    address = f"127.0.0.1:{PROMETHEUS_PORT}"
    return Part(
        name="prometheus",
        argv=(
            plan.programs["prometheus"],
            f"--config.file={layout.config / 'prometheus.json'}",
            f"--storage.tsdb.path={layout.prometheus}",
            "--storage.tsdb.retention.time=6h",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ),
        health=f"http://{address}/-/ready",
        after=("statistics",),
    )


def postgresql(layout: Layout, plan: Plan) -> Part:
    """The application's database. It ends at once when interrupted; asked politely, it would wait for its clients."""
    programs = (plan.programs["initdb"], plan.programs["postgres"])
    return Part(
        name="postgresql",
        argv=python("rehearsal.cluster.postgresql", str(layout.root), *programs),
        health=f"postmaster:{layout.postgresql / 'postmaster.pid'}",
        end=signal.SIGINT,
    )


def redis(layout: Layout, plan: Plan) -> Part:
    """The application's cache."""
    return Part(
        name="redis",
        argv=(plan.programs["redis-server"], str(layout.config / "redis.conf")),
        health=f"tcp://127.0.0.1:{REDIS_PLAIN_PORT}",
    )


def redis_tls(layout: Layout) -> Part:
    """Redis as the application sees it: by TLS."""
    own = f"{REDIS_ADDRESS}:{REDIS_PORT}"
    pair = (str(layout.certificate("redis")), str(layout.key("redis")))
    return Part(
        name="redis-tls",
        argv=python("rehearsal.cluster.termination", *pair, own, f"127.0.0.1:{REDIS_PLAIN_PORT}"),
        health=f"tcp://{own}",
        after=("redis",),
    )


def registry(layout: Layout, plan: Plan) -> Part:
    """The container registry that image names of stack development lead to."""
    return Part(
        name="registry",
        argv=(plan.programs["registry"], "serve", str(layout.config / "registry.json")),
        environment={"OTEL_TRACES_EXPORTER": "none"},
        health=f"tcp://127.0.0.1:{REGISTRY_PORT}",
    )
