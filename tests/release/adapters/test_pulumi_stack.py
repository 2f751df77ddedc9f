import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi import automation
from pulumi.automation import CommandError, CommandResult, ConcurrentUpdateError

from release.adapters import pulumi_stack
from release.adapters.pulumi_command import StoppableCommand
from release.adapters.pulumi_stack import PulumiStack, _said, outside, own
from release.adapters.stack_file import StackFile
from release.errors import BadOrder, Busy, UpdateFailed
from release.model import Colour, Lineup
from release.ports import Change, Move
from settings.standing import digest

TREE = "urn:pulumi:test::english-training::english-training:app:Application$english-training:app:Release"
OLD = {"version": "1.0.0", "backendImage": "r/b:1", "frontendImage": "r/f:1", "schemaVersion": 1}
NEW = {"version": "2.0.0", "backendImage": "r/b:2", "frontendImage": "r/f:2", "schemaVersion": 1}
LINEUP = Lineup(green_weight=25, blue=OLD, green=NEW)
TEXT = "config:\n  english-training:greenWeight: 0   # all on blue\n  english-training:other: kept\n"


def change(name: str) -> Change:
    return Change(operation="update", urn=f"{TREE}::{name}")


class TestBounds:
    OWN = ("app-green", "app-green-backend-deployment", "app-green-migration-3", "route-weighted", "route-by-colour")
    OTHERS = (
        "app-blue",
        "app-blue-backend-deployment",
        "app-greenish",
        "route",
        "route-redirect",
        "english-training-quota",
        "x-app-green",
        "english-training-development",
    )

    def test_a_release_may_touch_its_own_unit_and_the_weights(self) -> None:
        assert outside([change(name) for name in self.OWN], Colour.GREEN) == ()

    @pytest.mark.parametrize("name", OTHERS)
    def test_it_may_touch_nothing_else(self, name: str) -> None:
        assert outside([change("route-weighted"), change(name)], Colour.GREEN) == (change(name),)

    def test_a_migration_alone_touches_neither_pods_nor_the_route(self) -> None:
        assert own(Colour.BLUE, migrate_only=True) == (
            "**::app-blue",
            "**::app-blue-migration",
            "**::app-blue-migration-*",
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Updating\n  error: a\n  error: update failed\nResources: 3", "a"),
        ("error: a\nerror: b\nerror: a\n", "a; b"),
        ("error: update failed", "update failed"),
        ("nothing of the sort\nthe last line", "the last line"),
        ("kubernetes:core/v1:Pod (x):\n    error: pod x: ErrImagePull", "pod x: ErrImagePull"),
    ],
)
def test_what_the_engine_said_was_wrong(text: str, said: str) -> None:
    assert _said(CommandError(CommandResult(stdout="", stderr=text, code=255))).splitlines()[0].startswith(said)


def failure(text: str, kind: type[CommandError] = CommandError) -> CommandError:
    return kind(CommandResult(stdout="", stderr=f"error: {text}\n", code=255))


class Engine:
    """The Automation API's stack: plays events and failures, and keeps what it was asked for."""

    def __init__(self, file: Path, workspace: Any) -> None:
        self.file, self.workspace = file, workspace
        self.failures: list[CommandError] = []
        self.events: list[Any] = []
        self.standing: Any = {"values": {"greenWeight": 0.0, "blue": OLD}, "base": "b", "serial": 4}
        self.calls: list[tuple[str, Any]] = []
        self.texts: list[str] = []

    def outputs(self) -> dict[str, Any]:
        return {} if self.standing is None else {"standing": SimpleNamespace(value=self.standing)}

    def get_all_config(self) -> dict[str, Any]:
        return {
            "english-training:domain": SimpleNamespace(value="exam.example", secret=False),
            "english-training:secretKey": SimpleNamespace(value="clear", secret=True),
            "other:key": SimpleNamespace(value="5", secret=False),
        }

    def preview(self, *, on_event: Callable[[Any], None]) -> None:
        self._run("preview", None, on_event)

    def up(self, *, target: list[str], on_event: Callable[[Any], None], suppress_outputs: bool) -> None:
        assert suppress_outputs
        self._run("up", target, on_event)

    def _run(self, what: str, targets: list[str] | None, on_event: Callable[[Any], None]) -> None:
        self.calls.append((what, (targets, dict(self.workspace.env_vars))))
        self.texts.append(self.file.read_text())
        for event in self.events:
            on_event(event)
        if self.failures:
            raise self.failures.pop(0)


