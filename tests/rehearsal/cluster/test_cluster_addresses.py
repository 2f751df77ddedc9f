"""Gateways become ``Programmed`` when Envoy serves them, and leave nothing."""

import socket
from collections.abc import Mapping
from typing import Any

from rehearsal.cluster import addresses
from rehearsal.cluster.configuration import CONTROLLER

SERVICE = f"{addresses.SERVICES}/envoy-gateway-public"
DEPLOYMENT = f"{addresses.DEPLOYMENTS}/envoy-gateway-public"
STATISTICS = f"{addresses.SERVICES}/envoy-admin"


class Cluster:
    """An API server that keeps what is applied to it, with one class of Gateways of Envoy Gateway's."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.applied: list[str] = []

    def get(self, path: str) -> dict[str, Any] | None:
        if path == addresses.CLASSES:
            return {
                "items": [
                    {"metadata": {"name": "ours"}, "spec": {"controllerName": CONTROLLER}},
                    {"metadata": {"name": "theirs"}, "spec": {"controllerName": "example.org/other"}},
                ]
            }
        if "?labelSelector=app.kubernetes.io/managed-by=rehearsal" in path:
            folder = path.partition("?")[0]
            return {"items": [one for name, one in self.objects.items() if name.startswith(folder)]}
        assert path in (SERVICE, DEPLOYMENT, STATISTICS), path
        return self.objects.get(path)

    def apply(self, path: str, content: Mapping[str, Any], *, manager: str) -> dict[str, Any]:
        assert manager == addresses.MANAGER
        self.applied.append(path)
        self.objects[path] = dict(content)
        return dict(content)

    def delete(self, path: str) -> None:
        del self.objects[path]


def gateway(class_name: str = "ours", ports: tuple[int, ...] = (80, 443)) -> dict[str, Any]:
    return {
        "metadata": {"name": "public", "namespace": "gateway"},
        "spec": {"gatewayClassName": class_name, "listeners": [{"port": port} for port in ports]},
    }


def test_a_gateway_that_envoy_does_not_serve_yet_has_an_address_and_nobody_behind_it() -> None:
    cluster = Cluster()
    assert addresses.reconcile(cluster, [gateway()], lambda port: port == 80) is False
    assert [port["port"] for port in cluster.objects[SERVICE]["spec"]["ports"]] == [80, 443]
    assert cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 0


def test_a_gateway_whose_every_port_is_served_has_a_replica() -> None:
    cluster = Cluster()
    addresses.reconcile(cluster, [gateway()], lambda _port: False)
    assert addresses.reconcile(cluster, [gateway()], lambda _port: True) is True
    assert cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 1


def test_envoy_gateway_finds_them_by_its_owner_labels() -> None:
    for document in (addresses.service(gateway()), addresses.deployment(gateway(), serving=True)):
        labels = document["metadata"]["labels"]
        assert labels["gateway.envoyproxy.io/owning-gateway-name"] == "public"
        assert labels["gateway.envoyproxy.io/owning-gateway-namespace"] == "gateway"


def test_nothing_is_written_when_nothing_has_changed() -> None:
    cluster = Cluster()
    for _ in range(3):
        addresses.reconcile(cluster, [gateway()], lambda _port: True)
    assert cluster.applied == [STATISTICS, SERVICE, DEPLOYMENT]


def test_the_service_of_the_statistics_leads_to_the_replicas_port_of_that_name() -> None:
    cluster = Cluster()
    addresses.reconcile(cluster, [gateway()], lambda _port: True)
    service, template = cluster.objects[STATISTICS], cluster.objects[DEPLOYMENT]["spec"]["template"]
    assert service["metadata"]["labels"]["english-training.dev/stats"] == "envoy"
    assert service["spec"]["ports"] == [{"name": "metrics", "port": 19001, "targetPort": "metrics"}]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert template["spec"]["containers"][0]["ports"] == [{"name": "metrics", "containerPort": 19001}]


def test_a_new_listener_reaches_the_service() -> None:
    cluster = Cluster()
    addresses.reconcile(cluster, [gateway(ports=(80,))], lambda _port: True)
    addresses.reconcile(cluster, [gateway()], lambda _port: True)
    assert [port["port"] for port in cluster.objects[SERVICE]["spec"]["ports"]] == [80, 443]


def test_listeners_that_share_a_port_have_it_once() -> None:
    assert addresses.ports(gateway(ports=(443, 443, 80))) == [443, 80]


def test_a_gateway_of_another_controller_is_left_alone() -> None:
    cluster = Cluster()
    assert addresses.reconcile(cluster, [gateway("theirs")], lambda _port: False) is True
    assert cluster.objects == {}


def test_what_a_deleted_gateway_had_goes_with_it() -> None:
    cluster = Cluster()
    addresses.reconcile(cluster, [gateway()], lambda _port: True)
    assert addresses.reconcile(cluster, [], lambda _port: True) is True
    assert cluster.objects == {}


def test_a_port_listens_when_it_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert addresses.listens(port)
    assert not addresses.listens(port)
