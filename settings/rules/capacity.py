"""How much runs: replicas, requests and limits, and the quota that holds them. Pure."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from math import ceil

from settings.explain import show
from settings.model import Colour, Settings, Workload
from settings.problems import Problem, full_key
from settings.quantities import cores, gibibytes, quantity
from settings.rules.base import COMPONENTS, Rule, Source, is_strict, workload_of

SURGE = 0.25
"""Share of its pods that a rolling update may start on top of them (R-50)."""

REDUNDANT = 2
"""Pods that a component needs, lest the loss of a node takes it down."""

_TEXT: Mapping[str, Callable[[Decimal], str]] = {"cpu": cores, "memory": gibibytes, "pods": str}


def replicas_are_a_range(component: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """The most pods are at least as many as the fewest."""
    workload = workload_of(settings, component)
    low, high = workload.min_replicas, workload.max_replicas
    if high < low:
        yield Problem(
            key=full_key((component, "maxReplicas")),
            what=f"must be at least minReplicas, which is {low}, but is {high}",
            example=low,
        )


def replicas_are_redundant(component: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Staging and production survive the loss of a pod."""
    low = workload_of(settings, component).min_replicas
    if is_strict(settings) and low < REDUNDANT:
        yield Problem(
            key=full_key((component, "minReplicas")),
            what=f"must be at least {REDUNDANT} in {settings.environment}, but is {low}",
            example=REDUNDANT,
        )


def request_is_within_limit(component: str, resource: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Kubernetes refuses pods that ask for more than their limit."""
    resources = workload_of(settings, component).resources
    if resource == "cpu":
        request, limit = resources.cpu_request, resources.cpu_limit
    else:
        request, limit = resources.memory_request, resources.memory_limit
    if limit is not None and quantity(request) > quantity(limit):
        yield Problem(
            key=full_key((component, "resources", f"{resource}Limit")),
            what=f"must be at least {resource}Request, which is {show(request)}, but is {show(limit)}",
            example=request,
        )


def pods_fit_the_quota(resource: str, settings: Settings, _: Source) -> Iterator[Problem]:
    """Both colours at their most, with what a rolling update adds, fit the namespace's quota."""
    backend, frontend = (_demand(workload_of(settings, name), resource) for name in ("backend", "frontend"))
    needed = len(Colour) * (backend + frontend)
    given = str(getattr(settings.quota, resource))
    if needed > quantity(given):
        text = _TEXT[resource]
        yield Problem(
            key=full_key(("quota", resource)),
            what=f"must be at least {text(needed)}, but is {given}: each of two colours needs {text(backend)} for the "
            f"backend and {text(frontend)} for the frontend, at maxReplicas and the quarter that a rolling update adds",
            example=int(needed) if resource == "pods" else text(needed),
        )


def _demand(workload: Workload, resource: str) -> Decimal:
    """What one component of one colour needs at most."""
    pods = Decimal(workload.max_replicas + ceil(workload.max_replicas * SURGE))
    if resource == "pods":
        return pods
    resources = workload.resources
    return pods * quantity(resources.cpu_request if resource == "cpu" else resources.memory_limit)


RULES: tuple[Rule, ...] = (
    *(partial(replicas_are_a_range, component) for component in COMPONENTS),
    *(partial(replicas_are_redundant, component) for component in COMPONENTS),
    *(partial(request_is_within_limit, component, name) for component in COMPONENTS for name in ("cpu", "memory")),
    *(partial(pods_fit_the_quota, resource) for resource in _TEXT),
)
