"""The story: a good canary, a version that goes bad, a way back, and a tool that is killed. Every answer is counted."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from rehearsal.demo.figures import Flow
from rehearsal.demo.load import Load
from rehearsal.demo.outcome import Shown, next_versions, summary
from rehearsal.demo.site import COLOURS, FULL, Site
from rehearsal.demo.tool import Run, Said
from rehearsal.errors import ReleaseFailed

CANARY: Final = "10,25,50,75,100"
FAULT: Final = "errors=20"
"""Every fifth answer of the new version is a 500."""
BEFORE_FAULT, BEFORE_KILL, AFTER = 3.0, 1.0, 1.5
"""Seconds: at 10 % before the fault, in the update before the kill, and of traffic after a chapter's end."""
PATIENCE: Final = 90.0
"""Seconds for whoever takes over to get hold of the lock and bring a release to its end."""
AGAIN: Final = 2.0
"""Seconds between two tries to take over: a dead runner's lock is free after 15."""


@dataclass(kw_only=True)
class Story:
    """One telling."""

    site: Site
    console: Console
    rate: float
    soak: str
    reports: Path
    shown: list[Shown] = field(default_factory=list)
    _run: Run | None = None

    def tell(self) -> None:
        """Tell it. Raises :class:`ReleaseFailed` if anything was not as promised; the platform is left healthy."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        begun = time.monotonic()
        self._say("The release tool with real traffic: every answer that a client gets is counted.")
        versions = self._prepare()
        try:
            self._canary(versions[0])
            self._goes_bad(versions[1])
            self._way_back()
            self._killed(versions[2])
        finally:
            self._leave_healthy()
        self._end(time.monotonic() - begun)

    def _prepare(self) -> list[str]:
        self._chapter("Getting ready")
        found = self.site.in_progress()
        if found is not None:
            raise ReleaseFailed(f"release {found} is in progress", remedy="release resume, or release abort")
        green = self.site.green()
        if green not in {0, FULL}:
            weight = FULL if green > FULL // 2 else 0
            self._say(
                f"Both versions serve (green has {green} %), so there is no room for a third. "
                "Deciding for one on your behalf:"
            )
            self._command(f"pulumi config set greenWeight {weight} && pulumi up")
            self.site.settle(weight)
        serving = self.site.version(self.site.serving())
        versions = next_versions([self.site.version(colour) for colour in COLOURS], 3)
        self._say(f"Version {serving} serves. Pushing images of {', '.join(versions)} to the registry.")
        for version in versions:
            self.site.push(version)
        return versions

    def _canary(self, version: str) -> None:
        self._chapter(f"1. A canary: version {version} gets 10, 25, 50, 75, then 100 % of the requests")
        self._say(f"Each share is compared with the old version before the next. {self._flowing()}")
        with self._traffic() as load:
            begun = time.monotonic()
            run = self._release("deploy", *self.site.push(version), "--steps", CANARY, "--soak", self.soak)
            code, release = self._follow(run)
            took = time.monotonic() - begun
            flow = self._counted(load)
        share = flow.count(str(release.get("candidate"))) / max(1, flow.requests)
        self._show(
            title="canary 10 → 25 → 50 → 75 → 100 %",
            found=f"success in {took:.0f} s; {share:.0%} of the answers came from the new version",
            flow=flow,
            as_promised=code == 0 and flow.failed == 0,
            release=release.get("id"),
        )

    def _goes_bad(self, version: str) -> None:
        self._chapter(f"2. Version {version} goes bad in front of 10 % of the users")
        self._say("It passes all checks and gets 10 %. Three seconds later, every fifth of its answers is a 500.")
        candidate = "blue" if self.site.serving() == "green" else "green"
        with self._traffic() as load:
            run = self._release("deploy", *self.site.push(version), "--steps", CANARY, "--soak", "2m")

            def spoil(said: Said) -> None:
                if said.kind == "begin" and said.step == "watch at 10 %":
                    time.sleep(BEFORE_FAULT)
                    self._command(f"kubectl annotate pods -l …/colour={candidate} …/simulate={FAULT}")
                    self.site.spoil(candidate, FAULT)

            _, release = self._follow(run, spoil)
            flow = self._counted(load)
        self.site.cure(candidate)
        harm = flow.harm
        self._show(
            title="a version that goes bad at 10 % is taken back",
            found=f"{harm.seconds:.1f} s from the first bad answer to the last one, {harm.lost} requests lost",
            flow=flow,
            as_promised=release.get("status") == "rolled back" and harm.lost > 0,
            release=release.get("id"),
        )

    def _way_back(self) -> None:
        leaving = self.site.serving()
        self._chapter(f"3. Back at once: version {self.site.version(leaving)} serves everybody, and nobody wants it")
        self._say("No figure is bad, but the product is. The old version's pods are still warm: one change of weights.")
        with self._traffic() as load:
            begun, clock = time.monotonic(), time.time()
            code, release = self._follow(self._release("rollback"))
            took = time.monotonic() - begun
            flow = self._counted(load)
        left = flow.last_of(leaving, clock) or 0.0
        self._show(
            title="instant rollback after promotion",
            found=f"{left:.1f} s from the command until the last request to that version; all done after {took:.0f} s",
            flow=flow,
            as_promised=code == 0 and flow.failed == 0,
            release=release.get("id"),
        )

    def _killed(self, version: str) -> None:
        self._chapter(f"4. Half-way through the release of version {version}, the tool is killed")
        self._say("kill -9, while Pulumi moves the traffic to 50 %. Another runner reads the journal and goes on.")
        with self._traffic() as load:
            run = self._release("deploy", *self.site.push(version), "--steps", "50,100", "--soak", self.soak)
            for said in run:
                self._echo(said)
                if said.kind == "begin" and said.step == "shift to 50 %":
                    time.sleep(BEFORE_KILL)
                    break
            run.kill()
            self._command(f"kill -9 {run.process.pid}")
            begun = time.monotonic()
            self._say(f"Killed. The route gives green {self.site.green()} % now, and nobody is in charge.")
            code, release = self._resumed()
            took = time.monotonic() - begun
            flow = self._counted(load)
        self._show(
            title="kill -9 in the middle, resumed by another runner",
            found=f"success {took:.0f} s after the kill",
            flow=flow,
            as_promised=code == 0 and release.get("status") == "success" and flow.failed == 0,
            release=release.get("id"),
        )

    def _resumed(self) -> tuple[int, dict[str, object]]:
        """``release resume``, as often as the dead runner's lock stands in its way."""
        until = time.monotonic() + PATIENCE
        while True:
            run = self._release("resume")
            code, release = self._follow(run)
            if release or time.monotonic() > until:
                return code, release
            time.sleep(AGAIN)

    def _end(self, seconds: float) -> None:
        self._chapter("What was shown")
        self.reports.mkdir(parents=True, exist_ok=True)
        self.console.print(summary(self.shown))
        for one in self.shown:
            if one.release is not None:
                files = self.site.tool.ask("report", one.release, "--to", str(self.reports))["files"]
                page = next(file for file in files if file.endswith(".html"))
                self.console.print(Text.assemble(f"{one.title}: ", (page, "bold")), soft_wrap=True)
        serving = self.site.serving()
        self._say(
            f"\nTold in {seconds // 60:.0f} min {seconds % 60:.0f} s. {serving} serves version "
            f"{self.site.version(serving)}; no release is in progress. See also: release history, release report"
        )
        self._say(
            "Releases wrote Pulumi.development.yaml, so that Git can learn what stands. To have development again as "
            "`make up` left it: git checkout Pulumi.development.yaml && pulumi up"
        )
        broken = [one.title for one in self.shown if not one.as_promised]
        if broken:
            raise ReleaseFailed(
                f"not as promised: {'; '.join(broken)}", remedy="read the reports above; release logs ID"
            )

    def _leave_healthy(self) -> None:
        """One colour with all requests, healthy pods, no release in progress, whatever has happened."""
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            if self._run is not None:
                self._run.interrupt(PATIENCE)
            for colour in COLOURS:
                self.site.cure(colour)
            until = time.monotonic() + PATIENCE
            while (found := self.site.in_progress()) is not None and time.monotonic() < until:
                self._say(f"Leaving the platform healthy: release {found} is taken back.")
                self._follow(self._release("abort"))
                time.sleep(AGAIN)
            green = self.site.green()
            if green not in {0, FULL}:
                self.site.settle(FULL if green > FULL // 2 else 0)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def _traffic(self) -> Iterator[Load]:
        with Load(self.site.paths, domain=self.site.domain, rate=self.rate) as load:
            yield load

    def _counted(self, load: Load) -> Flow:
        time.sleep(AFTER)
        return load.stop()

    def _release(self, *arguments: str) -> Run:
        self._command(" ".join(["release", *arguments]))
        self._run = self.site.tool.start(*arguments)
        return self._run

    def _follow(self, run: Run, heed: Callable[[Said], None] = lambda _: None) -> tuple[int, dict[str, object]]:
        for said in run:
            self._echo(said)
            heed(said)
        return run.end()

    def _show(self, *, title: str, found: str, flow: Flow, as_promised: bool, release: object) -> None:
        one = Shown(
            title=title,
            found=found,
            requests=flow.requests,
            failed=flow.failed,
            as_promised=as_promised,
            release=str(release) if release else None,
        )
        self.shown.append(one)
        mark = ("✓ ", "bold green") if as_promised else ("✗ not as promised: ", "bold red")
        self.console.print(
            Text.assemble(mark, (found, "bold"), f"; {flow.failed:,} of {flow.requests:,} requests lost")
        )

    def _flowing(self) -> str:
        return f"{self.rate:.0f} requests a second flow meanwhile, from many clients."

    def _chapter(self, title: str) -> None:
        self.console.print()
        self.console.print(Rule(Text(title, style="bold"), align="left"))

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False)

    def _command(self, text: str) -> None:
        self.console.print(Text.assemble(("$ ", "dim"), (text, "cyan")), soft_wrap=True)

    def _echo(self, said: Said) -> None:
        line = told(said)
        if line is not None:
            stamp = time.strftime("%H:%M:%S", time.localtime())
            self.console.print(Text.assemble((f"  {stamp} ", "dim"), line), soft_wrap=True)


def told(said: Said) -> Text | None:
    """What the story repeats of what the tool says; ``None`` for details."""
    first = said.text.splitlines()[0] if said.text else ""
    match said.kind:
        case "done":
            beside = "" if said.text == said.step else f": {said.text.split(';')[0]}"
            mark, style, text = "✓ ", "green", f"{said.step}{beside}"
        case "verdict":
            mark, style, text = "✓ ", "green", f"{said.step}: no worse than the old version"
        case "begin" if said.step.startswith("watch"):
            mark, style, text = "▶ ", "cyan", said.step
        case "alarm" | "failed":
            mark, style, text = "✗ ", "red", first
        case "error":  # the reason was said when it turned back
            mark, style, text = "• ", "cyan", re.sub(r"( was rolled back): .*", r"\1", first)
        case "takeover" | "note" | "request" | "text":
            mark, style, text = "• ", "cyan", said.text
        case _:
            return None
    return Text.assemble((mark, style), text)
