"""How fast the history of releases is: ``python -m benchmarks.journal --kubeconfig FILE``.

Puts a thousand releases of a size that releases have into a namespace of its own, and lists them as the release tool
does, from this process and from a fresh one; beside the peers ``kubectl get configmaps`` on the same objects, as a
table and with their data. The namespace is removed in the end.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from rich.console import Console
from rich.table import Table

from release.adapters.cluster_history import ClusterHistory
from release.adapters.cluster_journal import ClusterJournal
from release.adapters.cluster_objects import CONFIG_MAPS, ClusterObjects
from release.adapters.cluster_wire import ClusterWire
from release.journal import records
from release.model import Colour, Event, Kind, Lineup, Order, Release, Status, Step, Strategy, Times

STACK = "benchmark"
COUNT = 1_000
EVENTS = 40
"""Of one release: a canary in five steps has about as many."""
HERE, FRESH = "history, in this process", "history, in a fresh process"
TABLE, DATA = "kubectl get configmaps", "kubectl get configmaps --output json"


def connect(kubeconfig: Path) -> ApiClient:
    """A client for the current context of ``kubeconfig``."""
    settings, loader = Configuration(), config
    loader.load_kube_config(config_file=str(kubeconfig), client_configuration=settings)  # type: ignore[no-untyped-call]  # as is all of the client
    return ApiClient(settings)


def fill(client: ApiClient, namespace: str, count: int = COUNT) -> None:
    """Put ``count`` releases into the namespace."""
    objects = ClusterObjects(ClusterWire(client), namespace)

    def put(index: int) -> None:
        objects.create(CONFIG_MAPS, records.to_object(sample(index), index))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(count)))


def sample(index: int) -> Release:
    """A canary that succeeded; each is a few hours after the one before."""
    started = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=3 * index)
    image = "registry.example/english-training-system/{}@sha256:" + f"{index:064x}"
    unit = {
        "version": f"1.{index}.0",
        "backendImage": image.format("backend"),
        "frontendImage": image.format("frontend"),
    }
    text = "5xx 0.2 % of 1,204 requests, stable 0.2 % of 10,911; p95 0.31 s, stable 0.30 s: no worse than stable"
    return Release(
        id=f"{started:%Y%m%d-%H%M%S}-{index:04x}",
        stack=STACK,
        actor="pipeline@runner-7",
        order=Order(
            strategy=Strategy.CANARY,
            version=f"1.{index}.0",
            backend_image=image.format("backend"),
            frontend_image=image.format("frontend"),
            schema_version=7,
            steps=(10, 25, 50, 75, 100),
        ),
        candidate=Colour.GREEN,
        before=Lineup(green_weight=0, blue=dict(unit)),
        after=Lineup(green_weight=100, blue=dict(unit), green=dict(unit)),
        steps=tuple(Step(kind=Kind.SHIFT, share=share) for share in (10, 25, 50, 75, 100)),
        status=Status.SUCCESS,
        done=5,
        times=Times(started=started, ended=started + timedelta(minutes=26)),
        events=tuple(Event(at=started, kind="verdict", text=text, figures={"p": 0.4}) for _ in range(EVENTS)),
    )


def listing(client: ApiClient, namespace: str, count: int = COUNT) -> int:
    """List the releases as ``release history`` does; how many there are."""
    objects = ClusterObjects(ClusterWire(client), namespace)
    return len(ClusterHistory(objects, STACK, ClusterJournal(objects, STACK)).history(count))


def measure(kubeconfig: Path, *, runs: int = 5, count: int = COUNT) -> dict[str, list[float]]:
    """Seconds of each run, by name."""
    client = connect(kubeconfig)
    namespace = f"benchmark-{uuid.uuid4().hex[:8]}"
    kubectl = ["kubectl", "--kubeconfig", str(kubeconfig), "--namespace", namespace, "get", "configmaps"]
    fresh = [sys.executable, "-m", "benchmarks.journal", "--kubeconfig", str(kubeconfig), "--list", namespace]
    _run(["kubectl", "--kubeconfig", str(kubeconfig), "create", "namespace", namespace])
    try:
        fill(client, namespace, count)
        listing(client, namespace, count)
        measured: dict[str, list[float]] = {HERE: [], FRESH: [], TABLE: [], DATA: []}
        for _ in range(runs):
            measured[HERE].append(_seconds(lambda: _require(listing(client, namespace, count), count)))
            measured[FRESH].append(_seconds(lambda: _run(fresh)))
            measured[TABLE].append(_seconds(lambda: _run(kubectl)))
            measured[DATA].append(_seconds(lambda: _run([*kubectl, "--output", "json"])))
    finally:
        _run(["kubectl", "--kubeconfig", str(kubeconfig), "delete", "namespace", namespace, "--wait=false"])
    return measured


def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _require(found: int, count: int) -> None:
    if found != count:
        raise SystemExit(f"{found} of {count} releases were listed")


def _run(command: Sequence[str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(  # noqa: S603 - our own commands
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")


def main(arguments: Sequence[str]) -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", metavar="NAMESPACE", help="only list what is there")
    options = parser.parse_args(arguments)
    if options.list:
        print(listing(connect(options.kubeconfig), options.list))  # noqa: T201 - what was asked for
        return
    measured = measure(options.kubeconfig, runs=options.runs)
    if options.json:
        print(json.dumps(measured, indent=2))  # noqa: T201 - what was asked for
        return
    table = Table(f"{COUNT} releases", "median, s", "least, s", "most, s")
    for name, values in measured.items():
        table.add_row(name, *(f"{value:.3f}" for value in (statistics.median(values), min(values), max(values))))
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
