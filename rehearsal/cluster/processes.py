"""Child processes of an event loop that is PID 1: everything that ends is reaped, what is known is told."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Process:
    """A running child. ``exited`` becomes its exit status, negative for the signal that killed it."""

    def __init__(self, pid: int, exited: "asyncio.Future[int]") -> None:
        self.pid = pid
        self.exited = exited

    async def end(self, *, grace: float, ask: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to stop; after ``grace`` seconds, stop it."""
        for number, seconds in ((ask, grace), (signal.SIGKILL, None)):
            if self.exited.done():
                return
            os.kill(self.pid, number)
            await asyncio.wait({self.exited}, timeout=seconds)


class Nursery:
    """Starts processes, and reaps every child of this process, those that were merely left to it included."""

    def __init__(self) -> None:
        self._known: dict[int, asyncio.Future[int]] = {}

    def watch(self) -> None:
        """Begin to reap. Needs the running event loop of the main thread."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(
        self, argv: Sequence[str], *, environment: Mapping[str, str], log: Path, descriptors: Sequence[int] = ()
    ) -> Process:
        """Start ``argv`` in a session of its own, with output appended to ``log``. ``OSError`` if that fails."""
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - argv is the supervisor's own, without a shell
                argv,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
                cwd="/",
            )
        process.returncode = 0  # This class reaps it, not Popen, which would otherwise complain.
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._known[process.pid] = exited
        return Process(process.pid, exited)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            exited = self._known.pop(pid, None)
            if exited is not None and not exited.done():
                exited.set_result(os.waitstatus_to_exitcode(status))


def describe_exit(status: int) -> str:
    """``exit status 1`` or ``killed by SIGKILL``."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def child_of(parent: int, name: str, proc: Path = Path("/proc")) -> int | None:
    """The process called ``name`` whose parent is ``parent``, if there is one."""
    for stat in proc.glob("[0-9]*/stat"):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except OSError:
            continue  # It ended while being looked at.
        if head.partition("(")[2] == name and int(tail.split()[1]) == parent:
            return int(stat.parent.name)
    return None
