"""Commands on a cluster that is not there, or that cannot come up."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal.cluster import lifecycle, pki, waiting
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.plan import PROGRAMS, Plan, Ports
from rehearsal.cluster.record import Identity, Record
from rehearsal.cluster.state import PartStatus, Report, State
from rehearsal.errors import CertificateExpired, ClusterFailed, Missing, NotRunning
from rehearsal.paths import Paths
from rehearsal.report import Lines
from tests.rehearsal.cluster_fixtures import Folder


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(checkout=tmp_path, cache=tmp_path)


def part(name: str, state: State, *, restarts: int = 0, detail: str = "") -> PartStatus:
    return PartStatus(name=name, state=state, since=0, restarts=restarts, detail=detail)


def test_a_missing_program_is_named_before_anything_is_started(paths: Paths) -> None:
    for name in PROGRAMS:
        (paths.checkout / name).touch()
    with pytest.raises(Missing) as caught:
        lifecycle.start(paths, Folder(folder=paths.checkout), Ports(), Lines())
    assert caught.value.problem == f"etcd is not at {paths.checkout}/etcd, or is not executable"
    assert not paths.cluster.exists()


def test_stopping_what_does_not_run_is_no_error(paths: Paths) -> None:
    assert lifecycle.stop(paths) is False


def test_the_status_of_what_never_ran_is_empty(paths: Paths) -> None:
    status = lifecycle.status(paths)
    assert (status.running, status.ready, status.parts) == (False, False, ())


def test_parts_of_a_stopped_cluster_are_shown_as_stopped(paths: Paths) -> None:
    said = PartStatus(name="etcd", state=State.RUNNING, since=0, pid=7)
    Report(ready=True, parts=(said,)).write(Layout(root=paths.cluster))
    status = lifecycle.status(paths)
    assert [(part.state, part.pid) for part in status.parts] == [(State.STOPPED, None)]
    assert not status.ready


@pytest.mark.parametrize("command", [lifecycle.enter, lifecycle.running])
def test_a_command_that_needs_the_cluster_says_how_to_get_it(paths: Paths, command: object) -> None:
    assert callable(command)
    with pytest.raises(NotRunning) as caught:
        command(paths)
    assert caught.value.problem == f"the embedded cluster of {paths.checkout} is not running"
    assert caught.value.remedy == "make up"


def test_a_running_cluster_whose_certificates_ran_out_is_not_used(paths: Paths) -> None:
    layout = Layout(root=paths.cluster)
    me = Identity.of(os.getpid())
    assert me is not None
    Record(launcher=me, root=True).write(layout)
    Plan(programs={}, envoy_version="", sources="", http=1, https=2, api=3).write(layout)
    Report(ready=True, parts=()).write(layout)
    pki.ensure(layout, datetime.now(UTC))
    assert lifecycle.running(paths).api_port == 3
    for leaf in pki.LEAVES:
        layout.certificate(leaf.name).unlink()
    pki.ensure(layout, datetime.now(UTC) - timedelta(days=2 * pki.LEAF_DAYS))
    with pytest.raises(CertificateExpired) as caught:
        lifecycle.running(paths)
    assert caught.value.remedy.startswith("make up")


def test_a_part_that_keeps_ending_is_named_with_its_last_words_and_its_log(paths: Paths) -> None:
    layout = Layout(root=paths.cluster)
    broken = part("kwok", State.BACKOFF, restarts=waiting.HOPELESS, detail="exit status 1: bad stage")
    waits = part("kube-apiserver", State.WAITING, detail="for etcd")
    Report(ready=False, parts=(waits, broken)).write(layout)
    with pytest.raises(ClusterFailed) as caught:
        waiting.wait(layout, Lines())
    assert caught.value.problem == ("the embedded cluster did not come up: kwok is backoff (exit status 1: bad stage)")
    assert str(layout.log("kwok")) in caught.value.remedy


def test_a_launcher_that_never_appears_is_noticed(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LAUNCH_SECONDS", 0.0)
    with pytest.raises(ClusterFailed) as caught:
        waiting.wait(Layout(root=paths.cluster), Lines())
    assert caught.value.problem == "the embedded cluster did not come up: its launcher ended"
