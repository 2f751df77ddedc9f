"""One answer to the question where a program is."""

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rehearsal.errors import BuildFailed, Missing, RehearsalError
from rehearsal.paths import Paths
from rehearsal.report import Reporter
from rehearsal.toolchain import prerequisites
from rehearsal.toolchain.build import build, built, built_by_any, directory, estimate
from rehearsal.toolchain.catalog import WHEELS, Source, source_of
from rehearsal.toolchain.compiler import Compiler
from rehearsal.toolchain.found import found_on_path, wheel
from rehearsal.toolchain.lock import alone


class BuildInterruptedError(RehearsalError):
    """Ctrl-C ended a build. The exit code is the shell's for SIGINT."""

    exit_code: ClassVar[int] = 130


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """Programs, and where they come from."""

    programs: Mapping[str, Path]
    origins: Mapping[str, str]
    """For people: ``yours``, ``built`` or ``Python package``, by program."""

    def binary(self, name: str) -> Path:
        """The executable called ``name``. It was made sure of by :func:`ensure`."""
        return self.programs[name]


def ensure(paths: Paths, names: Sequence[str], report: Reporter) -> Toolchain:
    """Find or build the programs called ``names``.

    Raises :class:`Missing`, :class:`NoRoom`, :class:`BuildFailed`, or :class:`BuildInterruptedError` on Ctrl-C.
    """
    prerequisites.require_python()
    prerequisites.require_programs()
    programs, origins = dict[str, Path](), dict[str, str]()
    for name in names:
        yours = found_on_path(name, paths)
        if yours is not None:
            programs[name], origins[name] = yours, "yours"
        elif name in WHEELS:
            programs[name], origins[name] = wheel(name), "Python package"
    sources = list(dict.fromkeys(source_of(name) for name in names if name not in programs))
    targets = _ensure_built(paths, sources, report)
    for name in names:
        if name not in programs:
            programs[name], origins[name] = targets[source_of(name)] / name, "built"
    return Toolchain(programs=programs, origins=origins)


def clean(paths: Paths, report: Reporter) -> None:
    """Remove everything built and compiled from the user's cache, once nobody builds. The next use builds again."""
    with alone(paths.cache, paths.checkout, report):
        for name in ("tools", "go-build"):
            shutil.rmtree(paths.cache / name, ignore_errors=True)


def _ensure_built(paths: Paths, sources: Sequence[Source], report: Reporter) -> Mapping[Source, Path]:
    if not sources:
        return {}
    try:
        go = prerequisites.require_go(sources)
    except Missing:
        there = {source: built_by_any(paths.cache, source) for source in sources}
        targets = {source: target for source, target in there.items() if target is not None}
        if len(targets) < len(sources):
            raise
        return targets
    targets = {source: directory(paths.cache, source, go) for source in sources}
    if not _missing(targets):
        return targets
    try:
        with alone(paths.cache, paths.checkout, report):
            missing = _missing(targets)
            if missing:
                _sweep(paths.cache)
                prerequisites.require_disk(missing, cache=paths.cache, modules=go.modules)
                prerequisites.require_memory()
                _build_all(missing, Compiler(go=go, cache=paths.cache), targets, report)
    except OSError as error:
        raise BuildFailed(
            f"the toolchain cannot be built in {paths.cache}: {error}",
            remedy="make room or give yourself the right to write there, or: export ENGLISH_TRAINING_CACHE=<directory>",
        ) from None
    return targets


def _missing(targets: Mapping[Source, Path]) -> list[Source]:
    return [source for source, target in targets.items() if built(target) is None]


def _build_all(missing: Sequence[Source], compiler: Compiler, targets: Mapping[Source, Path], report: Reporter) -> None:
    """Side by side where memory allows. The first failure or interrupt ends the others."""
    at_once = max(1, min(len(missing), int(prerequisites.free_memory() // prerequisites.MEMORY_GIB)))
    for source in missing:
        report.step(f"building {source.name} {source.version} ({estimate(compiler.cache, source)})")

    def one(source: Source) -> None:
        result = build(source, compiler=compiler, target=targets[source], report=report)
        report.step(f"built {source.name} in {result.seconds:.0f} s")

    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(one, source) for source in missing]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException as failure:
            pool.shutdown(wait=False, cancel_futures=True)
            compiler.end()
            if isinstance(failure, KeyboardInterrupt):
                raise BuildInterruptedError(
                    "the build of the toolchain was interrupted",
                    remedy="make up goes on from there: what was compiled is kept",
                ) from None
            raise


def _sweep(cache: Path) -> None:
    """Remove what builds that died left half-made; nobody else is building."""
    for partial in (cache / "tools").glob(".*"):
        shutil.rmtree(partial, ignore_errors=True)
