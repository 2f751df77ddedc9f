"""What is there without building anything: the user's own programs, and what Python packages brought."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal.errors import Missing
from rehearsal.paths import Paths
from rehearsal.toolchain.catalog import WHEELS, prometheus_release
from versions import VERSIONS

_PATIENCE: Final = 20.0
"""Seconds after which a program that was asked for its version is taken to be something else."""


def _release(version: str) -> str:
    return version


def _minor(version: str) -> str:
    return version.rpartition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How to know whether the user's own program will do."""

    arguments: tuple[str, ...]
    """What makes it print its version."""
    wanted: str
    compared: Callable[[str], str] = _release
    """The part of the version that must be the same."""


PROBES: Final[Mapping[str, Probe]] = {
    "pulumi": Probe(arguments=("version",), wanted=VERSIONS.tools["pulumi"].number),
    "kubectl": Probe(arguments=("version", "--client"), wanted=VERSIONS.tools["kubectl"].number, compared=_minor),
    "promtool": Probe(arguments=("--version",), wanted=prometheus_release(VERSIONS.tools["prometheus"].version)),
}
"""Programs that people have installed themselves. A control plane of one's own is not among them."""


def found_on_path(tool: str, paths: Paths) -> Path | None:
    """The user's own ``tool``, if its version fits; never one that the rehearsal itself built or put on PATH."""
    probe = PROBES.get(tool)
    if probe is None:
        return None
    return next((found for found in _candidates(tool, paths) if _fits(found, probe)), None)


def wheel(tool: str) -> Path:
    """A program that a Python package brought. Raises :class:`Missing`."""
    folder = WHEELS[tool]
    path = (Path(sysconfig.get_path("purelib")) / folder if folder else Path(sys.executable).parent) / tool
    if not os.access(path, os.X_OK):
        raise Missing(f"{path} is missing: the Python environment is not whole", remedy="rm -r .venv, then make up")
    return path


def _candidates(tool: str, paths: Paths) -> Iterator[Path]:
    beside_python, launchers = Path(sys.executable).parent, paths.launchers.relative_to(paths.checkout)
    for directory in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        found = shutil.which(tool, path=directory)
        # The launchers of any checkout end alike; the cluster's tools in them are hard links, so nothing else tells.
        if found is None or Path(directory) == beside_python or Path(directory).parts[-2:] == launchers.parts:
            continue
        if not Path(found).resolve().is_relative_to(paths.cache.resolve()):
            yield Path(found)


def _fits(found: Path, probe: Probe) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - what the user has under that name
            [str(found), *probe.arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.search(r"\d+\.\d+\.\d+\S*", done.stdout)
    return version is not None and probe.compared(version[0]) == probe.compared(probe.wanted)
