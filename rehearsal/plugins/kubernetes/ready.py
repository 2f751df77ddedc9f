"""Whether an object is ready, from the object itself and what belongs to it. Pure.

The kinds are the official provider's (``provider/pkg/await``), with CustomResourceDefinitions and ReplicaSets in
addition; every other kind is ready once it is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rehearsal.plugins.kubernetes.objects import Manifest, Token, condition, pick


@dataclass(frozen=True)
class Ready:
    """It is ready."""


@dataclass(frozen=True)
class Waiting:
    """It is not ready yet."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """It will not become ready by itself."""

    reason: str


Verdict = Ready | Waiting | Failed


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a verdict may depend on beside the object itself."""

    related: Sequence[Manifest] = ()
    """The objects that :data:`RELATED` names for the kind."""
    since: datetime
    """When the update of the object began."""
    now: datetime


RELATED: Final[Mapping[tuple[str, str], tuple[Token, str]]] = {
    ("v1", "Service"): (Token("discovery.k8s.io/v1", "EndpointSlice"), "kubernetes.io/service-name={name}"),
}
"""By kind, the objects beside it that decide on it, and the label selector that finds them."""


def judge(live: Manifest, situation: Situation) -> Verdict:
    """Say whether ``live`` is ready."""
    rule = _RULES.get((str(live.get("apiVersion")), str(live.get("kind"))))
    if rule is None:
        return Ready()
    if pick(live, "metadata", "deletionTimestamp"):
        return Failed("it is being deleted")
    return rule(live, situation)


def has_rule(live: Manifest) -> bool:
    """Say whether there is anything to wait for in the kind of ``live``."""
    return (str(live.get("apiVersion")), str(live.get("kind"))) in _RULES


def _number(live: Manifest, *path: str) -> int:
    return int(pick(live, *path) or 0)


def _replicas(live: Manifest) -> int:
    wanted = pick(live, "spec", "replicas")
    return 1 if wanted is None else int(wanted)


def _observed(live: Manifest) -> bool:
    return _number(live, "status", "observedGeneration") >= _number(live, "metadata", "generation")


_UNSEEN: Final = Waiting("waiting for its controller to see the change")


