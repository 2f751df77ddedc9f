"""The Pulumi engine as the rehearsal calls it: the real CLI, on this checkout's program, state and stand-ins."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rehearsal.errors import UpdateFailed


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One stack of one checkout."""

    binary: Path
    """The ``pulumi`` program."""
    program: Path
    """Directory with ``Pulumi.yaml``."""
    backend: Path
    """Directory of the file backend."""
    stack: str
    environment: Mapping[str, str]
    """Whole environment of the CLI: search path, backend, passphrase, kubeconfig."""

    def select(self) -> None:
        """Select the stack, or begin it."""
        self.backend.mkdir(parents=True, exist_ok=True)
        self._quietly("stack", "select", "--create")

    def up(self) -> None:
        """Make what the program describes; progress goes to the terminal. Raises :class:`UpdateFailed`."""
        environment = dict(self.environment)
        if self._release_dead_locks():
            # An update that died may have made objects that it did not note; this one takes them over.
            environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
        code = subprocess.run(  # noqa: S603 - our own program
            self._command("up", "--yes", "--skip-preview"), cwd=self.program, env=environment, check=False
        ).returncode
        if code:
            raise UpdateFailed(
                f"pulumi up of stack {self.stack} ended with code {code}; what is wrong stands above",
                remedy="mend it, then `make up` again: finished steps are kept",
            )

    def configure(self, path: str, value: str) -> None:
        """Set one key of the stack's configuration; ``path`` may go into an object."""
        self._quietly("config", "set", "--path", path, value)

    def configured(self, key: str) -> str | None:
        """One value of the stack's configuration, in the clear if it is a secret; ``None`` if there is none."""
        done = self._run("config", "get", key)
        return done.stdout.rstrip("\n") if done.returncode == 0 else None

    def outputs(self) -> dict[str, Any]:
        """What the last update exported; empty before the first."""
        done = self._run("stack", "output", "--json")
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}

    def _release_dead_locks(self) -> bool:
        """Remove the locks of updates whose process is gone; return whether there was one.

        A living update keeps its own, and the engine says so.
        """
        dead = [
            lock
            for lock in self.backend.glob(f".pulumi/locks/**/{self.stack}/*.json")
            if not psutil.pid_exists(int(json.loads(lock.read_text())["pid"]))
        ]
        for lock in dead:
            lock.unlink()
        return bool(dead)

    def _quietly(self, *arguments: str) -> None:
        done = self._run(*arguments)
        if done.returncode:
            raise UpdateFailed(
                f"pulumi {' '.join(arguments[:2])} of stack {self.stack} failed: {done.stderr.strip()}",
                remedy="make doctor",
            )

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own program
            self._command(*arguments),
            cwd=self.program,
            env=dict(self.environment),
            check=False,
            capture_output=True,
            text=True,
        )

    def _command(self, *arguments: str) -> list[str]:
        return [str(self.binary), "--non-interactive", *arguments, "--stack", self.stack]
