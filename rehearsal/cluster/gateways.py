"""Looks after the Gateways in the cluster: their certificates and their addresses.

``python -m rehearsal.cluster.gateways ROOT``
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rehearsal.cluster import addresses, issuer
from rehearsal.cluster.api import Api, ApiError
from rehearsal.cluster.layout import Layout

GATEWAYS: Final = "/apis/gateway.networking.k8s.io/v1/gateways"
CHECK_EVERY: Final = 30
"""Seconds after which everything is looked at again even if no Gateway has changed: a Secret may have been deleted."""
RETRY: Final = 1.0
SOON: Final = 0.3
"""Seconds between two looks while Envoy does not yet listen."""


def look(api: Api, layout: Layout) -> float:
    """Reconcile once, and wait for the next change if there is nothing left to do. Returns seconds to pause."""
    listed = api.get(GATEWAYS)
    if listed is None:
        return RETRY
    gateways = [one for one in listed["items"] if not one["metadata"].get("deletionTimestamp")]
    for line in issuer.reconcile(api, layout, gateways, datetime.now(UTC)):
        print(line, flush=True)  # noqa: T201 - its log
    if not addresses.reconcile(api, gateways, addresses.listens):
        return SOON
    path = f"{GATEWAYS}?resourceVersion={listed['metadata']['resourceVersion']}"
    next(api.watch(path, seconds=CHECK_EVERY), None)
    return 0.0


def main() -> None:
    """Entry point of the process."""
    layout = Layout(root=Path(sys.argv[1]))
    api = Api.of(layout, "gateways")
    while True:
        try:
            pause = look(api, layout)
        except (OSError, ApiError) as error:
            print(error, flush=True)  # noqa: T201 - its log
            pause = RETRY
        time.sleep(pause)


if __name__ == "__main__":
    main()
