"""What the real engine passes on and shows; what ``parse`` takes for granted is checked here."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from settings import standing
from tests.rehearsal.engine_fixtures import Engine
from tests.settings.samples import PASSWORD

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
PROGRAM = """
import pulumi
import settings

config, standing = settings.load()
pulumi.export("weights", config.weights)
pulumi.export("password", config.database_password.output())
pulumi.export("green", config.green is not None)
pulumi.export("standing", standing.model_dump())
"""


@pytest.fixture
def engine(pulumi_engine: Engine) -> Engine:
    """The stack development of a program that only reads its settings."""
    pulumi_engine.write(PROGRAM)
    shutil.copytree(ROOT / "settings", pulumi_engine.project / "settings")
    (pulumi_engine.project / "Pulumi.yaml").write_text("name: english-training\nruntime: python\n")
    shutil.copy(ROOT / "Pulumi.development.yaml", pulumi_engine.project)
    environment = {**pulumi_engine.environment, "PULUMI_CONFIG_PASSPHRASE": "rehearsal"}
    prepared = Engine(project=pulumi_engine.project, environment=environment)
    prepared.pulumi("stack", "init", "development")
    return prepared


def test_the_development_stack_is_read_by_the_program_and_its_secrets_stay_secret(engine: Engine) -> None:
    engine.configure("databasePassword", PASSWORD, secret=True)
    engine.configure("greenWeight", "10")
    result = engine.up()
    assert result.code == 0, result.output
    outputs = engine.outputs()
    assert outputs.pop("standing")["values"]["greenWeight"] == 10
    assert outputs == {"weights": {"blue": 90, "green": 10}, "password": PASSWORD, "green": True}
    state = next(Path(engine.environment["PULUMI_BACKEND_URL"].removeprefix("file://")).rglob("development.json"))
    assert PASSWORD not in state.read_text()


def test_every_error_is_shown_at_once_without_a_traceback(engine: Engine) -> None:
    engine.configure("greenWeight", "101")
    engine.configure("domian", "x")
    engine.configure("secretKey", PASSWORD, secret=True)
    result = engine.preview()
    assert result.code != 0
    assert "Pulumi.development.yaml: 3 problems in the configuration of stack development" in result.output
    for line in (
        "english-training:greenWeight must be a whole number from 0 to 100, but is 101",
        "english-training:domian is not a known key; did you mean domain?",
        "english-training:secretKey must have at least 50 characters",
    ):
        assert line in result.output
    assert "Traceback" not in result.output
    assert PASSWORD not in result.output


def test_the_commands_that_the_errors_propose_mend_them(engine: Engine) -> None:
    engine.configure("greenWeight", "abc")
    engine.configure("allowedHosts", "localhost")
    engine.configure("databse", "x")
    engine.pulumi("config", "rm", "quota")
    engine.pulumi("config", "set", "--path", "english-training:scheduling.nodeSelector.pool", "1")
    result = engine.preview()
    commands = [line.split("mend it: ")[1] for line in result.messages("error")[0].splitlines() if "mend it: " in line]
    assert len(commands) == 7
    for command in (part for line in commands for part in line.split(" && ")):
        engine.pulumi(*shlex.split(command)[1:])
    # The example of a host is not this stack's domain, which the next run says, with the command that adds it.
    result = engine.preview()
    assert "1 problem in the configuration" in result.output
    engine.pulumi("config", "set", "--path", "english-training:allowedHosts[1]", "localhost")
    assert engine.preview().code == 0


def test_a_colour_without_a_value_has_no_release(engine: Engine) -> None:
    file = engine.project / "Pulumi.development.yaml"
    text = file.read_text()
    start, end = text.index("  english-training:green:"), text.index("  english-training:backend:")
    file.write_text(f"{text[:start]}  english-training:green: null\n{text[end:]}")
    engine.configure("greenWeight", "0")
    result = engine.up()
    assert result.code == 0, result.output
    assert engine.outputs()["green"] is False


def mark(engine: Engine, serial: int, *, in_progress: bool) -> None:
    """Write as the release tool does: green gets all requests, and the file says by whom."""
    engine.configure("greenWeight", "100")
    config = yaml.safe_load((engine.project / "Pulumi.development.yaml").read_text())["config"]
    own = {key: config[f"english-training:{key}"] for key in standing.OWNED}
    own["greenWeight"] = int(own["greenWeight"])
    sign = standing.mark("r1", serial=serial, values=own, in_progress=in_progress)
    for key, value in sign.model_dump(by_alias=True).items():
        engine.pulumi("config", "set", "--path", f"english-training:releaseMark.{key}", json.dumps(value).strip('"'))


def test_a_checkout_that_knows_nothing_of_a_release_leaves_it_alone_and_a_change_of_its_own_counts(
    engine: Engine,
) -> None:
    file = engine.project / "Pulumi.development.yaml"
    assert engine.up().code == 0
    clean = file.read_text()
    mark(engine, 1, in_progress=True)
    assert engine.up().code == 0
    assert engine.outputs()["weights"] == {"blue": 0, "green": 100}
    file.write_text(clean)
    assert engine.up().code == 0
    assert engine.outputs()["weights"] == {"blue": 0, "green": 100}
    engine.configure("greenWeight", "50")
    refused = engine.preview()
    assert refused.code != 0
    assert "Pulumi.development.yaml changes english-training:greenWeight, which release r1 is moving" in refused.output
    assert "release abort --stack development" in refused.output
    assert "Traceback" not in refused.output
    file.write_text(clean)
    mark(engine, 2, in_progress=False)
    assert engine.up().code == 0
    file.write_text(clean)
    engine.configure("greenWeight", "50")
    assert engine.up().code == 0
    assert engine.outputs()["weights"] == {"blue": 50, "green": 50}
