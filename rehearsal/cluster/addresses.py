"""Makes Gateways ``Programmed`` once Envoy really serves them.

Envoy Gateway tells from the Service and the Deployment of its proxies whether a Gateway has an address and somebody
behind it. With Envoy as a process there is neither, so they are made here: the Service's address belongs to this
network namespace, where Envoy listens on every address, and the Deployment has its one replica while Envoy listens.

The replica's pod is also where Envoy's statistics are, on the port and by the path that a pod of Envoy's has: the API
server passes requests on to pods only, so there has to be one.
"""

import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rehearsal.cluster.api import Objects
from rehearsal.cluster.configuration import CONTROL_NAMESPACE, CONTROLLER
from rehearsal.cluster.layout import STATISTICS_PORT

CLASSES: Final = "/apis/gateway.networking.k8s.io/v1/gatewayclasses"
SERVICES: Final = f"/api/v1/namespaces/{CONTROL_NAMESPACE}/services"
DEPLOYMENTS: Final = f"/apis/apps/v1/namespaces/{CONTROL_NAMESPACE}/deployments"
OWNER: Final = "gateway.envoyproxy.io/owning-gateway"
MARK: Final = {"app.kubernetes.io/managed-by": "rehearsal"}
MANAGER: Final = "rehearsal-gateways"
CONNECT_SECONDS: Final = 0.5
STATISTICS: Final = "envoy-admin"
"""The Service of Envoy's statistics."""
STATISTICS_LABEL: Final = {"english-training.dev/stats": "envoy"}
METRICS: Final = "metrics"
"""What Envoy Gateway calls the port of a proxy's statistics."""

Gateway = Mapping[str, Any]


def reconcile(api: Objects, gateways: Iterable[Gateway], listens: Callable[[int], bool]) -> bool:
    """Make what Envoy Gateway looks for, and remove what a deleted Gateway left. Returns whether all are served."""
    classes = (api.get(CLASSES) or {}).get("items", [])
    names = {one["metadata"]["name"] for one in classes if one["spec"]["controllerName"] == CONTROLLER}
    ours = {_name(gateway): gateway for gateway in gateways if gateway["spec"]["gatewayClassName"] in names}
    wanted = {*ours, STATISTICS} if ours else set[str]()
    for path in (DEPLOYMENTS, SERVICES):
        selector = ",".join(f"{key}={value}" for key, value in MARK.items())
        for left in (api.get(f"{path}?labelSelector={selector}") or {}).get("items", []):
            if left["metadata"]["name"] not in wanted:
                api.delete(f"{path}/{left['metadata']['name']}")
    if ours:
        _apply(api, SERVICES, statistics())
    served = [_reconcile_one(api, gateway, listens) for gateway in ours.values()]
    return all(served)


def service(gateway: Gateway) -> dict[str, Any]:
    """The Service of the Gateway's proxies."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _name(gateway), "labels": _labels(gateway)},
        "spec": {"type": "ClusterIP", "ports": [{"name": f"port-{port}", "port": port} for port in ports(gateway)]},
    }


def deployment(gateway: Gateway, *, serving: bool) -> dict[str, Any]:
    """The Deployment of the Gateway's proxies: a simulated pod stands for the Envoy beside it."""
    labels = _labels(gateway)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": _name(gateway), "labels": labels},
        "spec": {
            "replicas": int(serving),
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [
                        {
                            "name": "envoy",
                            "image": "runs-beside-the-cluster",
                            "ports": [{"name": METRICS, "containerPort": STATISTICS_PORT}],
                        }
                    ]
                },
            },
        },
    }


def statistics() -> dict[str, Any]:
    """The Service of Envoy's statistics. A Gateway's pods are behind it once Envoy serves the Gateway."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": STATISTICS, "labels": {**MARK, **STATISTICS_LABEL}},
        "spec": {
            "type": "ClusterIP",
            "selector": MARK,
            "ports": [{"name": METRICS, "port": STATISTICS_PORT, "targetPort": METRICS}],
        },
    }


def ports(gateway: Gateway) -> list[int]:
    """The ports of the Gateway's listeners, each once."""
    return list(dict.fromkeys(listener["port"] for listener in gateway["spec"]["listeners"]))


def listens(port: int) -> bool:
    """Whether somebody accepts connections on ``port``."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _reconcile_one(api: Objects, gateway: Gateway, listens: Callable[[int], bool]) -> bool:
    serving = all(listens(port) for port in ports(gateway))
    _apply(api, SERVICES, service(gateway))
    _apply(api, DEPLOYMENTS, deployment(gateway, serving=serving))
    return serving


def _apply(api: Objects, path: str, document: Mapping[str, Any]) -> None:
    one = f"{path}/{document['metadata']['name']}"
    if _differs(api.get(one), document):
        api.apply(one, document, manager=MANAGER)


def _differs(current: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Whether what can change of ``wanted`` is not so in ``current``."""
    if current is None:
        return True
    spec = current["spec"]
    current_ports = [port["port"] for port in spec.get("ports", [])]
    wanted_ports = [port["port"] for port in wanted["spec"].get("ports", [])]
    return bool(spec.get("replicas") != wanted["spec"].get("replicas") or current_ports != wanted_ports)


def _name(gateway: Gateway) -> str:
    return f"envoy-{gateway['metadata']['namespace']}-{gateway['metadata']['name']}"


def _labels(gateway: Gateway) -> dict[str, str]:
    return {
        **MARK,
        f"{OWNER}-namespace": gateway["metadata"]["namespace"],
        f"{OWNER}-name": gateway["metadata"]["name"],
    }
