"""What the tests of adapters to the cluster share."""

import uuid
from collections.abc import Iterator

import pytest

from tests.release.control_plane import ControlPlane, start


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield one for all tests of the folder. They share it: use namespaces of your own, and leave it running."""
    plane = start(tmp_path_factory.mktemp("control-plane"))
    yield plane
    plane.stop()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    return control_plane.namespace(f"test-{uuid.uuid4().hex[:8]}")
