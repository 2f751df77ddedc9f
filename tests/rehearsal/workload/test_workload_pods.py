"""Pods are read from the API's JSON, and found by their address."""

from dataclasses import replace
from typing import Any

import pytest

from rehearsal.workload.faults import ANNOTATION, Faults, MalformedFaultsError
from rehearsal.workload.pods import Component, Pods, pod_of
from tests.rehearsal.workload.samples import STARTED, labels, manifest, pod


def test_a_running_pod_is_read() -> None:
    assert pod_of(manifest()) == pod()


def test_pods_of_other_programs_are_not_ours() -> None:
    assert pod_of(manifest(metadata={"labels": labels("prometheus")})) is None
    assert pod_of(manifest(metadata={"labels": {}})) is None


def test_faults_come_from_the_annotation_or_the_image() -> None:
    annotated = pod_of(manifest(metadata={"annotations": {ANNOTATION: "latency=800"}}))
    tagged = pod_of(manifest(spec={"containers": [{"name": "backend", "image": "b:1-sim.crash-loop"}]}))
    assert annotated is not None
    assert annotated.faults == Faults(latency=800)
    assert tagged is not None
    assert tagged.faults == Faults(crash_loop=True)


def test_faults_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(MalformedFaultsError, match="'errors=x'"):
        pod_of(manifest(metadata={"annotations": {ANNOTATION: "errors=x"}}))


@pytest.mark.parametrize(
    "status", [{"containerStatuses": None}, {"containerStatuses": [{"name": "backend", "state": {}}]}]
)
def test_a_pod_whose_container_does_not_run_has_not_started(status: dict[str, Any]) -> None:
    read = pod_of(manifest(status=status))
    assert read is not None
    assert read.started is None
    assert not read.serves(STARTED)


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        (None, 0),
        ({"sleep": {"seconds": 5}}, 6),
        ({"exec": {"command": ["sleep", "7"]}}, 8),
        ({"exec": {"command": ["sh", "-c", "sleep 4 && true"]}}, 5),
        ({"exec": {"command": ["true"]}}, 0),
        ({"sleep": {"seconds": 99}}, 31),
    ],
)
def test_a_pod_under_deletion_serves_as_long_as_its_hook_sleeps(hook: dict[str, Any] | None, seconds: int) -> None:
    deletion = {"deletionTimestamp": "2001-09-09T01:47:10Z", "deletionGracePeriodSeconds": 30}  # asked for at STARTED
    containers = [{"name": "backend", "image": "b:1", "lifecycle": {"preStop": hook} if hook else None}]
    read = pod_of(manifest(metadata=deletion, spec={"containers": containers}))
    assert read is not None
    assert read.stops == STARTED + seconds
    assert read.serves(STARTED + seconds - 0.1)
    assert not read.serves(STARTED + seconds)


def test_readiness_waits_for_a_slow_start_and_never_comes_where_it_never_shall() -> None:
    slow = pod(faults=Faults(slow_start=20))
    assert not slow.probed_ready(STARTED + 19.9)
    assert slow.probed_ready(STARTED + 20)
    assert not pod(faults=Faults(never_ready=True)).probed_ready(STARTED + 9999)
    assert pod().probed_ready(STARTED)
    assert not pod(started=None).probed_ready(STARTED)


def test_a_pod_is_found_by_its_address_until_it_goes() -> None:
    pods = Pods()
    pods.put(pod())
    pods.put(pod(uid="uid-2", address="10.244.0.2", component=Component.FRONTEND))
    assert pods.at("10.244.0.1", Component.BACKEND) == pod()
    assert pods.at("10.244.0.3", Component.BACKEND) is None
    pods.drop("uid-1")
    pods.drop("uid-1")
    assert pods.at("10.244.0.1", Component.BACKEND) is None
    assert pods.uids() == {"uid-2"}


def test_a_pod_that_gets_another_address_leaves_the_old_one() -> None:
    pods = Pods()
    pods.put(pod(address=""))
    assert len(pods) == 1
    pods.put(pod())
    pods.put(pod(address="10.244.0.9"))
    assert pods.at("10.244.0.1", Component.BACKEND) is None
    assert pods.at("10.244.0.9", Component.BACKEND) == pod(address="10.244.0.9")


def test_of_two_pods_with_one_address_the_one_that_serves_is_found() -> None:
    crashed = pod(uid="uid-2", started=None, ready=False)
    pods = Pods()
    for one in (crashed, pod(), replace(crashed, uid="uid-3")):
        pods.put(one)
    assert pods.at("10.244.0.1", Component.BACKEND) == pod()
    pods.drop("uid-1")
    assert pods.at("10.244.0.1", Component.BACKEND) in (crashed, replace(crashed, uid="uid-3"))


def test_a_backend_and_a_frontend_with_one_address_are_told_apart() -> None:
    pods = Pods()
    frontend = pod(uid="uid-2", component=Component.FRONTEND)
    pods.put(pod())
    pods.put(frontend)
    assert pods.at("10.244.0.1", Component.BACKEND) == pod()
    assert pods.at("10.244.0.1", Component.FRONTEND) == frontend


def test_a_new_list_replaces_what_was_known() -> None:
    pods = Pods()
    pods.put(pod())
    pods.replace([pod(uid="uid-2", address="10.244.0.2")])
    assert [one.uid for one in pods] == ["uid-2"]
    assert pods.at("10.244.0.1", Component.BACKEND) is None
