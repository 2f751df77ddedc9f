"""The command line on an office in memory: what a shell would see of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from release.adapters.heartbeat import Heartbeat
from release.adapters.stack_file import StackFile
from release.cli import app, looking, saved
from release.errors import NotFound
from release.journal.points import Point
from release.model import Finding, Lineup, Outcome, Release
from release.operations import Operations
from release.report.series import Row
from release.runner import Look, Runner
from tests.release import world as worlds
from tests.release.office import Office, office

FILE = "config:\n  english-training:greenWeight: 0\n  english-training:key:\n    secure: v1:abc\n"


@dataclass(kw_only=True)
class Checks:
    """Checks that find what they are told."""

    outcome: Outcome = Outcome.PASS
    asked: list[Sequence[str]] = field(default_factory=list)

    def alone(self, names: Sequence[str], lineup: Lineup, release: Release | None = None) -> Sequence[Finding]:
        self.asked.append(names)
        what = release.order.backend_image if release is not None else "what stands"
        return [Finding(name="images", outcome=self.outcome, text=f"looked at {what}", remedy="push it")]


@dataclass(kw_only=True)
class Points:
    """Saved configurations."""

    kept: dict[str, Point] = field(default_factory=dict)

    def load(self, name: str) -> Point:
        if name not in self.kept:
            raise NotFound(f"there is no point {name}", remedy="release config list")
        return self.kept[name]

    def saved(self) -> Sequence[Any]:
        return [point.saved for point in self.kept.values()]


class Here:
    """A session whose outside is an office."""

    name, environment = "test", "development"

    def __init__(self, at: Office, folder: Path) -> None:
        (folder / "Pulumi.test.yaml").write_text(FILE)
        self.office, self.file = at, StackFile(folder, "test")
        self.stack, self.journal, self.history = at.engine, at.books, at.books
        self.lock, self.route = at.lock, worlds.Route(world=at.world)
        self.clock = at.operations.clock
        self.checks, self.points = Checks(), Points()
        self.undelivered: list[str] = []

    def operations(
        self, show: Callable[[Look], None], *, patience: float, running: Callable[[Runner], None]
    ) -> Operations:
        make = self.office.operations.runner

        def runner(begun: Release, held: Heartbeat) -> Runner:
            made = make(begun, held)
            made.ends = replace(made.ends, show=show, patience=patience)
            running(made)
            return made

        return replace(self.office.operations, runner=runner)

    @contextmanager
    def announcing(self, failed: Callable[[str], None]) -> Iterator[Callable[[Look], None]]:
        yield lambda _: None
        for text in self.undelivered:
            failed(text)

    def rows(self, release_id: str) -> tuple[Row, ...]:
        return ()


@dataclass(kw_only=True)
class Desk:
    """A shell."""

    here: Here
    runner: CliRunner = field(default_factory=CliRunner)

    @property
    def office(self) -> Office:
        return self.here.office

    def type(self, *arguments: str) -> Any:
        """What a command printed, and its exit code. Nothing may escape as a traceback."""
        result = self.runner.invoke(app.app, list(arguments))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def read(self, *arguments: str) -> Any:
        """The one document that a command prints as JSON; it must go well."""
        result = self.type(*arguments, "--output", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def refused(self, code: int, *arguments: str) -> tuple[str, str]:
        """Problem and remedy of a command that must end with ``code``, the same for people and programs."""
        result = self.type(*arguments, "--output", "json")
        assert result.exit_code == code, result.output
        [error] = [json.loads(line) for line in result.stderr.splitlines() if line.startswith('{"error"')]
        assert error.keys() == {"error", "remedy", "exitCode"}
        assert error["exitCode"] == code
        return error["error"], error["remedy"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A shell in a checkout whose stack has released nothing yet."""
    here = Here(office(), tmp_path)
    for module in (app, looking, saved):
        monkeypatch.setattr(module, "session", lambda checkout, stack: here)
    for module in (app, looking, saved):
        monkeypatch.setattr(module.console, "width", 160)
    monkeypatch.chdir(tmp_path)
    return Desk(here=here)
