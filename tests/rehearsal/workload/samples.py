"""Pods for tests, as values and as the API writes them."""

from typing import Any

from rehearsal.workload.faults import HEALTHY, Faults
from rehearsal.workload.pods import Component, Pod

STARTED = 1_000_000_000.0
"""When the containers of the sample pods started."""


def pod(
    *,
    address: str = "10.244.0.1",
    component: Component = Component.BACKEND,
    faults: Faults = HEALTHY,
    started: float | None = STARTED,
    stops: float | None = None,
    uid: str = "uid-1",
    ready: bool = True,
    name: str = "backend-blue-1",
) -> Pod:
    return Pod(
        uid=uid,
        name=name,
        namespace="english-training",
        address=address,
        component=component,
        colour="blue",
        version="1.4.0",
        faults=faults,
        ready=ready,
        started=started,
        stops=stops,
    )


def manifest(
    *, metadata: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A running backend pod with entries of its three parts replaced."""
    return {
        "metadata": {
            "uid": "uid-1",
            "name": "backend-blue-1",
            "namespace": "english-training",
            "resourceVersion": "7",
            "labels": labels("backend"),
        }
        | (metadata or {}),
        "spec": {"containers": [{"name": "backend", "image": "registry.test:5000/backend:1.4.0"}]} | (spec or {}),
        "status": {
            "podIP": "10.244.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "backend", "state": {"running": {"startedAt": "2001-09-09T01:46:40Z"}}}],
        }
        | (status or {}),
    }


def labels(component: str) -> dict[str, str]:
    """The labels of a pod of ``component``."""
    return {
        "app.kubernetes.io/part-of": "english-training",
        "app.kubernetes.io/name": component,
        "app.kubernetes.io/version": "1.4.0",
        "english-training.dev/colour": "blue",
    }
