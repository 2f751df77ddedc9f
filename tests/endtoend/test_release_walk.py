"""The walk of the guide to releases, typed as it stands there."""

import re

import pytest

from rehearsal.paths import REPOSITORY
from tests.endtoend.conftest import Platform, run

pytestmark = pytest.mark.endtoend


def test_the_walk_of_the_release_guide_goes_as_it_is_written(configured: Platform) -> None:
    guide = (REPOSITORY / "docs" / "releasing.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    done = run(configured.checkout, "sh", "-eu", "-c", "\n".join(blocks))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "success: green serves version 1.2.0" in done.stdout
    assert "success: blue serves version 1.0.0" in done.stdout
    assert list((configured.checkout / ".rehearsal" / "reports").glob("*.html"))
