"""The real engine on a project of the test's own: private state, private plugins, nothing of the user's.

A folder's ``conftest.py`` takes the fixture in with ``from tests.rehearsal.engine_fixtures import pulumi_engine``.
"""

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rehearsal import toolchain
from rehearsal.errors import Missing
from rehearsal.paths import Paths
from rehearsal.plugins.environment import environment
from rehearsal.plugins.languagehost.warm import PRELOAD
from rehearsal.plugins.launchers import install
from rehearsal.report import Lines

BINARY = "ENGLISH_TRAINING_PULUMI"
"""Environment variable: a ``pulumi`` to use instead of the toolchain's."""
FOLDER = "ENGLISH_TRAINING_PROGRAMS"
"""Environment variable: a folder with the programs, to use instead of the toolchain's."""
PATIENCE = 60.0
"""Seconds until a wait for another process has failed; nothing depends on how much of them is used."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one command of the engine did and said."""

    code: int
    output: str
    """Standard output and standard error."""
    events: Sequence[Mapping[str, Any]] = field(repr=False)

    @property
    def changes(self) -> dict[str, int]:
        """How many resources met which fate (``create``, ``same``, ``replace`` …), the stack itself left out."""
        summaries = [event["summaryEvent"]["resourceChanges"] for event in self.events if "summaryEvent" in event]
        counts: dict[str, int] = dict(summaries[-1]) if summaries else {}
        return counts

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Each step's operation and resource name, in the order in which they began."""
        metadata = [event["resourcePreEvent"]["metadata"] for event in self.events if "resourcePreEvent" in event]
        return [(step["op"], step["urn"].rpartition("::")[2]) for step in metadata]

    def messages(self, severity: str) -> list[str]:
        """What was said with this severity: ``error``, ``warning``, ``info``, ``info#err`` (standard error)."""
        said = [event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event]
        return [_plain(one["message"]) for one in said if one["severity"] == severity and not one.get("ephemeral")]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """``pulumi`` on the stack ``test`` of a project named ``project``."""

    project: Path
    environment: Mapping[str, str]

    def write(self, program: str, *, runtime: str = "python", main: str = "__main__.py") -> None:
        """Make ``program`` the project's program."""
        (self.project / main).write_text(textwrap.dedent(program))
        (self.project / "Pulumi.yaml").write_text(f"name: project\nruntime: {runtime}\n")

    def begin(self, program: str, *, runtime: str = "python") -> "Engine":
        """Make ``program`` the project's program and the stack a new one."""
        self.write(program, runtime=runtime)
        self.pulumi("stack", "init", "test")
        return self

    def configure(self, key: str, value: str, *, secret: bool = False) -> None:
        """Set a key of the stack's configuration. The value goes over standard input: arguments are not private."""
        self.pulumi("config", "set", key, *(["--secret"] if secret else ["--plaintext"]), standard_input=value)

    def preview(self, *arguments: str) -> Result:
        """Run ``pulumi preview``."""
        return self.operate("preview", *arguments)

    def up(self, *arguments: str) -> Result:
        """Run ``pulumi up`` without its preview."""
        return self.operate("up", "--skip-preview", "--yes", *arguments)

    def refresh(self, *arguments: str) -> Result:
        """Run ``pulumi refresh`` without its preview."""
        return self.operate("refresh", "--skip-preview", "--yes", *arguments)

    def destroy(self, *arguments: str) -> Result:
        """Run ``pulumi destroy`` without its preview."""
        return self.operate("destroy", "--skip-preview", "--yes", *arguments)

    def operate(self, *arguments: str) -> Result:
        """Run a command that makes events; never raises."""
        log = self.project / "events.json"
        log.unlink(missing_ok=True)
        process = self.start(*arguments, "--event-log", str(log))
        output, _ = process.communicate()
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return Result(code=process.returncode, output=output, events=events)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command and return it running."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pulumi(self, *arguments: str, standard_input: str = "") -> str:
        """Run a command that must go well; return its standard output."""
        completed = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.project,
            env=dict(self.environment),
            input=standard_input,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    def outputs(self) -> dict[str, Any]:
        """Return what the program exported, secrets in the clear."""
        return dict(json.loads(self.pulumi("stack", "output", "--json", "--show-secrets")))

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the resources in the state by name, secrets encrypted."""
        deployment = json.loads(self.pulumi("stack", "export"))["deployment"]
        return {resource["urn"].rpartition("::")[2]: resource for resource in deployment.get("resources", [])}

    def state_text(self) -> str:
        """Return the state file as it lies on the disk."""
        backend = self.environment["PULUMI_BACKEND_URL"].removeprefix("file://")
        return (Path(backend) / ".pulumi" / "stacks" / "project" / "test.json").read_text()

    def processes(self) -> list[str]:
        """Return the command lines of all processes that run in this engine's environment."""
        mark = f"PULUMI_HOME={self.environment['PULUMI_HOME']}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        # What has ended but was not waited for has no command line.
        return [line for line in found if line]


def eventually(happens: Callable[[], bool]) -> bool:
    """Wait until ``happens`` returns true; say whether it did."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if happens():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def pulumi_engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine for a project in a temporary directory; nothing of it may still run in the end."""
    paths = Paths(checkout=tmp_path / "checkout", cache=tmp_path / "cache")
    install(paths, tools={"pulumi": _pulumi()}, search="", homes=())
    paths.backend.mkdir(parents=True)
    project = tmp_path / "project"
    project.mkdir()
    base = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    # The engine writes its events to a file only for those who debug.
    ours = {PRELOAD: "pulumi,pulumi_random", "PULUMI_DEBUG_COMMANDS": "true"}
    variables = {**base, **environment(paths, base), **ours}
    engine = Engine(project=project, environment=variables)
    yield engine
    assert eventually(lambda: engine.processes() == []), engine.processes()


@cache
def _pulumi() -> Path:
    named = os.environ.get(BINARY)
    found = Path(named) if named else Path(os.environ.get(FOLDER, "")) / "pulumi"
    if found.is_file():
        return found
    try:
        return toolchain.ensure(Paths.of(), ["pulumi"], Lines()).binary("pulumi")
    except Missing as missing:
        pytest.skip(str(missing))


def _plain(message: str) -> str:
    """Return ``message`` without the engine's marks of colour."""
    for mark in ("<{%reset%}>", "<{%fg 1%}>", "<{%fg 3%}>", "<{%fg 5%}>", "<{%bold%}>"):
        message = message.replace(mark, "")
    return message.strip()
