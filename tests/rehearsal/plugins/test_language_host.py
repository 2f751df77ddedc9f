"""The language host under the real engine."""

import gzip
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from rehearsal.plugins.languagehost.warm import PRELOAD
from tests.rehearsal.engine_fixtures import Engine, eventually

pytestmark = pytest.mark.engine


def cold(engine: Engine) -> Engine:
    """Return ``engine`` without a pool of warm processes."""
    return Engine(project=engine.project, environment={**engine.environment, PRELOAD: ""})


def holds(file: Path, text: bytes) -> bool:
    content = file.read_bytes()
    # The engine compresses its logs.
    return text in (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content)


def test_a_program_learns_whether_it_is_a_preview_and_where_it_runs(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin(
        """
        import os, sys, pulumi
        assert sys.stdin.read() == ""
        print("preview" if pulumi.runtime.is_dry_run() else "update")
        pulumi.export("facts", {
            "names": [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()],
            "root": pulumi.runtime.get_root_directory(),
            "directory": os.getcwd(),
            "arguments": sys.argv,
        })
        """
    )
    assert engine.preview().messages("info")[-1:] == ["preview"]
    assert engine.up().messages("info")[-1:] == ["update"]
    assert engine.outputs()["facts"] == {
        "names": ["organization", "project", "test"],
        "root": str(engine.project),
        "directory": str(engine.project),
        "arguments": ["."],
    }


def test_a_program_runs_the_same_without_a_pool(pulumi_engine: Engine) -> None:
    engine = cold(pulumi_engine).begin(
        """
        import sys, pulumi
        print("on standard output")
        print("on standard error", file=sys.stderr)
        pulumi.export("path", [entry for entry in sys.path if "rehearsal" in entry])
        """
    )
    result = engine.up()
    assert (result.code, result.messages("info")[-1:]) == (0, ["on standard output"])
    assert result.messages("info#err") == ["on standard error"]
    assert engine.outputs() == {"path": []}


def test_both_runs_of_an_update_come_from_one_pool_that_ends_with_the_engine(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin(
        """
        import os, pathlib
        parent = pathlib.Path(f"/proc/{os.getppid()}")
        print(parent.name, "pool.py" in (parent / "cmdline").read_text())
        """
    )
    preview, update = re.findall(r"^    (\d+) True$", engine.operate("up", "--yes").output, re.MULTILINE)
    assert preview == update
    assert eventually(lambda: engine.processes() == [])


def test_a_pool_passes_over_what_is_not_installed(pulumi_engine: Engine) -> None:
    environment = {**pulumi_engine.environment, PRELOAD: "no_such_module,pulumi"}
    engine = Engine(project=pulumi_engine.project, environment=environment).begin(
        "import pulumi\npulumi.export('a', 1)\n"
    )
    assert engine.up().code == 0
    assert engine.outputs() == {"a": 1}


def test_what_a_program_prints_reaches_the_user(pulumi_engine: Engine) -> None:
    result = pulumi_engine.begin(
        """
        import os, sys
        print("on standard output")
        print("on standard error", file=sys.stderr)
        os.system("echo from a child process")
        """
    ).up()
    assert result.messages("info")[-2:] == ["on standard output", "from a child process"]
    assert result.messages("info#err") == ["on standard error"]


def test_every_run_begins_with_the_names_of_the_stand_ins(pulumi_engine: Engine) -> None:
    result = pulumi_engine.begin("").preview()
    names = "pulumi-language-python, pulumi-resource-kubernetes, pulumi-resource-random"
    assert result.messages("info") == [f"rehearsal: stand-ins are in use for {names}"]
    assert result.messages("warning") == []


@pytest.mark.parametrize("pool", [True, False], ids=["warm", "cold"])
def test_secret_configuration_is_a_secret_and_shows_in_no_command_line(pulumi_engine: Engine, pool: bool) -> None:
    engine = (pulumi_engine if pool else cold(pulumi_engine)).begin(
        """
        import os, pathlib, pulumi
        config = pulumi.Config()
        word = config.require_secret("word")
        def seen(value):
            lines = []
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    lines.append((process / "cmdline").read_text())
                except OSError:
                    pass
            return [len(lines) > 3, any(value in line for line in lines), value in str(os.environ)]
        pulumi.export("plain", config.require("plain"))
        pulumi.export("word", word)
        pulumi.export("seen", pulumi.Output.unsecret(word.apply(seen)))
        """
    )
    engine.configure("plain", "in the clear")
    engine.configure("word", "quetzal-7731", secret=True)
    result = engine.up()
    assert engine.outputs() == {"plain": "in the clear", "word": "quetzal-7731", "seen": [True, False, False]}
    assert "quetzal-7731" not in result.output
    assert "quetzal-7731" not in engine.state_text()
    assert [file for file in engine.project.parent.rglob("*") if file.is_file() and holds(file, b"quetzal-7731")] == []


def test_outputs_of_resources_are_unknown_in_a_preview_and_known_in_an_update(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin(
        """
        import pulumi, pulumi_random
        pet = pulumi_random.RandomPet("pet")
        pet.id.apply(lambda name: print("the name is known"))
        pulumi.export("name", pet.id)
        """
    )
    assert "the name is known" not in engine.preview().messages("info")
    assert "the name is known" in engine.up().messages("info")


def test_an_unexpected_exception_shows_the_programs_own_lines(pulumi_engine: Engine) -> None:
    result = pulumi_engine.begin(
        """
        def deep():
            raise ValueError("something is wrong")

        deep()
        """
    ).preview()
    main = pulumi_engine.project / "__main__.py"
    assert result.code != 0
    assert result.messages("error") == [
        "Program failed with an unhandled exception:\n"
        "Traceback (most recent call last):\n"
        f'  File "{main}", line 5, in <module>\n'
        "    deep()\n"
        f'  File "{main}", line 3, in deep\n'
        '    raise ValueError("something is wrong")\n'
        "ValueError: something is wrong"
    ]


def test_an_exception_in_an_apply_shows_the_programs_own_lines(pulumi_engine: Engine) -> None:
    result = pulumi_engine.begin(
        """
        import pulumi
        def fail(value):
            raise ValueError(f"{value} is wrong")
        pulumi.Output.from_input(1).apply(fail)
        """
    ).preview()
    [message] = result.messages("error")
    assert "in fail" in message
    assert message.endswith("ValueError: 1 is wrong")


@pytest.mark.parametrize("error", ["pulumi.RunError", "Mine"])
def test_an_error_meant_for_the_user_is_one_message_without_a_traceback(pulumi_engine: Engine, error: str) -> None:
    result = pulumi_engine.begin(
        f"""
        import pulumi
        class Mine(pulumi.RunError):
            pass
        raise {error}("stack test: weight is 101, but must be at most 100")
        """
    ).preview()
    assert result.code != 0
    assert result.messages("error") == ["stack test: weight is 101, but must be at most 100"]
    assert "Traceback" not in result.output


def test_a_syntax_error_names_the_line(pulumi_engine: Engine) -> None:
    [message] = pulumi_engine.begin("weight = = 1\n").preview().messages("error")
    assert "__main__.py" in message
    assert "runpy" not in message
    assert "SyntaxError" in message


def test_an_exit_code_of_the_program_is_reported(pulumi_engine: Engine) -> None:
    [message] = pulumi_engine.begin("import sys\nsys.exit(7)\n").preview().messages("error")
    assert message.endswith("program exited with non-zero exit code: 7")


def test_a_program_that_is_killed_is_reported(pulumi_engine: Engine) -> None:
    [message] = pulumi_engine.begin("import os\nos.kill(os.getpid(), 9)\n").preview().messages("error")
    assert message.endswith("program was killed by signal 9")


def test_a_missing_program_is_named(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin("")
    (engine.project / "__main__.py").unlink()
    [message] = engine.preview().messages("error")
    assert message == f"there is no Pulumi program at {engine.project / '__main__.py'}"


def test_a_program_may_be_a_single_file_and_asynchronous(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin("")
    program = "import pulumi\nasync def main():\n    return {'from': 'a coroutine'}\npulumi.run(main)\n"
    (engine.project / "other.py").write_text(program)
    (engine.project / "Pulumi.yaml").write_text("name: project\nruntime: python\nmain: other.py\n")
    assert engine.up().code == 0
    assert engine.outputs() == {"from": "a coroutine"}


@pytest.mark.parametrize("pool", [True, False], ids=["warm", "cold"])
def test_an_interrupt_ends_the_program_and_the_stack_can_be_updated_again(pulumi_engine: Engine, pool: bool) -> None:
    engine = (pulumi_engine if pool else cold(pulumi_engine)).begin(
        """
        import os, pathlib, time
        pathlib.Path("pid.new").write_text(str(os.getpid()))
        os.rename("pid.new", "pid")
        time.sleep(600)
        """
    )
    running = engine.start("up", "--yes", "--skip-preview")
    started = engine.project / "pid"
    assert eventually(started.exists)
    program = Path("/proc") / started.read_text()
    assert program.exists()
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate()
    assert running.returncode != 0
    assert "Traceback" not in output
    assert eventually(lambda: not program.exists())
    engine.write("import pulumi\npulumi.export('resumed', True)\n")
    assert engine.up().code == 0
    assert engine.outputs() == {"resumed": True}


@pytest.mark.parametrize("pool", [True, False], ids=["warm", "cold"])
def test_nothing_survives_an_engine_that_is_killed(pulumi_engine: Engine, pool: bool) -> None:
    engine = (pulumi_engine if pool else cold(pulumi_engine)).begin(
        """
        import pathlib, time, pulumi_random
        pulumi_random.RandomPet("pet").id.apply(lambda _: pathlib.Path("made").touch())
        pathlib.Path("started").touch()
        import asyncio
        async def wait():
            await asyncio.sleep(600)
        import pulumi
        pulumi.run(wait)
        """
    )
    running = engine.start("up", "--yes", "--skip-preview")
    assert eventually((engine.project / "made").exists)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert eventually(lambda: engine.processes() == []), engine.processes()


def test_a_virtual_environment_that_pulumi_yaml_names_runs_the_program(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin("import sys, pulumi\npulumi.export('prefix', sys.prefix)\n")
    # A virtual environment that borrows this one's packages.
    environment = engine.project / "env"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\n")
    packages = environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    borrowed = [entry for entry in sys.path if entry.endswith("site-packages")]
    (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    engine.write(
        "import sys, pulumi\npulumi.export('prefix', sys.prefix)\n",
        runtime="{name: python, options: {virtualenv: env}}",
    )
    result = engine.up()
    assert result.code == 0, result.output
    assert engine.outputs() == {"prefix": str(environment)}


def test_a_virtual_environment_that_is_not_there_is_named_with_the_remedy(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin("", runtime="{name: python, options: {virtualenv: nowhere}}")
    result = engine.preview()
    assert result.code != 0
    assert f"{engine.project / 'nowhere' / 'bin' / 'python'} does not exist" in result.output
    assert f"python3 -m venv {engine.project / 'nowhere'}" in result.output


def test_what_the_stand_in_does_not_do_it_refuses_by_name(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin("")
    process = engine.start("install")
    output, _ = process.communicate()
    assert process.returncode != 0
    assert "the rehearsal's stand-in for the language host does not install dependencies" in output


def test_about_tells_which_python_runs_the_program(pulumi_engine: Engine) -> None:
    output = pulumi_engine.begin("").pulumi("about")
    assert sys.executable in output
    assert "rehearsal stand-in" in output
