"""What this machine has, what would be built, and how long that takes. Looks, changes nothing, and never fails."""

import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from rich.table import Table

from rehearsal.errors import Missing, RehearsalError
from rehearsal.paths import Paths
from rehearsal.report import clock_of
from rehearsal.toolchain import history, prerequisites
from rehearsal.toolchain.build import built, built_by_any, directory, estimate
from rehearsal.toolchain.catalog import ALL, SOURCES, WHEELS, Source, source_of
from rehearsal.toolchain.found import found_on_path, wheel
from rehearsal.toolchain.prerequisites import GIB, Go, text

MIB: Final = 2**20


class State(StrEnum):
    """How it is about a thing."""

    THERE = "there"
    BUILDABLE = "would be built"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One prerequisite or tool."""

    name: str
    state: State
    where: str = ""
    """Where it is or what it is; for what is not there, why, and what to do."""
    bytes: int | None = None
    last: str = ""
    """How the last build went: how long it took, or why it failed."""


def diagnose(paths: Paths) -> list[Finding]:
    """Every prerequisite, then every tool. Whatever goes wrong while looking becomes a finding."""
    builds = _Builds(paths)
    looks: list[tuple[str, Callable[[], Finding]]] = [
        ("python", _python),
        *((name, partial(_program, name)) for name in prerequisites.PROGRAMS),
        ("go", _go),
        ("disk", partial(_disk, builds)),
        ("memory", _memory),
        *((name, partial(_tool, name, builds)) for name in ALL),
        ("compiled packages", partial(_compiled, paths)),
    ]
    return [_guarded(name, look) for name, look in looks]


def table(findings: Iterable[Finding]) -> Table:
    """The findings for people."""
    colours = {State.THERE: "green", State.BUILDABLE: "yellow", State.MISSING: "red"}
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("what", "state", "size", "where, or why not", "last build"):
        drawn.add_column(column, justify="right" if column == "size" else "left", overflow="fold")
    for finding in findings:
        size = "" if finding.bytes is None else f"{finding.bytes / MIB:,.0f} MiB"
        state = f"[{colours[finding.state]}]{finding.state}[/]"
        drawn.add_row(finding.name, state, size, finding.where.replace("[", r"\["), finding.last.replace("[", r"\["))
    return drawn


@dataclass(frozen=True, kw_only=True)
class _Build:
    """Where a module's programs are, or would be."""

    place: Path | None
    """``None`` if nothing can be said, for want of Go."""
    whole: bool
    damaged: bool


class _Builds:
    """Looks at the builds of each module once: that reads every program to its end."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self._seen: dict[Source, _Build] = {}

    @cached_property
    def go(self) -> Go | None:
        """A Go that can build, if there is one."""
        try:
            return prerequisites.require_go(SOURCES)
        except Missing:
            return None

    def of(self, source: Source) -> _Build:
        """The build of ``source``."""
        if source not in self._seen:
            cache = self.paths.cache
            place = directory(cache, source, self.go) if self.go else built_by_any(cache, source)
            whole = place is not None and built(place) is not None
            damaged = place is not None and not whole and place.exists()
            self._seen[source] = _Build(place=place, whole=whole, damaged=damaged)
        return self._seen[source]


def _guarded(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except RehearsalError as error:
        return Finding(name=name, state=State.MISSING, where=f"{error.problem}; {error.remedy}")
    except Exception as error:
        return Finding(name=name, state=State.MISSING, where=f"cannot be looked at: {error}")


def _python() -> Finding:
    prerequisites.require_python()
    return Finding(name="python", state=State.THERE, where=f"{sys.executable} ({text(sys.version_info[:3])})")


def _program(name: str) -> Finding:
    prerequisites.require_programs([name])
    return Finding(name=name, state=State.THERE, where=str(shutil.which(name)))


def _go() -> Finding:
    go = prerequisites.require_go(SOURCES)
    return Finding(name="go", state=State.THERE, where=f"{go.path} ({text(go.version)})")


def _disk(builds: _Builds) -> Finding:
    needed = [source for source in SOURCES if not builds.of(source).whole]
    cache, modules = builds.paths.cache, builds.go.modules if builds.go else builds.paths.cache
    prerequisites.require_disk(needed, cache=cache, modules=modules)
    rooms = prerequisites.needed_disk(needed, cache=cache, modules=modules).items() if needed else ()
    words = (f"{shutil.disk_usage(place).free / GIB:.1f} GiB free in {place}, {gib:.1f} needed" for place, gib in rooms)
    return Finding(name="disk", state=State.THERE, where="; ".join(words) or "nothing has to be built")


def _memory() -> Finding:
    prerequisites.require_memory()
    return Finding(name="memory", state=State.THERE, where=f"{prerequisites.free_memory():.1f} GiB free")


def _tool(name: str, builds: _Builds) -> Finding:
    yours = found_on_path(name, builds.paths)
    if yours is not None:
        return Finding(name=name, state=State.THERE, where=f"{yours} (yours)", bytes=yours.stat().st_size)
    if name in WHEELS:
        brought = wheel(name)
        where = f"{brought} (Python package)"
        return Finding(name=name, state=State.THERE, where=where, bytes=brought.stat().st_size)
    source = source_of(name)
    build, last = builds.of(source), _last(builds.paths.cache, source)
    if build.place is not None and build.whole:
        program = build.place / name
        return Finding(name=name, state=State.THERE, where=str(program), bytes=program.stat().st_size, last=last)
    where = f"from Go module {source.name} {source.version}, {estimate(builds.paths.cache, source)}"
    state = State.BUILDABLE if builds.go else State.MISSING
    return Finding(name=name, state=state, where=f"{'damaged; ' if build.damaged else ''}{where}", last=last)


def _last(cache: Path, source: Source) -> str:
    attempt = history.read(cache).get(source.name)
    if attempt is None:
        return ""
    if attempt.error:
        return f"failed after {clock_of(attempt.seconds)}: {attempt.error.splitlines()[0]}"
    return f"{clock_of(attempt.seconds)}, {attempt.packages} packages"


def _compiled(paths: Paths) -> Finding:
    place = paths.cache / "go-build"
    where = f"{place} (only for builds; may be removed)"
    return Finding(name="compiled packages", state=State.THERE, where=where, bytes=prerequisites.size(place))
