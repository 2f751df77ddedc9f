"""The cluster's processes as the host sees them."""

from pathlib import Path
from typing import Final

import psutil

SUPERVISOR: Final = "rehearsal.cluster.supervisor"


def inside_pids(launcher: int) -> dict[int, int]:
    """Process ids as the cluster's own namespace counts them, to the host's, of ``launcher``'s descendants in it."""
    found: dict[int, int] = {}
    try:
        descendants = psutil.Process(launcher).children(recursive=True)
    except psutil.Error:
        return found
    for process in descendants:
        try:
            text = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            continue  # It ended while being looked at.
        numbers = next((line.split()[1:] for line in text.splitlines() if line.startswith("NSpid:")), [])
        if len(numbers) > 1:
            found[int(numbers[-1])] = process.pid
    return found


def supervisors(root: Path) -> list[int]:
    """The processes that run the namespaces of the cluster at ``root``, whoever started them."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if SUPERVISOR in (argv := process.info["cmdline"] or []) and str(root) in argv
    ]
