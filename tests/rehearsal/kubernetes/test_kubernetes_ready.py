from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.plugins.kubernetes.objects import Manifest
from rehearsal.plugins.kubernetes.ready import Failed, Ready, Situation, Verdict, Waiting, has_rule, judge

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
PODS_MADE = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
COMPLETE = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}


def verdict(live: Manifest, *related: Manifest, since: datetime = NOW) -> Verdict:
    return judge(live, Situation(related=related, since=since, now=NOW))


def deployment(*conditions: Manifest, generation: int = 1, **status: Any) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"generation": generation},
        "spec": {"replicas": 2, "progressDeadlineSeconds": 60},
        "status": {"observedGeneration": 1, "conditions": list(conditions), **status},
    }


def test_a_kind_without_a_rule_is_ready_once_it_is_stored() -> None:
    live = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert verdict(live) == Ready()
    assert not has_rule(live)


def test_an_object_that_is_being_deleted_will_not_become_ready() -> None:
    live = deployment(COMPLETE, **PODS_MADE)
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert verdict(live) == Failed("it is being deleted")


def test_a_deployment_is_ready_when_its_rollout_is_complete() -> None:
    assert verdict(deployment(COMPLETE, **PODS_MADE)) == Ready()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"updatedReplicas": 1, "replicas": 2, "availableReplicas": 2}, "1 of 2 pods are made anew"),
        ({"updatedReplicas": 2, "replicas": 3, "availableReplicas": 2}, "1 old pods are still there"),
        ({"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}, "1 of 2 pods are available"),
    ],
)
def test_a_deployment_waits_for_all_its_new_pods_and_for_the_end_of_the_old_ones(status: Manifest, reason: str) -> None:
    assert verdict(deployment(COMPLETE, **status)) == Waiting(reason)


def test_a_deployment_waits_until_its_controller_has_seen_the_change() -> None:
    assert verdict(deployment(COMPLETE, generation=2, **PODS_MADE)) == Waiting(
        "waiting for its controller to see the change"
    )


def test_a_deployment_without_replicas_is_ready() -> None:
    live = deployment(COMPLETE)
    live["spec"]["replicas"] = 0
    assert verdict(live) == Ready()


def test_pods_that_cannot_be_made_are_said() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    assert verdict(deployment(failure)) == Waiting("pods cannot be made: exceeded quota")


def deadline_missed(at: datetime) -> Manifest:
    return deployment(
        {
            "type": "Progressing",
            "status": "False",
            "reason": "ProgressDeadlineExceeded",
            "message": "has timed out progressing.",
            "lastUpdateTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


def test_a_deployment_fails_when_it_misses_its_progress_deadline() -> None:
    assert verdict(deadline_missed(NOW), since=NOW - timedelta(seconds=30)) == Failed(
        "its rollout made no progress within its deadline: has timed out progressing."
    )


def test_a_deadline_missed_before_this_update_is_given_as_long_again() -> None:
    stale = deadline_missed(NOW - timedelta(hours=1))
    assert verdict(stale, since=NOW - timedelta(seconds=59)) == Waiting("0 of 2 pods are made anew")
    assert isinstance(verdict(stale, since=NOW - timedelta(seconds=60)), Failed)


def stateful_set(strategy: Manifest | None = None, **status: Any) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"generation": 1},
        "spec": {"replicas": 3, "updateStrategy": strategy or {"type": "RollingUpdate"}},
        "status": {"observedGeneration": 1, "replicas": 3, "readyReplicas": 3, **status},
    }


ROLLING: dict[str, Any] = {"currentRevision": "a", "updateRevision": "b", "updatedReplicas": 2}


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (stateful_set(currentRevision="a", updateRevision="a"), Ready()),
        (stateful_set(readyReplicas=1), Waiting("1 of 3 pods are ready")),
        (stateful_set(**ROLLING), Waiting("2 of 3 pods are updated")),
        (stateful_set({"type": "OnDelete"}, **ROLLING), Ready()),
        (stateful_set({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}, **ROLLING), Ready()),
        (stateful_set({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, **ROLLING),
         Waiting("2 of 3 pods are updated")),
    ],
)  # fmt: skip
def test_stateful_sets(live: Manifest, expected: Verdict) -> None:
    assert verdict(live) == expected


def daemon_set(**status: int) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"generation": 1},
        "spec": {},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 2, **status},
    }


