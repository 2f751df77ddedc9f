"""Start, stop and look at the embedded cluster of a checkout."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rehearsal.cluster import namespace, pki, prepare
from rehearsal.cluster.host import inside_pids, supervisors
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.lock import exclusive
from rehearsal.cluster.plan import BESIDE, PROGRAMS, Binaries, Plan, Ports, fingerprint
from rehearsal.cluster.ports import listen
from rehearsal.cluster.postgresql import Database
from rehearsal.cluster.record import Record
from rehearsal.cluster.state import PartStatus, Report, State
from rehearsal.cluster.waiting import wait
from rehearsal.errors import ClusterFailed, Missing, NotRunning
from rehearsal.paths import REPOSITORY, Paths
from rehearsal.report import Reporter

STOP_SECONDS: Final = 20.0
POLL: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class Running:
    """A cluster that answers."""

    ports: Ports
    api_port: int
    beside: Mapping[str, int]
    """Ports on loopback of what stands beside the cluster, by part."""
    kubeconfig: Path
    ca: Path
    """Authority of what the gateway serves."""
    renewed: tuple[str, ...] = ()
    """Certificates that had run out, or almost, and were renewed."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """How a checkout's cluster is. Process ids are the host's."""

    running: bool
    ready: bool
    parts: tuple[PartStatus, ...]
    ports: Ports | None = None
    api_port: int | None = None
    beside: Mapping[str, int] = field(default_factory=dict)
    launcher: int | None = None
    problem: str = ""


def start(
    paths: Paths, toolchain: Binaries, ports: Ports, report: Reporter, database: Database | None = None
) -> Running:
    """Bring the cluster up, or find it up; returns once the API server answers and the nodes are ready.

    ``database``: what the application's is to be; without it, what it was last, or one of a random password.
    Raises :class:`Busy`, :class:`PortInUse`, :class:`Missing` or :class:`ClusterFailed`.
    """
    layout = Layout(root=paths.cluster)
    with exclusive(paths), ExitStack() as cleanup:
        before = Plan.read(layout)
        programs = _programs(toolchain)
        plan = Plan(
            programs=programs,
            envoy_version=_envoy_version(programs["envoy"]),
            sources=fingerprint(REPOSITORY),
            http=ports.http,
            https=ports.https,
            api=before.api if before else 0,
            beside={name: before.beside.get(name, 0) if before else 0 for name in BESIDE},
        )
        changed = prepare.database(layout, database)
        if Record.read(layout) is not None:
            if plan == before and not changed and not pki.expired(layout, datetime.now(UTC), margin=pki.RENEWAL):
                return _settle(paths, layout, plan, report, renewed=())
            report.step(
                "starting the embedded cluster again: its programs, ports, sources or database changed,"
                " or certificates grow old"
            )
        _stop(layout)
        root = _privilege()
        sockets = listen(ports, plan.api, plan.beside)
        for sock in (sock for group in sockets.values() for sock in group):
            cleanup.callback(sock.close)
        chosen = {name: group[0].getsockname()[1] for name, group in sockets.items()}
        plan = replace(plan, api=chosen["api"], beside={name: chosen[name] for name in BESIDE})
        plan.write(layout)
        renewed = prepare.everything(paths, layout, plan, datetime.now(UTC))
        if renewed:
            report.step(f"renewed certificates: {', '.join(renewed)}")
        _launch(layout, root=root, sockets=sockets)
        return _settle(paths, layout, plan, report, renewed=tuple(renewed))


def stop(paths: Paths) -> bool:
    """End everything that belongs to the checkout's cluster; its data stays. Returns whether it was running."""
    with exclusive(paths):
        return _stop(Layout(root=paths.cluster))


def status(paths: Paths) -> Status:
    """How the checkout's cluster is, without waiting for anything."""
    layout = Layout(root=paths.cluster)
    record, plan, said = Record.read(layout), Plan.read(layout), Report.read(layout)
    ports = Ports(http=plan.http, https=plan.https) if plan else None
    if record is None or said is None:
        parts = tuple(replace(part, state=State.STOPPED, pid=None) for part in said.parts) if said else ()
        return Status(running=record is not None, ready=False, parts=parts, ports=ports)
    pids = inside_pids(record.launcher.pid)
    return Status(
        running=True,
        ready=said.ready and 1 in pids,
        parts=tuple(replace(part, pid=pids.get(part.pid) if part.pid else None) for part in said.parts),
        ports=ports,
        api_port=plan.api if plan else None,
        beside=plan.beside if plan else {},
        launcher=record.launcher.pid,
        problem=said.problem,
    )


