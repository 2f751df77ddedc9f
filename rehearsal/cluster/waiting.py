"""Waiting for the cluster to come up, and saying why it does not."""

import time
from typing import Final

from rehearsal.cluster.layout import Layout
from rehearsal.cluster.record import Record
from rehearsal.cluster.state import Report, State
from rehearsal.errors import ClusterFailed
from rehearsal.report import Reporter

START_SECONDS: Final = 90.0
LAUNCH_SECONDS: Final = 3.0
"""Within which the launcher has to be there at all."""
HOPELESS: Final = 5
"""Restarts of a part after which a start gives up."""
POLL: Final = 0.1


def wait(layout: Layout, report: Reporter) -> None:
    """Wait until the supervisor calls the cluster ready. Raises :class:`ClusterFailed`."""
    begun = time.monotonic()
    told: set[str] = set()
    while True:
        alive = Record.read(layout) is not None
        said = Report.read(layout)
        if alive and said is not None and said.ready:
            return
        for part in said.parts if said else ():
            if part.state == State.RUNNING and part.name not in told:
                told.add(part.name)
                report.step(f"{part.name} is up")
        waited = time.monotonic() - begun
        if waited > START_SECONDS or (waited > LAUNCH_SECONDS and not alive) or _hopeless(said):
            raise _failure(layout, said, alive=alive)
        time.sleep(POLL)


def _hopeless(said: Report | None) -> bool:
    return said is not None and any(part.needed and part.restarts >= HOPELESS for part in said.parts)


def _failure(layout: Layout, said: Report | None, *, alive: bool) -> ClusterFailed:
    """Which part is to blame, what it said, and where to read more."""
    if said is None:
        log = layout.log("launcher")
        why = "its supervisor does not start" if alive else "its launcher ended"
        return ClusterFailed(f"the embedded cluster did not come up: {why}", remedy=f"read {log}, then make up")
    late = [part for part in said.parts if part.needed and part.state != State.RUNNING]
    worst = max(late, key=lambda part: (part.restarts, part.state != State.WAITING), default=None)
    if worst is None:
        return ClusterFailed(
            f"the embedded cluster did not become ready: {said.problem}",
            remedy=f"read {layout.log('kwok')} and {layout.log('kube-controller-manager')}, then make up",
        )
    return ClusterFailed(
        f"the embedded cluster did not come up: {worst.name} is {worst.state.value}"
        + (f" ({worst.detail})" if worst.detail else ""),
        remedy=f"read {layout.log(worst.name)}, then make up; if its data is damaged: make clean, then make up",
    )
