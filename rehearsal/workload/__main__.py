"""Answers for the application's pods until told to stop.

``python -m rehearsal.workload --kubeconfig PATH --targets PATH``
"""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop

from rehearsal.errors import RehearsalError
from rehearsal.workload.pods import PORTS, Pods
from rehearsal.workload.simulator import Simulator
from rehearsal.workload.targets import Targets
from rehearsal.workload.watch import Api, api_of, keep


async def serve(api: Api, targets: Targets) -> None:
    """Follow the pods, answer for them, and list them for Prometheus, until SIGTERM or SIGINT."""
    simulator = Simulator(pods=Pods(), announce=targets.update)
    following = asyncio.create_task(keep(api, simulator.pods, changed=simulator.changed))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, following.cancel)
    try:
        await following
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("stopping")
    finally:
        simulator.close()


def main() -> int:
    """Run, and turn an error into one message and an exit code."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.workload", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="how to reach the API server")
    parser.add_argument("--targets", type=Path, required=True, help="file to list the pods in for Prometheus")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        uvloop.run(serve(api_of(arguments.kubeconfig), Targets(path=arguments.targets, ports=PORTS)))
    except RehearsalError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
