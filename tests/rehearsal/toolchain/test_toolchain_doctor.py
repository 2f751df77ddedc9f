"""The doctor works on any machine, and changes nothing on it."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from rehearsal.errors import BuildFailed
from rehearsal.toolchain import ALL, DEFAULT, diagnose, ensure, table
from rehearsal.toolchain.catalog import WHEELS
from rehearsal.toolchain.doctor import Finding, State
from tests.rehearsal.toolchain.conftest import Machine, Recorder


def test_on_a_new_machine_everything_would_be_built(machine: Machine) -> None:
    findings = _by_name(diagnose(machine.paths))
    built = [name for name, finding in findings.items() if finding.state is State.BUILDABLE]
    assert built == [name for name in ALL if name not in WHEELS]
    assert all(findings[name].state is State.THERE for name in findings.keys() - set(built))
    assert findings["pulumi"].where == "from Go module pulumi v3.259.0, about 2:50 from nothing"
    assert findings["disk"].where == f"100.0 GiB free in {machine.paths.cache.parent}, 10.7 needed"
    assert not machine.paths.cache.exists()


def test_afterwards_it_says_where_things_are_and_how_long_they_took(machine: Machine, recorder: Recorder) -> None:
    toolchain = ensure(machine.paths, DEFAULT, recorder)
    findings = _by_name(diagnose(machine.paths))
    assert findings["kwok"] == Finding(
        name="kwok",
        state=State.THERE,
        where=str(toolchain.binary("kwok")),
        bytes=toolchain.binary("kwok").stat().st_size,
        last="0:00, 6 packages",
    )
    assert findings["disk"].where == "nothing has to be built"


def test_damage_and_the_last_failure_are_told(machine: Machine, recorder: Recorder) -> None:
    ensure(machine.paths, ["pulumi"], recorder).binary("pulumi").write_bytes(b"")
    machine.order("fail", "pulumi")
    finding = _by_name(diagnose(machine.paths))["pulumi"]
    assert (finding.state, finding.where.partition(";")[0]) == (State.BUILDABLE, "damaged")
    with pytest.raises(BuildFailed):
        ensure(machine.paths, ["pulumi"], recorder)
    finding = _by_name(diagnose(machine.paths))["pulumi"]
    assert finding.last.startswith("failed after 0:00: Go cannot build pulumi in ")


def test_on_an_empty_machine_every_lack_is_a_finding(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (Path(sys.executable).parent / "envoy").unlink()
    machine.disk, machine.memory = 0.1, 0.1
    findings = _by_name(diagnose(machine.paths))
    there = [name for name, finding in findings.items() if finding.state is State.THERE]
    assert there == ["python", "kubectl", "initdb", "postgres", "redis-server", "compiled packages"]
    assert findings["git"].where == "git is not on PATH; install it (Debian: apt-get install git), then make up"
    assert findings["memory"].where.startswith("building the toolchain needs 4 GiB of free memory")


def test_what_cannot_be_looked_at_is_a_finding(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> float:
        raise OSError("no /proc here")

    monkeypatch.setattr("rehearsal.toolchain.prerequisites.free_memory", broken)
    finding = _by_name(diagnose(machine.paths))["memory"]
    assert finding == Finding(name="memory", state=State.MISSING, where="cannot be looked at: no /proc here")


def test_the_table_shows_what_was_found_literally() -> None:
    stream = io.StringIO()
    found = [Finding(name="go", state=State.MISSING, where="[bold] /x", bytes=3 * 2**20, last="1:02, 5 packages")]
    Console(file=stream, width=100).print(table(found))
    heading, line = stream.getvalue().splitlines()
    assert heading.split() == ["what", "state", "size", "where,", "or", "why", "not", "last", "build"]
    assert line.split() == ["go", "missing", "3", "MiB", "[bold]", "/x", "1:02,", "5", "packages"]


def _by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}
