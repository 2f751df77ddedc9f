"""The commands as a shell meets them: what they print, how they end, and what they refuse."""

import ast
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import typer

from rehearsal.paths import REPOSITORY
from release.cli import app
from release.errors import JournalUnreadable, Unreachable
from release.journal.points import Point, Saved
from release.model import Finding, Kind, Outcome, Release, Status
from tests.release import world as worlds
from tests.release.cli.conftest import FILE, Desk
from tests.release.office import OTHER
from tests.release.world import BEFORE, START, Died

IMAGES = ("--backend", "r.example/b:2.0.0", "--frontend", "r.example/f:2.0.0")
DEPLOY = ("deploy", *IMAGES, "--soak", "2s")


def interrupted_release(desk: Desk, call: int = 14) -> Release:
    """A release whose runner died."""
    world = desk.office.world
    world.die_at = world.calls + call
    with pytest.raises(Died):
        desk.runner.invoke(app.app, [*DEPLOY], catch_exceptions=False)
    world.die_at = None
    return world.record


class TestDeploying:
    def test_it_says_who_serves_in_the_end(self, desk: Desk) -> None:
        result = desk.type(*DEPLOY)
        assert result.exit_code == 0
        assert result.stdout.splitlines()[-1] == "success: green serves version 2.0.0 (r-1)"
        assert result.stderr == ""

    def test_for_programs_it_prints_one_document_and_tells_the_rest_beside(self, desk: Desk) -> None:
        result = desk.type(*DEPLOY, "--output", "json")
        document = json.loads(result.stdout)
        assert (document["id"], document["status"], document["done"]) == ("r-1", "success", len(document["steps"]))
        events = [json.loads(line) for line in result.stderr.splitlines()]
        assert (events[0]["text"], events[0]["done"]) == ("check", 0)
        assert (events[-1]["text"], events[-1]["status"]) == ("success", "success")

    @pytest.mark.parametrize(
        ("world", "options", "code", "said"),
        [
            (
                {"broken": frozenset({Kind.CHECK})},
                (),
                3,
                ("release r-1 failed: check failed: check: check looked; nothing was changed", "release check"),
            ),
            ({"alarm_at": 10}, (), 4, ("release r-1 was rolled back: errors at 10 %", "release logs r-1")),
            (
                {"broken": frozenset({Kind.PROVISION})},
                (),
                4,
                ("release r-1 was rolled back: provision failed: provision failed", "release logs r-1"),
            ),
            ({"alarm_at": 10}, ("--no-rollback",), 5, ("release r-1 failed: errors at 10 %", "release rollback")),
            (
                {"alarm_at": 10, "ill_stable": True},
                (),
                5,
                (
                    "release r-1 failed: halted, as the way back is no better: errors at 10 %",
                    "look at both colours, then: release rollback",
                ),
            ),
            (
                {"verdict": Outcome.INCONCLUSIVE},
                ("--wait", "1s"),
                6,
                (
                    "release r-1 is in progress: not conclusive: judged inconclusive",
                    "release promote, release resume or release abort",
                ),
            ),
        ],
    )
    def test_each_end_has_its_exit_code_and_the_next_command(
        self, desk: Desk, world: dict[str, Any], options: tuple[str, ...], code: int, said: tuple[str, str]
    ) -> None:
        for name, value in world.items():
            setattr(desk.office.world, name, value)
        assert desk.refused(code, *DEPLOY, *options) == said

    def test_a_check_that_fails_says_what_to_do(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        finding = Finding(name="images", outcome=Outcome.FAIL, text="b:2.0.0 is not there", remedy="push it")
        monkeypatch.setattr(worlds.Checks, "before", lambda self, release: [finding])
        problem, remedy = desk.refused(3, *DEPLOY)
        assert problem == "release r-1 failed: check failed: images: b:2.0.0 is not there; nothing was changed"
        assert remedy == "push it"

    def test_people_get_the_same_in_two_lines(self, desk: Desk) -> None:
        desk.office.world.alarm_at = 10
        result = desk.type(*DEPLOY)
        assert result.exit_code == 4
        assert result.stderr.splitlines() == [
            "error: release r-1 was rolled back: errors at 10 %",
            "  remedy: release logs r-1",
        ]

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_stops_in_good_order_at_a_signal(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
    ) -> None:
        def interrupted(self: object, release: Release) -> Any:
            signal.raise_signal(number)
            return []

        before = signal.getsignal(number)
        monkeypatch.setattr(worlds.Checks, "candidate", interrupted)
        result = desk.type(*DEPLOY)
        assert result.exit_code == 130
        assert f"{number.name}: stopping in good order" in result.stderr
        assert "interrupted; the release stays where it is" in result.stderr
        record = desk.office.world.record
        assert (record.status, str(record.steps[record.done])) == (Status.IN_PROGRESS, "verify")
        assert desk.office.lock.holder is None
        assert signal.getsignal(number) is before
        monkeypatch.undo()

    def test_what_cannot_be_delivered_is_said_and_fails_nothing(self, desk: Desk) -> None:
        desk.here.undelivered = ["notifications: 3 could not be delivered"]
        result = desk.type(*DEPLOY)
        assert (result.exit_code, result.stderr) == (0, "notifications: 3 could not be delivered\n")

    def test_a_file_declares_a_release_and_options_win(self, desk: Desk, tmp_path: Path) -> None:
        file = tmp_path / "order.yaml"
        file.write_text(
            "backend: r.example/b:3.0.0\nfrontend: r.example/f:3.0.0\nstrategy: blue-green\nsoak: 9s\n"
            "acceptNoRollback: true\nautoPromote: false\n"
        )
        order = desk.read("deploy", "--file", str(file), "--soak", "2s", "--auto-promote")["order"]
        assert (order["version"], order["strategy"], order["soakSeconds"]) == ("3.0.0", "blue-green", 2.0)
        assert (order["acceptNoRollback"], order["autoPromote"]) == (True, True)

    def test_a_person_who_says_no_to_a_files_promotion_is_heard(self, desk: Desk, tmp_path: Path) -> None:
        (tmp_path / "order.yaml").write_text("backend: r/b:3\nfrontend: r/f:3\nautoPromote: true\n")
        planned = desk.read("plan", "--file", "order.yaml", "--no-auto-promote")
        assert [step["gate"] for step in planned["release"]["steps"] if step["kind"] == "shift"] == [False] + [True] * 4


BAD: list[tuple[tuple[str, ...], str, str]] = [
    (("--steps", "50,25,100"), "steps 50,25,100 must rise from at least 1 and end at 100", "for example --steps"),
    (("--steps", "10,50"), "steps 10,50 must rise from at least 1 and end at 100", "for example --steps"),
    (("--steps", "0,100"), "steps 0,100 must rise", "for example --steps"),
    (("--steps", "ten"), "--steps 'ten' are no shares in per cent", "for example --steps 10,25,50,75,100"),
    (("--soak", "5x"), "--soak '5x' is no duration", "for example --soak 5m, 90s or 1h30m"),
    (("--keep-warm", "99999999999h"), "--keep-warm '99999999999h' is longer than a year", "for example --keep-warm"),
    (("--wait", "soon"), "--wait 'soon' is no duration", "for example --wait"),
    (("--schema", "0"), "schemaVersion: Input should be greater than or equal to 1", "release deploy --help"),
    (("--migrate", "sideways"), "migration.phase: Input should be 'expand' or 'contract'", "release deploy --help"),
    (("--cause", "boredom"), "cause: Input should be 'planned' or 'unplanned-fix'", "release deploy --help"),
    (("--file", "none.yaml"), "none.yaml cannot be read: No such file or directory", "ls -l none.yaml"),
    (("--strategy", "rolling", "--steps", "10,100"), "steps 10,100 are a canary's", "use --strategy canary"),
    (("--backend", "r.example/b"), "the backend's image has no tag", "add --version 1.2.3"),
    (("--migrate", "contract", "--schema", "2"), "a contract migration takes away what green", "release retire"),
]


@pytest.mark.parametrize(("options", "problem", "remedy"), BAD)
def test_bad_input_is_one_clear_error_and_changes_nothing(
    desk: Desk, options: tuple[str, ...], problem: str, remedy: str
) -> None:
    soak = () if "--soak" in options else ("--soak", "2s")
    for command in ("deploy", "plan"):
        if command == "plan" and "--wait" in options:
            continue
        said = desk.refused(2, command, *IMAGES, *soak, *options)
        assert said[0].startswith(problem)
        assert said[1].startswith(remedy)
    assert (desk.office.world.calls, desk.office.books.history(9)) == (0, [])
    assert (desk.office.lock.holder, desk.here.file.text()) == (None, FILE)


def test_outside_development_a_tag_is_not_enough(desk: Desk) -> None:
    desk.here.environment = "production"
    problem, remedy = desk.refused(2, *DEPLOY)
    assert problem.startswith("r.example/b:2.0.0 and r.example/f:2.0.0 must end in a digest (@sha256:…) in production")
    assert remedy.startswith("release check images --backend IMAGE")
    assert desk.office.world.calls == 0
    # What the remedy names tells the digests, so it takes tags.
    assert desk.read("check", "images", *IMAGES)[0]["text"] == "looked at r.example/b:2.0.0"


@pytest.mark.parametrize(
    ("arguments", "code", "problem", "remedy"),
    [
        (("resume",), 12, "no release of stack test is in progress", "release history"),
        (("promote",), 12, "no release of stack test is in progress", "release history"),
        (("pause",), 12, "no release of stack test is in progress", "release history"),
        (("abort",), 12, "no release of stack test is in progress", "release history"),
        (("rollback",), 12, "there is no release to go back from", "release history"),
        (("rollback", "--to", "r-7"), 12, "there is no release r-7", "release history"),
        (("rollback", "--soak", "5x"), 2, "--soak '5x' is no duration", "for example --soak 5m, 90s or 1h30m"),
        (
            ("rollback", "--break-glass"),
            12,
            "there is no release whose traffic the route alone could take back",
            "release rollback",
        ),
        (("unlock", "ghost"), 12, "nobody holds it", "release status"),
        (("logs",), 12, "there was no release yet", "release deploy --help"),
        (("logs", "r-7"), 12, "there is no release r-7", "release history"),
        (("report", "r-7"), 12, "there is no release r-7", "release history"),
        (("report", "--since", "5x"), 2, "--since '5x' is no duration", "for example --since 5m, 90s or 1h30m"),
        (("report", "--since", "99999d"), 2, "--since '99999d' is no duration", "for example --since"),
        (("report", "--to", "Pulumi.test.yaml/in"), 2, "Pulumi.test.yaml/in cannot be made", "name another folder"),
        (("config", "diff", "none"), 12, "there is no point none", "release config list"),
        (("config", "restore", "none"), 12, "there is no point none", "release config list"),
    ],
)
def test_without_any_release_there_is_one_clear_error(
    desk: Desk, arguments: tuple[str, ...], code: int, problem: str, remedy: str
) -> None:
    said = desk.refused(code, *arguments)
    assert said[0].startswith(problem)
    assert said[1].startswith(remedy)
    assert desk.office.world.calls == 0
    assert desk.here.file.text() == FILE


def test_words_that_are_no_command_are_a_usage_error(desk: Desk) -> None:
    for arguments in (("fly",), ("deploy", "--strategy", "big-bang"), ("history", "--limit", "0"), ("unlock",)):
        assert desk.type(*arguments).exit_code == 2


class TestInTheWay:
    def test_an_interrupted_release(self, desk: Desk) -> None:
        interrupted_release(desk)
        problem, remedy = desk.refused(7, *DEPLOY)
        assert problem == "release r-1 (2.0.0) is in progress, begun by ana@build-7"
        assert remedy == "release status, then release resume or release abort"
        assert desk.office.world.route == 10
        assert desk.refused(7, "plan", *IMAGES) == (problem, remedy)

    def test_a_runner_who_lives(self, desk: Desk) -> None:
        desk.office.lock.holder = OTHER
        for command in (DEPLOY, ("rollback",), ("retire", "--now")):
            problem, _ = desk.refused(7, *command)
            assert problem == f"{OTHER} holds the lock and is alive"
        assert desk.office.world.calls == 0

    def test_a_journal_that_cannot_be_read(self, desk: Desk) -> None:
        interrupted_release(desk)
        calls = desk.office.world.calls
        newer = JournalUnreadable("it has format 2, and this one reads up to format 1", remedy="use the newer version")
        desk.office.books.damaged["r-1"] = newer
        for command in (DEPLOY, ("resume",), ("abort",), ("rollback",), ("rollback", "--break-glass"), ("status",)):
            assert desk.refused(11, *command) == (newer.problem, newer.remedy)
        assert desk.office.world.calls == calls

    def test_a_cluster_that_does_not_let_us_in(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse() -> None:
            raise Unreachable("no permission to get configmaps", remedy="kubectl auth can-i get configmaps")

        monkeypatch.setattr(desk.office.books, "current", refuse)
        for command in (DEPLOY, ("resume",), ("abort",), ("rollback",), ("status",)):
            assert desk.refused(10, *command) == (
                "no permission to get configmaps",
                "kubectl auth can-i get configmaps",
            )
        assert desk.office.world.calls == 0


class TestGoingOnAndBack:
    def test_another_resumes_what_was_interrupted(self, desk: Desk) -> None:
        interrupted_release(desk)
        assert desk.type("resume").stdout.splitlines()[-1] == "success: green serves version 2.0.0 (r-1)"

    def test_going_back_when_asked_to_is_no_failure(self, desk: Desk) -> None:
        for command in ("abort", "rollback"):
            interrupted_release(desk)
            result = desk.type(command)
            assert result.exit_code == 0
            assert result.stdout.splitlines()[-1].startswith("rolled back: blue serves version 1.0.0")
            assert desk.office.world.lineup == BEFORE

    def test_what_a_runner_is_asked_for_is_said(self, desk: Desk) -> None:
        interrupted_release(desk)
        desk.office.lock.holder = OTHER
        for command in ("promote", "pause", "abort", "rollback"):
            asked = "abort" if command == "rollback" else command
            result = desk.type(command)
            assert (result.exit_code, result.stdout) == (
                0,
                f"release r-1 is asked to {asked}; release status --watch shows what its runner does\n",
            )
            assert desk.read(command) == {"release": "r-1", "asked": asked}

    def test_after_promotion_and_with_broken_glass(self, desk: Desk) -> None:
        desk.read(*DEPLOY)
        assert desk.type("rollback").stdout.splitlines()[-1] == "success: blue serves version 1.0.0 (r-2)"
        desk.office.unreachable = True
        said = desk.type("rollback", "--break-glass")
        assert said.stdout == "the route is moved; recorded in r-3. Make the stack agree: release resume\n"
        assert desk.read("resume")["status"] == "success"

    def test_retiring_needs_its_time_or_a_word(self, desk: Desk) -> None:
        desk.read(*DEPLOY, "--keep-warm", "10m")
        problem, remedy = desk.refused(2, "retire")
        assert problem.startswith("the colour before release r-1 is kept warm until")
        assert remedy.endswith("release retire --now")
        assert desk.read("retire", "--now") == {"retired": "blue"}


class TestLooking:
    def test_status(self, desk: Desk) -> None:
        assert desk.type("status").stdout.splitlines() == ["no release is in progress", "route: blue 100 %, green 0 %"]
        interrupted_release(desk)
        document = desk.read("status")
        assert (document["release"]["id"], document["lock"]["holder"]) == ("r-1", None)
        assert document["route"] == {"green": 10, "blue": 90}
        assert "nobody works on it: release resume, or release abort" in desk.type("status").stdout

    def test_history_and_logs(self, desk: Desk) -> None:
        assert desk.type("history").stdout == "there was no release yet\n"
        desk.read(*DEPLOY)
        desk.read("rollback")
        assert [(one["id"], one["kind"]) for one in desk.read("history")] == [("r-2", "rollback"), ("r-1", "deploy")]
        assert desk.read("history", "--limit", "1")[0]["id"] == "r-2"
        assert desk.read("logs")["id"] == "r-2"
        lines = desk.type("logs", "r-1").stdout.splitlines()
        assert "2.0.0" in lines[0]
        assert lines[1] == "2026-01-01 00:00:00 begin     check"
        assert lines[-1].endswith("status    success")

    def test_a_release_that_is_damaged_is_listed_as_such(self, desk: Desk) -> None:
        desk.office.books.damaged["r-0"] = JournalUnreadable("x", remedy="y")
        assert desk.read("history") == [{"id": "r-0", "unreadable": "damaged"}]

    def test_a_plan_tells_each_step_and_the_way_back(self, desk: Desk) -> None:
        result = desk.type("plan", *IMAGES, "--soak", "30s", "--steps", "50,100", "--no-auto-promote")
        assert result.exit_code == 0
        assert "watching takes at most 120 s in all" in result.stdout
        assert "waits for `release promote`; moves traffic" in result.stdout
        assert "the route gives all traffic to version 1.0.0 (blue) at once" in result.stdout
        assert (desk.office.world.calls, desk.here.file.text()) == (0, FILE)

    def test_checks_run_alone(self, desk: Desk) -> None:
        assert desk.read("check", "config", "database")[0]["outcome"] == "pass"
        assert desk.here.checks.asked == [["config", "database"]]
        desk.here.checks.outcome = Outcome.INCONCLUSIVE
        result = desk.type("check")
        assert result.exit_code == 3
        assert "looked at what stands" in result.stdout


class TestConfigurations:
    @pytest.fixture(autouse=True)
    def _point(self, desk: Desk) -> None:
        saved = Saved(name="before-r-1", stack="test", at=START, actor="ana", why="before release 2", release="r-1")
        content = FILE.replace("greenWeight: 0", "greenWeight: 30").replace("v1:abc", "v1:old")
        desk.here.points.kept["before-r-1"] = Point(saved=saved, content=content)

    def test_they_are_listed(self, desk: Desk) -> None:
        assert [one["name"] for one in desk.read("config", "list")] == ["before-r-1"]
        assert "before-r-1" in desk.type("config", "list").stdout

    def test_differences_show_no_secret(self, desk: Desk) -> None:
        found = desk.read("config", "diff", "before-r-1")
        assert [(one["key"].rpartition(":")[2], one["kind"]) for one in found] == [
            ("greenWeight", "changed"),
            ("key", "changed"),
        ]
        for result in (desk.type("config", "diff", "before-r-1"), desk.type("config", "restore", "before-r-1")):
            assert "v1:" not in result.output

    def test_one_can_be_restored(self, desk: Desk) -> None:
        result = desk.type("config", "restore", "before-r-1")
        assert result.exit_code == 0
        assert desk.here.file.text() == desk.here.points.kept["before-r-1"].content
        assert desk.office.engine.moves == []


def _names() -> set[str]:
    group: Any = typer.main.get_command(app.app)
    return set(group.commands)


def _advice() -> list[tuple[str, str]]:
    """Each remedy in the sources that names a command of the tool, and where it stands."""
    found = []
    for file in sorted((REPOSITORY / "release").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "remedy":
                parts = [one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
                text = "".join(str(one) for one in parts)
                found += [(name, file.name) for name in re.findall(r"release ([a-z]+)(?=[ ,;`)]|$)", text)]
    return found


def test_each_remedy_names_a_command_that_exists() -> None:
    advice = _advice()
    assert len(advice) > 30
    words = {"a", "the", "what", "has"}  # "if the release has not ended"
    assert [(name, file) for name, file in advice if name not in _names() | words] == []


def test_each_command_explains_itself(desk: Desk) -> None:
    assert _names() == {
        *("plan", "deploy", "status", "promote", "pause", "resume", "abort", "rollback", "history", "logs", "report"),
        *("check", "unlock", "retire", "config"),
    }
    for name in _names():
        result = desk.type(name, "--help")
        assert result.exit_code == 0
        assert f" {name} " in result.stdout
