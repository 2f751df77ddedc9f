"""What the tests of adapters to the cluster share."""

import uuid

import pytest

from tests.release.control_plane import ControlPlane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    return control_plane.namespace(f"test-{uuid.uuid4().hex[:8]}")
