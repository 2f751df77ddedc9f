"""What a managed cluster has on its first day."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from rehearsal.cluster.api import Objects
from rehearsal.cluster.configuration import CONTROL_NAMESPACE
from rehearsal.cluster.layout import Layout

REGION: Final = "local"
ZONES: Final = ("local-a", "local-b", "local-c")
INSTANCE_TYPE: Final = "rehearsal.xlarge"
CAPACITY: Final = {"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
MANAGER: Final = "rehearsal"


def furnish(api: Objects, layout: Layout) -> str:
    """Create nodes and storage classes. Returns what is still missing for the cluster to be usable, or nothing.

    Applying twice changes nothing that matters, so that every start can do it.
    """
    for number, zone in enumerate(ZONES, start=1):
        node = node_document(zone, address=f"172.30.0.{10 + number}", pods=f"10.244.{number}.0/24")
        api.apply(f"/api/v1/nodes/{node['metadata']['name']}", node, manager=MANAGER)
    for storage_class in storage_class_documents():
        path = f"/apis/storage.k8s.io/v1/storageclasses/{storage_class['metadata']['name']}"
        api.apply(path, storage_class, manager=MANAGER)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CONTROL_NAMESPACE}}
    api.apply(f"/api/v1/namespaces/{CONTROL_NAMESPACE}", namespace, manager=MANAGER)
    for secret in gateway_secrets(layout):
        path = f"/api/v1/namespaces/{CONTROL_NAMESPACE}/secrets/{secret['metadata']['name']}"
        api.apply(path, secret, manager=MANAGER)
    if api.get("/api/v1/namespaces/default/serviceaccounts/default") is None:
        return "the service account of namespace default is not there yet"
    not_ready = [zone for zone in ZONES if not _is_ready(api.get(f"/api/v1/nodes/{node_name(zone)}"))]
    return f"the node in zone {not_ready[0]} is not ready yet" if not_ready else ""


def node_name(zone: str) -> str:
    """The name of the node in ``zone``. The volume stages rely on it."""
    return f"node-{zone}"


def node_document(zone: str, *, address: str, pods: str) -> dict[str, Any]:
    """A node as a cloud's kubelet would register it. Status counts only when the node is created.

    ``pods``: the range of its pods' addresses, all its own, so that no other node's pod can get one of them.
    """
    name = node_name(zone)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": INSTANCE_TYPE,
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": zone,
            },
        },
        "spec": {"podCIDR": pods, "podCIDRs": [pods]},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "allocatable": CAPACITY,
            "capacity": CAPACITY,
        },
    }


def storage_class_documents() -> tuple[dict[str, Any], ...]:
    """``block``, the default, follows the pod to its zone as cloud disks do; ``shared`` is bound at once."""
    return (
        _storage_class("block", binding="WaitForFirstConsumer", default=True),
        _storage_class("shared", binding="Immediate", default=False),
    )


def gateway_secrets(layout: Layout) -> tuple[dict[str, Any], ...]:
    """The Secrets that Envoy Gateway expects in its namespace: the salt of its cookies, Envoy's client certificate."""
    certificate = {
        "ca.crt": layout.certificate("gateway-ca").read_text(),
        "tls.crt": layout.certificate("xds-client").read_text(),
        "tls.key": layout.key("xds-client").read_text(),
    }
    return (
        _secret("envoy-oidc-hmac", "Opaque", {"hmac-secret": secrets.token_hex(16)}),
        _secret("envoy", "kubernetes.io/tls", certificate),
    )


def _secret(name: str, kind: str, content: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "metadata": {"name": name},
        "stringData": dict(content),
    }


def _storage_class(name: str, *, binding: str, default: bool) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"} if default else {},
        },
        "provisioner": f"{name}.rehearsal",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": binding,
    }


def _is_ready(node: dict[str, Any] | None) -> bool:
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
