"""Brings a cluster up, looks, and takes it down again: what the test of an ordinary user runs as that user.

``python -m tests.rehearsal.cluster.drive CHECKOUT HTTP HTTPS``
"""

import sys
from pathlib import Path

from rehearsal.cluster import lifecycle
from rehearsal.cluster.plan import Ports
from rehearsal.paths import Paths
from rehearsal.report import Lines
from tests.rehearsal.cluster_fixtures import EmbeddedCluster, programs


def main() -> None:
    """Print what was found on the last line."""
    checkout, http, https = sys.argv[1:]
    paths = Paths(checkout=Path(checkout), cache=Path(checkout) / "cache")
    binaries = programs()
    running = lifecycle.start(paths, binaries, Ports(http=int(http), https=int(https)), Lines())
    try:
        cluster = EmbeddedCluster(paths=paths, programs=binaries, running=running)
        nodes = cluster.kubectl("get", "nodes", "-o", "name").split()
        names = cluster.inside("cat", "/proc/net/fib_trie")
    finally:
        lifecycle.stop(paths)
    assert "10.200.0.0" in names
    assert not lifecycle.status(paths).running
    print({3: "three"}.get(len(nodes), len(nodes)), "nodes, stopped")  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
