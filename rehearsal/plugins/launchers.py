"""Putting the programs of a rehearsal where the engine and the user's shell find them.

An official plugin that the machine has is used; only where there is none does a stand-in take its place. The language
host and the tools lie in ``paths.launchers``, which is on ``PATH``; resource plugins lie in the private
``PULUMI_HOME``, under the version that the program's SDK asks for, so that the engine refuses a program that asks for
another.
"""

import compileall
import contextlib
import importlib.metadata
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal.paths import REPOSITORY, Paths
from rehearsal.plugins import STAND_INS

_MARK: Final = "rehearsal.plugins."
"""What every launcher of a stand-in contains, and no official plugin."""
_COMPILED: Final = ("rehearsal", "components", "settings")


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin that the engine looks for, and what may stand in for it."""

    executable: str
    module: str
    """Run as ``python -m`` this."""
    distribution: str
    """The Python package whose version the plugin must have."""
    resource: str | None = None
    """The package that a resource plugin serves; ``None`` for the language host."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A stand-in that is in use."""

    executable: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What :func:`install` found and made."""

    official: Mapping[str, Path]
    """Official plugins in use, by the name of their executable."""
    stand_ins: tuple[StandIn, ...]

    @property
    def notice(self) -> str:
        """One line for the user about each stand-in; empty when there is none."""
        return "\n".join(f"a stand-in serves for {each.executable}: {each.reason}" for each in self.stand_ins)


PLUGINS: Final = (
    Plugin(
        executable="pulumi-resource-kubernetes",
        module="rehearsal.plugins.kubernetes",
        distribution="pulumi_kubernetes",
        resource="kubernetes",
    ),
    Plugin(
        executable="pulumi-resource-random",
        module="rehearsal.plugins.random",
        distribution="pulumi_random",
        resource="random",
    ),
    Plugin(executable="pulumi-language-python", module="rehearsal.plugins.language", distribution="pulumi"),
)


def install(
    paths: Paths,
    *,
    tools: Mapping[str, Path] | None = None,
    search: str | None = None,
    homes: Iterable[Path] | None = None,
) -> Installed:
    """Make the launchers of ``paths`` anew; return which plugins are official and which are stand-ins, and why.

    ``tools`` are further programs, by the name they get. Official plugins are looked for in the directories of
    ``search`` (default: ``PATH``) and in the plugin directories of the Pulumi ``homes`` (default: ``PULUMI_HOME`` and
    ``~/.pulumi``).
    """
    search = os.environ.get("PATH", os.defpath) if search is None else search
    homes = _user_homes(paths) if homes is None else homes
    paths.launchers.mkdir(parents=True, exist_ok=True)
    _spare_the_engine_its_log(paths)
    for name, target in (tools or {}).items():
        _link_tool(paths.launchers / name, target.resolve())
    found = {plugin: _official(plugin, search, tuple(homes), paths) for plugin in PLUGINS}
    missing = [plugin for plugin, official in found.items() if official is None]
    for plugin, official in found.items():
        _forget(paths, plugin)
        place = _place(paths, plugin)
        place.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(place) as fresh:
            if official is not None:
                fresh.symlink_to(official)
            else:
                fresh.write_text(_launcher(plugin, stand_ins=missing))
                fresh.chmod(0o755)
    for directory in _COMPILED:
        # Also for users who keep Python from doing so by itself: it is a third of the time of an update without change.
        compileall.compile_dir(REPOSITORY / directory, quiet=2)
    return Installed(
        official={plugin.executable: official for plugin, official in found.items() if official is not None},
        stand_ins=tuple(StandIn(executable=p.executable, reason=_reason(p)) for p in missing),
    )


def _spare_the_engine_its_log(paths: Paths) -> None:
    """Keep the engine from its automatic debug log, which costs two thirds of an update without change.

    It writes every property of every resource several times, and there is no switch; it does without where it cannot
    make the directory. ``pulumi --logtostderr -v=9`` still shows everything.
    """
    log = paths.pulumi_home / "logs"
    if log.is_dir():
        shutil.rmtree(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()


def is_stand_in(executable: Path) -> bool:
    """Whether ``executable`` is a launcher that some checkout's :func:`install` wrote."""
    with contextlib.suppress(OSError), executable.open("rb") as file:
        return _MARK.encode() in file.read(4096)
    return False


def _official(plugin: Plugin, search: str, homes: tuple[Path, ...], paths: Paths) -> Path | None:
    for directory in search.split(os.pathsep):
        found = shutil.which(plugin.executable, path=directory) if directory else None
        if (
            found is not None
            and Path(directory).resolve() != paths.launchers.resolve()
            and not is_stand_in(Path(found))
        ):
            return Path(found).resolve()
    if plugin.resource is None:
        return None
    for home in homes:
        candidate = home / "plugins" / _directory(plugin) / plugin.executable
        if os.access(candidate, os.X_OK) and not is_stand_in(candidate):
            return candidate.resolve()
    return None


def _user_homes(paths: Paths) -> tuple[Path, ...]:
    named = os.environ.get("PULUMI_HOME")
    homes = (*([Path(named)] if named else []), Path.home() / ".pulumi")
    return tuple(home for home in homes if home.resolve() != paths.pulumi_home.resolve())


def _version(plugin: Plugin) -> str:
    return importlib.metadata.version(plugin.distribution)


def _directory(plugin: Plugin) -> str:
    return f"resource-{plugin.resource}-v{_version(plugin)}"


def _place(paths: Paths, plugin: Plugin) -> Path:
    if plugin.resource is None:
        return paths.launchers / plugin.executable
    return paths.pulumi_home / "plugins" / _directory(plugin) / plugin.executable


def _forget(paths: Paths, plugin: Plugin) -> None:
    """Remove launchers of versions that are no longer asked for."""
    if plugin.resource is None:
        return
    for directory in (paths.pulumi_home / "plugins").glob(f"resource-{plugin.resource}-v*"):
        if directory.name != _directory(plugin) and is_stand_in(directory / plugin.executable):
            shutil.rmtree(directory)


def _reason(plugin: Plugin) -> str:
    version = _version(plugin)
    if plugin.resource is None:
        return f"no official language host (Pulumi {version}) is on PATH"
    return f"the official plugin, version {version}, is neither on PATH nor in a plugin directory"


def _launcher(plugin: Plugin, *, stand_ins: Iterable[Plugin]) -> str:
    code = (
        f"import runpy, sys; sys.path[0] = {json.dumps(str(REPOSITORY))}; "
        f"runpy.run_module({json.dumps(plugin.module)}, run_name='__main__', alter_sys=True)"
    )
    names = ", ".join(sorted(each.executable for each in stand_ins))
    return "\n".join(
        (
            "#!/bin/sh",
            f"export {STAND_INS}={shlex.quote(names)}",
            f'exec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"',
            "",
        )
    )


def _link_tool(place: Path, target: Path) -> None:
    with _replacing(place) as fresh:
        try:
            # The engine looks for the language host beside the file that it was started from, and warns of any other.
            fresh.hardlink_to(target)
        except OSError:
            fresh.symlink_to(target)


@contextlib.contextmanager
def _replacing(place: Path) -> Iterator[Path]:
    """Yield a path to make a file at, which then takes the place of ``place``, whoever uses it at the moment."""
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        yield fresh
        fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)
