"""Building: once, whole or not at all, and on from where the last build stopped."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.errors import BuildFailed
from rehearsal.paths import REPOSITORY
from rehearsal.toolchain import DEFAULT, clean, ensure, history
from rehearsal.toolchain.build import FLAGS, directory
from rehearsal.toolchain.catalog import REGISTRY
from rehearsal.toolchain.prerequisites import require_go
from rehearsal.toolchain.tools import BuildInterruptedError
from tests.rehearsal.toolchain.conftest import Machine, Recorder, runs

CLUSTER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "envoy-gateway")
TWO = (*CLUSTER, "pulumi", "envoy")
"""Programs of two modules, and one of a package."""
PATIENCE = 20.0
"""Seconds until a wait has failed; no test that passes uses them."""

ENSURE = """
import signal
import sys
from pathlib import Path
from rehearsal.errors import RehearsalError
from rehearsal.paths import Paths
from rehearsal.report import Lines
from rehearsal.toolchain import ensure, prerequisites
signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's background jobs ignore it.
prerequisites.free_memory = lambda: 100.0
prerequisites.require_disk = lambda *_, **__: None
try:
    ensure(Paths(checkout=Path(sys.argv[1]), cache=Path(sys.argv[2])), ["pulumi"], Lines())
except RehearsalError as error:
    print(error)
    sys.exit(error.exit_code)
