"""How fast the running platform is updated: ``make bench``, after ``make up``.

Each figure stands beside a peer measured in the same run, because machines differ and drift:

- an update that changes nothing, beside ``kubectl get`` of the same namespace (the cost of asking the API server);
- the time from the start of the command until the first request is answered by the new weight, with the preview and
  without, beside a bare patch of the route.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rehearsal.paths import Paths
from rehearsal.plugins.environment import environment

ROUTE = ("httproute", "english-training", "--namespace", "english-training")
MANAGER = "pulumi-kubernetes"
"""Who owns the route's weights: a patch under another name would be a conflict at the next update."""
PATCH = "kubectl patch"
UPDATES = ("pulumi up --yes", "pulumi up --yes --skip-preview")
LOAD_SECONDS = 20


class Platform:
    """The platform of this checkout, as its user types to it."""

    def __init__(self) -> None:
        self.paths = Paths.of()
        self.environment = {**os.environ, **environment(self.paths)}

    def run(self, *command: str) -> float:
        """Run a command that must go well; return its seconds."""
        begun = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own commands
            command, cwd=self.paths.checkout, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return time.monotonic() - begun

    def weigh(self, green: int) -> None:
        """Set green's share and update."""
        self.run("pulumi", "config", "set", "greenWeight", str(green))
        self.run("pulumi", "up", "--yes", "--non-interactive")

    def patch(self, green: int) -> None:
        """Set the weights in the route itself."""
        edits = [
            {"op": "replace", "path": f"/spec/rules/{rule}/backendRefs/{index}/weight", "value": weight}
            for rule in (0, 1)
            for index, weight in ((0, 100 - green), (1, green))
        ]
        self.run("kubectl", "patch", *ROUTE, "--type=json", "--field-manager", MANAGER, "--patch", json.dumps(edits))

    def seconds_until_green(self, change: str) -> float:
        """Seconds from the beginning of a change from 0 to 100 until green answers, at 200 requests a second."""
        with tempfile.TemporaryDirectory() as folder:
            figures = Path(folder) / "figures.json"
            load = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(sys.executable, "-m", "rehearsal", "traffic", "--rate", "200", "--timeline"),
                    *("-n", str(200 * LOAD_SECONDS), "--file", str(figures)),
                ],
                cwd=self.paths.checkout,
                env=self.environment,
                stdout=subprocess.DEVNULL,
            )
            time.sleep(2)
            if change != PATCH:
                self.run("pulumi", "config", "set", "greenWeight", "100")
            begun = time.time()
            self.patch(100) if change == PATCH else self.run(*change.split())
            load.wait()
            data = json.loads(figures.read_text())
        if data["failed"]:
            raise SystemExit(f"{data['failed']} requests failed during the change: {data['errors']}")
        green = [at for at, _, colour, _ in data["timeline"] if colour == "green" and at >= begun]
        if not green:
            raise SystemExit(f"green did not answer within {LOAD_SECONDS - 2} s of {change}")
        return float(min(green) - begun)


def main(arguments: Sequence[str]) -> None:
    """Measure, print a table or JSON, and leave the weights as they were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    platform = Platform()
    stack = platform.paths.checkout / "Pulumi.development.yaml"
    before = stack.read_text()
    measured: dict[str, list[float]] = {
        name: []
        for name in (
            "pulumi up --yes, no change",
            "kubectl get all",
            *(f"weight live: {change}" for change in (*UPDATES, PATCH)),
        )
    }
    try:
        for _ in range(options.runs):
            platform.weigh(0)
            measured["pulumi up --yes, no change"].append(platform.run("pulumi", "up", "--yes", "--non-interactive"))
            measured["kubectl get all"].append(platform.run("kubectl", "get", "all", "-n", "english-training"))
            measured[f"weight live: {PATCH}"].append(platform.seconds_until_green(PATCH))
            platform.patch(0)
            for change in UPDATES:
                measured[f"weight live: {change}"].append(platform.seconds_until_green(change))
                platform.weigh(0)
    finally:
        stack.write_text(before)
        platform.run("pulumi", "up", "--yes", "--non-interactive", "--skip-preview")
    if options.json:
        print(json.dumps(measured, indent=2))  # noqa: T201 - what was asked for
        return
    table = Table("figure", "median, s", "least, s", "most, s")
    for name, values in measured.items():
        table.add_row(name, *(f"{value:.2f}" for value in (statistics.median(values), min(values), max(values))))
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
