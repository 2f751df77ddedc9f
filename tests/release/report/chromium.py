"""Finds a Chromium for the tests of the pages. None is installed by the project's own dependencies."""

import os
import shutil
from pathlib import Path
from typing import Final

NAMES: Final = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
VARIABLE: Final = "RELEASE_TEST_CHROMIUM"
HOW: Final = (
    f"no Chromium on the PATH ({', '.join(NAMES)}) nor named by {VARIABLE}: "
    "on Debian, apt-get install chromium-headless-shell"
)


def find() -> Path | None:
    """The program; a variable that names none that exists is an error, since somebody wanted it."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(f"{VARIABLE} names {named}, which is no file")
        return Path(named)
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


if __name__ == "__main__":
    print(find() or HOW)  # noqa: T201 - this is its purpose
