"""Starting and reaping real processes; looking at them."""

import asyncio
import os
from pathlib import Path

import pytest

from rehearsal.cluster.layout import Layout
from rehearsal.cluster.logs import LIMIT, trim
from rehearsal.cluster.namespace import nsenter_argv, unshare_argv
from rehearsal.cluster.processes import Nursery, child_of, describe_exit

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def run(log: Path, *argv: str, grace: float | None = None) -> int:
    """The exit status of ``argv``; with ``grace``, it is ended once it has said something."""

    async def script() -> int:
        nursery = Nursery()
        nursery.watch()
        process = nursery.spawn(argv, environment=ENVIRONMENT, log=log)
        if grace is not None:
            while not log.stat().st_size:
                await asyncio.sleep(0.01)
            await process.end(grace=grace)
        return await asyncio.wait_for(process.exited, 20)

    return asyncio.run(script())


def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    assert run(log, "sh", "-c", "echo out; echo err >&2; exit 3") == 3
    assert log.read_text() == "before\nout\nerr\n"


def test_a_process_sees_no_more_than_its_environment(tmp_path: Path) -> None:
    run(tmp_path / "log", "env")
    names = {line.partition("=")[0] for line in (tmp_path / "log").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_"} == {"PATH"}


def test_a_process_that_obeys_is_ended_by_request(tmp_path: Path) -> None:
    assert run(tmp_path / "log", "sh", "-c", "echo up; exec sleep 60", grace=20) == -15


def test_a_process_that_does_not_obey_is_killed_after_its_grace(tmp_path: Path) -> None:
    assert run(tmp_path / "log", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 60; done", grace=0.1) == -9


def test_a_missing_program_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run(tmp_path / "log", "/no/such/program")


def test_exits_are_described_for_people() -> None:
    assert describe_exit(1) == "exit status 1"
    assert describe_exit(-9) == "killed by SIGKILL"


def test_a_child_is_found_by_its_parent_and_name(tmp_path: Path) -> None:
    for pid, text in {"10": "10 (envoy) S 5 0", "11": "11 (envoy) S 6 0", "12": "12 (a b) c) S 5 0"}.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_text(text)
    (tmp_path / "13").mkdir()
    assert child_of(5, "envoy", tmp_path) == 10
    assert child_of(5, "a b) c", tmp_path) == 12
    assert child_of(7, "envoy", tmp_path) is None


def test_the_namespaces_need_a_user_namespace_only_without_root() -> None:
    assert "--user" not in unshare_argv(root=True)
    assert unshare_argv(root=False)[:3] == ["unshare", "--user", "--map-root-user"]
    assert nsenter_argv(7, root=True) == ["nsenter", "--target=7", "--net", "--"]
    assert nsenter_argv(7, root=False) == ["nsenter", "--target=7", "--user", "--preserve-credentials", "--net", "--"]


def test_a_log_beyond_the_limit_starts_anew_and_is_kept_once(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    layout.logs.mkdir()
    for name, size in (("big", LIMIT + 1), ("small", LIMIT), ("audit", LIMIT + 1)):
        with layout.log(name).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    trim(layout)
    sizes = {file.name: file.stat().st_size for file in layout.logs.iterdir()}
    assert sizes == {"big.log": 0, "big.log.1": LIMIT + 1, "small.log": LIMIT, "audit.log": LIMIT + 1}
