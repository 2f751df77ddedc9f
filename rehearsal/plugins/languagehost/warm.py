"""Starting a program in a process that has its imports behind it.

One ``pulumi up`` starts the language host three times and the program twice, and a program of this project's kind
spends most of its time on imports. So the first host of an engine summons a pool
(:mod:`rehearsal.plugins.languagehost.pool`): a process that imports what :data:`PRELOAD` names and then forks one
process per run. The pool belongs to one engine, is reached over a socket named after it, and ends with it. It is an
acceleration only (an update without change of a program that imports ``pulumi_kubernetes``: 1.3 s instead of 1.9 s):
where it cannot be had, programs start as usual.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PRELOAD: Final = "ENGLISH_TRAINING_PRELOAD"
"""Environment variable: modules that the pool imports, separated by commas. Without it there is no pool."""
_POOL: Final = Path(__file__).with_name("pool.py")


def address(engine: int) -> str:
    """Return the abstract socket address of the pool that belongs to the engine with process id ``engine``."""
    # A process id comes round again, its start time (field 22 of stat, in ticks since boot) does not.
    started = Path(f"/proc/{engine}/stat").read_text().rpartition(")")[2].split()[19]
    return f"\0english-training-pool-{os.getuid()}-{engine}-{started}"


def peer_is_own(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to the same user: anybody may bind or reach an abstract address."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", credentials)[1] == os.getuid())


def summon(engine: int | None) -> None:
    """Start the pool of ``engine`` unless it is there, nobody wants one, or the engine is gone."""
    if engine is None or not os.environ.get(PRELOAD) or not Path("/proc/self/stat").exists():
        return
    found = _connect(engine)
    if found is not None:
        found.close()
        return
    # Standard streams of its own: the engine waits for the end of the host's.
    subprocess.Popen(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-P", "-u", str(_POOL), str(engine)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )


class WarmProgram:
    """A program that the pool runs. Answers to what the language host asks of a ``subprocess.Popen``."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._replies = connection.makefile("r")

    @classmethod
    def start(cls, engine: int, request: Mapping[str, Any]) -> "WarmProgram | None":
        """Have ``request`` run by the pool of ``engine``, with this process's output; ``None`` without a pool."""
        connection = _connect(engine) if os.environ.get(PRELOAD) else None
        if connection is None:
            return None
        message = {"request": request, "environment": dict(os.environ), "group": os.getpgrp()}
        with contextlib.suppress(OSError):
            socket.send_fds(connection, [b"\n"], [1, 2])
            connection.sendall(json.dumps(message).encode() + b"\n")
            program = cls(connection)
            if program._replies.readline() == "started\n":
                return program
        connection.close()
        return None

    def wait(self) -> int:
        """Return the program's exit code when it has ended; negative for the signal that ended it."""
        reply = self._replies.readline()
        self._connection.close()
        return int(reply) if reply else -9

    def interrupt(self) -> None:
        """Interrupt the program, if it still runs."""
        self._send("interrupt")

    def kill(self) -> None:
        """Kill the program, if it still runs."""
        self._send("kill")

    def _send(self, order: str) -> None:
        with contextlib.suppress(OSError):
            self._connection.sendall(f"{order}\n".encode())


def _connect(engine: int) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address(engine))
    except OSError:
        connection.close()
        return None
    if not peer_is_own(connection):
        connection.close()
        return None
    return connection
