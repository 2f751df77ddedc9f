"""The pool: imports once, then forks one process per run of a program. See :mod:`rehearsal.plugins.languagehost.warm`.

A script, run as ``python -P pool.py ENGINE_PID``, so that the programs it forks find nothing of this project on their
path. It has a single thread and has opened no gRPC channel when it forks: only that makes forking safe.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).parent
_warm: dict[str, Any] = runpy.run_path(str(HERE / "warm.py"), run_name="warm")
_program: dict[str, Any] = runpy.run_path(str(HERE / "program.py"), run_name="program")


class Pool:
    """Serves the language hosts of one engine until the engine ends."""

    def __init__(self, listener: socket.socket, engine: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(engine, selectors.EVENT_READ, self._end)
        self._listener = listener
        self._children: dict[socket.socket, int] = {}
        self._ended = False

    def serve(self) -> None:
        """Handle what comes until the engine ends; then kill what still runs."""
        while not self._ended:
            for key, _ in self._selector.select():
                key.data(key.fileobj)
        for child in self._children.values():
            os.kill(child, signal.SIGKILL)

    def _end(self, _engine: int) -> None:
        self._ended = True

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        if not _warm["peer_is_own"](connection):
            connection.close()
            return
        _, outputs, _, _ = socket.recv_fds(connection, 1, 2)
        line = connection.makefile("r").readline() if len(outputs) == 2 else ""  # noqa: PLR2004 - stdout and stderr
        if not line:
            # A host that only looked whether anybody is here.
            connection.close()
            return
        self._fork(connection, json.loads(line), outputs)

    def _fork(self, connection: socket.socket, message: dict[str, Any], outputs: list[int]) -> None:
        child = os.fork()
        if child == 0:
            self._forget_everything(connection)
            _become_program(message, outputs)
        for output in outputs:
            os.close(output)
        self._children[connection] = child
        ended = os.pidfd_open(child)
        self._selector.register(ended, selectors.EVENT_READ, lambda handle: self._reap(handle, connection))
        self._selector.register(connection, selectors.EVENT_READ, self._obey)
        connection.sendall(b"started\n")

    def _obey(self, connection: socket.socket) -> None:
        """Pass an order of the host on to its program; a host that has gone leaves no program behind."""
        with contextlib.suppress(OSError):
            orders = connection.recv(64).split()
            os.kill(self._children[connection], signal.SIGINT if orders == [b"interrupt"] else signal.SIGKILL)
            if orders:
                return
        self._selector.unregister(connection)

    def _reap(self, handle: int, connection: socket.socket) -> None:
        self._selector.unregister(handle)
        os.close(handle)
        _, status = os.waitpid(self._children.pop(connection), 0)
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection)
        with contextlib.suppress(OSError):
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        connection.close()

    def _forget_everything(self, connection: socket.socket) -> None:
        """Close, in a child, what belongs to the pool."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
            else:
                os.close(key.fd)
        connection.close()
        self._selector.close()


def _become_program(message: dict[str, Any], outputs: list[int]) -> NoReturn:
    code = 1
    try:
        # Into the host's process group: the engine ends a host together with its group.
        os.setpgid(0, message["group"])
        for number, output in enumerate(outputs, start=1):
            os.dup2(output, number)
            os.close(output)
        os.environ.clear()
        os.environ.update(message["environment"])
        code = _program["run"](message["request"])
    finally:
        # Never back into the pool's own loop, whatever happens.
        os._exit(_program["end"](code))


def main() -> None:
    """Serve the engine whose process id is the first argument."""
    engine = int(sys.argv[1])
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as listener:
        watched = os.pidfd_open(engine)
        listener.bind(_warm["address"](engine))
        listener.listen()
        for module in os.environ[_warm["PRELOAD"]].split(","):
            # Not installed: the program will say so itself, if it needs it.
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - only how many there are
            return
        # What is loaded by now never becomes garbage; frozen, its pages stay shared with the children.
        gc.collect()
        gc.freeze()
        Pool(listener, watched).serve()


if __name__ == "__main__":
    main()
