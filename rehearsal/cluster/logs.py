"""Keeps logs from growing without end."""

import shutil
from typing import Final

from rehearsal.cluster.layout import Layout

LIMIT: Final = 8 * 1024 * 1024
"""Bytes after which a log starts anew; the former content is kept once, in ``<name>.1``."""


def trim(layout: Layout) -> None:
    """Empty the logs that have grown beyond the limit. Writers append, so they go on at the new beginning."""
    for log in layout.logs.glob("*.log"):
        if not log.name.startswith("audit") and log.stat().st_size > LIMIT:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            with log.open("r+b") as file:
                file.truncate(0)
    # Envoy's output is in its part's log already; this second copy is made by the library that starts it.
    for copy in layout.gateway.glob("state/envoy-runs/*/std*.log"):
        if copy.stat().st_blocks * 512 > LIMIT:
            with copy.open("r+b") as file:
                file.truncate(0)
