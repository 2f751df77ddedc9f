"""Every process of the embedded cluster: its arguments, environment, order and health check. Pure functions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rehearsal.cluster import beside
from rehearsal.cluster.configuration import CONTROL_NAMESPACE, GATEWAY_FOLDERS
from rehearsal.cluster.layout import (
    API_ADDRESS,
    API_PORT,
    ETCD_PORT,
    FORWARDER_ADDRESS,
    POD_RANGE,
    POSTGRESQL_ADDRESS,
    POSTGRESQL_PORT,
    PROMETHEUS_PORT,
    REDIS_ADDRESS,
    REDIS_PORT,
    REGISTRY_PORT,
    SERVICE_RANGE,
    STATISTICS_PORT,
    Layout,
)
from rehearsal.cluster.part import Gate, Part, python
from rehearsal.cluster.plan import Plan
from rehearsal.paths import REPOSITORY

STAGES: Final = Path(__file__).parent / "stages.yaml"
"""How nodes and volumes behave."""
POD_STAGES: Final = REPOSITORY / "rehearsal" / "workload" / "stages.yaml"
"""How pods behave: belongs to the workload simulator."""

TARGETS: Final[Mapping[str, str]] = {
    # Envoy in Host mode listens on the Gateway's own port numbers.
    "http": "127.0.0.1:80",
    "https": "127.0.0.1:443",
    "api": f"127.0.0.1:{API_PORT}",
    "prometheus": f"127.0.0.1:{PROMETHEUS_PORT}",
    "postgresql": f"{POSTGRESQL_ADDRESS}:{POSTGRESQL_PORT}",
    "redis": f"{REDIS_ADDRESS}:{REDIS_PORT}",
    "registry": f"127.0.0.1:{REGISTRY_PORT}",
}
"""Where the forwarder carries connections, by the name of the listening socket."""
SECURE_TLS: Final = "--tls-min-version=VersionTLS12"


def all_parts(layout: Layout, plan: Plan, sockets: Mapping[str, Sequence[int]]) -> tuple[Part, ...]:
    """Every part. ``sockets``: the inherited listening sockets by what they lead to: see :data:`TARGETS`."""
    return (
        etcd(layout, plan),
        api_server(layout, plan),
        controller_manager(layout, plan),
        scheduler(layout, plan),
        nodes(layout, plan),
        forwarder(sockets),
        gateways(layout),
        envoy_gateway(layout, plan),
        statistics(layout),
        workload(layout),
        beside.prometheus(layout, plan),
        beside.postgresql(layout, plan),
        beside.redis(layout, plan),
        beside.redis_tls(layout),
        beside.registry(layout, plan),
    )


def etcd(layout: Layout, plan: Plan) -> Part:
    """The cluster's memory. It may skip fsync: a killed process loses nothing, only a machine without power could."""
    client = f"http://127.0.0.1:{ETCD_PORT}"
    peer = f"http://127.0.0.1:{ETCD_PORT + 1}"
    return Part(
        name="etcd",
        argv=(
            plan.programs["etcd"],
            "--name=rehearsal",
            f"--data-dir={layout.etcd}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=rehearsal={peer}",
            "--unsafe-no-fsync",
            # The only member need not wait a second for others before it leads.
            "--heartbeat-interval=50",
            "--election-timeout=250",
            "--snapshot-count=5000",
            "--quota-backend-bytes=1073741824",
            "--log-level=warn",
        ),
        health=f"{client}/health",
    )


def api_server(layout: Layout, plan: Plan) -> Part:
    """The API server, as a managed cluster runs it."""
    return Part(
        name="kube-apiserver",
        argv=(
            plan.programs["kube-apiserver"],
            f"--advertise-address={API_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--anonymous-auth=false",
            "--allow-privileged=true",
            f"--client-ca-file={layout.certificate('kubernetes-ca')}",
            *_serving(layout, "kube-apiserver"),
            *_service_accounts(layout),
            *_aggregation(layout),
            *_audit(layout),
            f"--encryption-provider-config={layout.config / 'encryption.json'}",
            "--max-requests-inflight=200",
            "--max-mutating-requests-inflight=100",
            "--profiling=false",
            "--v=0",
        ),
        health=f"https://127.0.0.1:{API_PORT}/readyz",
        after=("etcd",),
    )


def controller_manager(layout: Layout, plan: Plan) -> Part:
    """The controllers of the built-in resources."""
    return Part(
        name="kube-controller-manager",
        argv=(
            plan.programs["kube-controller-manager"],
            *_controller(layout, "kube-controller-manager"),
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={layout.key('service-account')}",
            f"--root-ca-file={layout.certificate('kubernetes-ca')}",
            f"--cluster-signing-cert-file={layout.certificate('kubernetes-ca')}",
            f"--cluster-signing-key-file={layout.key('kubernetes-ca')}",
        ),
        health="https://127.0.0.1:10257/healthz",
        after=("kube-apiserver",),
    )


