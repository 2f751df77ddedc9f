"""Sends the requests of a plan, and turns what happens into a report."""

import asyncio
import errno
import itertools
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import uvloop

from rehearsal.errors import CertificateExpired, NotRunning, RehearsalError, TrafficFailed
from rehearsal.traffic.client import Client
from rehearsal.traffic.plan import Plan
from rehearsal.traffic.report import Answered, Report, error_of

_CERTIFICATE_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""


def run(plan: Plan) -> Report:
    """Send everything and wait for the answers. Raises CertificateExpired, NotRunning or TrafficFailed."""
    return uvloop.run(send(plan))


async def send(plan: Plan, *, stop: asyncio.Event | None = None) -> Report:
    """As ``run``, within an event loop; ``stop`` ends it early, with a report on what was sent until then."""
    tls = _trust(plan)
    clients = [Client(plan=plan, address=address, tls=tls) for address in plan.addresses]
    await reach(plan, clients[0])
    load = Load(plan=plan, clients=clients, stop=stop or asyncio.Event())
    started = load.clock()
    try:
        await (load.steadily() if plan.rate else load.eagerly())
    finally:
        for client in clients:
            client.close()
    return Report.of(load.answers, seconds=load.clock() - started, timeline=plan.timeline)


@dataclass(kw_only=True)
class Load:
    """One run. ``clock`` counts seconds, ``sleep`` waits for some."""

    plan: Plan
    clients: list[Client]
    stop: asyncio.Event
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    answers: list[Answered] = field(default_factory=list)

    async def steadily(self) -> None:
        """Send each request when it is due, whatever became of those before: what waits is late, and counts as late."""
        started = self.clock()
        async with asyncio.TaskGroup() as group:
            for number in self._numbers():
                due = started + self.plan.due(number)
                early = due - self.clock()
                if early > 0:
                    await self.sleep(early)
                elif number % 32 == 0:
                    await self.sleep(0)  # behind time: let the answers in
                group.create_task(self._ask(number, due))

    async def eagerly(self) -> None:
        """Keep ``concurrency`` requests under way."""
        numbers = self._numbers()

        async def work() -> None:
            for number in numbers:
                await self._ask(number, self.clock())

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.plan.concurrency, self.plan.requests)):
                group.create_task(work())

    def _numbers(self) -> Iterator[int]:
        return itertools.takewhile(lambda _: not self.stop.is_set(), range(self.plan.requests))

    async def _ask(self, number: int, due: float) -> None:
        client = self.clients[number % len(self.clients)]
        status, error, component, colour = 0, "", "", ""
        try:
            reply = await client.ask(self.plan.message(number))
            status, error = reply.status, error_of(reply.status)
            component, colour = reply.component, reply.colour
        except OSError as problem:
            error = failure(problem)
        answered = Answered(
            at=time.time(), seconds=self.clock() - due, error=error, status=status, component=component, colour=colour
        )
        self.answers.append(answered)


def failure(problem: OSError) -> str:
    """Name the kind of failure of a request without an answer."""
    match problem:
        case TimeoutError():
            return "timeout"
        case ssl.SSLError():
            return "tls"
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return "closed"
        case _:
            return "connect"


def _trust(plan: Plan) -> ssl.SSLContext | None:
    if plan.ca is None:
        return None
    try:
        tls = ssl.create_default_context(cafile=str(plan.ca))
    except OSError as problem:
        raise NotRunning(f"no certificate authority at {plan.ca}: {problem.strerror}", remedy="make up") from problem
    tls.set_alpn_protocols(["http/1.1"])
    return tls


async def reach(plan: Plan, client: Client) -> None:
    """Make sure that the gateway is there, before counting. Raises CertificateExpired, NotRunning or TrafficFailed."""
    try:
        await client.connect()
    except OSError as problem:
        raise _explained(plan, client.address, problem) from problem


def _explained(plan: Plan, address: str, problem: OSError) -> RehearsalError:
    where = f"the gateway at {plan.host}:{plan.port}"
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code == _CERTIFICATE_EXPIRED:
            return CertificateExpired(f"the certificate of {where} for {plan.domain} has expired", remedy="make up")
        reason = problem.verify_message
        return TrafficFailed(f"the certificate of {where} does not prove {plan.domain}: {reason}", remedy="make up")
    if isinstance(problem, TimeoutError):
        return TrafficFailed(f"{where} does not answer within {plan.timeout:g} s", remedy="make status")
    if isinstance(problem, ssl.SSLError | ConnectionResetError):
        problem_text = f"{where} has no TLS for {plan.domain}: {problem.strerror or problem}"
        return TrafficFailed(problem_text, remedy="kubectl -n gateway describe gateway public")
    if problem.errno == errno.EADDRNOTAVAIL:
        text = f"the client address {address} is not on this machine: run inside the embedded cluster's network"
        return NotRunning(text, remedy="make traffic")
    return NotRunning(f"nothing listens at {plan.host}:{plan.port}: {problem.strerror or problem}", remedy="make up")
