"""``python -m rehearsal.traffic``: send requests through the gateway and say who answered them."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from rehearsal.errors import RehearsalError, TrafficFailed
from rehearsal.traffic.load import send
from rehearsal.traffic.plan import PATHS, Plan
from rehearsal.traffic.report import Report


def parser() -> argparse.ArgumentParser:
    """Return the command line, as ``rehearsal traffic`` and tests write it."""
    made = argparse.ArgumentParser(prog="python -m rehearsal.traffic", description=__doc__)
    made.add_argument("--domain", required=True, help="name of the site")
    made.add_argument("--ca", type=Path, required=True, help="certificate to trust (PEM)")
    made.add_argument("--connect", default="127.0.0.1:443", help="HOST:PORT of the gateway")
    made.add_argument("-n", "--requests", type=int, help="how many requests (default: 1000)")
    made.add_argument("--rate", type=float, help="requests a second; without it, as fast as --concurrency allows")
    made.add_argument("--seconds", type=float, help="how long, with --rate, instead of --requests")
    made.add_argument("--concurrency", type=int, default=16, help="requests under way at a time, without --rate")
    made.add_argument("--clients", type=int, help="client addresses (default: enough for 90 requests a minute each)")
    made.add_argument("--path", action="append", dest="paths", help="path to ask for; can be repeated")
    made.add_argument("--timeout", type=float, default=5.0, help="seconds after which a request has failed")
    made.add_argument("--timeline", action="store_true", help="put who answered when into the JSON")
    made.add_argument("--no-errors", action="store_true", help="end with exit code 12 if a request fails")
    made.add_argument("--output", choices=("table", "json"), default="table", help="what to print")
    made.add_argument("--file", type=Path, help="write the JSON to this file too")
    return made


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Return the plan that the command line asks for. Raises ValueError."""
    host, _, port = arguments.connect.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"--connect {arguments.connect!r}: must be HOST:PORT, as in 127.0.0.1:443")
    if arguments.seconds is not None and (arguments.rate is None or arguments.requests is not None):
        raise ValueError("--seconds: needs --rate, and excludes --requests")
    requests = 1000 if arguments.requests is None else arguments.requests
    if arguments.seconds is not None:
        requests = max(1, round(arguments.seconds * arguments.rate))
    return Plan(
        domain=arguments.domain,
        ca=arguments.ca,
        host=host,
        port=int(port),
        requests=requests,
        rate=arguments.rate,
        concurrency=arguments.concurrency,
        paths=tuple(arguments.paths or PATHS),
        clients=arguments.clients,
        timeout=arguments.timeout,
        timeline=arguments.timeline,
    )


async def interruptible(plan: Plan) -> Report:
    """Send until done, SIGINT or SIGTERM; either way the report covers what was sent."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await send(plan, stop=stop)


def main(argv: Sequence[str] | None = None) -> int:
    """Run; return the exit code."""
    command = parser()
    arguments = command.parse_args(argv)
    try:
        plan = plan_of(arguments)
    except ValueError as error:
        command.error(str(error))
    try:
        report = uvloop.run(interruptible(plan))
        _show(report, arguments)
        if arguments.no_errors and report.failed:
            problem = f"{report.failed} of {report.requests} requests failed: {report.kinds}"
            raise TrafficFailed(problem, remedy="kubectl -n english-training get pods; make status")
    except RehearsalError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _show(report: Report, arguments: argparse.Namespace) -> None:
    text = json.dumps(report.to_json())
    if arguments.file:
        arguments.file.write_text(text + "\n", encoding="utf-8")
    if arguments.output == "json":
        sys.stdout.write(text + "\n")
    else:
        Console().print(report.table())


if __name__ == "__main__":
    sys.exit(main())
