"""The whole platform, brought up as a user brings it up: in a checkout of its own, with the README's command."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import lifecycle
from rehearsal.errors import Missing
from rehearsal.paths import REPOSITORY, Paths
from tests.rehearsal.cluster_fixtures import free_ports

PATIENCE = 1800.0
"""Seconds until a command has failed: the first one may have to build the toolchain."""
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the gateway answered to somebody outside."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A platform that serves, and how its user talks to it."""

    checkout: Path
    http_port: int
    https_port: int
    greeting: str
    """What the first ``make up`` printed."""

    @property
    def paths(self) -> Paths:
        """Paths of the checkout; the cache is the user's."""
        return Paths.of(self.checkout)

    def make(self, *arguments: str) -> Done:
        """Run ``make`` in the checkout."""
        return run(self.checkout, "make", "--no-print-directory", *arguments)

    def shell(self, command: str) -> Done:
        """Type ``command`` into a plain shell that has sourced the environment."""
        return run(self.checkout, "sh", "-c", f". .rehearsal/env && {command}")

    def start(self, command: str) -> "subprocess.Popen[str]":
        """Type ``command`` and do not wait for it."""
        return subprocess.Popen(
            ["sh", "-c", f". .rehearsal/env && exec {command}"],
            cwd=self.checkout,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def good(self, command: str) -> str:
        """Type ``command``, which must go well; return what it printed."""
        done = self.shell(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def update(self) -> str:
        """Run ``pulumi up`` without its preview, which must go well."""
        return self.good("pulumi up --yes --skip-preview --non-interactive")

    def weigh(self, green: int) -> None:
        """Give green its share of the traffic."""
        self.good(f"pulumi config set greenWeight {green}")
        self.update()

    def traffic(self, requests: int, *arguments: str) -> dict[str, Any]:
        """Send requests from inside; return the figures."""
        done = run(
            self.checkout, sys.executable, "-m", "rehearsal", "traffic", "--json", "-n", str(requests), *arguments
        )
        assert done.returncode == 0, done.stdout + done.stderr
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures

    def inside(self, program: str) -> str:
        """Run a Python program inside the cluster's network; return what it printed."""
        done = run(self.checkout, *lifecycle.enter(self.paths), sys.executable, "-c", program)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, path: str, *, tls: bool = True) -> Answer:
        """Ask the gateway as a browser on this machine does."""
        trust = ssl.create_default_context(cafile=str(self.paths.cluster / "ca.crt"))
        connection = (
            http.client.HTTPSConnection("localhost", self.https_port, context=trust, timeout=30)
            if tls
            else http.client.HTTPConnection("localhost", self.http_port, timeout=30)
        )
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=headers, body=response.read().decode())
        finally:
            connection.close()

    def get(self, *names: str, namespace: str = "english-training") -> Any:
        """An object or a list of objects of the cluster."""
        return json.loads(self.good(f"kubectl get {' '.join(names)} --namespace {namespace} --output json"))

    def route_weights(self) -> dict[str, int]:
        """The weights in force, by Service."""
        rules = self.get("httproute", "english-training")["spec"]["rules"]
        return {ref["name"]: ref["weight"] for rule in rules for ref in rule["backendRefs"]}


def environment() -> dict[str, str]:
    """A plain shell's environment: nothing of this test run's own."""
    kept = ("PATH", "HOME", "LANG", "XDG_CACHE_HOME", "ENGLISH_TRAINING_CACHE", "GOPROXY", "GOMODCACHE", "GOCACHE")
    return {name: value for name in kept if (value := os.environ.get(name)) is not None}


def run(folder: Path, *command: str) -> Done:
    """Run a command in ``folder`` with a plain environment."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def copy_checkout(target: Path) -> Path:
    """A checkout as it stands now, the uncommitted included, sharing this one's Python environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, place = REPOSITORY / name, target / name
        if source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)
    (target / ".venv").symlink_to(Path(sys.prefix))
    return target


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Yield the platform, up. Tests share it: each sets what it needs and leaves a stack that updates well."""
    checkout = copy_checkout(tmp_path_factory.mktemp("platform"))
    ports = free_ports()
    done = run(checkout, "make", "--no-print-directory", "up", f"HTTP_PORT={ports.http}", f"HTTPS_PORT={ports.https}")
    said = done.stdout + done.stderr
    if f"Error {Missing.exit_code}" in said:
        pytest.skip(said)
    made = Platform(checkout=checkout, http_port=ports.http, https_port=ports.https, greeting=said)
    try:
        assert done.returncode == 0, said
        yield made
    finally:
        with suppress(OSError):
            lifecycle.stop(made.paths)


@pytest.fixture
def configured(platform: Platform) -> Iterator[Platform]:
    """Yield the platform; afterwards the stack's configuration and what it makes are as they were."""
    file = platform.checkout / "Pulumi.development.yaml"
    before = file.read_text()
    yield platform
    file.write_text(before)
    platform.update()
