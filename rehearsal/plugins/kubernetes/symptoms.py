"""Why pods do not become ready, in one line each. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rehearsal.plugins.kubernetes.objects import REVISION, Manifest, condition, name_of, pick

MOST_PODS: Final = 3
"""Pods of one workload fail alike; more would only repeat."""
MOST_EVENTS: Final = 3
_STARTING: Final = frozenset({"ContainerCreating", "PodInitializing"})


def present(deployment: Manifest, replica_sets: Sequence[Manifest]) -> list[Manifest]:
    """Return the replica sets that belong to the present version of ``deployment``."""
    revision = pick(deployment, "metadata", "annotations", REVISION)
    return [
        item
        for item in owned(replica_sets, [deployment])
        if pick(item, "metadata", "annotations", REVISION) == revision
    ]


def owned(candidates: Sequence[Manifest], owners: Sequence[Manifest]) -> list[Manifest]:
    """Return those of ``candidates`` that belong to one of ``owners``."""
    uids = {pick(owner, "metadata", "uid") for owner in owners}
    return [item for item in candidates if uids & _owners(item)]


def symptoms(pods: Sequence[Manifest]) -> list[str]:
    """Return what keeps ``pods`` from being ready, the worst first, of at most :data:`MOST_PODS` pods."""
    ill = [
        (pod, list(_pod(pod))) for pod in sorted(pods, key=name_of) if condition(pod, "Ready").get("status") != "True"
    ]
    ill.sort(key=lambda entry: not any(" is waiting" in line or " ended" in line for line in entry[1]))
    return [f"pod {name_of(pod)}: {line}" for pod, lines in ill[:MOST_PODS] for line in lines]


def last_warnings(events: Sequence[Manifest]) -> list[str]:
    """Return the latest warnings among ``events``, oldest first, each said once."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    warnings.sort(key=_when)
    lines = [
        f"event {event.get('reason')} of {pick(event, 'involvedObject', 'kind')} "
        f"{pick(event, 'involvedObject', 'name')}: {str(event.get('message', '')).strip()}"
        for event in warnings
    ]
    return list(dict.fromkeys(reversed(lines)))[:MOST_EVENTS][::-1]


def _when(event: Manifest) -> str:
    return str(
        pick(event, "series", "lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or pick(event, "metadata", "creationTimestamp")
        or ""
    )


def _owners(manifest: Manifest) -> set[Any]:
    return {owner.get("uid") for owner in pick(manifest, "metadata", "ownerReferences") or []}


def _pod(pod: Manifest) -> Iterator[str]:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield f"no node takes it: {scheduled.get('message', '')}"
        return
    statuses = [
        *(pick(pod, "status", "initContainerStatuses") or []),
        *(pick(pod, "status", "containerStatuses") or []),
    ]
    lines = [line for status in statuses for line in _container(status)]
    yield from lines
    if not lines:
        ready = condition(pod, "Ready")
        yield str(ready.get("message") or pick(pod, "status", "message") or f"phase {pick(pod, 'status', 'phase')}")


def _container(status: Manifest) -> Iterator[str]:
    name = status.get("name")
    waiting, ended = pick(status, "state", "waiting"), pick(status, "state", "terminated")
    before = pick(status, "lastState", "terminated")
    if waiting and waiting.get("reason") not in _STARTING:
        yield f"container {name} is waiting: {_reason(waiting)}"
    if ended and ended.get("exitCode"):
        yield f"container {name} ended with exit code {ended.get('exitCode')} ({_reason(ended)})"
    elif before and before.get("exitCode"):
        restarts = status.get("restartCount")
        yield f"container {name} ended with exit code {before.get('exitCode')} ({_reason(before)}), {restarts} restarts"
    elif not waiting and not ended and status.get("ready") is False and status.get("started") is not False:
        yield f"container {name} runs, but its readiness probe fails"


def _reason(state: Manifest) -> str:
    return ": ".join(str(state[key]).strip() for key in ("reason", "message") if state.get(key)) or "no reason given"
