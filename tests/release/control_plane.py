"""A real API server and its etcd on loopback, nothing else of a cluster: up in seconds, to be stopped at will."""

import json
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kubernetes.client import ApiClient, Configuration

from rehearsal.errors import Missing
from release.adapters.cluster_wire import Answer, ClusterWire, NoAnswerError
from tests.rehearsal.cluster_fixtures import PATIENCE, eventually, programs

ADMIN = "token-of-the-admin"


@dataclass(kw_only=True)
class ControlPlane:
    """The two processes and how to talk to them."""

    folder: Path
    programs: Mapping[str, Path]
    ports: tuple[int, int, int]
    """Of the API server, of etcd, of etcd's peers."""
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self) -> None:
        """Start both; returns once the API server is ready."""
        _, etcd, peers = self.ports
        client, peer = f"http://127.0.0.1:{etcd}", f"http://127.0.0.1:{peers}"
        self._spawn(
            "etcd",
            "--name=test",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=test={peer}",
            "--unsafe-no-fsync",
            "--heartbeat-interval=50",
            "--election-timeout=250",
            "--log-level=warn",
        )
        self.start_api()

    def start_api(self) -> None:
        """Start the API server; returns once it is ready."""
        port, etcd, _ = self.ports
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.folder / 'certificates'}",
            "--authorization-mode=RBAC",
            "--endpoint-reconciler-type=none",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={self.folder / 'accounts.pem'}",
            f"--service-account-signing-key-file={self.folder / 'accounts.pem'}",
            "--service-cluster-ip-range=10.97.0.0/24",
            "--profiling=false",
            "--v=0",
        )
        assert eventually(self.ready), (self.folder / "kube-apiserver.log").read_text()[-2000:]

    def stop_api(self) -> None:
        """Kill the API server, as a crash would."""
        process = self.processes.pop("kube-apiserver")
        process.kill()
        process.wait(PATIENCE)

    def stop(self) -> None:
        """End both."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait(PATIENCE)

    def ready(self) -> bool:
        """Whether the API server is ready."""
        try:
            return self.wire().send("GET", "/readyz", headers={}, body=None, timeout=5).status == HTTPStatus.OK
        except (NoAnswerError, OSError):
            return False

    def wire(self, token: str = ADMIN) -> ClusterWire:
        """A connection, by default with all rights."""
        settings: Any = Configuration()
        settings.host = f"https://127.0.0.1:{self.ports[0]}"
        settings.ssl_ca_cert = str(self.folder / "certificates" / "apiserver.crt")
        settings.api_key = {"authorization": f"Bearer {token}"}
        return ClusterWire(ApiClient(settings))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What somebody with all rights does; has to go well."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        sent = None if body is None else json.dumps(body).encode()
        answer = self.wire().send(method, path, headers={"Content-Type": kind}, body=sent, timeout=10)
        assert HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES, answer
        return dict(json.loads(answer.body))

    def namespace(self, name: str) -> str:
        """A namespace of the test's own."""
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def account(self, namespace: str) -> str:
        """The token of a ServiceAccount without any rights."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.call("POST", path, {"metadata": {"name": "nobody"}})
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.call("POST", f"{path}/nobody/token", request)["status"]["token"])

    def _spawn(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(self.programs[name]), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )


class CountingWire:
    """Passes on, and counts what it passes."""

    def __init__(self, wire: ClusterWire) -> None:
        self.host = wire.host
        self.calls: list[tuple[str, str]] = []
        self.bytes = 0
        self._wire = wire

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
        answer = self._wire.send(method, path, headers=headers, body=body, timeout=timeout)
        self.calls.append((method, path))
        self.bytes += len(answer.body)
        return answer


class LossyWire(CountingWire):
    """Passes on, and loses the answer to so many of the writes that follow."""

    lose: int = 0

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
        answer = super().send(method, path, headers=headers, body=body, timeout=timeout)
        if method != "GET" and self.lose > 0:
            self.lose -= 1
            raise NoAnswerError("timed out")
        return answer


def start(folder: Path) -> ControlPlane:
    """A control plane with its data in ``folder``; skips the test where the programs cannot be had."""
    try:
        binaries = programs()
    except Missing as error:
        pytest.skip(str(error))
    (folder / "tokens.csv").write_text(f'{ADMIN},admin,admin,"system:masters"\n')
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "accounts.pem").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    plane = ControlPlane(
        folder=folder,
        programs={name: binaries.binary(name) for name in ("etcd", "kube-apiserver")},
        ports=_free_ports(),
    )
    plane.start()
    return plane


def _free_ports() -> tuple[int, int, int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        first, second, third = (sock.getsockname()[1] for sock in sockets)
    return first, second, third
