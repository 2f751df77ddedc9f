"""The documents say what is so: links, commands, paths, settings, exit codes, parts and policies."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic.fields import FieldInfo
from typer.main import get_command

import composition
import config_diff
import release.errors
from components.network_policy import dns
from config_diff import read
from crds import ManifestsMissing
from rehearsal import cli, errors
from rehearsal.cluster import layout, parts
from rehearsal.cluster.plan import PROGRAMS, Plan
from rehearsal.errors import RehearsalError
from rehearsal.workload import faults
from release import session
from release.adapters import credentials
from release.analysis.verdict import answers_needed
from release.checks import Context, post_checks, pre_checks
from release.checks.cluster import NEEDED
from release.cli import orders
from release.cli.app import app as release_app
from release.model import Colour, Limits, Order, Strategy
from release.notify import receivers
from release.notify.notice import Happening
from release.plan import CANARY_STEPS, SOAK_SECONDS
from settings import SettingsError, parse
from settings.model import Section, Settings
from settings.problems import NAMESPACE
from settings.schema import fields, is_secret, section_of
from tests.settings.samples import COMPLETE
from tests.settings.samples import read as settings_of

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md")),
)

MADE_LATER: Final = (".rehearsal", ".venv", "~", "file", "crds.….sum")
"""What paths begin with that no checkout has, or that are a user's own."""
SUFFIXES: Final = (".md", ".py", ".toml", ".txt", ".yaml")


def text(document: str) -> str:
    return (ROOT / document).read_text()


def blocks(document: str, language: str = "sh") -> list[str]:
    """The fenced blocks of a document in ``language``, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text(document), re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def code(document: str) -> Iterator[str]:
    """Everything in a document that is written as code: blocks, and spans within lines."""
    fences = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
    yield from fences.findall(text(document))
    yield from re.findall(r"`([^`\n]+)`", fences.sub("", text(document)))


def section(document: str, heading: str) -> str:
    """What stands below a heading, up to the next of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", text(document), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{document} has no heading {heading}"
    return found[2]


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of all tables right below a heading, without the tables' heads."""
    lines = [line for line in section(document, heading).splitlines() if line.startswith("|")]
    heads = {number - 1 for number, line in enumerate(lines) if re.fullmatch(r"[|\- ]+", line)}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for number, line in enumerate(lines)
        if number not in heads and number - 1 not in heads
    ]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def anchors(document: str) -> set[str]:
    """The places in a document that a link can name, as GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.*)$", text(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_within_the_repository_leads_somewhere(document: str) -> None:
    dead = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", text(document)):
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        if not file.exists() or (anchor and anchor not in anchors(str(file.resolve().relative_to(ROOT)))):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_of_make_is_there(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for one in code(document) for name in re.findall(r"(?:\A|[\n;&|]) *make ([a-z][a-z-]*)", one)}
    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_the_rehearsal_is_there(document: str) -> None:
    known = getattr(get_command(cli.app), "commands", {})
    named = {name for one in code(document) for name in re.findall(r"-m rehearsal ([a-z]+)", one)}
    assert named - set(known) == set()


@cache
def base_names() -> frozenset[str]:
    """Names of all files of the project, wherever they lie."""
    folders = [ROOT / name for name in (".ci", "components", "docs", "rehearsal", "settings", "tests")]
    return frozenset(
        path.name for path in (*ROOT.iterdir(), *(file for folder in folders for file in folder.rglob("*")))
    )


def is_there(path: str) -> bool:
    """Whether a path of the repository exists; ``<…>`` stands for anything, ``{a,b}`` for each."""
    choices = [part.strip("{}").split(",") for part in re.split(r"(\{[^}]*\})", path)]
    spelled = ("".join(choice) for choice in product(*choices))
    return all(any(ROOT.glob(re.sub(r"<[^>]*>", "*", one).rstrip("/"))) for one in spelled)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_of_the_repository_exists(document: str) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    missing = []
    for one in code(document):
        if not re.fullmatch(r"[\w./<>{},-]+", one) or one.startswith(MADE_LATER):
            continue
        if "/" in one and one.split("/")[0] in folders:
            missing += [] if is_there(one) else [one]
        elif "/" not in one and one.endswith(SUFFIXES):
            missing += [] if is_there(one) or one in base_names() else [one]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_block_is_a_script(document: str) -> None:
    for block in blocks(document):
        done = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True, check=False)
        assert done.stderr == ""


def leaves(model: type[Section] = Settings, at: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key that holds a value, as the documents write it."""
    for key, field in fields(model).items():
        below = section_of(field.annotation)
        if below is None:
            yield f"{at}{key}", field
        else:
            many = "tuple" in str(field.annotation)
            yield from leaves(below, f"{at}{key}{'[]' if many else ''}.")


def default(field: FieldInfo) -> str:
    """A key's default as the documents write it."""
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value in (None, {}, ()):
        return "none"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def test_the_deployment_guide_lists_every_setting_with_its_default_and_no_other() -> None:
    listed = [(key, cells[3]) for cells in rows("docs/deployment.md", "Settings") for key in spans(cells[0])]
    assert len(listed) == len({key for key, _ in listed})
    assert dict(listed) == {key: default(field) for key, field in leaves()}


