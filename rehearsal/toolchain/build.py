"""Builds a Go module of ours into the cache: whole or not at all, and never twice."""

import hashlib
import json
import os
import platform
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from rehearsal.errors import BuildFailed
from rehearsal.report import Reporter, clock_of
from rehearsal.toolchain import history
from rehearsal.toolchain.catalog import Source
from rehearsal.toolchain.compiler import Compiler, GoError
from rehearsal.toolchain.history import Attempt
from rehearsal.toolchain.prerequisites import Go

FLAGS: Final = ("-trimpath", "-gcflags=all=-dwarf=false")
"""No paths of this machine in the programs, and no debug information: a fifth of the compile time."""
STRIP: Final = "-s -w"
MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build left. It is written last: without it, a directory is nothing."""

    seconds: float
    """How long it took."""
    sums: Mapping[str, str]
    """SHA-256 of each program."""


def directory(cache: Path, source: Source, go: Go) -> Path:
    """Where the programs of ``source`` belong: another pin, flag, compiler or machine means another directory."""
    return cache / "tools" / f"{_stem(source)}{_short(go.identity.encode())}"


def built(target: Path) -> Built | None:
    """The build in ``target``, if it is whole and every program is still what was built."""
    try:
        manifest = Built(**json.loads((target / MANIFEST).read_text()))
        with ThreadPoolExecutor() as pool:
            now = dict(zip(manifest.sums, pool.map(_sum, (target / program for program in manifest.sums)), strict=True))
    except (OSError, ValueError, TypeError, AttributeError):
        return None  # Absent, half-written or damaged: nothing that a new build would not mend.
    return manifest if now == manifest.sums else None


def built_by_any(cache: Path, source: Source) -> Path | None:
    """A whole build of ``source`` for this machine, whichever Go made it: for when there is no Go."""
    candidates = sorted((cache / "tools").glob(f"{_stem(source)}*"))
    return next((candidate for candidate in candidates if built(candidate)), None)


def build(source: Source, *, compiler: Compiler, target: Path, report: Reporter) -> Built:
    """Build ``source`` into ``target``. Only for the holder of the cache's lock.

    Raises :class:`BuildFailed`, or :class:`EndedError` if the compiler was ended. What was compiled until then is kept.
    """
    begun = monotonic()
    partial = target.with_name(f".{target.name}-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    scratch = partial / "scratch"
    scratch.mkdir(parents=True)
    said: list[str] = []
    error = ""
    try:
        _compile(source, compiler, partial, said, report)
        result = Built(seconds=round(monotonic() - begun, 1), sums=_settle(source, partial, scratch))
        (partial / MANIFEST).write_text(json.dumps(asdict(result), indent=2))
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except BaseException as failure:
        error = str(failure) or "interrupted"
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        seconds = round(monotonic() - begun, 1)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with _REMEMBERING:
            attempt = Attempt(at=now, seconds=seconds, packages=len(said), error=error)
            history.remember(compiler.cache, source.name, attempt)
    return result


def estimate(cache: Path, source: Source) -> str:
    """How long a build took last time, or takes from nothing: words for people."""
    last, usual = history.read(cache).get(source.name), f"about {clock_of(source.seconds)} from nothing"
    if last is None or last.error:
        return usual
    return f"{usual}, last time {clock_of(last.seconds)} with {last.packages} packages to compile"


def _compile(source: Source, compiler: Compiler, partial: Path, said: list[str], report: Reporter) -> None:
    packages, scratch = list(source.programs.values()), partial / "scratch"
    fetched: list[str] = []
    try:
        stale = "{{if .Stale}}{{.ImportPath}}{{end}}"
        with _ticking(f"fetching the sources of {source.name}", fetched, _modules(source), report):
            listing = compiler.run(
                ["list", "-deps", *_flags(source), "-f", stale, *packages],
                directory=source.directory,
                scratch=scratch,
                heard=fetched.append,
            )
        # Programs count twice: they are linked after they are compiled, which takes long and says nothing.
        total = len(listing.split()) + len(packages)
        name = f"building {source.name}, packages ({estimate(compiler.cache, source)})"
        stamps = (f"-X {variable}={value}" for variable, value in source.stamps.items())
        with _ticking(name, said, total, report):
            compiler.run(
                [
                    "build",
                    "-v",
                    *_flags(source),
                    "-ldflags",
                    " ".join((STRIP, *stamps)),
                    "-o",
                    f"{partial}/",
                    *packages,
                ],
                directory=source.directory,
                scratch=scratch,
                heard=said.append,
            )
    except GoError as failure:
        raise BuildFailed(
            f"Go cannot build {source.name} in {source.directory}:\n{failure}",
            remedy="mend what Go names (often the network: `go env GOPROXY`), then make up: what was compiled is kept",
        ) from None


def _flags(source: Source) -> tuple[str, ...]:
    return (*FLAGS, f"-tags={','.join(source.tags)}") if source.tags else FLAGS


def _settle(source: Source, partial: Path, scratch: Path) -> dict[str, str]:
    """Give the programs their names. Go names them after the last element of their package that is not a version."""
    shutil.rmtree(scratch, ignore_errors=True)
    for program, package in source.programs.items():
        given = next(part for part in reversed(package.split("/")) if not (part[0] == "v" and part[1:].isdigit()))
        (partial / given).rename(partial / program)
    return {program: _sum(partial / program) for program in source.programs}


@contextmanager
def _ticking(name: str, said: Sequence[str], total: int, report: Reporter) -> Iterator[None]:
    """Report even while the compiler or the linker says nothing."""
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(1):
            report.progress(name, min(len(said), total - 1), total)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        report.progress(name, total, total)


def _modules(source: Source) -> int:
    """How many modules a build may have to fetch, at most."""
    lines = (source.directory / "go.sum").read_text().splitlines()
    return 1 + sum("/go.mod " not in line for line in lines)


def _stem(source: Source) -> str:
    """All of a directory's name but the compiler."""
    own = sorted(file.name for file in source.directory.glob("*.go") if file.name != "tools.go")
    files = [_short((source.directory / name).read_bytes()) for name in ("go.mod", "go.sum", *own)]
    how = [
        *files,
        _flags(source),
        STRIP,
        dict(source.stamps),
        dict(source.programs),
        platform.system(),
        platform.machine(),
    ]
    return f"{source.name}-{source.version}-{_short(json.dumps(how).encode())}"


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_REMEMBERING: Final = threading.Lock()
"""Modules are built side by side, and their history is one file."""