def scheduler(layout: Layout, plan: Plan) -> Part:
    """The scheduler."""
    return Part(
        name="kube-scheduler",
        argv=(plan.programs["kube-scheduler"], *_controller(layout, "kube-scheduler")),
        health="https://127.0.0.1:10259/healthz",
        after=("kube-apiserver",),
    )


def nodes(layout: Layout, plan: Plan) -> Part:
    """The simulated nodes, and the life of what is put on them."""
    return Part(
        name="kwok",
        argv=(
            plan.programs["kwok"],
            f"--kubeconfig={layout.kubeconfig('kwok')}",
            f"--config={STAGES}",
            f"--config={POD_STAGES}",
            "--manage-all-nodes=true",
            # A lease outlives the kwok that holds it: the next one would wait for its end before it does anything.
            "--node-lease-duration-seconds=0",
            f"--cidr={POD_RANGE}",
            "--server-address=127.0.0.1:10247",
            "--v=WARN",
        ),
        health="http://127.0.0.1:10247/healthz",
        after=("kube-apiserver",),
    )


def forwarder(sockets: Mapping[str, Sequence[int]]) -> Part:
    """Carries connections from the host's side to the gateway, the API server and what stands beside the cluster."""
    routes = [f"{number}={TARGETS[name]}" for name, numbers in sockets.items() for number in numbers]
    return Part(
        name="forwarder",
        argv=python("rehearsal.cluster.forwarder", f"--from={FORWARDER_ADDRESS}", *routes),
        descriptors=tuple(number for numbers in sockets.values() for number in numbers),
    )


def gateways(layout: Layout) -> Part:
    """Looks after the Gateways' certificates and addresses."""
    return Part(
        name="gateways",
        argv=python("rehearsal.cluster.gateways", str(layout.root)),
        after=("kube-apiserver",),
    )


def envoy_gateway(layout: Layout, plan: Plan) -> Part:
    """The gateway's control plane, with Envoy as its child. It insists on certificates in ``/certs``."""
    folders = (str(layout.gateway / "certs"), "certs", str(layout.gateway / "root"))
    command = (plan.programs["envoy-gateway"], "server", f"--config-path={layout.config / 'envoy-gateway.json'}")
    return Part(
        name="envoy-gateway",
        argv=python("rehearsal.cluster.namespace", *folders, *command),
        environment={
            "KUBECONFIG": str(layout.kubeconfig("envoy-gateway")),
            "ENVOY_GATEWAY_NAMESPACE": CONTROL_NAMESPACE,
            "ENVOY_VERSION": plan.envoy_version,
        },
        health="http://127.0.0.1:8081/readyz",
        after=("kube-apiserver",),
        gate=Gate.GATEWAY_API,
        child="envoy",
        child_traces=layout.gateway / GATEWAY_FOLDERS["runtimeDir"],
    )


def statistics(layout: Layout) -> Part:
    """Serves Envoy's statistics."""
    return Part(
        name="statistics",
        argv=python("rehearsal.cluster.statistics", str(layout.root)),
        health=f"http://127.0.0.1:{STATISTICS_PORT}/ready",
    )


def workload(layout: Layout) -> Part:
    """Answers for the simulated pods."""
    return Part(
        name="workload",
        argv=python(
            *("rehearsal.workload", "--kubeconfig", str(layout.inside_kubeconfig), "--targets", str(layout.targets))
        ),
        after=("kube-apiserver",),
    )


def _serving(layout: Layout, name: str) -> tuple[str, ...]:
    return (
        f"--tls-cert-file={layout.certificate(name)}",
        f"--tls-private-key-file={layout.key(name)}",
        SECURE_TLS,
    )


def _controller(layout: Layout, name: str) -> tuple[str, ...]:
    kubeconfig = layout.kubeconfig(name)
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--client-ca-file={layout.certificate('kubernetes-ca')}",
        "--bind-address=127.0.0.1",
        *_serving(layout, name),
        "--leader-elect=false",
        "--profiling=false",
        # The default of 20 a second makes the first start 4 s longer, and every larger change slower.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--v=0",
    )


def _service_accounts(layout: Layout) -> tuple[str, ...]:
    return (
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={layout.pki / 'service-account.pub'}",
        f"--service-account-signing-key-file={layout.key('service-account')}",
    )


def _aggregation(layout: Layout) -> tuple[str, ...]:
    return (
        f"--requestheader-client-ca-file={layout.certificate('front-proxy-ca')}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={layout.certificate('front-proxy')}",
        f"--proxy-client-key-file={layout.key('front-proxy')}",
        "--enable-aggregator-routing=true",
    )


def _audit(layout: Layout) -> tuple[str, ...]:
    return (
        f"--audit-policy-file={layout.config / 'audit-policy.json'}",
        f"--audit-log-path={layout.log('audit')}",
        "--audit-log-mode=batch",
        "--audit-log-maxsize=8",
        "--audit-log-maxbackup=2",
    )
