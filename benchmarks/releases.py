"""How fast a bad version is taken back, and how long releases take: after ``make up``, on a stack with one colour.

Each figure comes from what clients saw: the timeline of steady traffic, 200 requests a second from many clients. A
fault is put into the candidate's pods while it is watched at 10 %; what is measured is the time from the first bad
answer to the last one, and how many there were. Beside it, in the same run, the peers:

- a script with Prometheus alone, as people write it: each second the error ratio over 10 s, and a patch of the route as
  soon as it is more than half of what the fault gives. It is told where to look, and takes no care of false alarms;
- the bare patch of the route: from the start of the command to the last bad answer. Nothing can be faster than that.

Argo Rollouts and Flagger need a cluster with containers; measured elsewhere at their fastest, they take 4.2 to 14 s and
20 s for a version that answers only 5xx.
"""

import argparse
import json
import signal
import statistics
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks import journal
from rehearsal.cluster import lifecycle
from rehearsal.demo.figures import Flow
from rehearsal.demo.load import Load
from rehearsal.demo.site import COMPONENTS, FULL, NAMESPACE, Site

RATE: Final = 200.0
SHARE: Final = 10
WATCHED: Final = 3.0
"""Seconds at 10 % before the fault: long enough that all of the route is in force everywhere."""
AFTER: Final = 3.0
"""Seconds for which traffic goes on after the end, so that a last bad answer would be seen."""
GIVEN_UP: Final = 300.0
FAULTS: Final = {"only 5xx": "errors=100", "5 % of answers 5xx": "errors=5"}
EXPECTED: Final = {"only 5xx": 1.0, "5 % of answers 5xx": 0.05}
BARS: Final = {"only 5xx": 4.0, "5 % of answers 5xx": 30.0}
MANAGER: Final = "pulumi-kubernetes"
"""Who owns the route's weights: a patch under another name would be a conflict at the next update."""
VERSIONS: Final = {"blue": "3.0.0", "green": "3.1.0"}
"""What each colour runs meanwhile, so that a candidate is warm at each deployment."""
WINDOW: Final = "10s"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One thing that was measured several times."""

    name: str
    seconds: list[float]
    lost: list[int] = field(default_factory=list)
    """Requests lost in each run, where that is the matter."""
    bar: float | None = None
    """Seconds that the median may take."""


class Bench:
    """The platform under measurement."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self.site, self._say = Site.here(), say
        self._images = {colour: self.site.push(version) for colour, version in VERSIONS.items()}

    def prepare(self) -> list[float]:
        """Put a version of its own into each colour; seconds that each deployment took, without its watching."""
        return [self.deploy_time() for _ in VERSIONS]

    def deploy_time(self) -> float:
        """Seconds of a blue-green deployment into pods that have to be made, all checks, without its watching."""
        candidate = self._candidate()
        images = self.site.push(VERSIONS[candidate])
        version = f"{VERSIONS[candidate]}-{time.time_ns() % 10**9}"
        with Load(self.site.paths, domain=self.site.domain, rate=RATE):
            begun = time.monotonic()
            run = self.site.tool.start(
                *("deploy", *images, "--version", version, "--strategy", "blue-green", "--soak", "8s", "--wait", "60s")
            )
            code, release = run.end()
            took = time.monotonic() - begun
        if code:
            raise SystemExit(f"the deployment ended with {code}: {run.heard[-1].text}")
        return took - watched(release)

    def rollback_time(self) -> tuple[float, float]:
        """Seconds from the start of ``release rollback`` to the last answer of the version left, and to its end."""
        leaving = self.site.serving()
        with Load(self.site.paths, domain=self.site.domain, rate=RATE) as load:
            begun, clock = time.monotonic(), time.time()
            code, _ = self.site.tool.start("rollback").end()
            took = time.monotonic() - begun
            time.sleep(1)
            flow = load.stop()
        if code or flow.failed:
            raise SystemExit(f"the rollback ended with {code}, {flow.failed} requests failed")
        return flow.last_of(leaving, clock) or 0.0, took

    def taken_back(self, faults: str) -> Flow:
        """What clients saw of a canary that goes bad at 10 %, and that the tool takes back by itself."""
        candidate = self._candidate()
        order = [*self._images[candidate], "--version", self.site.version(candidate)]
        with Load(self.site.paths, domain=self.site.domain, rate=RATE) as load:
            run = self.site.tool.start("deploy", *order, "--steps", f"{SHARE},{FULL}", "--soak", f"{GIVEN_UP:.0f}s")
            try:
                for said in run:
                    if said.kind == "begin" and said.step == f"watch at {SHARE} %":
                        time.sleep(WATCHED)
                        self.site.spoil(candidate, faults)
                        break
                code, release = run.end()
                time.sleep(AFTER)
                flow = load.stop()
            finally:
                run.interrupt(60)
                self.site.cure(candidate)
        if release.get("status") != "rolled back":
            raise SystemExit(f"the release ended with {code}: {release.get('status')}, {run.heard[-1].text}")
        if not flow.harm.lost:
            raise SystemExit(f"the release was taken back before anything was wrong: {release.get('reason')}")
        return flow

    def scripted(self, name: str) -> Flow:
        """The same by a script that asks Prometheus alone."""
        limit = EXPECTED[name] / 2
        return self._by_hand(FAULTS[name], lambda candidate: self._until_prometheus(candidate, limit))

    def patched(self) -> float:
        """Seconds from the start of a bare patch to the last bad answer."""
        begun: list[float] = []

        def at_once(_: str) -> None:
            time.sleep(2)
            begun.append(time.time())

        flow = self._by_hand(FAULTS["only 5xx"], at_once)
        return max(0.0, (flow.harm.last or begun[0]) - begun[0])

    def _by_hand(self, faults: str, wait: Callable[[str], None]) -> Flow:
        candidate = self._candidate()
        before = 0 if candidate == "green" else FULL
        try:
            with Load(self.site.paths, domain=self.site.domain, rate=RATE) as load:
                self._patch(SHARE if candidate == "green" else FULL - SHARE)
                time.sleep(WATCHED + 10)  # a window's length, so that the ratio is all of this traffic
                self.site.spoil(candidate, faults)
                wait(candidate)
                self._patch(before)
                time.sleep(AFTER)
                return load.stop()
        finally:
            self._patch(before)
            self.site.cure(candidate)

    def _until_prometheus(self, colour: str, limit: float) -> None:
        port = lifecycle.status(self.site.paths).beside["prometheus"]
        of = f'{{colour="{colour}"}}[{WINDOW}]'
        errors = f'sum by (service) (rate(envoy_cluster_upstream_rq_xx{{envoy_response_code_class="5",{of[1:]}))'
        query = f"max({errors} / sum by (service) (rate(envoy_cluster_upstream_rq_xx{of})))"
        url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        given_up = time.monotonic() + GIVEN_UP
        while time.monotonic() < given_up:
            with urllib.request.urlopen(url, timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
            if result and float(result[0]["value"][1]) > limit:
                return
            time.sleep(1)
        raise SystemExit(f"Prometheus saw nothing of the fault within {GIVEN_UP:.0f} s")

    def _patch(self, green: int) -> None:
        edits = [
            {"op": "replace", "path": f"/spec/rules/{rule}/backendRefs/{index}/weight", "value": weight}
            for rule in range(len(COMPONENTS))
            for index, weight in ((0, FULL - green), (1, green))
        ]
        self.site.run(
            *("kubectl", "patch", "httproute", "english-training", "--namespace", NAMESPACE, "--type=json"),
            *("--field-manager", MANAGER, "--patch", json.dumps(edits)),
        )

    def _candidate(self) -> str:
        return "blue" if self.site.serving() == "green" else "green"


def watched(release: dict[str, Any]) -> float:
    """Seconds that a release spent on watching, by its own events."""
    total, begun = 0.0, None
    for event in release["events"]:
        if not str(event.get("step") or "").startswith("watch"):
            continue
        at = datetime.fromisoformat(event["at"])
        if event["kind"] == "begin":
            begun = at
        elif begun is not None:
            total, begun = total + (at - begun).total_seconds(), None
    return total


def measure(runs: int, say: Callable[[str], object]) -> list[Figure]:
    """Measure everything; the stack is left with one colour that serves, and no release in progress."""
    bench = Bench(say)
    if bench.site.green() not in {0, FULL}:
        say("both colours serve: giving all requests to blue")
        bench.site.settle(0)
    say("deployments into pods that have to be made, twice")
    deployments = bench.prepare()
    figures = []
    for fault in FAULTS:
        by_tool = repeated(f"{fault}: the release tool", partial(bench.taken_back, FAULTS[fault]), runs, say)
        by_script = repeated(f"{fault}: a script with Prometheus", partial(bench.scripted, fault), runs, say)
        figures += [replace(by_tool, bar=BARS[fault]), by_script]
    patches = [bench.patched() for _ in range(runs)]
    say("rollbacks after promotion")
    back = [bench.rollback_time() for _ in range(runs)]
    deployments += [bench.deploy_time() for _ in range(max(0, runs - len(deployments)))]
    listing = journal.measure(bench.site.paths.kubeconfig, runs=runs)
    return [
        *figures,
        Figure(name="the bare patch of the route, from its start to the last bad answer", seconds=patches),
        Figure(
            name="release rollback after promotion: until nothing reaches the new version", seconds=[a for a, _ in back]
        ),
        Figure(name="release rollback after promotion: the whole command", seconds=[b for _, b in back]),
        Figure(name="blue-green deployment without its watching", seconds=deployments, bar=120.0),
        Figure(name=f"after {journal.COUNT:,} releases: {journal.FRESH}", seconds=listing[journal.FRESH], bar=1.0),
        Figure(name=f"after {journal.COUNT:,} releases: {journal.DATA}", seconds=listing[journal.DATA]),
    ]


def repeated(name: str, look: Callable[[], Flow], runs: int, say: Callable[[str], object]) -> Figure:
    """The harm of a fault, several times."""
    harms = []
    for _ in range(runs):
        harms.append(look().harm)
        say(f"{name}: {harms[-1].seconds:.2f} s, {harms[-1].lost} requests lost")
    return Figure(name=name, seconds=[harm.seconds for harm in harms], lost=[harm.lost for harm in harms])


def table(figures: Sequence[Figure]) -> Table:
    """For people."""
    shown = Table("figure", "median, s", "least, s", "most, s", "requests lost, median (most)", "bar, s")
    for figure in figures:
        values = (statistics.median(figure.seconds), min(figure.seconds), max(figure.seconds))
        lost = f"{statistics.median(figure.lost):.0f} ({max(figure.lost)})" if figure.lost else ""
        shown.add_row(
            figure.name,
            *(f"{value:.2f}" for value in values),
            lost,
            "" if figure.bar is None else f"{figure.bar:g}",
        )
    return shown


def document(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """For programs: each run's figure too."""
    return [
        {
            "name": figure.name,
            "median": statistics.median(figure.seconds),
            "seconds": figure.seconds,
            "lost": figure.lost,
            "bar": figure.bar,
        }
        for figure in figures
    ]


def main(arguments: Sequence[str]) -> None:
    """Measure, and print a table or JSON; what is going on goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--file", type=Path, help="write the JSON to this file too")
    options = parser.parse_args(arguments)
    aside = Console(stderr=True, highlight=False)
    # Whoever ends this early finds the stack as a run leaves it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    figures = measure(options.runs, aside.print)
    if options.file:
        options.file.write_text(json.dumps(document(figures), indent=2) + "\n")
    if options.json:
        print(json.dumps(document(figures), indent=2))  # noqa: T201 - what was asked for
        return
    Console().print(table(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
