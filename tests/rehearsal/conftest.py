"""What all of the rehearsal's tests share."""

from collections.abc import Iterator

import pytest

from rehearsal.cluster import lifecycle
from tests.rehearsal.cluster_fixtures import EmbeddedCluster, programs, start


@pytest.fixture(scope="session")
def embedded_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """Yield one cluster for all tests of a run. They share it: use namespaces of your own, and leave it ready."""
    cluster = start(tmp_path_factory.mktemp("cluster"), programs())
    yield cluster
    lifecycle.stop(cluster.paths)
