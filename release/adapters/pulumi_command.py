"""The ``pulumi`` program as the Automation API calls it, as a process that can be stopped and that dies with us."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Final

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

_TIED: Final = ("setpriv", "--pdeathsig", "INT") if shutil.which("setpriv") else ()
"""util-linux's way to be interrupted when the parent dies. Elsewhere an orphaned update simply goes on to its end."""

OnOutput = Callable[[str], object]


class StoppableCommand(PulumiCommand):
    """Runs ``pulumi`` in a session of its own.

    Ctrl-C reaches us alone: we decide whether the engine stops. If we are killed, the kernel interrupts the engine,
    which then ends what it is at, saves its state and gives back its lock, so that whoever comes next finds it free.
    """

    def __init__(self) -> None:
        super().__init__(skip_version_check=True)
        self._running: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Interrupt the engine, once; it stops after what it is at. Harmless while nothing runs."""
        with self._lock:
            if self._running is not None and self._running.poll() is None:
                with suppress(ProcessLookupError):
                    self._running.send_signal(signal.SIGINT)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run one command; raise the Automation API's ``CommandError`` if it fails."""
        with self._lock:
            process = subprocess.Popen(  # noqa: S603 - the engine
                [*_TIED, self.command, "--non-interactive", *args],
                cwd=cwd,
                env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            self._running = process
        said: dict[str, list[str]] = {"out": [], "err": []}
        readers = [
            threading.Thread(target=_read, args=(stream, callback, said[name]), daemon=True)
            for name, stream, callback in (("out", process.stdout, on_output), ("err", process.stderr, on_error))
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        code = process.wait()
        result = CommandResult(stdout="\n".join(said["out"]), stderr="\n".join(said["err"]), code=code)
        if code != 0:
            raise create_command_error(result)
        return result


def _read(stream: IO[str], callback: OnOutput | None, lines: list[str]) -> None:
    for line in stream:
        lines.append(line.rstrip())
        if callback is not None:
            callback(lines[-1])
    stream.close()
