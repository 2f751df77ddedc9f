"""The README's walk, typed as it stands there."""

import re

import pytest

from rehearsal.paths import REPOSITORY
from tests.endtoend.conftest import Platform, run

pytestmark = pytest.mark.endtoend


def test_the_walk_goes_as_it_is_written_and_the_platform_comes_back(configured: Platform) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    walk = "\n".join(blocks).replace("8443", str(configured.https_port)).replace("8080", str(configured.http_port))
    done = run(configured.checkout, "sh", "-eu", "-c", walk)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"301 https://localhost:{configured.https_port}/" in said
    assert "stopped" in done.stdout
    assert configured.make("status").returncode != 0
    again = configured.make("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert configured.route_weights()["backend-green"] == 25