def event(operation: str, name: str, kind: str = "kubernetes:core/v1:Service", *, after: bool = False) -> Any:
    """An event of the engine before a step, or after it."""
    told = SimpleNamespace(metadata=SimpleNamespace(op=operation, urn=f"{TREE}::{name}", type=kind))
    return SimpleNamespace(resource_pre_event=None if after else told, res_outputs_event=told if after else None)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(TEXT)
    workspace = SimpleNamespace(env_vars={"A": "1"})
    made = Engine(file, workspace)
    monkeypatch.setattr(
        pulumi_stack, "StoppableCommand", lambda: SimpleNamespace(stop=lambda: made.calls.append(("stop", None)))
    )
    monkeypatch.setattr(automation, "LocalWorkspace", lambda **_: workspace)
    monkeypatch.setattr(automation.Stack, "select", lambda name, _: made)
    return made


@pytest.fixture
def stack(engine: Engine) -> PulumiStack:
    return PulumiStack(engine.file.parent, "test")


MOVE = Move(release="r-1", lineup=LINEUP, colour=Colour.GREEN)


class TestStack:
    def test_what_stands_is_what_the_last_update_left(self, stack: PulumiStack, engine: Engine) -> None:
        assert stack.lineup() == Lineup(green_weight=0, blue=OLD)
        assert stack.left_open() is None
        engine.standing |= {"release": "r-0", "open": True}
        assert stack.left_open() == "r-0"

    def test_a_stack_that_was_never_updated_or_cannot_be_read_says_so(self, stack: PulumiStack, engine: Engine) -> None:
        engine.standing = None
        with pytest.raises(UpdateFailed) as caught:
            stack.lineup()
        assert (caught.value.problem, caught.value.remedy) == (
            "stack test was never updated, so nothing stands",
            "pulumi up",
        )
        engine.standing = {"values": 5}
        with pytest.raises(UpdateFailed, match="output standing of the stack is not readable"):
            stack.lineup()

    def test_configuration_is_the_projects_own(self, stack: PulumiStack) -> None:
        assert stack.configuration() == (
            {"domain": "exam.example", "secretKey": "clear"},
            frozenset({"secretKey"}),
        )

    def test_a_preview_tells_all_changes_and_leaves_the_file_as_it_was(
        self, stack: PulumiStack, engine: Engine
    ) -> None:
        engine.events = [
            event("same", "quota"),
            event("update", "english-training-test", "pulumi:pulumi:Stack"),
            event("create", "app-green-backend"),
            event("read", "cluster"),
            event("delete", "route-weighted"),
        ]
        assert [str(one) for one in stack.preview(MOVE)] == ["create app-green-backend", "delete route-weighted"]
        assert engine.calls == [("preview", (None, {"A": "1"}))]
        assert "greenWeight: 25" in engine.texts[0]
        assert engine.file.read_text() == TEXT

    def test_a_preview_that_fails_leaves_the_file_as_it_was(self, stack: PulumiStack, engine: Engine) -> None:
        engine.failures = [failure("greenWeight: no")]
        with pytest.raises(UpdateFailed) as caught:
            stack.preview(MOVE)
        assert caught.value.problem == "pulumi preview of stack test failed: greenWeight: no"
        assert caught.value.remedy == "pulumi preview --diff"
        assert engine.file.read_text() == TEXT

    def test_a_move_writes_the_marked_configuration_and_updates_with_targets(
        self, stack: PulumiStack, engine: Engine
    ) -> None:
        engine.events = [
            event("update", "app-green-backend-deployment", after=True),
            event("same", "app-blue", after=True),
            event("update", "app-green", "english-training:app:Release", after=True),
        ]
        told: list[str] = []
        stack.move(MOVE, told.append)
        assert told == ["update app-green-backend-deployment"]
        assert engine.calls == [("up", (list(own(Colour.GREEN)), {"A": "1"}))]
        values = StackFile(engine.file.parent, "test").values()
        assert values == {
            "greenWeight": 25,
            "blue": OLD,
            "green": NEW,
            "other": "kept",
            "releaseMark": {"id": "r-1", "serial": 5, "digest": digest(LINEUP.configuration()), "open": True},
        }
        assert engine.file.read_text().startswith("config:\n  english-training:greenWeight: 25")

    def test_the_last_move_says_that_nobody_moves_the_stack_any_more(self, stack: PulumiStack, engine: Engine) -> None:
        stack.move(Move(release="r-1", lineup=LINEUP, colour=Colour.GREEN, open=False), print)
        mark = StackFile(engine.file.parent, "test").values()["releaseMark"]
        assert (mark["open"], mark["serial"]) == (False, 5)

    def test_a_move_to_a_colour_without_a_unit_removes_its_key(self, stack: PulumiStack, engine: Engine) -> None:
        engine.file.write_text(f"{TEXT}  english-training:green:\n    version: 9\n")
        stack.move(Move(release="r-1", lineup=Lineup(green_weight=0, blue=OLD), colour=Colour.GREEN), print)
        assert "green" not in StackFile(engine.file.parent, "test").values()

    def test_an_update_of_somebody_else_is_waited_for_by_a_person(self, stack: PulumiStack, engine: Engine) -> None:
        engine.failures = [failure("the stack is currently locked", ConcurrentUpdateError)]
        with pytest.raises(Busy) as caught:
            stack.move(MOVE, print)
        assert caught.value.problem == "another update of stack test is under way: the stack is currently locked"
        assert caught.value.remedy == "wait for it; if its process is gone: pulumi cancel --yes"

    def test_what_an_update_that_died_had_made_is_taken_over_the_second_time(
        self, stack: PulumiStack, engine: Engine
    ) -> None:
        engine.failures = [failure('services "backend-green" already exists')]
        stack.move(Move(release="r-1", lineup=LINEUP, colour=Colour.GREEN, again=True), print)
        plain, upsert = {"A": "1"}, {"A": "1", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
        assert [environment for _, (_, environment) in engine.calls] == [plain, upsert, plain]
        assert engine.workspace.env_vars == plain

    def test_nothing_is_taken_over_the_first_time(self, stack: PulumiStack, engine: Engine) -> None:
        engine.failures = [failure('services "backend-green" already exists')]
        with pytest.raises(UpdateFailed, match="already exists"):
            stack.move(MOVE, print)
        assert len(engine.calls) == 1

    def test_the_variable_is_taken_away_again_where_taking_over_fails(self, stack: PulumiStack, engine: Engine) -> None:
        engine.failures = [failure("x already exists"), failure("no")]
        with pytest.raises(UpdateFailed, match="failed: no"):
            stack.move(Move(release="r-1", lineup=LINEUP, colour=Colour.GREEN, again=True), print)
        assert engine.workspace.env_vars == {"A": "1"}

    def test_cancelling_stops_the_engine(self, stack: PulumiStack, engine: Engine) -> None:
        stack.cancel()
        assert engine.calls == [("stop", None)]

    def test_a_checkout_without_the_stack_is_told(self, engine: Engine) -> None:
        with pytest.raises(BadOrder, match=r"Pulumi\.qa\.yaml cannot be read"):
            PulumiStack(engine.file.parent, "qa")

    def test_a_stack_that_cannot_be_selected_is_told(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        def select(name: str, _: object) -> None:
            raise failure("no stack named 'test' found")

        monkeypatch.setattr(automation.Stack, "select", select)
        with pytest.raises(UpdateFailed) as caught:
            PulumiStack(engine.file.parent, "test")
        assert caught.value.problem == "stack test cannot be selected: no stack named 'test' found"
        assert caught.value.remedy == "pulumi stack select test"


PROGRAM = """#!/bin/sh
echo "$@"; echo "$PULUMI_AUTOMATION_API $GIVEN" >&2
case "$3" in
  wait) trap 'echo stopped; exit 7' INT; echo waiting; while :; do sleep 0.02; done ;;
  fail) echo "error: as asked" >&2; exit 3 ;;
esac
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoppableCommand:
    program = tmp_path / "pulumi"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    made = StoppableCommand()
    made.command = str(program)
    return made


class TestCommand:
    def test_its_output_is_told_line_by_line_and_kept(self, command: StoppableCommand, tmp_path: Path) -> None:
        told: list[str] = []
        result = command.run(["up", "go"], str(tmp_path), {"GIVEN": "yes"}, told.append)
        assert (result.code, result.stdout, result.stderr) == (0, "--non-interactive up go", "true yes")
        assert told == ["--non-interactive up go"]

    def test_a_failure_is_the_automation_apis(self, command: StoppableCommand, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="as asked"):
            command.run(["up", "fail"], str(tmp_path), {})

    def test_it_is_stopped_by_an_interrupt_once_it_runs(self, command: StoppableCommand, tmp_path: Path) -> None:
        command.stop()
        waiting = threading.Event()
        said: list[str] = []

        def note(line: str) -> None:
            said.append(line)
            if line == "waiting":
                waiting.set()

        def stop() -> None:
            waiting.wait(30)
            command.stop()

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(CommandError):
            command.run(["up", "wait"], str(tmp_path), {}, note)
        stopper.join()
        assert said == ["--non-interactive up wait", "waiting", "stopped"]
        command.stop()
