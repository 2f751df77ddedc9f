"""Which process is the launcher: dead ones, recycled ids, records of other versions."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.cluster import files
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.plan import PROGRAMS, Plan, fingerprint
from rehearsal.cluster.record import Identity, Record
from rehearsal.cluster.state import PartStatus, Report, State


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path)


def me() -> Identity:
    identity = Identity.of(os.getpid())
    assert identity is not None
    return identity


def test_a_living_process_is_found_again(layout: Layout) -> None:
    record = Record(launcher=me(), root=True)
    record.write(layout)
    assert Record.read(layout) == record


def test_a_process_that_ended_is_not_alive(layout: Layout) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        identity = Identity.of(process.pid)
        process.kill()
    assert identity is not None
    Record(launcher=identity, root=True).write(layout)
    assert Record.read(layout) is None


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Identity.of(process.pid) is None


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another start of the machine"}])
def test_a_recycled_process_id_is_somebody_else(layout: Layout, change: dict[str, int | str]) -> None:
    Record(launcher=replace(me(), **change), root=True).write(layout)  # type: ignore[arg-type]  # mixed on purpose
    assert Record.read(layout) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_record_is_no_record(layout: Layout, content: str) -> None:
    layout.record.write_text(content)
    assert Record.read(layout) is None


def test_a_report_survives_the_file(layout: Layout) -> None:
    part = PartStatus(name="etcd", state=State.BACKOFF, since=1.5, pid=7, restarts=2, detail="killed by SIGKILL")
    report = Report(ready=False, parts=(part,), problem="why")
    report.write(layout)
    assert Report.read(layout) == report


@pytest.mark.parametrize("content", [{}, {"ready": True, "parts": [{}], "problem": ""}])
def test_a_report_of_another_version_is_no_report(layout: Layout, content: dict[str, object]) -> None:
    files.write_json(layout.status, content)
    assert Report.read(layout) is None


def test_a_plan_survives_the_file_and_one_of_another_version_is_none(layout: Layout) -> None:
    plan = Plan(programs=dict.fromkeys(PROGRAMS, "/x"), envoy_version="1", sources="s", http=1, https=2, api=3)
    plan.write(layout)
    assert Plan.read(layout) == plan
    files.write_json(layout.plan, {"port": 1})
    assert Plan.read(layout) is None


def test_changed_sources_have_another_fingerprint(tmp_path: Path) -> None:
    for folder in ("cluster", "workload"):
        (tmp_path / "rehearsal" / folder).mkdir(parents=True)
    before = fingerprint(tmp_path)
    (tmp_path / "rehearsal/cluster/stages.yaml").write_text("a: 1\n")
    assert fingerprint(tmp_path) != before