def test_every_setting_has_a_meaning_a_unit_and_an_example() -> None:
    assert [cells for cells in rows("docs/deployment.md", "Settings") if len(cells) != 5 or not all(cells)] == []


def test_the_examples_of_secrets_are_none() -> None:
    secret = {key for key, field in leaves() if is_secret(field)}
    told = {key: cells[4] for cells in rows("docs/deployment.md", "Settings") for key in spans(cells[0])}
    assert {key for key, example in told.items() if example == "asked for"} == secret


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_key_that_a_command_sets_is_a_setting(document: str) -> None:
    known = {key for key, _ in leaves()}
    maps = tuple(f"{key}." for key in known if key.endswith((".django", ".frontend", ".nodeSelector")))
    command = re.compile(
        r"pulumi config (?:set|rm|get)(?: --(?:path|secret|type string|stack \w+))* '?([A-Za-z][\w.:\[\]-]*)"
    )
    named = {key.removeprefix(f"{NAMESPACE}:") for one in code(document) for key in command.findall(one)}
    bare = {re.sub(r"\[\d+\]$", "", key) for key in named}
    assert {key for key in bare if key not in known and not key.startswith(maps)} == set()


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_the_deployment_guide_says_what_a_stack_lacks(stack: str) -> None:
    told = [key for cells in rows("docs/deployment.md", "What staging and production lack") for key in spans(cells[0])]
    raw = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in dict(read(ROOT, stack)).items()
    }
    with pytest.raises(SettingsError) as caught:
        parse(stack, raw)
    assert set(told) == {problem.key.removeprefix(f"{NAMESPACE}:") for problem in caught.value.problems}


def kinds_of_error() -> Mapping[str, int]:
    """Every error that a user of the rehearsal can meet, with its exit code."""
    return {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, RehearsalError)
    }


def test_every_exit_code_of_the_rehearsal_is_listed_and_no_other() -> None:
    table = [cells for cells in rows("docs/operations.md", "Exit codes") if len(cells) == 3]
    assert {spans(name)[0]: int(number) for number, name, _ in table if name} == kinds_of_error()
    assert [int(number) for number, name, _ in table if not name] == [0, 130]


def test_every_exit_code_of_the_release_tool_is_listed_and_no_other() -> None:
    kinds = {
        name: kind.exit_code
        for name, kind in vars(release.errors).items()
        if isinstance(kind, type) and issubclass(kind, release.errors.ReleaseError)
    }
    table = rows("docs/releasing.md", "Exit codes")
    assert {spans(name)[0]: int(number) for number, name, _ in table if name} == kinds
    assert [int(number) for number, name, _ in table if not name] == [0, 130]


def test_every_command_of_the_release_tool_is_listed_and_no_other() -> None:
    told = {span.split()[0] for cells in rows("docs/releasing.md", "Commands") for span in spans(cells[0])}
    assert told == set(get_command(release_app).commands)  # type: ignore[attr-defined]  # it is a group


def test_every_check_of_a_release_is_listed_and_no_other() -> None:
    told = [span for cells in rows("docs/releasing.md", "What must hold before") for span in spans(cells[0])]
    context = Context(stack="any", raw={}, candidate=Colour.GREEN)
    assert told == [check.name for check in (*pre_checks(context), *post_checks(context))]


def test_the_order_in_the_release_guide_is_one(tmp_path: Path) -> None:
    (block,) = [one for one in blocks("docs/releasing.md", "yaml") if "strategy:" in one]
    file = tmp_path / "release.yaml"
    file.write_text(block.replace("<digest>", "0" * 64))
    order = orders.order(orders.from_file(file))
    orders.require_digests(order, "production")
    assert (order.strategy, order.steps, order.soak_seconds) == (Strategy.CANARY, (10, 50, 100), 300.0)
    assert [one.name for one in order.measures] == ["queue-length"]


def test_every_key_of_an_order_is_listed_and_no_other() -> None:
    short = {
        "backendImage": "backend",
        "frontendImage": "frontend",
        "soakSeconds": "soak",
        "keepWarmSeconds": "keepWarm",
    }
    keys = [str(field.alias) for field in Order.model_fields.values()]
    table = rows("docs/releasing.md", "An order in a file")
    told = [span for cells in table for span in spans(cells[0])]
    assert sorted(told) == sorted(short.get(key, key) for key in keys)
    defaults = {span: cells[2] for cells in table for span in spans(cells[0])}
    assert defaults["steps"] == ", ".join(map(str, CANARY_STEPS))
    assert defaults["soak"] == "5 minutes for a canary, 2 for others"
    assert {strategy: SOAK_SECONDS[strategy] / 60 for strategy in Strategy} == {
        Strategy.CANARY: 5,
        Strategy.BLUE_GREEN: 2,
        Strategy.ROLLING: 2,
    }
    assert defaults["keepWarm"] == f"{Order.model_fields['keep_warm_seconds'].default / 60:.0f} minutes"


