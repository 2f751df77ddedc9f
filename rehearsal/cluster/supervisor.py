"""PID 1 of the embedded cluster: starts the parts, restarts what dies, and says how they are.

``python -m rehearsal.cluster.supervisor ROOT LIFELINE [NAME=DESCRIPTOR...]``, where ``LIFELINE`` is the read end of a
pipe whose other end the launcher holds: the cluster stops when that end is closed, by whatever ended the launcher.
"""

import asyncio
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rehearsal.cluster import bootstrap, namespace
from rehearsal.cluster.api import Api
from rehearsal.cluster.health import gateway_kinds, healthy
from rehearsal.cluster.keeper import Keeper, Surroundings
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.logs import trim
from rehearsal.cluster.part import Part
from rehearsal.cluster.parts import all_parts
from rehearsal.cluster.plan import Plan
from rehearsal.cluster.processes import Nursery
from rehearsal.cluster.state import Report

TRIM_EVERY: Final = 20.0
RETRY: Final = 0.3


class Supervisor:
    """The parts of one cluster, kept alive together."""

    def __init__(self, layout: Layout, parts: Sequence[Part], environment: dict[str, str]) -> None:
        self._layout = layout
        self._api = Api.of(layout, "supervisor")
        self._problem = ""
        self._furnished = False
        self._nursery = Nursery()
        around = Surroundings(
            layout=layout,
            environment=environment,
            nursery=self._nursery,
            healthy=lambda url: asyncio.to_thread(healthy, url, layout),
            look=lambda: asyncio.to_thread(gateway_kinds, self._api),
            changed=self._report,
        )
        self._keepers: dict[str, Keeper] = {}
        for part in parts:
            self._keepers[part.name] = Keeper(part, around, [self._keepers[name] for name in part.after])

    async def run(self, lifeline: int) -> None:
        """Keep the parts alive until the lifeline is cut or SIGTERM arrives."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_reader(lifeline, stop.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._nursery.watch()
        for keeper in self._keepers.values():
            keeper.start()
        chores = [asyncio.create_task(self._furnish()), asyncio.create_task(self._trim())]
        await stop.wait()
        loop.remove_reader(lifeline)
        for chore in chores:
            chore.cancel()
        await self._stop()

    async def _stop(self) -> None:
        """Stop every part after those that need it."""
        stops: dict[str, asyncio.Task[None]] = {}

        async def stop(keeper: Keeper, dependents: list[asyncio.Task[None]]) -> None:
            if dependents:
                await asyncio.wait(dependents)
            await keeper.stop()

        for name, keeper in reversed(self._keepers.items()):
            dependents = [stops[other] for other, k in self._keepers.items() if name in k.part.after]
            stops[name] = asyncio.create_task(stop(keeper, dependents))
        await asyncio.wait(stops.values())

    async def _furnish(self) -> None:
        """Give the cluster what it has on its first day, and wait until it is in use."""
        await self._keepers["kube-apiserver"].ready.wait()
        while not self._furnished:
            try:
                self._problem = await asyncio.to_thread(bootstrap.furnish, self._api, self._layout)
                self._furnished = not self._problem
            except Exception as error:
                self._problem = f"setting up the cluster: {error}"
            self._report()
            await asyncio.sleep(RETRY)

    async def _trim(self) -> None:
        while True:
            await asyncio.to_thread(trim, self._layout)
            await asyncio.sleep(TRIM_EVERY)

    def _report(self) -> None:
        parts = tuple(status for keeper in self._keepers.values() for status in keeper.statuses)
        waiting = any(keeper.part.gate is None and not keeper.ready.is_set() for keeper in self._keepers.values())
        Report(ready=self._furnished and not waiting, parts=parts, problem=self._problem).write(self._layout)


def main(arguments: Sequence[str]) -> None:
    """Entry point of the process."""
    root, lifeline, *rest = arguments
    sockets: dict[str, list[int]] = defaultdict(list)
    for item in rest:
        name, _, number = item.partition("=")
        sockets[name].append(int(number))
    layout = Layout(root=Path(root))
    plan = Plan.read(layout)
    if plan is None:
        raise SystemExit(f"{layout.plan} is missing")
    namespace.set_up_network()
    namespace.set_up_shared_memory()
    asyncio.run(Supervisor(layout, all_parts(layout, plan, sockets), dict(os.environ)).run(int(lifeline)))


if __name__ == "__main__":
    main(sys.argv[1:])
