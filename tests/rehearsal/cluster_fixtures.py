"""A real embedded cluster for tests, in a checkout of its own beside the user's.

The fixture ``embedded_cluster`` is one for all tests of a run; :func:`start` makes another.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import lifecycle
from rehearsal.cluster.lifecycle import Running
from rehearsal.cluster.plan import PROGRAMS, Binaries, Ports
from rehearsal.cluster.state import PartStatus
from rehearsal.errors import Missing
from rehearsal.paths import Paths
from rehearsal.report import Lines

FOLDER = "ENGLISH_TRAINING_PROGRAMS"
"""Environment variable: a folder with the programs, to use instead of the toolchain's."""
PATIENCE = 60.0
"""Seconds until a wait for the cluster has failed; nothing depends on how much of them is used."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Programs from a folder."""

    folder: Path

    def binary(self, name: str) -> Path:
        """The executable called ``name``."""
        return self.folder / name


@dataclass(frozen=True, kw_only=True)
class EmbeddedCluster:
    """A running cluster and how to talk to it."""

    paths: Paths
    programs: Binaries
    running: Running

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.running.kubeconfig

    def kubectl(self, *arguments: str, stdin: Mapping[str, Any] | None = None) -> str:
        """Standard output of ``kubectl``; ``stdin`` goes in as JSON. Raises ``AssertionError`` with what it said."""
        done = self.try_kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_kubectl(self, *arguments: str, stdin: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """What ``kubectl`` said and how it ended."""
        return subprocess.run(
            [str(self.programs.binary("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=json.dumps(stdin) if stdin is not None else None,
            env={"PATH": os.environ["PATH"], "HOME": str(self.paths.checkout)},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def inside(self, *argv: str) -> str:
        """Standard output of a command in the cluster's network namespace."""
        command = [*lifecycle.enter(self.paths), *argv]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout

    def part(self, name: str) -> PartStatus:
        """How one part is."""
        return next(part for part in lifecycle.status(self.paths).parts if part.name == name)


def eventually(condition: Callable[[], object], *, patience: float = PATIENCE) -> bool:
    """Whether ``condition`` comes true before patience ends."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())


def free_ports() -> Ports:
    """Two ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        http, https = (sock.getsockname()[1] for sock in sockets)
    return Ports(http=http, https=https)


def programs() -> Binaries:
    """The cluster's programs and kubectl; built if need be."""
    folder = os.environ.get(FOLDER)
    if folder:
        return Folder(folder=Path(folder))
    from rehearsal.toolchain import ensure  # noqa: PLC0415 - building them is for those who name no folder

    return ensure(Paths.of(), [*PROGRAMS, "kubectl"], Lines())


def start(checkout: Path, binaries: Binaries) -> EmbeddedCluster:
    """A cluster for ``checkout``; skips the test where this machine allows no namespaces."""
    paths = Paths(checkout=checkout, cache=checkout / "cache")
    try:
        running = lifecycle.start(paths, binaries, free_ports(), Lines())
    except Missing as error:
        pytest.skip(str(error))
    return EmbeddedCluster(paths=paths, programs=binaries, running=running)
