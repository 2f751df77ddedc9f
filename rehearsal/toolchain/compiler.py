"""Go as we run it: on our own modules, with our own cache, whatever the user's settings are, and never left running."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rehearsal.toolchain.prerequisites import NEUTRAL, Go

_BOUND: Final = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs a command that ends when its parent does, even if that is killed."""

TAIL: Final = 20
"""Lines of what Go said that are worth showing when it fails."""


class GoError(Exception):
    """Go ended with an error; the text is the last lines of what it said."""


class EndedError(Exception):
    """Nothing is run any more, because :meth:`Compiler.end` was called."""


@dataclass(kw_only=True)
class Compiler:
    """Runs Go, several at a time if need be."""

    go: Go
    cache: Path
    """The user's cache; compiled packages are kept in it, so that an interrupted build goes on where it was."""
    _running: set["subprocess.Popen[str]"] = field(init=False, default_factory=set)
    _ended: bool = field(init=False, default=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def run(
        self, arguments: Sequence[str], *, directory: Path, scratch: Path, heard: Callable[[str], None] = lambda _: None
    ) -> str:
        """What Go prints when run in ``directory``; what it says meanwhile goes to ``heard``, line by line.

        Raises :class:`GoError`, or :class:`EndedError` after :meth:`end`.
        """
        tail: deque[str] = deque(maxlen=TAIL)
        with tempfile.TemporaryFile("w+") as output:
            process = self._begin(arguments, directory, scratch, output.fileno())
            try:
                for line in process.stderr or ():
                    tail.append(line)
                    heard(line)
                code = process.wait()
            finally:
                self._finish(process)
            if self._ended:
                raise EndedError
            if code:
                raise GoError("".join(tail).strip() or f"it ended with code {code}")
            output.seek(0)
            return output.read()

    def end(self) -> None:
        """End every Go that runs, with all that it started. Go's caches bear that, so nothing is waited for."""
        with self._lock:
            self._ended = True
            for process in self._running:
                _kill(process)

    def _begin(self, arguments: Sequence[str], directory: Path, scratch: Path, output: int) -> "subprocess.Popen[str]":
        with self._lock:
            if self._ended:
                raise EndedError
            bound = [sys.executable, "-I", "-S", "-c", _BOUND, str(os.getpid())]
            process = subprocess.Popen(  # noqa: S603 - Go, on our own modules
                [*bound, str(self.go.path), *arguments],
                cwd=directory,
                env=self._environment(scratch),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def _finish(self, process: "subprocess.Popen[str]") -> None:
        with self._lock:
            self._running.discard(process)
            if process.returncode is None:
                _kill(process)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()

    def _environment(self, scratch: Path) -> dict[str, str]:
        own = {
            "GOCACHE": str(self.cache / "go-build"),
            "GOTMPDIR": str(scratch),
            "GOOS": self.go.system,
            "GOARCH": self.go.machine,
        }
        return {**os.environ, **NEUTRAL, **own}


def _kill(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
