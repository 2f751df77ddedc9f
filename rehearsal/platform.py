"""The main job: from a checkout to a platform that serves, and back to nothing."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal import images, toolchain
from rehearsal.cluster import lifecycle
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.lock import exclusive
from rehearsal.cluster.plan import Ports
from rehearsal.cluster.ports import listen
from rehearsal.cluster.postgresql import Database
from rehearsal.engine import Engine
from rehearsal.paths import Paths
from rehearsal.plugins import launchers
from rehearsal.plugins.environment import environment, write_env_file
from rehearsal.report import Reporter
from rehearsal.stackfile import PROJECT, StackFile


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to bring up."""

    stack: str
    http_port: int | None = None
    """Port of plain HTTP on loopback; ``None`` keeps the stack's."""
    https_port: int | None = None


def tools(paths: Paths, report: Reporter, names: Sequence[str] = toolchain.DEFAULT) -> toolchain.Toolchain:
    """Find or build the toolchain, and put it where a shell and the engine find it."""
    found = toolchain.ensure(paths, names, report)
    installed = launchers.install(paths, tools={name: found.binary(name) for name in ("pulumi", "kubectl")})
    write_env_file(paths, reachable(paths))
    for notice in installed.notice.splitlines():
        report.note(notice)
    return found


def up(paths: Paths, wanted: Wanted, report: Reporter) -> StackFile:
    """Bring the cluster and the stack up. Anything already done is found done; an interrupted ``up`` goes on."""
    stack = StackFile.read(paths.checkout, wanted.stack)
    with exclusive(paths):
        _require_free(
            paths,
            Ports(http=wanted.http_port or stack.ports.http, https=wanted.https_port or stack.ports.https),
        )
        found = tools(paths, report)
        engine = engine_of(paths, wanted.stack)
        engine.select()
        for key, port in (("httpPort", wanted.http_port), ("httpsPort", wanted.https_port)):
            if port is not None:
                engine.configure(f"{PROJECT}:gateway.{key}", str(port))
        stack = StackFile.read(paths.checkout, wanted.stack)
        password = engine.configured(f"{PROJECT}:databasePassword")
        database = Database(name=stack.database, user=stack.database_user, password=password) if password else None
        lifecycle.start(paths, found, stack.ports, report, database)
        write_env_file(paths, reachable(paths))
        for pushed in images.seed(images.registry_of(paths), stack.images):
            report.step(f"pushed {pushed}")
        report.step(f"the embedded cluster is up; updating stack {wanted.stack}")
        engine.up()
        report.step("the stack is up")
    return stack


def _require_free(paths: Paths, ports: Ports) -> None:
    """Find out that a port is taken while nothing has changed yet. Raises :class:`PortInUse`."""
    now = lifecycle.status(paths)
    ours = {now.ports.http, now.ports.https} if now.running and now.ports else set[int]()
    # Port 0 stands for any free one: those that this platform holds already need no look.
    wanted = Ports(http=0 if ports.http in ours else ports.http, https=0 if ports.https in ours else ports.https)
    for sockets in listen(wanted, None).values():
        for sock in sockets:
            sock.close()


def reachable(paths: Paths) -> dict[str, str]:
    """Where this machine reaches what stands beside the cluster: variables for a shell; none before the first start."""
    beside = lifecycle.status(paths).beside
    if not beside:
        return {}
    ports = {
        "postgresql.internal:5432": beside["postgresql"],
        "redis.internal:6379": beside["redis"],
        "registry.localhost:443": beside["registry"],
        "prometheus.localhost:9090": beside["prometheus"],
    }
    return {
        "ENGLISH_TRAINING_AUTHORITY": str(Layout(root=paths.cluster).ca),
        "ENGLISH_TRAINING_REACH": json.dumps({name: f"127.0.0.1:{port}" for name, port in ports.items()}),
    }


def engine_of(paths: Paths, stack: str) -> Engine:
    """The engine, for ``stack`` of this checkout."""
    return Engine(
        binary=paths.launchers / "pulumi",
        program=paths.checkout,
        backend=paths.backend,
        stack=stack,
        environment={**os.environ, **environment(paths, also=reachable(paths))},
    )


def traffic(paths: Paths, stack: str, arguments: Sequence[str]) -> int:
    """Send requests from inside the cluster's network, where many clients can be played. Returns the exit code."""
    lifecycle.running(paths)
    layout = Layout(root=paths.cluster)
    command = [
        *lifecycle.enter(paths),
        *(sys.executable, "-m", "rehearsal.traffic"),
        *("--domain", StackFile.read(paths.checkout, stack).domain, "--ca", str(layout.ca), *arguments),
    ]
    return subprocess.run(  # noqa: S603 - our own program
        command, cwd=paths.checkout, env={**os.environ, "PYTHONPATH": str(paths.checkout)}, check=False
    ).returncode


def clean(paths: Paths) -> None:
    """Stop the cluster and forget everything of this checkout: its data, the stacks' states, the launchers."""
    lifecycle.stop(paths)
    shutil.rmtree(paths.state, ignore_errors=True)


__all__ = ["Ports", "Wanted", "clean", "engine_of", "reachable", "tools", "traffic", "up"]