def test_every_limit_of_a_candidate_is_listed_with_its_default() -> None:
    table = rows("docs/releasing.md", "Limits")
    defaults = {str(field.alias): str(field.default) for field in Limits.model_fields.values()}
    assert {spans(cells[0])[0]: cells[2] for cells in table} == defaults
    assert round(answers_needed(Limits()), -1) == 270
    assert "about 270 without an\n  error for each service" in section("docs/releasing.md", "How a candidate is judged")


def test_the_roles_in_the_release_guide_are_the_rights_that_the_tool_needs() -> None:
    (block,) = [one for one in blocks("docs/releasing.md", "yaml") if "kind: Role\n" in one]
    objects = list(yaml.safe_load_all(block))
    rules = {one["metadata"]["namespace"]: one["rules"] for one in objects if one["kind"] == "Role"}
    assert rules == {
        session.NAMESPACE: [
            {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)} for group, resource, verbs in NEEDED
        ],
        "envoy-gateway-system": [
            {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]},
            {"apiGroups": [""], "resources": ["pods/proxy", "services/proxy"], "verbs": ["get"]},
        ],
    }
    bindings = [one for one in objects if one["kind"] == "RoleBinding"]
    assert [one["metadata"]["namespace"] for one in bindings] == list(rules)


def test_every_variable_that_the_release_tool_heeds_is_listed_and_no_other() -> None:
    table = rows("docs/releasing.md", "Environment")
    told = {span for cells in table for span in spans(cells[0])}
    known = set(re.findall(r"``(RELEASE_\w+)``", str(receivers.__doc__)))
    assert told == {session.REACH, session.AUTHORITY, credentials.USER, credentials.PASSWORD, *known}
    (selection,) = [cells[1] for cells in table if "`RELEASE_SLACK_ON`" in cells[0]]
    assert selection == f"what they are told: {', '.join(one.value for one in Happening)}"


def test_every_exit_code_of_the_comparison_of_stacks_is_listed() -> None:
    table = [cells for cells in rows("docs/operations.md", "Exit codes") if len(cells) == 2]
    assert [int(number) for number, _ in table] == [0, config_diff.UNREADABLE]


def test_every_error_has_its_place_in_troubleshooting() -> None:
    named = {span for one in text("docs/troubleshooting.md").splitlines() for span in spans(one)}
    wanted = {*kinds_of_error(), ManifestsMissing.__name__} - {RehearsalError.__name__}
    assert wanted - named == set()


def test_every_network_policy_is_in_the_security_guide_with_its_direction() -> None:
    allowances = [dns(), *composition.application_allowances(settings_of(COMPLETE))]
    told = {spans(cells[0])[0]: cells[1] for cells in rows("docs/security.md", "Network")}
    directions = {"Ingress": "in", "Egress": "out"}
    assert told == {"default-deny": "both", **{one.name: directions[one.direction] for one in allowances}}


def test_every_fault_is_listed_in_both_spellings() -> None:
    table = rows("docs/rehearsal.md", "Faults")
    for tag, annotation, _ in table:
        assert faults.parse(spans(tag)[0]) == faults.parse(spans(annotation)[0]) != faults.HEALTHY
    assert {re.split(r"[=\d]", spans(cells[1])[0])[0] for cells in table} == {
        re.match(r"[a-z-]+", fault)[0]  # type: ignore[index]  # every fault of the grammar begins with its name
        for fault in faults.GRAMMAR.split("|")
        if fault[0].isalpha()
    }


def test_every_part_of_the_embedded_cluster_is_listed_in_order() -> None:
    plan = Plan(
        programs=dict.fromkeys(PROGRAMS, "/bin/true"), envoy_version="1.2.3", sources="", http=1, https=2, api=3
    )
    everything = parts.all_parts(layout.Layout(root=Path("/nowhere")), plan, {})
    assert [spans(cells[0])[0] for cells in rows("docs/rehearsal.md", "Parts")] == [part.name for part in everything]


def test_every_range_of_addresses_is_listed() -> None:
    ranges = (layout.POD_RANGE, layout.SERVICE_RANGE, layout.CLIENT_RANGE, layout.CONTROL_RANGE, layout.DATA_RANGE)
    assert tuple(cells[0] for cells in rows("docs/rehearsal.md", "Network")) == ranges
    assert layout.FORWARDER_ADDRESS in section("docs/rehearsal.md", "Network")


def test_a_document_that_is_wrong_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Makefile").write_text("up:\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "bad.md").write_text(
        "[gone](gone.md) `make upp` `tests/gone.py` `gone.yaml` `python -m rehearsal upp`\n"
    )
    monkeypatch.setattr("tests.test_docs.ROOT", tmp_path)
    base_names.cache_clear()
    for test in (
        test_every_link_within_the_repository_leads_somewhere,
        test_every_target_of_make_is_there,
        test_every_path_of_the_repository_exists,
        test_every_command_of_the_rehearsal_is_there,
    ):
        with pytest.raises(AssertionError):
            test("bad.md")
    base_names.cache_clear()
