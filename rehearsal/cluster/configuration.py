"""Configuration files of the parts: each a pure function to the document that the part reads."""

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rehearsal.cluster.layout import REDIS_PLAIN_PORT, REGISTRY_PORT, Layout

CONTROLLER: Final = "gateway.envoyproxy.io/gatewayclass-controller"
"""Envoy Gateway's name for itself in a GatewayClass."""
CONTROL_NAMESPACE: Final = "envoy-gateway-system"
"""Where Envoy Gateway keeps its own Secrets and its proxies: its namespace everywhere else, too."""


def kubeconfig(*, server: str, authority: bytes, certificate: bytes, key: bytes) -> dict[str, Any]:
    """A kubeconfig for one user, everything embedded. Cluster, user and context are called ``rehearsal``."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "rehearsal", "cluster": {"server": server, "certificate-authority-data": _base64(authority)}}
        ],
        "users": [
            {
                "name": "rehearsal",
                "user": {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)},
            }
        ],
        "contexts": [{"name": "rehearsal", "context": {"cluster": "rehearsal", "user": "rehearsal"}}],
        "current-context": "rehearsal",
    }


def audit_policy() -> dict[str, Any]:
    """Who did what, as managed clusters log it: no read-only noise, never the content of a Secret."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [
            {"level": "None", "verbs": ["get", "list", "watch"], "userGroups": ["system:masters"]},
            {"level": "None", "users": ["system:apiserver", "system:kube-scheduler"]},
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
            {"level": "None", "users": ["rehearsal-nodes"]},
            {"level": "None", "verbs": ["get", "list", "watch"], "users": ["system:kube-controller-manager"]},
            {
                "level": "Metadata",
                "resources": [
                    {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                    {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
                ],
            },
            {"level": "None", "verbs": ["get", "list", "watch"], "userGroups": ["system:serviceaccounts:kube-system"]},
            {"level": "Request", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
            {"level": "Metadata"},
        ],
    }


def encryption(key: bytes) -> dict[str, Any]:
    """Secrets are encrypted before they reach etcd. ``key`` is 32 random bytes."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [
            {
                "resources": ["secrets"],
                "providers": [
                    {"secretbox": {"keys": [{"name": "key1", "secret": _base64(key)}]}},
                    {"identity": {}},
                ],
            }
        ],
    }


def envoy_gateway(layout: Layout) -> dict[str, Any]:
    """Envoy Gateway reading the Kubernetes API and running Envoy as a child process beside it."""
    homes = {name: str(layout.gateway / folder) for name, folder in GATEWAY_FOLDERS.items()}
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyGateway",
        "gateway": {"controllerName": CONTROLLER},
        "logging": {"level": {"default": "warn"}},
        # It would take port 19001 of every address, which is where a pod of Envoy's has its statistics.
        "telemetry": {"metrics": {"prometheus": {"disable": True}}},
        "provider": {
            "type": "Custom",
            "custom": {
                "resource": {"type": "Kubernetes", "kubernetes": {"leaderElection": {"disable": True}}},
                "infrastructure": {"type": "Host", "host": homes},
            },
        },
    }


GATEWAY_FOLDERS: Final[Mapping[str, str]] = {
    "configHome": "config",
    "dataHome": "data",
    "stateHome": "state",
    "runtimeDir": "run",
}
"""Envoy Gateway's own directories, by the name of its setting."""


def redis(layout: Layout) -> str:
    """Redis, whose keys outlive a restart. It was built without TLS, so only what speaks TLS for it reaches it."""
    values = {
        "bind": "127.0.0.1",
        "port": str(REDIS_PLAIN_PORT),
        "dir": str(layout.redis),
        "save": "",
        "appendonly": "yes",
        "maxmemory": "128mb",
        "loglevel": "warning",
    }
    return "".join(f"{name} {json.dumps(value)}\n" for name, value in values.items())


def registry(layout: Layout) -> dict[str, Any]:
    """The container registry, open to everybody who reaches it."""
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(layout.registry)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {
            "addr": f"127.0.0.1:{REGISTRY_PORT}",
            # It signs uploads in progress, and there is only one registry.
            "secret": secrets.token_hex(16),
            "tls": {"certificate": str(layout.certificate("registry")), "key": str(layout.key("registry"))},
        },
    }


def envoy_link(layout: Layout, version: str) -> Path:
    """Where Envoy Gateway looks for Envoy's binary before it would download one."""
    return layout.gateway / GATEWAY_FOLDERS["dataHome"] / "envoy-versions" / version / "bin" / "envoy"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
