"""What the rehearsal reads in a stack's configuration, whatever is in there."""

from pathlib import Path

import pytest
import yaml

from rehearsal.cluster.plan import Ports
from rehearsal.errors import UsageError
from rehearsal.stackfile import StackFile


def written(folder: Path, config: dict[str, object]) -> StackFile:
    content = {"config": {f"english-training:{key}": value for key, value in config.items()}}
    (folder / "Pulumi.trial.yaml").write_text(yaml.safe_dump(content))
    return StackFile.read(folder, "trial")


def test_what_the_stack_says_is_read(tmp_path: Path) -> None:
    read = written(
        tmp_path,
        {
            "domain": "site.test",
            "gateway": {"httpPort": 80, "httpsPort": 443},
            "database": {"host": "postgresql.internal", "name": "training", "user": "site"},
            "blue": {"version": "1.0.0", "backendImage": "r/backend:1.0.0", "frontendImage": "r/frontend:1.0.0"},
            "green": {"version": "1.1.0", "backendImage": "r/backend:1.1.0", "frontendImage": "r/frontend:1.1.0"},
        },
    )
    assert read == StackFile(
        domain="site.test",
        ports=Ports(http=80, https=443),
        database="training",
        database_user="site",
        images=("r/backend:1.0.0", "r/frontend:1.0.0", "r/backend:1.1.0", "r/frontend:1.1.0"),
    )


def test_what_is_absent_or_of_a_wrong_shape_is_left_to_the_program_to_judge(tmp_path: Path) -> None:
    read = written(
        tmp_path, {"gateway": {"httpPort": "80"}, "database": "none", "blue": None, "green": {"backendImage": 7}}
    )
    assert read == StackFile(
        domain="localhost",
        ports=Ports(http=8080, https=8443),
        database="english_training",
        database_user="english_training",
        images=(),
    )


def test_a_stack_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    written(tmp_path, {})
    with pytest.raises(UsageError) as caught:
        StackFile.read(tmp_path, "other")
    assert caught.value.problem.startswith("there is no stack other: ")
    assert caught.value.remedy == "choose one of: trial"
