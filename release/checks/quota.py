"""Whether the namespace's quota has room for the candidate, by arithmetic."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from kubernetes.client import ApiClient
from pydantic import JsonValue

from release.checks import demand
from release.checks.base import failed, joined, passed, unknown
from release.checks.cluster import OK, Silent, ask, no_cluster, silent, strange
from release.checks.context import COLOUR_LABEL, Context
from release.model import Finding
from settings import Settings
from settings.quantities import quantity

NAME_LABEL = "app.kubernetes.io/name"
"""Label that says which component a pod belongs to; ``components.labels`` sets it."""


def room(context: Context, settings: Settings) -> Finding:
    """Every ResourceQuota of the namespace bears what the candidate adds at its peak."""
    if context.api is None:
        return no_cluster("quota")
    try:
        quotas = _items(context.api, f"/api/v1/namespaces/{context.namespace}/resourcequotas")
        selector = f"{COLOUR_LABEL}={context.candidate.value}"
        pods = _items(context.api, f"/api/v1/namespaces/{context.namespace}/pods", labelSelector=selector)
    except Silent as error:
        return silent("quota", error)
    if isinstance(quotas, Finding):
        return quotas
    if isinstance(pods, Finding):
        return pods
    return judge(settings, quotas, pods, jobs=context.jobs)


def judge(
    settings: Settings, quotas: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]], *, jobs: int
) -> Finding:
    """Whether ``quotas`` have room, given the ``pods`` that the candidate's colour has now (Kubernetes objects)."""
    if not quotas:
        return passed("quota", "no quota limits the namespace")
    try:
        now = demand.held(pods)
    except (ValueError, KeyError, TypeError, AttributeError):
        remedy = "look at them by `kubectl get pods -o yaml`"
        return unknown("quota", "what the candidate's present pods hold cannot be read", remedy=remedy)
    old = {str(((pod.get("metadata") or {}).get("labels") or {}).get(NAME_LABEL)) for pod in pods}
    fewest = demand.needed(settings, most=False, replacing=old, jobs=jobs)
    most = demand.needed(settings, most=True, replacing=old, jobs=jobs)
    return joined("quota", [_bears(settings, quota, now, fewest, most) for quota in quotas])


def _bears(
    settings: Settings, quota: Mapping[str, Any], now: demand.Amounts, fewest: demand.Amounts, most: demand.Amounts
) -> Finding:
    """Whether one quota has room for what the candidate needs beyond what its colour has ``now``."""
    name = str((quota.get("metadata") or {}).get("name"))
    spec, status = quota.get("spec") or {}, quota.get("status") or {}
    scopes = set(spec.get("scopes") or [])
    look = f"look at it by `kubectl describe resourcequota {name}`"
    if scopes & demand.OTHERS and not spec.get("scopeSelector"):
        return passed("quota", f"{name} does not count the application's pods")
    if scopes - demand.OPEN_ENDED or spec.get("scopeSelector"):
        return unknown("quota", f"{name} counts some pods only, and which is not said here", remedy=look)
    try:
        hard, used = _counted(status["hard"]), _counted(status["used"])
        left = {resource: amount - used[resource] for resource, amount in hard.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return unknown("quota", f"{name} does not say how much of it is used", remedy=look)
    lacking = [one for one in demand.unstated(settings) if one.rpartition(" ")[2] in hard]
    if lacking:
        text = f"{name} counts what no pod says: {', '.join(lacking)}"
        return unknown("quota", text, remedy="set it in the stack's configuration, or take it out of the quota")
    return _verdict(name, left, _beyond(fewest, now), _beyond(most, now))


def _verdict(name: str, left: demand.Amounts, fewest: demand.Amounts, most: demand.Amounts) -> Finding:
    """The arithmetic: per resource, what is left and what is needed."""
    said, figures = [], dict[str, JsonValue]()
    for resource, amount in left.items():
        parts = [demand.text_of(resource, max(Decimal(0), part)) for part in (amount, fewest[resource], most[resource])]
        said.append(f"{resource} {parts[0]} left, {parts[1]} needed at once and {parts[2]} at most")
        figures[f"{name}.{resource}"] = {"left": parts[0], "needed": parts[1], "most": parts[2]}
    text = f"{name}: {', '.join(said) or 'nothing that pods use up'}"
    remedy = "raise english-training:quota, or free some of it (`kubectl get pods`)"
    if any(fewest[resource] > amount for resource, amount in left.items()):
        return failed("quota", f"{text}. The candidate does not fit", remedy=remedy, figures=figures)
    if any(most[resource] > amount for resource, amount in left.items()):
        text = f"{text}. The candidate fits, but could not grow to maxReplicas"
        return unknown("quota", text, remedy=remedy, figures=figures)
    return passed("quota", text, figures)


def _beyond(peak: demand.Amounts, now: demand.Amounts) -> dict[str, Decimal]:
    """What is needed on top of what the colour has; nothing where it has more."""
    zero = Decimal(0)
    return {name: max(zero, peak.get(name, zero) - now.get(name, zero)) for name in demand.COUNTED}


def _counted(amounts: Mapping[str, Any]) -> dict[str, Decimal]:
    """The amounts of what pods use up, under one name each."""
    named = {demand.ALIASES.get(name, name): amount for name, amount in amounts.items()}
    return {name: quantity(str(named[name])) for name in demand.COUNTED if name in named}


def _items(api: ApiClient, path: str, **query: str) -> list[Mapping[str, Any]] | Finding:
    """The objects of a list, or why there is none."""
    reply = ask(api, "GET", path, query=query)
    items = reply.document.get("items") if isinstance(reply.document, dict) else None
    if reply.status != OK or not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return strange("quota", reply)
    return items
