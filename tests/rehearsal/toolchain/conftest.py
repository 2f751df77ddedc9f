"""A machine with a fake Go and plenty of room, and nothing else of the real one."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from rehearsal.paths import Paths
from rehearsal.toolchain import build, prerequisites

FAKE_GO = Path(__file__).with_name("fake_go.py")
GIB = 2**30


class Usage(NamedTuple):
    """What ``shutil.disk_usage`` returns."""

    total: int
    used: int
    free: int


@dataclass
class Recorder:
    """A reporter that remembers the lines and how far each piece of work came."""

    lines: list[str] = field(default_factory=list)
    work: dict[str, tuple[int, int]] = field(default_factory=dict)

    def step(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, name: str, done: int, total: int) -> None:
        self.work[name] = (done, total)


@dataclass
class Machine:
    """The machine under test."""

    home: Path
    paths: Paths
    programs: Path
    """The only directory on PATH."""
    python: Path
    """The interpreter that runs the tests."""
    disk: float = 100.0
    """GiB free."""
    memory: float = 100.0
    """GiB free."""

    def go(self, version: str = "go1.99.0", directory: Path | None = None) -> Path:
        """Put a Go of ``version`` into ``directory`` (default: on PATH). All of them share one log."""
        (self.home / "version").write_text(version)
        return self.program("go", f'exec {sys.executable} -S {FAKE_GO} "$@"', directory)

    def program(self, name: str, script: str, directory: Path | None = None) -> Path:
        """Put a program into ``directory`` (default: on PATH)."""
        path = (directory or self.programs) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def order(self, what: str, package: str) -> None:
        """Make builds of ``package`` ``fail`` or ``block``."""
        (self.home / f"{what}-{package}").touch()

    def revoke(self, what: str, package: str) -> None:
        """Let builds of ``package`` be again."""
        (self.home / f"{what}-{package}").unlink()

    def calls(self, verb: str) -> list[dict[str, Any]]:
        """The calls of ``go <verb>`` until now."""
        log = self.home / "log"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [line for line in lines if line["arguments"][0] == verb]

    def built(self) -> list[str]:
        """The modules that were built until now, by the directory that their programs went to."""
        targets = (call["arguments"][call["arguments"].index("-o") + 1] for call in self.calls("build"))
        return [Path(target).name.lstrip(".").partition("-")[0] for target in targets]

    def tools(self, module: str) -> Path:
        """The directory of a module's programs; there has to be exactly one."""
        (found,) = (self.paths.cache / "tools").glob(f"{module}-*")
        return found


def runs(pid: int) -> bool:
    """Whether a process runs. One that ended, and that nobody has asked about, does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    paths = Paths(checkout=tmp_path / "checkout", cache=tmp_path / "cache")
    made = Machine(home=tmp_path / "fake-go", paths=paths, programs=tmp_path / "bin", python=Path(sys.executable))
    made.home.mkdir()
    for name in prerequisites.PROGRAMS:
        made.program(name, "exit 0")
    made.go()
    python = made.program("python", f'exec {os.path.realpath(sys.executable)} "$@"', tmp_path / "venv")
    for name in ("envoy", "kubectl"):
        made.program(name, "exit 0", tmp_path / "venv")
    monkeypatch.setenv("PATH", str(made.programs))
    monkeypatch.setenv("FAKE_GO", str(made.home))
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(200 * GIB, 0, int(made.disk * GIB)))
    monkeypatch.setattr(prerequisites, "free_memory", lambda: made.memory)
    monkeypatch.setattr(build, "monotonic", lambda: 0.0)
    yield made
    for mark in made.home.glob("blocked-*"):
        assert not runs(int(mark.read_text())), f"{mark.name} still runs"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
