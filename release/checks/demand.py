"""How much of a namespace's quota a colour holds and will need. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import ceil
from typing import Any, Final

from settings import Resources, Settings, Workload
from settings.quantities import cores, gibibytes, quantity
from settings.rules.base import COMPONENTS, workload_of
from settings.rules.capacity import SURGE

Amounts = Mapping[str, Decimal]
"""So much of each resource, by its name in a ResourceQuota; in cores, bytes and pods."""

COUNTED: Final = ("pods", "requests.cpu", "limits.cpu", "requests.memory", "limits.memory")
"""What of a quota pods use up."""

ALIASES: Final[Mapping[str, str]] = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}
"""Other names of the same."""

OPEN_ENDED: Final = frozenset({"NotTerminating", "NotBestEffort"})
"""Scopes that the application's pods are in: they have requests, and no deadline."""
OTHERS: Final = frozenset({"Terminating", "BestEffort"})
"""Scopes that they are not in."""

_ENDED: Final = frozenset({"Succeeded", "Failed"})


def of_pod(resources: Resources) -> dict[str, Decimal]:
    """What one pod of that size uses up; nothing for a limit that it does not state."""
    stated = {
        "requests.cpu": resources.cpu_request,
        "limits.cpu": resources.cpu_limit,
        "requests.memory": resources.memory_request,
        "limits.memory": resources.memory_limit,
    }
    return {"pods": Decimal(1), **{name: quantity(text) for name, text in stated.items() if text is not None}}


def at_peak(replicas: int, *, replacing: bool) -> int:
    """Pods of a Deployment at most while it comes to ``replicas``; old ones are replaced by a rolling update (R-50)."""
    return replicas + ceil(replicas * SURGE) if replacing else replicas


def needed(settings: Settings, *, most: bool, replacing: Iterable[str], jobs: int) -> dict[str, Decimal]:
    """What the colour holds at its peak: at ``minReplicas``, or at ``maxReplicas`` if ``most``.

    ``replacing`` names the components that have pods which are replaced; ``jobs`` pods of the backend's size run
    beside them.
    """
    old = set(replacing)
    total: dict[str, Decimal] = {}
    for component in COMPONENTS:
        workload: Workload = workload_of(settings, component)
        replicas = workload.max_replicas if most else workload.min_replicas
        pods = at_peak(replicas, replacing=component in old) + (jobs if component == "backend" else 0)
        total = plus(total, {name: pods * amount for name, amount in of_pod(workload.resources).items()})
    return total


def unstated(settings: Settings) -> list[str]:
    """The counted resources that a component states nothing for, as ``backend's limits.cpu``."""
    return [
        f"{component}'s {name}"
        for component in COMPONENTS
        for name in COUNTED
        if name not in of_pod(workload_of(settings, component).resources)
    ]


def held(pods: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    """What these pods (Kubernetes objects) use up; pods that have ended use nothing."""
    total: dict[str, Decimal] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _ENDED:
            total = plus(total, {"pods": Decimal(1), **_of_containers(pod["spec"])})
    return total


def plus(first: Amounts, second: Amounts) -> dict[str, Decimal]:
    """Both together."""
    return {name: first.get(name, Decimal(0)) + second.get(name, Decimal(0)) for name in {**first, **second}}


def text_of(name: str, amount: Decimal) -> str:
    """An amount as people write it."""
    if name == "pods":
        return str(int(amount))
    return cores(amount) if name.endswith("cpu") else gibibytes(amount)


def _of_containers(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """Containers run together, initial ones before them, one at a time."""
    together: dict[str, Decimal] = {}
    for container in spec.get("containers") or []:
        together = plus(together, _of_container(container))
    for container in spec.get("initContainers") or []:
        alone = _of_container(container)
        together |= {name: max(together.get(name, Decimal(0)), amount) for name, amount in alone.items()}
    return together


def _of_container(container: Mapping[str, Any]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    return {
        f"{kind}.{name}": quantity(text)
        for kind in ("requests", "limits")
        for name, text in (resources.get(kind) or {}).items()
        if name in {"cpu", "memory"}
    }
