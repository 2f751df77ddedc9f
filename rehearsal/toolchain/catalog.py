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
    programs={"promtool": "github.com/prometheus/prometheus/cmd/promtool"},
    stamps={"github.com/prometheus/common/version.Version": prometheus_release(VERSIONS.tools["prometheus"].version)},
    seconds=240,
    compiled_gib=1.6,
    fetched_gib=1.5,
)
SOURCES: Final = (CLUSTER, PULUMI, PROMETHEUS)

WHEELS: Final = ("envoy", "kubectl")
"""Programs that Python packages bring; they lie beside the interpreter."""

DEFAULT: Final = (*CLUSTER.programs, *PULUMI.programs, *WHEELS)
"""What ``make up`` needs."""

ALL: Final = (*DEFAULT, *PROMETHEUS.programs)


def source_of(program: str) -> Source:
    """The module that ``program`` is built from. Raises ``KeyError`` if it is none of ours."""
    for source in SOURCES:
        if program in source.programs:
            return source
    raise KeyError(program)
