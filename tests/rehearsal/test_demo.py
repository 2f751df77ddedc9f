"""The parts of the demo that calculate and that listen; the story itself needs a platform."""

import io
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rehearsal.demo.figures import Answer, Flow, Harm
from rehearsal.demo.outcome import Shown, next_versions, summary
from rehearsal.demo.story import Story, told
from rehearsal.demo.tool import Said, Tool
from rehearsal.errors import ReleaseFailed


def flow(*rows: list[Any], failed: int = 0) -> Flow:
    return Flow.of({"requests": len(rows), "failed": failed, "seconds": 2.0, "timeline": list(rows)})


def test_an_answer_is_bad_if_it_is_a_5xx_or_none_at_all() -> None:
    statuses = (200, 302, 404, 429, 499, 500, 503, 0)
    bad = [Answer(at=1.0, component="backend", colour="blue", status=one).bad for one in statuses]
    assert bad == [False, False, False, False, False, True, True, True]


def test_harm_lasts_from_the_first_bad_answer_to_the_last_one() -> None:
    seen = flow(
        [10.0, "backend", "blue", 200],
        [11.5, "backend", "green", 500],
        [12.0, "frontend", "blue", 200],
        [12.5, "", "", 0],
        [14.0, "frontend", "green", 503],
        [15.0, "frontend", "blue", 200],
        failed=3,
    )
    assert seen.harm == Harm(lost=3, first=11.5, last=14.0)
    assert (seen.harm.seconds, seen.requests, seen.failed, seen.seconds) == (2.5, 6, 3, 2.0)


def test_without_bad_answers_there_is_no_harm() -> None:
    harm = flow([10.0, "backend", "blue", 200]).harm
    assert (harm, harm.seconds) == (Harm(lost=0, first=None, last=None), 0.0)
    assert flow([10.0, "backend", "blue", 500]).harm.seconds == 0.0


def test_it_is_known_who_answered_and_until_when() -> None:
    seen = flow([10.0, "backend", "green", 200], [11.0, "backend", "green", 200], [12.0, "backend", "blue", 200])
    assert (seen.count("green"), seen.count("blue")) == (2, 1)
    assert seen.last_of("green", since=10.5) == 0.5
    assert seen.last_of("green", since=11.5) is None


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (["1.0.0", "1.1.0"], ["1.2.0", "1.3.0"]),
        (["2.9.3", "2.10.0"], ["2.11.0", "2.12.0"]),
        (["3.0.0-sim.errors5", "latest"], ["3.1.0", "3.2.0"]),
        (["latest", ""], ["2.1.0", "2.2.0"]),
        ([], ["2.1.0", "2.2.0"]),
    ],
)
def test_new_versions_come_after_all_that_are_there(known: list[str], expected: list[str]) -> None:
    assert next_versions(known, 2) == expected


def test_the_table_tells_what_was_not_as_promised() -> None:
    good = Shown(title="canary", found="success in 90 s", requests=54_000, failed=0, as_promised=True)
    bad = Shown(title="way back", found="2.0 s", requests=600, failed=3, as_promised=False, release="r-1")
    text = io.StringIO()
    Console(file=text, width=100, color_system=None).print(summary([good, bad]))
    rows = [line.split("│")[1:-1] for line in text.getvalue().splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["✓", "canary", "success in 90 s", "54,000", "0"],
        ["✗", "way back", "2.0 s", "600", "3"],
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            json.dumps({"kind": "begin", "step": "watch at 10 %", "text": "watch at 10 %", "done": 5}),
            Said(kind="begin", step="watch at 10 %", text="watch at 10 %"),
        ),
        (
            json.dumps({"kind": "detail", "step": None, "text": "update route"}),
            Said(kind="detail", step="", text="update route"),
        ),
        (
            json.dumps({"error": "the lock is held", "remedy": "wait"}),
            Said(kind="error", step="", text="the lock is held"),
        ),
        ("SIGTERM: stopping", Said(kind="text", step="", text="SIGTERM: stopping")),
        ("[1]", Said(kind="error", step="", text="[1]")),
    ],
)
def test_what_the_tool_says_is_understood(line: str, expected: Said) -> None:
    assert Said.of(line) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(kind="done", step="save", text="saved as x; and more"), "✓ save: saved as x"),
        (Said(kind="done", step="close", text="close"), "✓ close"),
        (Said(kind="verdict", step="watch at 10 %", text="0 of 9"), "✓ watch at 10 %: no worse than the old version"),
        (Said(kind="begin", step="watch at 10 %", text="watch at 10 %"), "▶ watch at 10 %"),
        (Said(kind="alarm", step="", text="turns back: 3 of 5\nmore"), "✗ turns back: 3 of 5"),
        (Said(kind="error", step="", text="release r was rolled back: 3 of 5: x"), "• release r was rolled back"),
        (Said(kind="error", step="", text="the lock is held"), "• the lock is held"),
        (Said(kind="takeover", step="", text="x goes on with it"), "• x goes on with it"),
        (Said(kind="begin", step="shift to 10 %", text="shift to 10 %"), None),
        (Said(kind="detail", step="", text="update route"), None),
        (Said(kind="status", step="", text="success"), None),
    ],
)
def test_the_story_repeats_what_matters(said: Said, expected: str | None) -> None:
    line = told(said)
    assert (None if line is None else line.plain) == expected


