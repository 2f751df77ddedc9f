"""The plugin as a process of its own, a stand-in for the engine that hears its messages, and an API server."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # publishes no types
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub
from pulumi.runtime.proto.status_pb2 import Status

from rehearsal.paths import REPOSITORY
from rehearsal.plugins.kubernetes.objects import Manifest
from rehearsal.plugins.wire import decode, encode
from tests.rehearsal.engine_fixtures import Engine, pulumi_engine

__all__ = ["pulumi_engine"]

KUBECONFIG = "ENGLISH_TRAINING_TEST_KUBECONFIG"
"""Environment variable: the kubeconfig of a throw-away cluster to test against, instead of one of the tests' own."""


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """What somebody else does on the cluster."""

    kubeconfig: Path
    namespace: str

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl, which must go well, and return what it printed."""
        completed = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, *arguments],
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    def get(self, *names: str) -> Manifest:
        """Return an object."""
        found: Manifest = json.loads(self("get", *names, "--show-managed-fields", "-o", "json"))
        return found

    def names(self, kind: str) -> set[str]:
        """Return the names of all objects of a kind (without those that Kubernetes puts into every namespace)."""
        items = json.loads(self("get", kind, "-o", "json"))["items"]
        return {item["metadata"]["name"] for item in items} - {"kube-root-ca.crt"}

    def create(self, manifest: Manifest, *options: str) -> None:
        """Create an object."""
        self("create", "-f", "-", *options, stdin=json.dumps(manifest))

    def status(self, manifest: Manifest, status: Manifest) -> None:
        """Write an object's status, as its controller would."""
        name = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
        self("patch", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


class Messages(engine_pb2_grpc.EngineServicer):
    """The engine's ear."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    def Log(self, request: Any, context: grpc.ServicerContext) -> Empty:  # noqa: N802 - the protocol's
        self.all.append(request)
        return Empty()

    @property
    def statuses(self) -> list[str]:
        return [entry.message for entry in self.all if entry.ephemeral]

    @property
    def warnings(self) -> list[str]:
        return [entry.message for entry in self.all if not entry.ephemeral]


@dataclass(frozen=True, kw_only=True)
class Refusal(Exception):
    """What the plugin answered instead of a result."""

    code: str
    message: str
    partial: messages.ErrorResourceInitFailed | None = None


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """The plugin's verbs, with plain dictionaries."""

    stub: Any
    heard: Messages
    name: str = "thing"
    created: list[str] = field(default_factory=list)

    def urn(self, kind: str) -> str:
        return f"urn:pulumi:test::project::kubernetes:{kind}::{self.name}"

    def named(self, name: str) -> "Plugin":
        return replace(self, name=name)

    def configure(self, **options: Any) -> messages.ConfigureResponse:
        answer: messages.ConfigureResponse = self._call("Configure", messages.ConfigureRequest(args=encode(options)))
        return answer

    def check(self, manifest: Manifest, old: Manifest | None = None, kind: str = "", seed: bytes = b"s") -> Any:
        request = messages.CheckRequest(
            urn=self.urn(kind or _token(manifest)), olds=encode(old or {}), news=encode(manifest), randomSeed=seed
        )
        return self._call("Check", request)

    def checked(self, manifest: Manifest, old: Manifest | None = None) -> Manifest:
        answer = self.check(manifest, old)
        assert list(answer.failures) == []
        return decode(answer.inputs, keep_secrets=True)

    def diff(self, old: Manifest, new: Manifest, ignore: tuple[str, ...] = ()) -> messages.DiffResponse:
        request = messages.DiffRequest(
            urn=self.urn(_token(new)), id="x", old_inputs=encode(old), news=encode(new), ignoreChanges=ignore
        )
        answer: messages.DiffResponse = self._call("Diff", request)
        return answer

    def create(self, manifest: Manifest, *, preview: bool = False, timeout: float = 0) -> tuple[str, Manifest]:
        request = messages.CreateRequest(
            urn=self.urn(_token(manifest)), properties=encode(manifest), preview=preview, timeout=timeout
        )
        answer = self._call("Create", request)
        return answer.id, decode(answer.properties, keep_secrets=True)

    def update(
        self, manifest: Manifest, *, preview: bool = False, timeout: float = 0, ignore: tuple[str, ...] = ()
    ) -> Manifest:
        request = messages.UpdateRequest(
            urn=self.urn(_token(manifest)),
            id="x",
            news=encode(manifest),
            preview=preview,
            timeout=timeout,
            ignoreChanges=ignore,
        )
        return decode(self._call("Update", request).properties, keep_secrets=True)

    def read(self, resource_id: str, kind: str, inputs: Manifest | None = None) -> tuple[str, Manifest, Manifest]:
        request = messages.ReadRequest(urn=self.urn(kind), id=resource_id, inputs=encode(inputs or {}))
        answer = self._call("Read", request)
        return answer.id, decode(answer.properties, keep_secrets=True), decode(answer.inputs, keep_secrets=True)

    def delete(self, resource_id: str, inputs: Manifest, outputs: Manifest | None = None, timeout: float = 0) -> None:
        request = messages.DeleteRequest(
            urn=self.urn(_token(inputs)),
            id=resource_id,
            old_inputs=encode(inputs),
            properties=encode(outputs or {}),
            timeout=timeout,
        )
        self._call("Delete", request)

    def call(self, verb: str, request: Any) -> Any:
        return self._call(verb, request)

    def _call(self, verb: str, request: Any) -> Any:
        try:
            return getattr(self.stub, verb)(request, timeout=120)
        except grpc.RpcError as error:
            raise _refusal(error) from None


def _refusal(error: Any) -> Refusal:
    partial = None
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in Status.FromString(value).details:
                partial = messages.ErrorResourceInitFailed()
                assert detail.Unpack(partial)
    return Refusal(code=error.code().name, message=error.details(), partial=partial)


def _token(manifest: Manifest) -> str:
    version = manifest["apiVersion"]
    return f"{'core/v1' if version == 'v1' else version}:{manifest['kind']}"


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    named = os.environ.get(KUBECONFIG)
    return Path(named) if named else Path(request.getfixturevalue("embedded_cluster").kubeconfig)


@pytest.fixture
def kubectl(kubeconfig: Path) -> Iterator[Kubectl]:
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    run = Kubectl(kubeconfig=kubeconfig, namespace=namespace)
    run("create", "namespace", namespace)
    yield run
    run("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def listening() -> Iterator[tuple[Messages, str]]:
    """An ear, and its address."""
    ear = Messages()
    server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(ear, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield ear, f"127.0.0.1:{port}"
    server.stop(None).wait()


def start_plugin(listening: tuple[Messages, str], **environment: str) -> Iterator[Plugin]:
    """Yield the plugin, as the engine starts and ends it."""
    ear, address = listening
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal.plugins.kubernetes", address],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    channel = grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}")
    try:
        yield Plugin(stub=ResourceProviderStub(channel), heard=ear)
    finally:
        channel.close()
        process.send_signal(2)
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def offline(listening: tuple[Messages, str], tmp_path: Path) -> Iterator[Plugin]:
    """A plugin without a cluster, not configured yet."""
    yield from start_plugin(listening, KUBECONFIG=str(tmp_path / "none"))


@pytest.fixture
def plugin(listening: tuple[Messages, str], kubectl: Kubectl) -> Iterator[Plugin]:
    """A plugin on the cluster, configured by the environment."""
    for started in start_plugin(listening, KUBECONFIG=str(kubectl.kubeconfig)):
        started.configure()
        yield started


@pytest.fixture
def engine(pulumi_engine: Engine, kubectl: Kubectl) -> Engine:
    """The real engine on the cluster; its program finds the test's namespace in ``NAMESPACE``."""
    variables = {"KUBECONFIG": str(kubectl.kubeconfig), "NAMESPACE": kubectl.namespace}
    return replace(pulumi_engine, environment={**pulumi_engine.environment, **variables})