def _deployment(live: Manifest, situation: Situation) -> Verdict:
    if not _observed(live):
        return _UNSEEN
    progressing = condition(live, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded" and _in_vain(live, progressing, situation):
        said = condition(live, "ReplicaFailure").get("message") or progressing.get("message", "")
        return Failed(f"its rollout made no progress within its deadline: {said}")
    reason = _rollout(live, progressing)
    return Waiting(reason) if reason else Ready()


def _rollout(live: Manifest, progressing: Mapping[str, Any]) -> str:
    """Return what a rollout still lacks, or ``""``."""
    wanted, made = _replicas(live), _number(live, "status", "replicas")
    updated, available = _number(live, "status", "updatedReplicas"), _number(live, "status", "availableReplicas")
    failure = condition(live, "ReplicaFailure")
    if updated < wanted:
        refused = f"pods cannot be made: {failure.get('message', '')}"
        return refused if failure.get("status") == "True" else f"{updated} of {wanted} pods are made anew"
    if made > updated:
        return f"{made - updated} old pods are still there"
    if available < wanted:
        return f"{available} of {wanted} pods are available"
    done = not progressing or progressing.get("reason") == "NewReplicaSetAvailable"
    return "" if done else f"{available} of {wanted} pods are available; the rollout is being completed"


def _in_vain(live: Manifest, progressing: Mapping[str, Any], situation: Situation) -> bool:
    """Say whether the deadline was missed by this update. An older miss gets as long again: the cause may be mended."""
    missed = str(progressing.get("lastUpdateTime") or "")
    recent = bool(missed) and datetime.fromisoformat(missed) >= situation.since.replace(microsecond=0)
    deadline = _number(live, "spec", "progressDeadlineSeconds") or 600
    return recent or (situation.now - situation.since).total_seconds() >= deadline


def _stateful_set(live: Manifest, _: Situation) -> Verdict:
    if not _observed(live):
        return _UNSEEN
    wanted, ready = _replicas(live), _number(live, "status", "readyReplicas")
    strategy = pick(live, "spec", "updateStrategy") or {}
    if ready < wanted or _number(live, "status", "replicas") != wanted:
        return Waiting(f"{ready} of {wanted} pods are ready")
    if strategy.get("type") == "OnDelete":
        return Ready()
    partition = int(pick(strategy, "rollingUpdate", "partition") or 0)
    updated = _number(live, "status", "updatedReplicas")
    if partition:
        done = updated >= wanted - partition
    else:
        done = pick(live, "status", "currentRevision") == pick(live, "status", "updateRevision")
    return Ready() if done or not wanted else Waiting(f"{updated} of {wanted} pods are updated")


def _daemon_set(live: Manifest, _: Situation) -> Verdict:
    if not _observed(live):
        return _UNSEEN
    wanted = _number(live, "status", "desiredNumberScheduled")
    updated, available = _number(live, "status", "updatedNumberScheduled"), _number(live, "status", "numberAvailable")
    if pick(live, "spec", "updateStrategy", "type") != "OnDelete" and updated < wanted:
        return Waiting(f"{updated} of {wanted} pods are updated")
    return Ready() if available >= wanted else Waiting(f"{available} of {wanted} pods are available")


def _replica_set(live: Manifest, _: Situation) -> Verdict:
    if not _observed(live):
        return _UNSEEN
    wanted, available = _replicas(live), _number(live, "status", "availableReplicas")
    return Ready() if available >= wanted else Waiting(f"{available} of {wanted} pods are available")


def _pod(live: Manifest, _: Situation) -> Verdict:
    phase = pick(live, "status", "phase")
    if phase == "Failed":
        return Failed(
            f"it failed: {pick(live, 'status', 'message') or pick(live, 'status', 'reason') or ''}".rstrip(": ")
        )
    if phase == "Succeeded" or condition(live, "Ready").get("status") == "True":
        return Ready()
    return Waiting(str(condition(live, "Ready").get("message") or f"its phase is {phase}"))


def _job(live: Manifest, _: Situation) -> Verdict:
    failed = condition(live, "Failed")
    if failed.get("status") == "True":
        return Failed(f"it failed ({failed.get('reason')}): {failed.get('message', '')}")
    if condition(live, "Complete").get("status") == "True" or pick(live, "spec", "suspend") is True:
        return Ready()
    counts = ", ".join(f"{_number(live, 'status', name)} {name}" for name in ("active", "succeeded", "failed"))
    return Waiting(f"its pods run: {counts}")


def _claim(live: Manifest, situation: Situation) -> Verdict:
    phase = pick(live, "status", "phase")
    if phase == "Lost":
        return Failed("the volume it was bound to is gone")
    late = any(storage.get("volumeBindingMode") == "WaitForFirstConsumer" for storage in situation.related)
    return Ready() if phase == "Bound" or (phase == "Pending" and late) else Waiting("no volume is bound to it")


def _volume(live: Manifest, _: Situation) -> Verdict:
    phase = pick(live, "status", "phase")
    if phase == "Failed":
        return Failed(str(pick(live, "status", "message") or "its reclamation failed"))
    return Ready() if phase in ("Available", "Bound") else Waiting(f"its phase is {phase}")


def _service(live: Manifest, situation: Situation) -> Verdict:
    spec = live.get("spec") or {}
    if spec.get("type") == "LoadBalancer" and not pick(live, "status", "loadBalancer", "ingress"):
        return Waiting("no address is assigned to it; a cluster needs a load balancer for that")
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return Ready()
    if not situation.related:
        return Waiting("waiting for its endpoints")
    endpoints = [endpoint for part in situation.related for endpoint in part.get("endpoints") or []]
    pending = [
        str(pick(endpoint, "targetRef", "name") or pick(endpoint, "addresses", 0))
        for endpoint in endpoints
        if pick(endpoint, "conditions", "ready") is False and not pick(endpoint, "conditions", "terminating")
    ]
    return Waiting(f"pods behind it are not ready: {', '.join(sorted(pending)[:3])}") if pending else Ready()


def _ingress(live: Manifest, _: Situation) -> Verdict:
    if pick(live, "status", "loadBalancer", "ingress"):
        return Ready()
    return Waiting("no address is assigned to it; a cluster needs an ingress controller for that")


def _quota(live: Manifest, _: Situation) -> Verdict:
    done = pick(live, "status", "hard") == pick(live, "spec", "hard")
    return Ready() if done else Waiting("waiting for its controller to count what is used")


def _secret(live: Manifest, _: Situation) -> Verdict:
    if live.get("type") != "kubernetes.io/service-account-token" or live.get("data"):
        return Ready()
    return Waiting("waiting for its token; does its service account exist?")


def _definition(live: Manifest, _: Situation) -> Verdict:
    names = condition(live, "NamesAccepted")
    if names.get("status") == "False":
        return Failed(f"its names are taken: {names.get('message', '')}")
    return Ready() if condition(live, "Established").get("status") == "True" else Waiting("it is not served yet")


_RULES: Final[Mapping[tuple[str, str], Callable[[Manifest, Situation], Verdict]]] = {
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "ReplicaSet"): _replica_set,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): _definition,
    ("batch/v1", "Job"): _job,
    ("networking.k8s.io/v1", "Ingress"): _ingress,
    ("v1", "PersistentVolume"): _volume,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Pod"): _pod,
    ("v1", "ReplicationController"): _replica_set,
    ("v1", "ResourceQuota"): _quota,
    ("v1", "Secret"): _secret,
    ("v1", "Service"): _service,
}
