"""The release tool as its users type it, on a platform that serves: started, watched, killed, and asked again."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.endtoend.conftest import PATIENCE, Done, Platform, environment, run

STACK = "development"
PROGRAM = ".venv/bin/python -m release"
REGISTRY = "registry.localhost/english-training-system"
COLOUR, NAME = "english-training.dev/colour", "app.kubernetes.io/name"
FAULT = "english-training.dev/simulate"
OTHER = {"blue": "green", "green": "blue"}


@dataclass(kw_only=True)
class Command:
    """A command of the tool that runs: what it says, line by line, until it ends or is ended."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _over: bool = False

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened so far, as ``--output json`` tells it."""
        return [json.loads(line) for line in list(self.lines) if line.startswith('{"at"')]

    @property
    def document(self) -> dict[str, Any]:
        """The release, as it says in the end."""
        text = "\n".join(self.lines)
        found: dict[str, Any] = json.JSONDecoder().raw_decode(text[text.index("{\n") :])[0]
        return found

    def until(self, text: str, *, done: int | None = None) -> None:
        """Wait until it tells ``text``, at so many finished steps."""

        def told() -> bool:
            return any(event["text"].startswith(text) and done in {None, event["done"]} for event in self.events)

        with self._news:
            assert self._news.wait_for(lambda: told() or self._over, PATIENCE)
        assert told(), "\n".join(self.lines)

    def ended(self) -> int:
        """Wait until it ends; its exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def end(self, number: signal.Signals) -> int:
        """Signal the tool alone, not what it has started; its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()


@dataclass(kw_only=True)
class Load:
    """Requests that are sent meanwhile."""

    figures: dict[str, Any] = field(default_factory=dict)
    """What came back, once it is over."""

    @property
    def failed_colours(self) -> set[str]:
        """Who gave the answers that were errors."""
        return {group["colour"] for group in self.figures["groups"] if group["errors"]}

    @property
    def lost(self) -> int:
        """Requests that got no answer, or one of the gateway's own."""
        answered: int = sum(group["count"] for group in self.figures["groups"])
        return int(self.figures["requests"]) - answered

    def colours(self) -> list[str]:
        """Who answered, in the order of time, without repetitions."""
        found: list[str] = []
        for _, _, colour, _ in self.figures["timeline"]:
            if colour and (not found or found[-1] != colour):
                found.append(colour)
        return found


