"""What all tests of the release tool share: real parts, from the toolchain where the user names none."""

import os
from collections.abc import Iterator

import pytest

from rehearsal import toolchain
from rehearsal.paths import Paths
from rehearsal.report import reporter
from tests.release.control_plane import ControlPlane, start

PROGRAMS = {
    "ENGLISH_TRAINING_TEST_PROMETHEUS": "prometheus",
    "ENGLISH_TRAINING_TEST_REGISTRY": "registry",
    "ENGLISH_TRAINING_TEST_PROMTOOL": "promtool",
}
"""Variables that name a program, and what the toolchain calls it."""


@pytest.fixture(scope="session", autouse=True)
def _programs() -> Iterator[None]:
    """Name the toolchain's programs where the environment names none."""
    patch = pytest.MonkeyPatch()
    missing = {variable: name for variable, name in PROGRAMS.items() if not os.environ.get(variable)}
    found = toolchain.ensure(Paths.of(), list(missing.values()), reporter())
    for variable, name in missing.items():
        patch.setenv(variable, str(found.binary(name)))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield one for all tests of the folder. They share it: use namespaces of your own, and leave it running."""
    plane = start(tmp_path_factory.mktemp("control-plane"))
    yield plane
    plane.stop()
