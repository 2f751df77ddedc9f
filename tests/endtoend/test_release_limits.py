"""What a new version may not do to its users little by little, and what a release may not do without."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.endtoend.conftest import Platform
from tests.endtoend.releasing import OTHER, Releasing, whole
from tests.rehearsal.cluster_fixtures import eventually

pytestmark = pytest.mark.endtoend

IN = "--namespace english-training"


@pytest.fixture
def releasing(platform: Platform) -> Releasing:
    """The tool in the platform's checkout, where one colour has all requests and no release is in progress."""
    made = Releasing(platform=platform, checkout=platform.checkout)
    made.settle()
    return made


@pytest.mark.parametrize(("fault", "why"), [("errors=5", "answers were 5xx"), ("latency=800", "ms")])
def test_a_version_that_is_a_little_worse_is_found_out_and_taken_back(
    releasing: Releasing, tmp_path: Path, fault: str, why: str
) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    with releasing.load(200, tmp_path) as load:
        deploy = releasing.start(f"deploy {releasing.images()} --version 5.0.0 --steps 25,100 --soak 5m")
        deploy.until("watch at 25 %", done=5)
        releasing.fault(new, fault)
        assert deploy.ended() == 4, "\n".join(deploy.lines)
        assert releasing.weights == {old: 100, new: 0}
    assert load.failed_colours == ({new} if fault.startswith("errors") else set())
    assert load.lost == 0
    record = releasing.log()
    assert record["status"] == "rolled back"
    assert f"backend {new}" in record["reason"]
    assert why in record["reason"]
    whole(record)


def pods(releasing: Releasing) -> list[dict[str, Any]]:
    """All pods of the namespace."""
    found: list[dict[str, Any]] = releasing.platform.get("pods")["items"]
    return found


@pytest.fixture
def quota(releasing: Releasing) -> Iterator[None]:
    """A quota with no room for another pod."""
    # Pods of an earlier release that are on their way out still count, and would make room when they are gone.
    assert eventually(lambda: all("deletionTimestamp" not in pod["metadata"] for pod in pods(releasing)))
    used = len(pods(releasing))
    releasing.platform.good(f"kubectl create quota full --hard=pods={used} {IN}")
    try:
        assert eventually(lambda: "used" in releasing.platform.get("resourcequota", "full")["status"])
        yield
    finally:
        releasing.platform.good(f"kubectl delete quota full {IN}")


@pytest.mark.usefixtures("quota")
def test_without_room_for_its_pods_nothing_begins(releasing: Releasing) -> None:
    before = releasing.standing
    error = releasing.refused(f"deploy {releasing.images()} --version 5.1.0", 3)
    assert "quota: full: pods 0 left" in error["error"]
    assert "english-training:quota" in error["remedy"]
    assert releasing.standing == before


@pytest.fixture
def record(releasing: Releasing) -> Iterator[dict[str, Any]]:
    """The ConfigMap of the newest release, which is put back as it was."""
    if not releasing.read("history --limit 1"):
        releasing.refused("deploy --backend registry.localhost/none:1 --frontend registry.localhost/none:1", 3)
    [newest] = releasing.read("history --limit 1")
    found = releasing.platform.get("configmap", f"release-{newest['id']}")
    yield found
    write(releasing, found, found["data"]["record"])


def write(releasing: Releasing, found: dict[str, Any], text: str) -> None:
    """Put something else in a record's place."""
    patch = releasing.platform.checkout / ".rehearsal" / "patch.json"
    patch.write_text(json.dumps({"data": {"record": text}}))
    name = found["metadata"]["name"]
    releasing.platform.good(f"kubectl patch configmap {name} {IN} --type merge --patch-file {patch}")


def test_a_journal_that_cannot_be_read_stops_everything_and_is_named(
    releasing: Releasing, record: dict[str, Any]
) -> None:
    before, name = releasing.standing, record["metadata"]["name"]
    newer = json.dumps({**json.loads(record["data"]["record"]), "format": 2})
    for text, said in (("{", "has something other than JSON as its record"), (newer, "has format 2")):
        write(releasing, record, text)
        for command in (f"deploy {releasing.images()}", "rollback", "resume"):
            error = releasing.refused(command, 11)
            assert name in error["error"]
            assert said in error["error"]
            assert f"kubectl get configmap {name}" in error["remedy"]
    assert releasing.standing == before


def test_who_has_no_rights_is_told_which_are_missing(releasing: Releasing, tmp_path: Path) -> None:
    before = releasing.standing
    releasing.platform.good("kubectl create serviceaccount stranger --namespace default")
    try:
        token = releasing.platform.good("kubectl create token stranger --namespace default").strip()
        config = yaml.safe_load((releasing.platform.checkout / ".rehearsal" / "kubeconfig").read_text())
        config["users"][0]["user"] = {"token": token}
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        for command in (f"deploy {releasing.images()}", "rollback", "resume", "status"):
            error = releasing.refused(command, 10, {"KUBECONFIG": str(file)})
            assert error["error"].startswith("no permission to get ")
            assert error["remedy"].startswith("kubectl auth can-i get ")
            assert token not in str(error)
    finally:
        releasing.platform.good("kubectl delete serviceaccount stranger --namespace default")
    assert releasing.standing == before