"""
"""Another process that wants Pulumi."""


def test_all_programs_of_a_module_come_from_one_build_and_have_their_names(
    machine: Machine, recorder: Recorder
) -> None:
    toolchain = ensure(machine.paths, DEFAULT, recorder)
    assert sorted(machine.built()) == ["cluster", "prometheus", "pulumi", "registry"]
    said = {name: subprocess.check_output([toolchain.binary(name)], text=True).strip() for name in CLUSTER}
    assert said == {name: "server" if name == "etcd" else name for name in CLUSTER}
    assert {name: toolchain.origins[name] for name in ("etcd", "pulumi", "envoy")} == {
        "etcd": "built",
        "pulumi": "built",
        "envoy": "Python package",
    }


def test_what_is_built_is_not_built_again(machine: Machine, recorder: Recorder) -> None:
    first = ensure(machine.paths, TWO, recorder)
    calls = len(machine.calls("build")), len(machine.calls("list"))
    second = ensure(machine.paths, TWO, Recorder())
    assert (len(machine.calls("build")), len(machine.calls("list"))) == calls == (2, 2)
    assert first == second


def test_only_the_modules_that_are_asked_for_are_built(machine: Machine, recorder: Recorder) -> None:
    ensure(machine.paths, ["kwok", "kubectl"], recorder)
    assert machine.built() == ["cluster"]


def test_the_users_settings_of_go_decide_where_modules_come_from_and_nothing_else(
    machine: Machine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("GOFLAGS", "-mod=vendor"), ("GOTOOLCHAIN", "go1.1"), ("GOARCH", "mips"), ("GOWORK", "/w")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GO111MODULE", "off")
    monkeypatch.setenv("GOPROXY", "https://proxy.example.org")
    monkeypatch.setenv("GOSUMDB", "sum.example.org")
    ensure(machine.paths, ["pulumi"], recorder)
    (call,) = machine.calls("build")
    scratch = call["environment"].pop("GOTMPDIR")
    assert Path(scratch).is_relative_to(machine.paths.cache)
    assert call["environment"] == {
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GO111MODULE": "on",
        "GOOS": "linux",
        "GOARCH": "amd64",
        "GOCACHE": str(machine.paths.cache / "go-build"),
        "GOPROXY": "https://proxy.example.org",
        "GOSUMDB": "sum.example.org",
    }


def test_programs_are_stamped_with_their_versions(machine: Machine, recorder: Recorder) -> None:
    ensure(machine.paths, ["pulumi", "kwok"], recorder)
    linked = {}
    for call in machine.calls("build"):
        arguments = call["arguments"]
        assert tuple(arguments[2:4]) == FLAGS
        linked[arguments[-1].rpartition("/")[2]] = arguments[arguments.index("-ldflags") + 1]
    assert linked["pulumi"] == "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0"
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3 " in linked["envoy-gateway"]


def test_build_tags_are_those_of_the_module_alone(machine: Machine, recorder: Recorder) -> None:
    ensure(machine.paths, ["prometheus", "kwok"], recorder)
    for verb in ("list", "build"):
        tagged = {
            call["arguments"][-1].rpartition("/")[2]: [one for one in call["arguments"] if one.startswith("-tags")]
            for call in machine.calls(verb)
        }
        assert tagged == {"envoy-gateway": [], "promtool": ["-tags=remove_all_sd"]}


def test_a_change_of_a_program_of_our_own_builds_it_anew(machine: Machine, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (tmp_path / "module" / name).write_bytes((REGISTRY.directory / name).read_bytes())
    ensure(machine.paths, ["registry"], recorder)
    go = require_go([REGISTRY])
    copy = replace(REGISTRY, directory=tmp_path / "module")
    assert directory(machine.paths.cache, copy, go) == machine.tools("registry")
    (tmp_path / "module" / "main.go").write_text("package main")
    assert directory(machine.paths.cache, copy, go) != machine.tools("registry")


def test_programs_without_a_manifest_are_built_again(machine: Machine, recorder: Recorder) -> None:
    ensure(machine.paths, ["pulumi"], recorder)
    (machine.tools("pulumi") / "manifest.json").unlink()
    ensure(machine.paths, ["pulumi"], recorder)
    assert machine.built() == ["pulumi", "pulumi"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda program: program.write_bytes(b""), id="truncated"),
        pytest.param(lambda program: program.write_bytes(program.read_bytes()[:-2] + b"x\n"), id="one byte differs"),
        pytest.param(lambda program: program.unlink(), id="gone"),
        pytest.param(lambda program: program.with_name("manifest.json").write_text("{"), id="manifest cut short"),
        pytest.param(
            lambda program: program.with_name("manifest.json").write_text("[]"), id="manifest of another shape"
        ),
    ],
)
def test_a_damaged_program_is_built_again(
    machine: Machine, recorder: Recorder, damage: Callable[[Path], object]
) -> None:
    program = ensure(machine.paths, ["pulumi"], recorder).binary("pulumi")
    whole = program.read_bytes()
    damage(program)
    assert ensure(machine.paths, ["pulumi"], recorder).binary("pulumi").read_bytes() == whole
    assert machine.built() == ["pulumi", "pulumi"]


def test_another_go_builds_anew_beside_what_is_there(machine: Machine, recorder: Recorder) -> None:
    before = ensure(machine.paths, ["pulumi"], recorder).binary("pulumi")
    machine.go("go1.99.1")
    after = ensure(machine.paths, ["pulumi"], recorder).binary("pulumi")
    assert before != after
    assert before.exists()


def test_a_build_that_fails_says_what_go_said_and_leaves_nothing_half_made(
    machine: Machine, recorder: Recorder
) -> None:
    machine.order("fail", "pulumi")
    with pytest.raises(BuildFailed, match="undefined: somebody") as caught:
        ensure(machine.paths, ["pulumi"], recorder)
    assert "Go cannot build pulumi in " in caught.value.problem
    assert "what was compiled is kept" in caught.value.remedy
    assert list((machine.paths.cache / "tools").iterdir()) == []
    assert history.read(machine.paths.cache)["pulumi"].error == str(caught.value)
    machine.revoke("fail", "pulumi")
    assert ensure(machine.paths, ["pulumi"], recorder).origins == {"pulumi": "built"}
    assert history.read(machine.paths.cache)["pulumi"].error == ""


def test_the_first_failure_ends_the_other_builds(machine: Machine, recorder: Recorder) -> None:
    machine.order("block", "kwok")
    machine.order("fail", "pulumi")
    with pytest.raises(BuildFailed, match="Go cannot build pulumi"):
        ensure(machine.paths, TWO, recorder)
    assert list((machine.paths.cache / "tools").iterdir()) == []


def test_modules_are_built_side_by_side_where_memory_allows(machine: Machine, recorder: Recorder) -> None:
    machine.memory = 8.5
    machine.order("block", "pulumi")
    machine.order("block", "kwok")
    with _once(lambda: _blocked(machine, "pulumi") and _blocked(machine, "kwok"), lambda: _go_on(machine)):
        ensure(machine.paths, TWO, recorder)
    assert sorted(machine.built()) == ["cluster", "pulumi"]


def test_modules_are_built_one_after_the_other_where_memory_is_short(machine: Machine, recorder: Recorder) -> None:
    machine.memory = 7.9
    ensure(machine.paths, TWO, recorder)
    assert [line for line in recorder.lines if line.startswith("built")] == [
        "built cluster in 0 s",
        "built pulumi in 0 s",
    ]
    order = [call["arguments"][0] for call in [*machine.calls("list"), *machine.calls("build")]]
    assert order == ["list", "list", "build", "build"]
    log = (machine.home / "log").read_text()
    assert log.index('"build"') < log.rindex('"list"'), "pulumi was begun before cluster had been built"


def test_a_killed_build_takes_go_with_it_and_the_next_one_sweeps_up_and_builds(
    machine: Machine, recorder: Recorder
) -> None:
    machine.order("block", "pulumi")
    other = _other(machine)
    _eventually(lambda: _blocked(machine, "pulumi"))
    other.kill()
    other.communicate()
    _eventually(lambda: not runs(int((machine.home / "blocked-pulumi").read_text())))
    (left,) = (machine.paths.cache / "tools").iterdir()
    assert left.name.startswith(".pulumi-")
    machine.revoke("block", "pulumi")
    ensure(machine.paths, ["pulumi"], recorder)
    assert [path.name[0] for path in (machine.paths.cache / "tools").iterdir()] == ["p"]
    assert "waiting" not in " ".join(recorder.lines)


def test_an_interrupted_build_ends_go_says_how_to_go_on_and_can_go_on(machine: Machine, recorder: Recorder) -> None:
    machine.order("block", "pulumi")
    other = _other(machine)
    _eventually(lambda: _blocked(machine, "pulumi"))
    other.send_signal(signal.SIGINT)
    said, _ = other.communicate(timeout=PATIENCE)
    assert other.returncode == 130 == BuildInterruptedError.exit_code
    assert said.endswith(
        "the build of the toolchain was interrupted\n  remedy: make up goes on from there: what was compiled is kept\n"
    )
    assert not runs(int((machine.home / "blocked-pulumi").read_text()))
    assert list((machine.paths.cache / "tools").iterdir()) == []
    machine.revoke("block", "pulumi")
    assert ensure(machine.paths, ["pulumi"], recorder).origins == {"pulumi": "built"}


def test_two_processes_do_not_build_the_same_thing_twice(machine: Machine) -> None:
    machine.order("block", "pulumi")
    first = _other(machine)
    _eventually(lambda: _blocked(machine, "pulumi"))
    second = _other(machine)
    assert second.stdout is not None
    waiting = second.stdout.readline()
    _go_on(machine)
    assert (first.wait(PATIENCE), second.wait(PATIENCE)) == (0, 0)
    assert f"waiting for process {first.pid} of {machine.paths.checkout} (since " in waiting
    assert machine.built() == ["pulumi"]
    for process in (first, second):
        process.communicate()


def test_a_cache_that_cannot_be_written_is_named(machine: Machine, recorder: Recorder) -> None:
    machine.paths.cache.write_text("not a directory")
    with pytest.raises(BuildFailed, match=f"the toolchain cannot be built in {machine.paths.cache}: ") as caught:
        ensure(machine.paths, ["pulumi"], recorder)
    assert "export ENGLISH_TRAINING_CACHE=<directory>" in caught.value.remedy


def test_clean_forgets_what_was_built_and_compiled(machine: Machine, recorder: Recorder) -> None:
    ensure(machine.paths, ["pulumi"], recorder)
    (machine.paths.cache / "go-build").mkdir()
    clean(machine.paths, recorder)
    assert sorted(path.name for path in machine.paths.cache.iterdir()) == ["builds.json", "lock"]


def test_progress_counts_packages_and_says_how_long_it_took_last_time(machine: Machine, recorder: Recorder) -> None:
    ensure(machine.paths, ["pulumi"], recorder)
    assert recorder.work == {
        "fetching the sources of pulumi": (_modules("pulumi"), _modules("pulumi")),
        "building pulumi, packages (about 2:50 from nothing)": (3, 3),
    }
    (machine.tools("pulumi") / "manifest.json").unlink()
    ensure(machine.paths, ["pulumi"], again := Recorder())
    assert again.lines[0] == (
        "building pulumi v3.259.0 (about 2:50 from nothing, last time 0:00 with 1 packages to compile)"
    )


def test_a_damaged_history_is_an_empty_one(machine: Machine, recorder: Recorder) -> None:
    machine.paths.cache.mkdir()
    (machine.paths.cache / history.FILE).write_text('{"pulumi": {"at": ')
    ensure(machine.paths, ["pulumi"], recorder)
    assert list(history.read(machine.paths.cache)) == ["pulumi"]


def _modules(name: str) -> int:
    sums = (REPOSITORY / "rehearsal" / "toolchain" / "go" / name / "go.sum").read_text().splitlines()
    return 1 + sum("/go.mod h1:" not in line for line in sums)


def _other(machine: Machine) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [machine.python, "-u", "-c", ENSURE, str(machine.paths.checkout), str(machine.paths.cache)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _blocked(machine: Machine, program: str) -> bool:
    mark = machine.home / f"blocked-{program}"
    return mark.exists() and mark.read_text() != ""


def _go_on(machine: Machine) -> None:
    (machine.home / "go-on").touch()


def _eventually(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to pass")


@contextmanager
def _once(condition: Callable[[], bool], then: Callable[[], None]) -> Iterator[None]:
    """Do ``then`` once ``condition`` holds, while the body runs."""

    def watch() -> None:
        _eventually(condition)
        then()

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    watcher.join()
