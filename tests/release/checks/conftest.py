"""What the checks' tests share."""

from collections.abc import Iterator

import pytest

from tests.release.control_plane import ControlPlane, start


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield one for all tests of the folder. They share it: use namespaces of your own, and leave it running."""
    plane = start(tmp_path_factory.mktemp("control-plane"))
    yield plane
    plane.stop()