@dataclass(frozen=True, kw_only=True)
class Releasing:
    """The tool in one checkout of a platform."""

    platform: Platform
    checkout: Path

    def shell(self, command: str, given: Mapping[str, str] | None = None) -> Done:
        """Type ``command`` in this checkout, in the platform's environment, with some variables set otherwise."""
        return run(self.checkout, "sh", "-c", self._typed(command, given))

    def tool(self, arguments: str, given: Mapping[str, str] | None = None) -> Done:
        """Run ``release`` to its end."""
        return self.shell(f"{PROGRAM} {arguments}", given)

    def good(self, arguments: str, given: Mapping[str, str] | None = None) -> str:
        """Run ``release``, which must go well; what it printed."""
        done = self.tool(arguments, given)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read(self, arguments: str) -> Any:
        """What ``release`` says as JSON."""
        return json.loads(self.good(f"{arguments} --output json"))

    def refused(self, arguments: str, code: int, given: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run ``release``, which must end with ``code``; its one error."""
        done = self.tool(f"{arguments} --output json", given)
        assert done.returncode == code, done.stdout + done.stderr
        [error] = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"error"')]
        assert error["exitCode"] == code
        assert error["remedy"]
        assert "Traceback" not in done.stdout + done.stderr
        return dict(error)

    def start(self, arguments: str, given: Mapping[str, str] | None = None) -> Command:
        """Run ``release`` and do not wait for it."""
        typed = self._typed(f"exec {PROGRAM} {arguments} --output json", given)
        return Command(
            process=subprocess.Popen(
                ["sh", "-c", typed],
                cwd=self.checkout,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )

    def images(self, backend: str = "1.2.0", frontend: str = "1.2.0") -> str:
        """Options that name images, which are in the registry afterwards."""
        for image in (f"backend:{backend}", f"frontend:{frontend}"):
            done = run(
                self.platform.checkout, sys.executable, "-m", "rehearsal", "image", "push", f"{REGISTRY}/{image}"
            )
            assert done.returncode == 0, done.stderr
        return f"--backend {REGISTRY}/backend:{backend} --frontend {REGISTRY}/frontend:{frontend} --schema 2"

    # What there is to be seen.

    @property
    def weights(self) -> dict[str, int]:
        """The weights in force, by colour; the same for both components."""
        found = self.platform.route_weights()
        both = [{colour: found[f"{component}-{colour}"] for colour in OTHER} for component in ("backend", "frontend")]
        assert both[0] == both[1]
        return both[0]

    @property
    def serving(self) -> str:
        """The colour that has all requests."""
        [colour] = [colour for colour, weight in self.weights.items() if weight == 100]
        return colour

    @property
    def standing(self) -> dict[str, Any]:
        """What the stack has in force."""
        done = self.shell(f"pulumi stack output standing --json --stack {STACK}")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def log(self, release_id: str = "") -> dict[str, Any]:
        """The record of a release; of the newest by default."""
        return dict(self.read(f"logs {release_id}"))

    def pods(self, colour: str) -> dict[str, str]:
        """Names of the pods of a colour, with their unique identifiers."""
        items = self.platform.get("pods", "--selector", f"{COLOUR}={colour}")["items"]
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in items}

    def fault(self, colour: str, text: str, component: str = "backend") -> None:
        """Put a fault into the running pods of a colour."""
        self.platform.good(
            f"kubectl annotate pods --overwrite --namespace english-training "
            f"--selector {COLOUR}={colour},{NAME}={component} {FAULT}={text}"
        )

    # What others do.

    def settle(self) -> None:
        """Wherever an earlier test has left it: no release is in progress, and one colour has all requests."""
        status = self.read("status")
        if status["release"] is not None:
            if status["lock"]["holder"]:
                self.good(f"unlock {status['lock']['holder']}")
            self.tool("abort")
            assert self.read("status")["release"] is None
        if 100 not in self.weights.values():
            self.platform.weigh(0)

    def decided(self) -> None:
        """A person takes what stands for decided: the file says what is in force, and carries no mark of the tool."""
        self.platform.good("pulumi config rm releaseMark")
        self.platform.update()

    @contextmanager
    def load(self, rate: int, folder: Path) -> Iterator[Load]:
        """Send requests until the block ends."""
        file = folder / "figures.json"
        typed = f"{sys.executable} -m rehearsal traffic --rate {rate} -n {rate * 600} --timeline --file {file}"
        process, load = self.platform.start(typed), Load()
        try:
            yield load
        finally:
            inner = [one for one in psutil.Process(process.pid).children(recursive=True) if _sends(one)]
            for one in inner:
                one.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
        load.figures = json.loads(file.read_text())

    def _typed(self, command: str, given: Mapping[str, str] | None) -> str:
        exports = "".join(f"export {name}='{value}' && " for name, value in (given or {}).items())
        chosen = "" if self.checkout == self.platform.checkout else f"pulumi stack select {STACK} && "
        return f". {self.platform.checkout}/.rehearsal/env && {chosen}{exports}{command}"


def closed(address: str, reach: Mapping[str, str]) -> str:
    """The variable that says where things are reached, with one of them behind a port that nobody listens on."""
    assert address in reach
    return json.dumps({**reach, address: "127.0.0.1:1"})


def reach_of(platform: Platform) -> dict[str, str]:
    """Where things are reached, by the platform's environment."""
    found: dict[str, str] = json.loads(platform.good('printf %s "$ENGLISH_TRAINING_REACH"'))
    return found


def kinds(record: Mapping[str, Any]) -> list[str]:
    """The kinds of a release's events."""
    return [event["kind"] for event in record["events"]]


def whole(record: Mapping[str, Any]) -> None:
    """A release's log holds together: each step that was finished had begun, in the order of the plan."""
    names = [str_of(step) for step in record["steps"]]
    finished = [event["step"] for event in record["events"] if event["kind"] in {"done", "verdict"} and event["step"]]
    forward = [name for name in finished if name in names]
    assert forward[: record["done"]] == names[: record["done"]]
    for number, event in enumerate(record["events"]):
        if event["kind"] in {"done", "verdict"} and event["step"]:
            assert ("begin", event["step"]) in {(one["kind"], one["step"]) for one in record["events"][:number]}
    assert [event["at"] for event in record["events"]] == sorted(event["at"] for event in record["events"])
    assert kinds(record).count("status") == int(record["status"] in {"success", "failed", "rolled back"})


def str_of(step: Mapping[str, Any]) -> str:
    """A step as the log names it."""
    kind = str(step["kind"])
    return f"{kind} {_BEFORE_SHARE[kind]} {step['share']} %" if kind in _BEFORE_SHARE else kind


_BEFORE_SHARE = {"shift": "to", "watch": "at"}


def _sends(process: psutil.Process) -> bool:
    try:
        return "rehearsal.traffic" in process.cmdline() and "python" in Path(process.exe()).name
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False