def running(paths: Paths) -> Running:
    """The checkout's cluster, for a command that needs it.

    Raises :class:`NotRunning`, or :class:`CertificateExpired` if it is no longer of use.
    """
    layout = Layout(root=paths.cluster)
    plan, said = Plan.read(layout), Report.read(layout)
    if plan is None or Record.read(layout) is None:
        raise _not_running(paths, "is not running")
    pki.require_valid(layout, datetime.now(UTC))
    if said is None or not said.ready:
        raise _not_running(paths, "is not ready (make status tells more)")
    return _running(paths, layout, plan)


def enter(paths: Paths) -> list[str]:
    """The prefix that runs a command in the cluster's network namespace. Raises :class:`NotRunning`."""
    layout = Layout(root=paths.cluster)
    record = Record.read(layout)
    supervisor = inside_pids(record.launcher.pid).get(1) if record else None
    if record is None or supervisor is None:
        raise _not_running(paths, "is not running")
    return namespace.nsenter_argv(supervisor, root=record.root)


def _programs(toolchain: Binaries) -> dict[str, str]:
    programs = {name: str(toolchain.binary(name)) for name in PROGRAMS}
    for name, path in programs.items():
        if not os.access(path, os.X_OK):
            raise Missing(f"{name} is not at {path}, or is not executable", remedy="make up   (builds what is missing)")
    return programs


def _envoy_version(program: str) -> str:
    """The version that the program says it has."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"/(\d+\.\d+\.\d+)/", answer.stdout)
    if found is None:
        raise ClusterFailed(f"{program} --version does not name a version", remedy="make clean, then make up")
    return found.group(1)


def _privilege() -> bool:
    """Whether namespaces can be made as root; otherwise a user namespace has to do. Raises :class:`Missing`."""
    for program in ("unshare", "nsenter"):
        if shutil.which(program) is None:
            raise Missing(f"the program {program} is not on PATH", remedy="install the package util-linux")
    message = ""
    for root in (True, False) if os.geteuid() == 0 else (False,):
        trial = subprocess.run(  # noqa: S603 - a fixed program
            # PostgreSQL takes another user namespace within.
            [*namespace.unshare_argv(root=root), "unshare", "--user", "--ipc", "true"],
            capture_output=True,
            text=True,
            check=False,
        )
        if trial.returncode == 0:
            return root
        message = trial.stderr.strip()
    raise Missing(
        f"this machine does not let this user make namespaces ({message})",
        remedy="run as root, or allow it: sysctl kernel.unprivileged_userns_clone=1 "
        "kernel.apparmor_restrict_unprivileged_userns=0",
    )


def _launch(layout: Layout, *, root: bool, sockets: Mapping[str, Sequence[socket.socket]]) -> None:
    """Leave the launcher running in the background. The sockets become its own."""
    numbers = {name: [sock.fileno() for sock in group] for name, group in sockets.items()}
    arguments = [f"{name}={number}" for name, group in numbers.items() for number in group]
    layout.status.unlink(missing_ok=True)
    with layout.log("launcher").open("ab") as log:
        subprocess.run(  # noqa: S603 - our own program, without a shell
            [
                *(sys.executable, "-m", "rehearsal.cluster.launcher"),
                *(str(layout.root), "root" if root else "user", *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[number for group in numbers.values() for number in group],
            start_new_session=True,
            cwd="/",
            env=prepare.environment(layout, REPOSITORY, path=os.environ.get("PATH", os.defpath)),
            check=True,
        )


def _settle(paths: Paths, layout: Layout, plan: Plan, report: Reporter, *, renewed: tuple[str, ...]) -> Running:
    """Wait for the cluster; if it does not come up, leave nothing of it running."""
    try:
        wait(layout, report)
    except ClusterFailed:
        _stop(layout)
        raise
    return replace(_running(paths, layout, plan), renewed=renewed)


def _running(paths: Paths, layout: Layout, plan: Plan) -> Running:
    return Running(
        ports=Ports(http=plan.http, https=plan.https),
        api_port=plan.api,
        beside=plan.beside,
        kubeconfig=paths.kubeconfig,
        ca=layout.ca,
    )


def _not_running(paths: Paths, how: str) -> NotRunning:
    return NotRunning(f"the embedded cluster of {paths.checkout} {how}", remedy="make up")


def _stop(layout: Layout) -> bool:
    """Ask the launcher to end everything, and see to it. Returns whether there was anything."""
    record = Record.read(layout)
    if record is not None:
        with suppress(ProcessLookupError):
            os.kill(record.launcher.pid, signal.SIGTERM)
    elif not layout.record.exists():
        return False
    # Without a living launcher the supervisor stops by itself; either way it is given the time it needs.
    deadline = time.monotonic() + STOP_SECONDS
    while (record is not None and record.launcher.alive()) or (record is None and supervisors(layout.root)):
        if time.monotonic() > deadline:
            _kill([*supervisors(layout.root), *([record.launcher.pid] if record is not None else [])])
            break
        time.sleep(POLL)
    layout.record.unlink(missing_ok=True)
    return True


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
