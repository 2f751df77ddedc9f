"""The real gateway on the real cluster: certificates, the way from this machine, the death of Envoy."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

import crds
from rehearsal.cluster.configuration import CONTROL_NAMESPACE
from rehearsal.cluster.state import State
from tests.rehearsal.cluster_fixtures import EmbeddedCluster, eventually

pytestmark = pytest.mark.cluster

GATEWAY_API = "gateway.networking.k8s.io/v1"


@pytest.fixture(scope="module")
def served(embedded_cluster: EmbeddedCluster) -> Iterator[EmbeddedCluster]:
    """Yield the cluster with a Gateway and one backend behind it. The kinds, which bother nobody, stay."""
    kinds = [dict(document) for bundle in ("gateway-api", "envoy-gateway") for document in crds.bundle(bundle)]
    for documents in (kinds, _documents()):
        embedded_cluster.kubectl("apply", "--server-side", "-f", "-", stdin=_list(documents))
    embedded_cluster.kubectl("wait", "-n", "gateway", "gateway/public", "--for=condition=Programmed", "--timeout=60s")
    yield embedded_cluster
    embedded_cluster.kubectl("delete", "namespace", "gateway", "english-training", "--wait=false")


def _list(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": documents}


def _documents() -> list[dict[str, Any]]:
    tls = {"certificateRefs": [{"name": "public-tls"}]}
    everywhere = {"namespaces": {"from": "All"}}
    labels = {
        "app.kubernetes.io/part-of": "english-training",
        "app.kubernetes.io/name": "backend",
        "app.kubernetes.io/version": "1.0.0",
        "english-training.dev/colour": "blue",
    }
    container = {"name": "backend", "image": "example/backend:1.0.0", "ports": [{"containerPort": 8000}]}
    return [
        _document("v1", "Namespace", "gateway"),
        _document("v1", "Namespace", "english-training"),
        _document(
            GATEWAY_API,
            "GatewayClass",
            "english-training",
            spec={"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        ),
        _document(
            GATEWAY_API,
            "Gateway",
            "public",
            namespace="gateway",
            annotations={"cert-manager.io/cluster-issuer": "rehearsal-ca"},
            spec={
                "gatewayClassName": "english-training",
                "listeners": [
                    {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": everywhere},
                    {"name": "https", "port": 443, "protocol": "HTTPS", "allowedRoutes": everywhere, "tls": tls},
                ],
            },
        ),
        _document(
            "v1", "Pod", "backend", namespace="english-training", labels=labels, spec={"containers": [container]}
        ),
        _document(
            "v1",
            "Service",
            "backend",
            namespace="english-training",
            spec={"selector": labels, "ports": [{"port": 8000}]},
        ),
        _document(
            GATEWAY_API,
            "HTTPRoute",
            "backend",
            namespace="english-training",
            spec={
                "parentRefs": [{"name": "public", "namespace": "gateway"}],
                "rules": [{"backendRefs": [{"name": "backend", "port": 8000}]}],
            },
        ),
    ]


def _document(
    version: str, kind: str, name: str, spec: dict[str, Any] | None = None, **metadata: Any
) -> dict[str, Any]:
    document = {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}
    return document if spec is None else {**document, "spec": spec}


def fetch(cluster: EmbeddedCluster, url: str) -> str:
    """The status code of ``url``; ``000`` without an answer."""
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(cluster.running.ca), url]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_request_from_this_machine_reaches_a_pod(served: EmbeddedCluster) -> None:
    ports = served.running.ports
    assert eventually(lambda: fetch(served, f"http://localhost:{ports.http}/health/") == "200")
    assert fetch(served, f"http://127.0.0.1:{ports.http}/health/") == "200"


def test_https_is_served_with_a_certificate_that_the_clusters_authority_signed(served: EmbeddedCluster) -> None:
    ports = served.running.ports
    assert eventually(lambda: fetch(served, f"https://localhost:{ports.https}/health/") == "200")


def test_a_gateway_has_an_address_that_answers_inside(served: EmbeddedCluster) -> None:
    gateway = json.loads(served.kubectl("get", "gateway", "-n", "gateway", "public", "-o", "json"))
    (address,) = gateway["status"]["addresses"]
    said = served.inside("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{address['value']}/health/")
    assert said == "200"


def statistics(cluster: EmbeddedCluster, path: str) -> subprocess.CompletedProcess[str]:
    """What ``kubectl`` says of a path of Envoy's statistics, as the API server passes it on."""
    service = f"/api/v1/namespaces/{CONTROL_NAMESPACE}/services/envoy-admin:19001"
    return cluster.try_kubectl("get", "--raw", f"{service}/proxy{path}")


def counted(cluster: EmbeddedCluster) -> int:
    """Answers that Envoy says it had from its only backend."""
    said = statistics(cluster, "/stats/prometheus?usedonly&filter=upstream_rq_2xx").stdout
    found = re.search(r'^envoy_cluster_upstream_rq_xx\{.*envoy_cluster_name="httproute/.*\} (\d+)$', said, re.MULTILINE)
    return int(found[1]) if found else 0


def test_envoys_statistics_are_read_through_the_api_server(served: EmbeddedCluster) -> None:
    url = f"http://localhost:{served.running.ports.http}/health/"
    assert eventually(lambda: fetch(served, url) == "200")
    assert eventually(lambda: counted(served) > 0)
    before = counted(served)
    assert [fetch(served, url) for _ in range(5)] == ["200"] * 5
    assert counted(served) == before + 5


def test_nothing_else_of_envoys_admin_interface_can_be_reached(served: EmbeddedCluster) -> None:
    assert eventually(lambda: statistics(served, "/stats/prometheus").returncode == 0)
    for path in ("/quitquitquit", "/config_dump", "/stats/prometheus/../../certs"):
        assert "NotFound" in statistics(served, path).stderr


def test_a_deleted_certificate_is_issued_again(served: EmbeddedCluster) -> None:
    served.kubectl("delete", "secret", "-n", "gateway", "public-tls")
    served.kubectl("annotate", "gateway", "-n", "gateway", "public", "touched=yes")
    assert eventually(lambda: served.try_kubectl("get", "secret", "-n", "gateway", "public-tls").returncode == 0)


@pytest.mark.parametrize("name", ["envoy", "envoy-gateway"])
def test_a_killed_gateway_process_comes_back_and_serves(served: EmbeddedCluster, name: str) -> None:
    port = served.running.ports.http
    assert eventually(lambda: fetch(served, f"http://localhost:{port}/health/") == "200")
    before = served.part("envoy-gateway")
    victim = served.part(name).pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: served.part("envoy-gateway").restarts == before.restarts + 1)
    assert eventually(lambda: served.part("envoy-gateway").state is State.RUNNING)
    assert eventually(lambda: fetch(served, f"http://localhost:{port}/health/") == "200")


def test_without_its_gateway_nothing_of_it_is_left(served: EmbeddedCluster) -> None:
    served.kubectl("delete", "gateway", "-n", "gateway", "public")
    assert eventually(
        lambda: served.kubectl("get", "deployments,services,pods", "-n", CONTROL_NAMESPACE, "-o", "name") == ""
    )
