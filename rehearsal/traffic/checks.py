"""Small questions to the gateway that tests ask: does it redirect, does it limit, when did a switch happen."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from rehearsal.traffic.client import Client, Reply
from rehearsal.traffic.load import run
from rehearsal.traffic.plan import Plan
from rehearsal.traffic.report import Answered


def redirect(plan: Plan, *, port: int = 80) -> Reply:
    """Answer of the gateway's plain HTTP listener to the plan's first request. Raises OSError if there is none."""
    plain = replace(plan, ca=None, port=port)

    async def ask() -> Reply:
        client = Client(plan=plain, address=plain.addresses[0], tls=None)
        try:
            return await client.ask(plain.message(0))
        finally:
            client.close()

    return asyncio.run(ask())


def limited(plan: Plan, *, requests: int = 150) -> int:
    """How many of ``requests`` that a single client sends at once are refused with 429. Raises as ``run`` does.

    All ask for the plan's first path: a gateway that counts locally counts for each of a route's rules by itself.
    """
    report = run(replace(plan, requests=requests, rate=None, clients=1, concurrency=4, paths=plan.paths[:1]))
    return report.statuses.get(429, 0)


def first(timeline: Sequence[Answered], colour: str, *, since: float = 0.0) -> float | None:
    """When ``colour`` answered for the first time after ``since``, seconds since the epoch; None if never."""
    return next((one.at for one in timeline if one.colour == colour and one.at >= since), None)


def last(timeline: Sequence[Answered], colour: str) -> float | None:
    """When ``colour`` answered for the last time, seconds since the epoch; None if never."""
    return next((one.at for one in reversed(timeline) if one.colour == colour), None)
