"""The boundaries that ``docs/architecture.md`` draws: who may import whom."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "versions": frozenset(),
    "crds": frozenset({"versions"}),
    "settings": frozenset(),
    "components": frozenset(),
    "composition": frozenset({"components", "settings"}),
    "config_diff": frozenset({"settings"}),
    "__main__": frozenset({"components", "composition", "crds", "settings", "versions"}),
    "release": frozenset({"settings"}),
    "rehearsal": frozenset({"versions"}),
    "benchmarks": frozenset({"rehearsal", "release"}),
}
"""What each module of the project may import of the others. ``tests`` may import everything."""

MODULES: Final = frozenset({*ALLOWED, "tests"})

PARTS: Final = frozenset({"cluster", "plugins", "toolchain", "traffic", "workload"})
"""Parts of the rehearsal that do not know each other."""
SHARED: Final = frozenset({"errors", "paths", "report"})
"""What all parts of the rehearsal know."""

PURE: Final = (
    "components/app/configuration.py",
    "components/app/sizing.py",
    "components/gateway/policies.py",
    "components/labels.py",
    "release/announce.py",
    "release/decide.py",
    "release/model.py",
    "release/plan.py",
    "release/returning.py",
    "settings/standing.py",
    *sorted(
        str(file.relative_to(ROOT))
        for part in ("analysis", "journal", "notify", "report")
        for file in (ROOT / "release" / part).glob("*.py")
    ),
    "settings/explain.py",
    "settings/formats.py",
    "settings/quantities.py",
    "settings/schema.py",
    *sorted(str(file.relative_to(ROOT)) for file in (ROOT / "settings" / "rules").glob("*.py")),
)
"""Files that calculate, and need no Pulumi for that."""


def imported(source: str) -> Iterator[str]:
    """Every module that ``source`` imports, wherever it does so, with the name that it takes from there.

    A relative import begins with its dots. What is imported by a text (``importlib``, ``runpy``) is not seen.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def crossings(module: str, source: str) -> list[str]:
    """The imports of ``source``, a file of the project's ``module``, that cross a boundary."""
    others = MODULES - ALLOWED[module] - {module}
    return [name for name in imported(source) if name.startswith(".") or name.split(".")[0] in others]


def inner_crossings(part: str, source: str) -> list[str]:
    """The imports of ``source``, a file of a ``part`` of the rehearsal, that reach beyond what all parts know."""
    known = SHARED | {part}
    reached = (name for name in imported(source) if name.split(".")[0] == "rehearsal")
    return [name for name in reached if name.split(".")[1] not in known]


def files_of(module: str) -> list[Path]:
    """The files of a module of the project."""
    single = ROOT / f"{module}.py"
    return [single] if single.is_file() else sorted((ROOT / module).rglob("*.py"))


def named(files: Iterable[Path]) -> dict[str, str]:
    """The content of files by their path in the repository."""
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def test_every_module_of_the_project_has_a_place() -> None:
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert packages | {file.stem for file in ROOT.glob("*.py")} == MODULES


@pytest.mark.parametrize("module", sorted(ALLOWED))
def test_a_module_imports_only_what_it_may(module: str) -> None:
    files = named(files_of(module))
    assert files
    assert {path: found for path, source in files.items() if (found := crossings(module, source))} == {}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_parts_of_the_rehearsal_do_not_know_each_other(part: str) -> None:
    files = named((ROOT / "rehearsal" / part).rglob("*.py"))
    assert files
    assert {path: found for path, source in files.items() if (found := inner_crossings(part, source))} == {}


@pytest.mark.parametrize("path", PURE)
def test_what_only_calculates_does_without_pulumi(path: str) -> None:
    found = {name for name in imported((ROOT / path).read_text()) if name.split(".")[0].startswith("pulumi")}
    assert found == set()


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("components", "import settings", ["settings"]),
        ("components", "from settings.model import Settings", ["settings.model.Settings"]),
        ("components", "def late():\n    import rehearsal.cluster as cluster", ["rehearsal.cluster"]),
        ("settings", "if True:\n    from components import labels", ["components.labels"]),
        ("settings", "from . import model", ["..model"]),
        ("rehearsal", "from settings import load", ["settings.load"]),
        ("__main__", "from rehearsal import platform", ["rehearsal.platform"]),
        ("versions", "import crds, json", ["crds"]),
        ("crds", "from tests import samples", ["tests.samples"]),
        ("composition", "from settings import Settings\nfrom components import labels\nimport json", []),
        ("components", "import componentsmith\nfrom settingsless import x", []),
    ],
)
def test_a_crossing_is_found_wherever_it_stands(module: str, source: str, found: list[str]) -> None:
    assert crossings(module, source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from rehearsal import platform", ["rehearsal.platform"]),
        ("from rehearsal.workload.faults import Faults", ["rehearsal.workload.faults.Faults"]),
        ("from rehearsal import errors\nfrom rehearsal.cluster.pki import ensure\nimport json", []),
    ],
)
def test_a_crossing_between_parts_is_found(source: str, found: list[str]) -> None:
    assert inner_crossings("cluster", source) == found


def test_the_document_says_the_same() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    assert {module: frozenset(re.findall(r"`(\w+)`", names)) for module, names in rows if module in ALLOWED} == ALLOWED
    assert ("tests", "everything") in rows
    sentence = re.search(r"the parts (.*?) know (.*?), and not each other", text)
    assert sentence is not None
    assert [set(re.findall(r"`(\w+)`", group)) for group in sentence.groups()] == [set(PARTS), set(SHARED)]