def tool(tmp_path: Path, script: str) -> Tool:
    """A tool that is another program: ``release`` of this folder."""
    (tmp_path / "release.py").write_text(script)
    return Tool(checkout=tmp_path, environment={"PYTHONPATH": str(tmp_path)})


SPEAKS = """
import json, sys
for number in range(3):
    print(json.dumps({"kind": "done", "step": "save", "text": f"{number}"}), file=sys.stderr)
print(json.dumps({"arguments": sys.argv[1:], "padding": "x" * 200_000}))
sys.exit(4)
"""


def test_a_run_is_heard_line_by_line_and_gives_its_answer_at_the_end(tmp_path: Path) -> None:
    run = tool(tmp_path, SPEAKS).start("deploy", "--soak", "1s")
    heard = [said.text for said in run]
    code, release = run.end()
    assert (heard, code) == (["0", "1", "2"], 4)
    assert release["arguments"] == ["deploy", "--soak", "1s", "--output", "json"]
    assert [said.text for said in run.heard] == heard


def test_a_run_can_be_left_early_and_still_ends(tmp_path: Path) -> None:
    run = tool(tmp_path, SPEAKS).start("deploy")
    assert next(iter(run)).text == "0"
    code, release = run.end()
    assert (code, len(release["padding"])) == (4, 200_000)


WAITS = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
print("ready", file=sys.stderr, flush=True)
signal.pause()
"""


def test_an_interrupted_run_ends_in_good_order_and_a_killed_one_does_not(tmp_path: Path) -> None:
    waits = tool(tmp_path, WAITS)
    one, other = waits.start(), waits.start()
    assert [next(iter(run)).text for run in (one, other)] == ["ready", "ready"]
    one.interrupt(30)
    other.kill()
    assert (one.process.returncode, other.process.returncode) == (130, -9)
    one.interrupt(30)  # once more is no error


def test_a_question_is_answered_with_json_or_refused_with_the_tools_own_words(tmp_path: Path) -> None:
    assert tool(tmp_path, "print('{\"green\": 10}')").ask("status") == {"green": 10}
    refuses = 'import json, sys; sys.exit(print(json.dumps({"error": "no stack"}), file=sys.stderr) or 2)'
    with pytest.raises(ReleaseFailed) as refused:
        tool(tmp_path, refuses).ask("status")
    assert refused.value.problem == "release status ended with 2: no stack"


def test_ctrl_c_does_not_reach_the_tool(tmp_path: Path) -> None:
    run = tool(tmp_path, "import os, sys; print(os.getpgrp() == os.getpid(), file=sys.stderr)").start()
    assert [said.text for said in run] == ["True"]
    run.end()


def test_runs_are_of_this_interpreter(tmp_path: Path) -> None:
    assert tool(tmp_path, "").command("status")[:3] == [sys.executable, "-m", "release"]


@dataclass
class Site:
    """A platform that notes what is done to it."""

    tool: Tool
    releases: list[str | None]
    """In progress, at each look."""
    share: int
    did: list[str] = field(default_factory=list)

    def in_progress(self) -> str | None:
        return self.releases.pop(0)

    def green(self) -> int:
        return self.share

    def cure(self, colour: str) -> None:
        self.did.append(f"cure {colour}")

    def settle(self, green: int) -> None:
        self.did.append(f"settle {green}")


def story(site: Site, monkeypatch: pytest.MonkeyPatch) -> tuple[Story, io.StringIO]:
    monkeypatch.setattr("rehearsal.demo.story.AGAIN", 0.0)
    text = io.StringIO()
    console = Console(file=text, width=200, color_system=None)
    made = Story(site=site, console=console, rate=1, soak="1s", reports=Path("unused"))  # type: ignore[arg-type]
    return made, text


ABORTS = 'import sys; open("aborted", "a").write(" ".join(sys.argv[1:]) + "\\n"); print("{}")'


@pytest.mark.parametrize(("share", "settled"), [(0, []), (100, []), (10, ["settle 0"]), (75, ["settle 100"])])
def test_the_platform_is_left_with_well_pods_no_release_and_one_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int, settled: list[str]
) -> None:
    site = Site(tool=tool(tmp_path, ABORTS), releases=["r-1", "r-1", None], share=share)
    made, text = story(site, monkeypatch)
    made._leave_healthy()
    assert site.did == ["cure blue", "cure green", *settled]
    # A dead runner's lock may stand in the way of the first try.
    assert (tmp_path / "aborted").read_text() == "abort --output json\n" * 2
    assert text.getvalue().count("release r-1 is taken back") == 2


def test_a_release_of_somebody_else_is_no_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = story(Site(tool=tool(tmp_path, ""), releases=["theirs"], share=0), monkeypatch)
    with pytest.raises(ReleaseFailed) as refused:
        made._prepare()
    assert str(refused.value) == "release theirs is in progress\n  remedy: release resume, or release abort"
