"""What one start decided, written down for the processes it leaves behind."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Protocol, Self

from rehearsal.cluster import files
from rehearsal.cluster.layout import Layout

PROGRAMS: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "envoy-gateway",
    "envoy",
    "prometheus",
    "registry",
    "initdb",
    "postgres",
    "redis-server",
)
"""What the cluster runs, by the names that the toolchain knows."""


BESIDE: Final = ("prometheus", "postgresql", "redis", "registry")
"""Parts beside the cluster that the host's side reaches, each on a port of its own."""


class Binaries(Protocol):
    """A place that has the cluster's programs: the toolchain, as far as this package uses it."""

    def binary(self, name: str) -> Path:
        """The executable called ``name``."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Ports on the host's loopback interface that lead to the gateway."""

    http: int = 8080
    https: int = 8443


def fingerprint(repository: Path) -> str:
    """A hash over the sources of the processes that a start leaves behind."""
    digest = hashlib.sha256()
    for folder in ("cluster", "workload"):
        for file in sorted((repository / "rehearsal" / folder).iterdir()):
            if file.suffix in (".py", ".yaml"):
                digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Programs and host-side ports of one embedded cluster."""

    programs: Mapping[str, str]
    envoy_version: str
    """What the program ``envoy`` says it is."""
    sources: str
    """Fingerprint of this package and the workload simulator: a cluster that other sources started starts again."""
    http: int
    https: int
    api: int
    """Host-side port of the API server: chosen once, then remembered."""
    beside: Mapping[str, int] = field(default_factory=dict)
    """Host-side ports of :data:`BESIDE`: chosen once, then remembered. A plan from before there were any has none."""

    @classmethod
    def read(cls, layout: Layout) -> Self | None:
        """The last start's plan; ``None`` before the first, and if another version of this program wrote it."""
        content = files.read_json(layout.plan)
        try:
            return None if content is None else cls(**content)
        except TypeError:
            return None

    def write(self, layout: Layout) -> None:
        """Remember this plan."""
        files.write_json(layout.plan, asdict(self))
