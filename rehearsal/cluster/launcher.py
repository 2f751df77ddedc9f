"""The one process of the cluster on the host's side: holds the listening sockets and keeps the namespaces alive.

``python -m rehearsal.cluster.launcher ROOT root|user NAME=DESCRIPTOR...`` goes to the background by itself.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rehearsal.cluster.layout import Layout
from rehearsal.cluster.namespace import unshare_argv
from rehearsal.cluster.record import Identity, Record

GRACE: Final = 12
"""Seconds that the supervisor has for stopping everything."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
SETTLED: Final = 30.0


class Launcher:
    """Runs the supervisor in fresh namespaces, again and again, until asked to stop."""

    def __init__(self, layout: Layout, *, root: bool, sockets: Sequence[str]) -> None:
        self._layout = layout
        self._root = root
        self._sockets = sockets
        self._stopping = False
        self._lifeline: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Returns after SIGTERM, when everything has ended."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        identity = Identity.of(os.getpid())
        if identity is None:
            raise SystemExit("/proc does not show this process")
        Record(launcher=identity, root=self._root).write(self._layout)
        pause = FIRST_PAUSE
        while not self._stopping:
            begun = time.monotonic()
            status = self._live()
            if not self._stopping:
                pause = FIRST_PAUSE if time.monotonic() - begun > SETTLED else pause
                print(f"the namespaces ended with status {status}; again in {pause} s", flush=True)  # noqa: T201 - its log
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        signal.alarm(0)
        self._layout.record.unlink(missing_ok=True)

    def _live(self) -> int:
        reading, self._lifeline = os.pipe()
        descriptors = [int(item.partition("=")[2]) for item in self._sockets]
        supervisor = [sys.executable, "-m", "rehearsal.cluster.supervisor", str(self._layout.root), str(reading)]
        self._child = subprocess.Popen(  # noqa: S603 - our own program, without a shell
            [*unshare_argv(root=self._root), *supervisor, *self._sockets], pass_fds=(reading, *descriptors)
        )
        os.close(reading)
        if self._stopping:
            self._cut()
        status = self._child.wait()
        self._cut()
        return status

    def _cut(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True
        self._cut()
        signal.alarm(GRACE)

    def _kill(self, _number: int, _frame: object) -> None:
        if self._child is not None:
            self._child.kill()


def main(arguments: Sequence[str]) -> None:
    """Entry point of the process."""
    root, privilege, *sockets = arguments
    if os.fork():
        os._exit(0)  # The caller need not wait for the one that stays.
    Launcher(Layout(root=Path(root)), root=privilege == "root", sockets=sockets).run()


if __name__ == "__main__":
    main(sys.argv[1:])
