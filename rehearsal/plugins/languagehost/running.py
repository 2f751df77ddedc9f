"""A program that has been started, warm or cold, as the language host sees it."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from rehearsal.plugins.languagehost.interpreter import Interpreter
from rehearsal.plugins.languagehost.warm import WarmProgram

GRACE: Final = 5.0
"""Seconds between interrupting and killing a program; the official host's."""
_PROGRAM: Final = Path(__file__).with_name("program.py")


class Running(Protocol):
    """A program that has been started."""

    def wait(self) -> int:
        """Return its exit code when it has ended; negative for the signal that ended it."""

    def interrupt(self) -> None:
        """Interrupt it, if it still runs."""

    def kill(self) -> None:
        """Kill it, if it still runs."""


class ColdProgram:
    """A program that starts with an interpreter of its own."""

    def __init__(self, interpreter: Interpreter, request: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter that Pulumi.yaml names, and our own script
            [str(interpreter.executable), "-P", "-u", str(_PROGRAM)], stdin=subprocess.PIPE, text=True
        )
        # An interpreter that dies at once says why by its exit code.
        with contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
            with self._process.stdin as stdin:
                json.dump(request, stdin)

    def wait(self) -> int:
        """Return its exit code when it has ended; negative for the signal that ended it."""
        return self._process.wait()

    def interrupt(self) -> None:
        """Interrupt it, if it still runs."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill it, if it still runs."""
        self._process.kill()


def start(interpreter: Interpreter, request: Mapping[str, Any]) -> Running:
    """Start the program that ``request`` describes (see :func:`rehearsal.plugins.languagehost.program.run`)."""
    warm = WarmProgram.start(os.getppid(), request) if interpreter.is_own else None
    return warm or ColdProgram(interpreter, request)


def end(program: Running) -> None:
    """Interrupt ``program`` and, should it still run after :data:`GRACE`, kill it. Returns at once."""
    program.interrupt()
    timer = threading.Timer(GRACE, program.kill)
    timer.daemon = True
    timer.start()
