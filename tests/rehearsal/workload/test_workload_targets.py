"""Prometheus finds the pods that serve, under the labels of a real installation."""

import json
from pathlib import Path

from rehearsal.workload.pods import PORTS, Component
from rehearsal.workload.targets import Targets, document
from tests.rehearsal.workload.samples import pod


def test_every_pod_is_a_target_with_its_labels_in_the_order_of_addresses() -> None:
    backend = pod(address="10.244.0.2")
    frontend = pod(address="10.244.0.1", component=Component.FRONTEND, name="frontend-blue-1", uid="uid-2")
    labels = {"namespace": "english-training", "colour": "blue", "version": "1.4.0"}
    assert document([backend, frontend], PORTS) == [
        {"targets": ["10.244.0.1:3000"], "labels": {**labels, "pod": "frontend-blue-1", "service": "frontend"}},
        {"targets": ["10.244.0.2:8000"], "labels": {**labels, "pod": "backend-blue-1", "service": "backend"}},
    ]


def test_the_file_follows_the_pods_and_is_not_written_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "targets.json"
    targets = Targets(path=path, ports=PORTS)
    targets.update([pod()])
    assert [entry["targets"] for entry in json.loads(path.read_text())] == [["10.244.0.1:8000"]]
    path.unlink()
    targets.update([pod()])
    assert not path.exists()
    targets.update([])
    assert json.loads(path.read_text()) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["targets.json"]
