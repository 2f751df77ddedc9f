from typing import Any

from rehearsal.plugins.kubernetes.objects import REVISION, Manifest
from rehearsal.plugins.kubernetes.symptoms import last_warnings, owned, present, symptoms


def child(name: str, owner: str, **metadata: Any) -> Manifest:
    return {"metadata": {"name": name, "uid": name, "ownerReferences": [{"uid": owner}], **metadata}}


def pod(name: str, *containers: Manifest, **conditions: Manifest) -> Manifest:
    entries = [{"type": kind, **entry} for kind, entry in conditions.items()]
    return {"metadata": {"name": name}, "status": {"containerStatuses": list(containers), "conditions": entries}}


def test_only_the_replica_set_of_the_present_revision_counts() -> None:
    deployment = {"kind": "Deployment", "metadata": {"uid": "d", "annotations": {REVISION: "2"}}}
    replica_sets = [
        child("old", "d", annotations={REVISION: "1"}),
        child("new", "d", annotations={REVISION: "2"}),
        child("foreign", "other", annotations={REVISION: "2"}),
    ]
    assert present(deployment, replica_sets) == [replica_sets[1]]


def test_only_what_names_an_owner_belongs_to_it() -> None:
    pods = [child("a", "old"), child("b", "new"), {"metadata": {"name": "c"}}]
    assert owned(pods, [{"metadata": {"uid": "new"}}]) == [pods[1]]
    assert owned(pods, []) == []


def test_a_container_that_cannot_start_is_named_with_its_reason() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x:1"'}
    assert symptoms([pod("a", {"name": "app", "ready": False, "state": {"waiting": waiting}})]) == [
        'pod a: container app is waiting: ImagePullBackOff: Back-off pulling image "x:1"'
    ]


def test_a_crash_loop_is_named_with_the_exit_code_and_the_restarts() -> None:
    status = {
        "name": "app",
        "ready": False,
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
    }
    assert symptoms([pod("a", status)]) == [
        "pod a: container app is waiting: CrashLoopBackOff: back-off 40s",
        "pod a: container app ended with exit code 3 (Error), 4 restarts",
    ]


def test_a_failing_readiness_probe_is_said() -> None:
    status = {"name": "app", "ready": False, "started": True, "state": {"running": {}}}
    assert symptoms([pod("a", status)]) == ["pod a: container app runs, but its readiness probe fails"]


def test_a_pod_that_no_node_takes_is_said() -> None:
    assert symptoms([pod("a", PodScheduled={"status": "False", "message": "0/3 nodes are available"})]) == [
        "pod a: no node takes it: 0/3 nodes are available"
    ]


def test_ready_pods_and_those_that_are_just_starting_are_no_symptom_of_their_own() -> None:
    starting = {"name": "app", "ready": False, "started": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert symptoms([pod("a", Ready={"status": "True"})]) == []
    assert symptoms([pod("a", starting, Ready={"status": "False", "message": "containers with unready status"})]) == [
        "pod a: containers with unready status"
    ]


def test_pods_with_a_cause_come_first_and_not_more_than_three() -> None:
    ill = {"name": "app", "state": {"waiting": {"reason": "ErrImagePull"}}}
    lines = symptoms([pod(name, Ready={"status": "False", "message": "m"}) for name in "abcd"] + [pod("z", ill)])
    assert lines == ["pod z: container app is waiting: ErrImagePull", "pod a: m", "pod b: m"]


def test_the_last_warnings_are_said_once_each_oldest_first() -> None:
    def event(second: int, message: str, kind: str = "Warning") -> Manifest:
        return {
            "type": kind,
            "reason": "Failed",
            "message": message,
            "lastTimestamp": f"2026-01-01T00:00:{second:02}Z",
            "involvedObject": {"kind": "Pod", "name": "a"},
        }

    events = [event(9, "last"), event(1, "old"), event(5, "twice"), event(4, "twice"), event(8, "normal", "Normal")]
    events.append(event(7, "third"))
    assert last_warnings(events) == [f"event Failed of Pod a: {message}" for message in ("twice", "third", "last")]
