"""The release tool as any user has it: a command, what it says while it runs, and how it ends."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rehearsal.errors import ReleaseFailed


@dataclass(frozen=True, kw_only=True)
class Said:
    """One thing that ``release --output json`` says while it runs."""

    kind: str
    """As the journal has it (``begin``, ``done``, ``verdict`` …), or ``detail``."""
    step: str
    text: str

    @classmethod
    def of(cls, line: str) -> "Said":
        """From a line of its standard error; what is not JSON is for people."""
        try:
            found = json.loads(line)
        except ValueError:
            return cls(kind="text", step="", text=line)
        if not isinstance(found, dict) or "text" not in found:
            problem = found.get("error", line) if isinstance(found, dict) else line
            return cls(kind="error", step="", text=str(problem))
        return cls(kind=str(found.get("kind")), step=str(found.get("step") or ""), text=str(found["text"]))


@dataclass(kw_only=True)
class Run:
    """One command under way. Iterate over what it says, then ask how it ended."""

    process: "subprocess.Popen[str]"
    answer: IO[str]
    """Where its standard output goes: a file, as nobody reads it before the end."""
    heard: list[Said] = field(default_factory=list)

    def __iter__(self) -> Iterator[Said]:
        assert self.process.stderr is not None  # noqa: S101 - it was made with one
        for line in self.process.stderr:
            if text := line.rstrip("\n"):
                said = Said.of(text)
                self.heard.append(said)
                yield said

    def end(self) -> tuple[int, dict[str, Any]]:
        """Exit code, and the release as the tool gives it; empty if it gives none."""
        for _ in self:
            pass
        code = self.process.wait()
        self.answer.seek(0)
        document = self.answer.read()
        self._close()
        return code, dict(json.loads(document)) if document.strip() else {}

    def kill(self) -> None:
        """End it at once, as a power cut would: ``kill -9``."""
        self.process.kill()
        self.process.wait()
        self._close()

    def interrupt(self, patience: float) -> None:
        """End it in good order, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.communicate(timeout=patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()

    def _close(self) -> None:
        self.answer.close()
        if self.process.stderr is not None:
            self.process.stderr.close()


@dataclass(frozen=True, kw_only=True)
class Tool:
    """``python -m release`` in one checkout."""

    checkout: Path
    environment: Mapping[str, str]

    def start(self, *arguments: str) -> Run:
        """Begin a command that says what it does. Ctrl-C does not reach it: whoever started it ends it."""
        answer = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the run
        process = subprocess.Popen(  # noqa: S603 - our own program
            self.command(*arguments, "--output", "json"),
            cwd=self.checkout,
            env=dict(self.environment),
            stdout=answer,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return Run(process=process, answer=answer)

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever the command answers
        """The JSON that a command answers. Raises :class:`ReleaseFailed`."""
        done = subprocess.run(  # noqa: S603 - our own program
            self.command(*arguments, "--output", "json"),
            cwd=self.checkout,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ReleaseFailed(
                f"release {' '.join(arguments)} ended with {done.returncode}: {Said.of(done.stderr.strip()).text}",
                remedy="release status",
            )
        return json.loads(done.stdout)

    def command(self, *arguments: str) -> list[str]:
        """What is typed."""
        return [sys.executable, "-m", "release", *arguments]
