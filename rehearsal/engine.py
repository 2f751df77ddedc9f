"""The Pulumi engine as the rehearsal calls it: the real CLI, on this checkout's program, state and stand-ins."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.errors import UpdateFailed


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One stack of one checkout."""

    binary: Path
    """The ``pulumi`` program."""
    program: Path
    """Directory with ``Pulumi.yaml``."""
    stack: str
    environment: Mapping[str, str]
    """Whole environment of the CLI: search path, backend, passphrase, kubeconfig."""

    def up(self) -> None:
        """Make what the program describes; progress goes to the terminal. Removes the lock of an update that died."""
        self.select()
        self._run("up", "--yes", "--skip-preview")

    def destroy(self) -> None:
        """Remove what the program made."""
        self._run("destroy", "--yes", "--skip-preview")

    def select(self) -> None:
        """Select the stack, or begin it."""
        self._run("stack", "select", "--create", quiet=True)

    def configure(self, path: str, value: str) -> None:
        """Set one key of the stack's configuration; ``path`` may go into an object (``english-training:gateway.httpsPort``)."""
        self._run("config", "set", "--path", path, value, quiet=True)

    def outputs(self) -> dict[str, Any]:
        """What the last update exported; empty before the first."""
        return dict(json.loads(self._capture("stack", "output", "--json")))

    def _run(self, *arguments: str, quiet: bool = False) -> None:
        completed = subprocess.run(  # noqa: S603 - our own program
            self._command(arguments),
            cwd=self.program,
            env=dict(self.environment),
            check=False,
            capture_output=quiet,
            text=True,
        )
        if completed.returncode:
            said = f":\n{completed.stderr.strip()}" if quiet else ""
            raise UpdateFailed(
                f"pulumi {arguments[0]} of stack {self.stack} ended with code {completed.returncode}{said}",
                remedy="mend what the messages above name, then run `make up` again: finished steps are kept",
            )

    def _capture(self, *arguments: str) -> str:
        completed = subprocess.run(  # noqa: S603 - our own program
            self._command(arguments),
            cwd=self.program,
            env=dict(self.environment),
            check=False,
            capture_output=True,
            text=True,
        )
        return completed.stdout if completed.returncode == 0 else "{}"

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [str(self.binary), "--non-interactive", *arguments, "--stack", self.stack]
