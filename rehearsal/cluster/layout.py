"""Where the embedded cluster keeps its files, and the addresses it uses inside its network namespace."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

POD_RANGE: Final = "10.244.0.0/16"
SERVICE_RANGE: Final = "10.96.0.0/16"
CLIENT_RANGE: Final = "10.200.0.0/16"
"""Source addresses for generated traffic, so that it looks like many clients."""
CONTROL_RANGE: Final = "172.30.0.0/24"
"""The control plane's and the nodes' own addresses."""

DATA_RANGE: Final = "10.20.0.0/16"
"""Where PostgreSQL and Redis are: the network that the stack's ``dataCidrs`` let the application reach."""

API_ADDRESS: Final = "172.30.0.1"
API_PORT: Final = 6443
ETCD_PORT: Final = 2379
STATISTICS_PORT: Final = 19001
"""Where a pod of Envoy's serves its statistics, as Envoy Gateway has it."""
PROMETHEUS_PORT: Final = 9090
REGISTRY_PORT: Final = 5000
POSTGRESQL_ADDRESS: Final = "10.20.0.10"
POSTGRESQL_PORT: Final = 5432
REDIS_ADDRESS: Final = "10.20.0.11"
REDIS_PORT: Final = 6379
REDIS_PLAIN_PORT: Final = 6380
"""Where Redis itself listens, on loopback."""
FORWARDER_ADDRESS: Final = "10.200.255.254"
"""The client address that the gateway sees for a connection from the host."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Files of one embedded cluster. ``root`` is ``Paths.cluster``; nothing is created by looking at it."""

    root: Path

    @property
    def pki(self) -> Path:
        """Certificates and keys; readable by the owner alone."""
        return self.root / "pki"

    @property
    def ca(self) -> Path:
        """The authority that signs what the gateway serves, for ``curl --cacert``."""
        return self.root / "ca.crt"

    @property
    def etcd(self) -> Path:
        """Etcd's data: the one thing that must outlive a restart."""
        return self.root / "etcd"

    @property
    def config(self) -> Path:
        """Configuration files of the parts, written again on every start."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One log a part."""
        return self.root / "logs"

    @property
    def gateway(self) -> Path:
        """Envoy Gateway's directories."""
        return self.root / "gateway"

    @property
    def prometheus(self) -> Path:
        """Prometheus's data."""
        return self.root / "prometheus"

    @property
    def postgresql(self) -> Path:
        """PostgreSQL's data."""
        return self.root / "postgresql"

    @property
    def database(self) -> Path:
        """What the application's database is called, and its password; readable by the owner alone."""
        return self.pki / "database.json"

    @property
    def redis(self) -> Path:
        """Redis's data."""
        return self.root / "redis"

    @property
    def registry(self) -> Path:
        """The registry's images."""
        return self.root / "registry"

    @property
    def targets(self) -> Path:
        """The pods that Prometheus scrapes."""
        return self.root / "targets.json"

    @property
    def plan(self) -> Path:
        """The last start's :class:`rehearsal.cluster.plan.Plan`."""
        return self.root / "plan.json"

    @property
    def status(self) -> Path:
        """What the supervisor last said, as JSON."""
        return self.root / "status.json"

    @property
    def record(self) -> Path:
        """Which process is this cluster's launcher."""
        return self.root / "launcher.json"

    @property
    def inside_kubeconfig(self) -> Path:
        """The administrator's kubeconfig for use inside the namespace."""
        return self.root / "kubeconfig-inside"

    @property
    def encryption_key(self) -> Path:
        """The key that encrypts Secrets in etcd."""
        return self.pki / "encryption.key"

    def log(self, part: str) -> Path:
        """The log of ``part``."""
        return self.logs / f"{part}.log"

    def certificate(self, name: str) -> Path:
        """The certificate called ``name``."""
        return self.pki / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key called ``name``."""
        return self.pki / f"{name}.key"

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig of the control-plane user ``name``."""
        return self.config / f"{name}.kubeconfig"
