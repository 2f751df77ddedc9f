import pulumi
import pytest

from settings import Problem, SettingsError
from settings.problems import full_key, report
from tests.settings.samples import changed, problems, without


def commands(*paths: str, **_: object) -> list[str]:
    return [problem.command("exam") for problem in problems(without(*paths))]


def test_the_report_names_file_key_fault_example_and_next_command() -> None:
    assert report("staging", problems(changed({"greenWeight": 101, "databse": "x"}))) == (
        "Pulumi.staging.yaml: 2 problems in the configuration of stack staging. Nothing was changed.\n"
        "\n"
        "  english-training:greenWeight must be a whole number from 0 to 100, but is 101\n"
        "    example: 10\n"
        "    mend it: pulumi config set --stack staging english-training:greenWeight 10\n"
        "\n"
        "  english-training:databse is not a known key; did you mean database?\n"
        "    mend it: pulumi config rm --stack staging english-training:databse"
    )


def test_one_problem_is_not_two() -> None:
    assert report("exam", [Problem(key="english-training:x", what="is y", example=None)]).startswith(
        "Pulumi.exam.yaml: 1 problem in the configuration of stack exam."
    )


def test_the_error_ends_a_program_without_a_traceback() -> None:
    assert issubclass(SettingsError, pulumi.RunError)


def test_the_error_carries_its_problems() -> None:
    found = problems(changed({"greenWeight": 101}))
    error = SettingsError("exam", found)
    assert (error.stack, error.problems) == ("exam", tuple(found))
    assert found == [
        Problem(key="english-training:greenWeight", what="must be a whole number from 0 to 100, but is 101", example=10)
    ]


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("domain", "pulumi config set --stack exam english-training:domain english-training.example.com"),
        ("database.host", "pulumi config set --stack exam --path english-training:database.host db.example.internal"),
        ("quota.cpu", "pulumi config set --stack exam --path --type string english-training:quota.cpu 16"),
        ("quota.pods", "pulumi config set --stack exam --path english-training:quota.pods 80"),
        ("dataCidrs", "pulumi config set --stack exam --path 'english-training:dataCidrs[0]' 10.20.0.0/16"),
        ("secretKey", "pulumi config set --stack exam --secret english-training:secretKey"),
    ],
)
def test_a_missing_key_comes_with_the_command_that_sets_it(missing: str, command: str) -> None:
    assert commands(missing) == [command]


@pytest.mark.parametrize(
    ("path", "value", "command"),
    [
        (
            "allowedHosts",
            "exam.example",
            "pulumi config rm --stack exam english-training:allowedHosts && pulumi config set --stack exam --path "
            "'english-training:allowedHosts[0]' english-training.example.com",
        ),
        ("database", "db", "pulumi config rm --stack exam english-training:database"),
        ("redis.tls", False, "pulumi config set --stack exam --path english-training:redis.tls true"),
        (
            "overrides",
            {"frontend": {"FEATURE": 1}},
            "pulumi config set --stack exam --path --type string english-training:overrides.frontend.FEATURE 1",
        ),
        (
            "scheduling",
            {"nodeSelector": {"node.kubernetes.io/gpu": True}},
            "pulumi config set --stack exam --path --type string "
            "'english-training:scheduling.nodeSelector[\"node.kubernetes.io/gpu\"]' true",
        ),
        ("database.hots", "x", "pulumi config rm --stack exam --path english-training:database.hots"),
    ],
)
def test_a_wrong_key_comes_with_the_command_that_mends_it(path: str, value: object, command: str) -> None:
    assert [problem.command("exam") for problem in problems(changed({path: value}))] == [command]


def test_no_command_carries_a_secret_even_where_its_value_is_wrong() -> None:
    found = problems(changed({"secretKey": "too-short"}))
    assert [problem.command("exam") for problem in found] == [
        "pulumi config set --stack exam --secret english-training:secretKey"
    ]


def test_stack_names_and_values_are_quoted_for_the_shell() -> None:
    problem = Problem(key="english-training:database.host", what="is missing", example="a b")
    assert problem.command("my stack") == (
        "pulumi config set --stack 'my stack' --path english-training:database.host 'a b'"
    )


@pytest.mark.parametrize(
    ("location", "key"),
    [
        (("domain",), "english-training:domain"),
        (("dataCidrs", 1), "english-training:dataCidrs[1]"),
        (("scheduling", "tolerations", 0, "key"), "english-training:scheduling.tolerations[0].key"),
        (("scheduling", "nodeSelector", "a.b/c"), 'english-training:scheduling.nodeSelector["a.b/c"]'),
        (("overrides", "django", 'a"b'), 'english-training:overrides.django["a\\"b"]'),
    ],
)
def test_keys_are_written_as_the_command_line_reads_them(location: tuple[str | int, ...], key: str) -> None:
    assert full_key(location) == key