def test_a_daemon_set_waits_for_a_pod_on_each_node() -> None:
    assert verdict(daemon_set(updatedNumberScheduled=1)) == Waiting("1 of 2 pods are updated")
    assert verdict(daemon_set(updatedNumberScheduled=2, numberAvailable=1)) == Waiting("1 of 2 pods are available")
    assert verdict(daemon_set(updatedNumberScheduled=2, numberAvailable=2)) == Ready()


def job(*conditions: Manifest, **spec: Any) -> Manifest:
    status = {"active": 1, "conditions": list(conditions)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": spec, "status": status}


def test_a_job_is_ready_when_complete_and_fails_when_failed() -> None:
    assert verdict(job()) == Waiting("its pods run: 1 active, 0 succeeded, 0 failed")
    assert verdict(job({"type": "Complete", "status": "True"})) == Ready()
    assert verdict(job(suspend=True)) == Ready()
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "gave up"}
    assert verdict(job(failed)) == Failed("it failed (BackoffLimitExceeded): gave up")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Failed", "reason": "Evicted"}, Failed("it failed: Evicted")),
        ({"phase": "Succeeded"}, Ready()),
        ({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, Ready()),
        ({"phase": "Pending"}, Waiting("its phase is Pending")),
        ({"conditions": [{"type": "Ready", "status": "False", "message": "not yet"}]}, Waiting("not yet")),
    ],
)
def test_pods(status: Manifest, expected: Verdict) -> None:
    assert verdict({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "status": status}) == expected


def test_a_claim_waits_for_a_volume_unless_that_waits_for_a_consumer() -> None:
    live = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}
    assert verdict(live) == Waiting("no volume is bound to it")
    assert verdict(live, {"volumeBindingMode": "Immediate"}) == Waiting("no volume is bound to it")
    assert verdict(live, {"volumeBindingMode": "WaitForFirstConsumer"}) == Ready()
    assert verdict({**live, "status": {"phase": "Bound"}}) == Ready()
    assert verdict({**live, "status": {"phase": "Lost"}}) == Failed("the volume it was bound to is gone")


def service(status: Manifest | None = None, **spec: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "Service", "spec": spec, "status": status or {}}


def endpoints(*ready: bool | None) -> Manifest:
    return {
        "endpoints": [
            {"addresses": ["10.244.0.1"], "conditions": {"ready": each}, "targetRef": {"name": f"pod-{index}"}}
            for index, each in enumerate(ready)
        ]
    }


def test_a_service_waits_until_no_pod_behind_it_is_unready() -> None:
    live = service(selector={"a": "b"})
    assert verdict(live) == Waiting("waiting for its endpoints")
    assert verdict(live, endpoints(True, False)) == Waiting("pods behind it are not ready: pod-1")
    assert verdict(live, endpoints(True, None)) == Ready()


def test_a_service_without_pods_is_ready() -> None:
    assert verdict(service(selector={"a": "b"}), {"endpoints": None}) == Ready()


@pytest.mark.parametrize(
    "spec", [{"type": "ExternalName"}, {"clusterIP": "None", "selector": {"a": "b"}}, {"clusterIP": "10.96.0.1"}]
)
def test_services_that_select_no_pods_themselves_are_ready(spec: Manifest) -> None:
    assert verdict(service(**spec)) == Ready()


def test_a_load_balancer_waits_for_its_address() -> None:
    live = service(type="LoadBalancer")
    assert verdict(live) == Waiting("no address is assigned to it; a cluster needs a load balancer for that")
    live["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    assert verdict(live) == Ready()


def test_other_kinds_wait_for_what_their_controllers_write() -> None:
    ingress: Manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "status": {}}
    quota: Manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "1"}}, "status": {}}
    token: Manifest = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token"}
    volume: Manifest = {"apiVersion": "v1", "kind": "PersistentVolume", "status": {"phase": "Pending"}}
    definition: Manifest = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    for live in (ingress, quota, token, volume, definition):
        assert isinstance(verdict(live), Waiting)
    ingress["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    quota["status"] = {"hard": {"pods": "1"}}
    token["data"] = {"token": "eA=="}
    volume["status"] = {"phase": "Available"}
    definition["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
    for live in (ingress, quota, token, volume, definition, {"apiVersion": "v1", "kind": "Secret", "type": "Opaque"}):
        assert verdict(live) == Ready()


def test_a_definition_whose_names_are_taken_fails() -> None:
    taken = {"type": "NamesAccepted", "status": "False", "message": '"things" is in use'}
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    assert verdict({**definition, "status": {"conditions": [taken]}}) == Failed(
        'its names are taken: "things" is in use'
    )
