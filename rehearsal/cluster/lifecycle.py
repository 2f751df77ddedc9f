"""Start, stop and look at the embedded cluster of a checkout."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rehearsal.cluster import namespace, pki, prepare
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.lock import exclusive
from rehearsal.cluster.plan import PROGRAMS, Binaries, Plan, Ports
from rehearsal.cluster.ports import listen
from rehearsal.cluster.processes import inside_pids
from rehearsal.cluster.record import Record
from rehearsal.cluster.state import PartStatus, Report, State
from rehearsal.errors import ClusterFailed, Missing, NotRunning
from rehearsal.paths import REPOSITORY, Paths

Reporter = Callable[[str], None]
"""Told, in one line each, how far a command has come."""

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 20.0
HOPELESS: Final = 5
"""Restarts of a part after which a start gives up."""
POLL: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Running:
    """A cluster that answers."""

    ports: Ports
    api_port: int
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
    launcher: int | None = None
    problem: str = ""


def start(paths: Paths, toolchain: Binaries, ports: Ports, report: Reporter) -> Running:
    """Bring the cluster up, or find it up; returns once the API server answers and the nodes are ready.

    Raises :class:`Busy`, :class:`PortInUse`, :class:`Missing` or :class:`ClusterFailed`.
    """
    layout = Layout(root=paths.cluster)
    with exclusive(paths), ExitStack() as cleanup:
        before = Plan.read(layout)
        plan = Plan(programs=_programs(toolchain), http=ports.http, https=ports.https, api=before.api if before else 0)
        if Record.read(layout) is not None:
            if plan == before and not pki.expired(layout, datetime.now(UTC), margin=pki.RENEWAL):
                return _wait(paths, layout, plan, report, renewed=())
            report("the embedded cluster runs with other programs, ports or old certificates: starting it again")
            _stop(layout)
        root = _privilege()
        sockets = listen(ports, plan.api)
        for sock in (sock for group in sockets.values() for sock in group):
            cleanup.callback(sock.close)
        plan = replace(plan, api=sockets["api"][0].getsockname()[1])
        plan.write(layout)
        renewed = prepare.everything(paths, layout, plan, datetime.now(UTC))
        if renewed:
            report(f"renewed certificates: {', '.join(renewed)}")
        _launch(layout, root=root, sockets=sockets)
        return _wait(paths, layout, plan, report, renewed=tuple(renewed))


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
        launcher=record.launcher.pid,
        problem=said.problem,
    )


def enter(paths: Paths) -> list[str]:
    """The prefix that runs a command in the cluster's network namespace. Raises :class:`NotRunning`."""
    layout = Layout(root=paths.cluster)
    record = Record.read(layout)
    supervisor = inside_pids(record.launcher.pid).get(1) if record else None
    if record is None or supervisor is None:
        raise NotRunning(f"the embedded cluster of {paths.checkout} is not running", remedy="make up")
    return namespace.nsenter_argv(supervisor, root=record.root)


def _programs(toolchain: Binaries) -> dict[str, str]:
    programs = {name: str(toolchain.binary(name)) for name in PROGRAMS}
    for name, path in programs.items():
        if not os.access(path, os.X_OK):
            raise Missing(f"{name} is not at {path}, or is not executable", remedy="make up   (builds what is missing)")
    return programs


def _privilege() -> bool:
    """Whether namespaces can be made as root; otherwise a user namespace has to do. Raises :class:`Missing`."""
    for program in ("unshare", "nsenter"):
        if shutil.which(program) is None:
            raise Missing(f"the program {program} is not on PATH", remedy="install the package util-linux")
    message = ""
    for root in (True, False) if os.geteuid() == 0 else (False,):
        trial = subprocess.run(  # noqa: S603 - a fixed program
            [*namespace.unshare_argv(root=root), "true"], capture_output=True, text=True, check=False
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
            env=prepare.environment(layout, REPOSITORY),
            check=True,
        )


def _wait(paths: Paths, layout: Layout, plan: Plan, report: Reporter, *, renewed: tuple[str, ...]) -> Running:
    """Wait until the supervisor calls the cluster ready."""
    deadline = time.monotonic() + START_SECONDS
    told: set[str] = set()
    while True:
        alive = Record.read(layout) is not None
        said = Report.read(layout)
        if alive and said is not None and said.ready:
            return Running(
                ports=Ports(http=plan.http, https=plan.https),
                api_port=plan.api,
                kubeconfig=paths.kubeconfig,
                ca=layout.ca,
                renewed=renewed,
            )
        for part in said.parts if said else ():
            if part.state == State.RUNNING and part.name not in told:
                told.add(part.name)
                report(f"{part.name} is up")
        late = time.monotonic() - (deadline - START_SECONDS)
        if late > START_SECONDS or (not alive and late > 3) or _hopeless(said):  # noqa: PLR2004 - seconds
            raise _failure(layout, said, alive=alive)
        time.sleep(POLL)


def _hopeless(said: Report | None) -> bool:
    return said is not None and any(part.needed and part.restarts >= HOPELESS for part in said.parts)


def _failure(layout: Layout, said: Report | None, *, alive: bool) -> ClusterFailed:
    """Which part is to blame, what it said, and where to read more."""
    if said is None:
        log = layout.log("launcher")
        why = "its supervisor does not start" if alive else "its launcher ended"
        return ClusterFailed(f"the embedded cluster did not come up: {why}", remedy=f"read {log}, then make up")
    late = [part for part in said.parts if part.needed and part.state != State.RUNNING]
    worst = max(late, key=lambda part: (part.restarts, part.state != State.WAITING), default=None)
    if worst is None:
        return ClusterFailed(
            f"the embedded cluster did not become ready: {said.problem}",
            remedy=f"read {layout.log('kwok')} and {layout.log('kube-controller-manager')}, then make up",
        )
    return ClusterFailed(
        f"the embedded cluster did not come up: {worst.name} is {worst.state.value}"
        + (f" ({worst.detail})" if worst.detail else ""),
        remedy=f"read {layout.log(worst.name)}, then make up; if its data is damaged: make clean, then make up",
    )


def _stop(layout: Layout) -> bool:
    record = Record.read(layout)
    if record is None:
        return False
    inside = inside_pids(record.launcher.pid).get(1)
    os.kill(record.launcher.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while record.launcher.alive():
        if time.monotonic() > deadline:
            for pid in (record.launcher.pid, inside):
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
            break
        time.sleep(POLL / 2)
    layout.record.unlink(missing_ok=True)
    return True
