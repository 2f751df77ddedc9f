"""Saved configuration: never a secret in clear, never a secret shown, and every difference found."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from release.errors import BadOrder, ChecksFailed, JournalUnreadable
from release.journal import points
from release.journal.points import Change, Point, Saved
from tests.release.journal.samples import ID, NAMESPACE, STACK, STARTED

FILE = """\
encryptionsalt: v1:salt:of-the-stack
config:
  english-training:greenWeight: 0  # a comment
  english-training:secretKey:
    secure: v1:cipher:text
  english-training:database:
    name: exam
    hosts: [a, b]
"""


def saved(name: str = "before", **changes: Any) -> Saved:
    return Saved(
        name=name, stack=STACK, at=STARTED, actor="ana@build-7", why="before a release", release=ID
    ).model_copy(update=changes)


def config(**values: Any) -> str:
    return yaml.safe_dump({"config": {f"english-training:{key}": value for key, value in values.items()}})


def test_a_point_comes_back_to_the_letter_and_cannot_be_changed() -> None:
    point = Point(saved=saved(), content=FILE)
    manifest = points.to_object(point)
    assert points.from_object(manifest, namespace=NAMESPACE) == point
    assert manifest["immutable"] is True
    assert manifest["metadata"]["name"] == "config-before"
    assert manifest["metadata"]["labels"]["english-training.dev/journal"] == "point"


@pytest.mark.parametrize(
    "content",
    [
        config(secretKey="hunter2"),
        config(secretKey={"secure": "v1:x", "also": "hunter2"}),
        config(secretKey={"secure": ["hunter2"]}),
        config(secretKey=["hunter2"]),
        config(overrides={"django": {"secretKey": "hunter2"}}),
        "config:\n  secretKey: hunter2\n",
        "config:\n  english-training:secretKey: hunter2\n  english-training:secretKey: {secure: v1:x}\n",
        "old: &old\n  english-training:secretKey: hunter2\nconfig:\n  <<: *old\n",
        "config: {}\n---\nconfig:\n  english-training:secretKey: hunter2\n",
    ],
)
def test_a_secret_in_clear_is_never_saved_and_never_told(content: str) -> None:
    with pytest.raises((ChecksFailed, BadOrder)) as caught:
        points.to_object(Point(saved=saved(), content=content))
    assert "hunter2" not in str(caught.value)


def test_the_refusal_names_every_key_and_the_commands_that_encrypt_them() -> None:
    content = config(secretKey="hunter2", databasePassword="hunter2", redis={"host": "r"})
    with pytest.raises(ChecksFailed) as caught:
        points.check(content, STACK)
    assert caught.value.problem == (
        "Pulumi.staging.yaml has secrets in clear, so it was not saved: "
        "english-training:databasePassword, english-training:secretKey"
    )
    assert caught.value.remedy == (
        "pulumi config set --stack staging --secret english-training:databasePassword && "
        "pulumi config set --stack staging --secret english-training:secretKey   "
        "(and take the value for known: replace it where it is used)"
    )


@pytest.mark.parametrize("content", ["", "config:\n", "config: {}\n", config(secretKey=None), FILE])
def test_what_has_no_secret_in_clear_is_saved(content: str) -> None:
    assert points.to_object(Point(saved=saved(), content=content))["data"] == {"content": content}


@pytest.mark.parametrize(
    "content", ["a", "- a", "config: [1]", "config: {", "\x00", "a: &a [*a]\nconfig: 7", "!!python/object:x {}"]
)
def test_what_is_no_stacks_file_is_refused(content: str) -> None:
    with pytest.raises(BadOrder) as caught:
        points.check(content, STACK)
    assert caught.value.problem == "Pulumi.staging.yaml is no stack's configuration"


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadOrder) as caught:
        points.check(config(note="x" * 600_000), STACK)
    assert "more than 524288 bytes" in caught.value.problem


def test_differences_are_told_by_key_and_secrets_only_as_such() -> None:
    after = """\
encryptionsalt: v1:other
config:
  english-training:greenWeight: "0"
  english-training:secretKey:
    secure: v1:cipher:new
  english-training:database:
    name: exam
    hosts: [a, c, d]
    odd key: {}
"""
    assert points.differences(FILE, after) == (
        Change(key="encryptionsalt", kind="changed", before=None, after=None, secret=True),
        Change(key="english-training:database.hosts[1]", kind="changed", before='"b"', after='"c"'),
        Change(key="english-training:database.hosts[2]", kind="added", before=None, after='"d"'),
        Change(key='english-training:database["odd key"]', kind="added", before=None, after="{}"),
        Change(key="english-training:greenWeight", kind="changed", before="0", after='"0"'),
        Change(key="english-training:secretKey", kind="changed", before=None, after=None, secret=True),
    )
    assert [change.kind for change in points.differences(after, FILE)] == [
        "changed", "changed", "removed", "removed", "changed", "changed",
    ]  # fmt: skip


def test_a_secret_in_clear_in_a_file_that_is_compared_is_not_shown_either() -> None:
    found = points.differences(config(secretKey={"inner": ["hunter2"]}), config(databasePassword="hunter3"))
    assert "hunter" not in repr(found)
    assert {change.secret for change in found} == {True}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab.[]\"' é", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab.[]"', max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["a", "b"]), values), st.dictionaries(st.sampled_from(["a", "b"]), values))
def test_files_differ_exactly_where_their_values_do(left: dict[str, Any], right: dict[str, Any]) -> None:
    changes = points.differences(config(**left), config(**right))
    assert (changes == ()) == (repr(sorted(left.items())) == repr(sorted(right.items())))
    assert len({change.key for change in changes}) == len(changes)


@pytest.mark.parametrize(
    "content",
    [
        "config:\n  a: &a [1]\n"
        + "".join(
            f"  b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *{'a' if n == 0 else f'b{n - 1}'}]\n" for n in range(30)
        ),
        "config:\n  a: &a [*a]\n",
    ],
    ids=["laughs", "itself"],
)
def test_a_file_that_multiplies_is_not_compared_to_the_end(content: str) -> None:
    with pytest.raises(BadOrder) as caught:
        points.differences(content, FILE)
    assert caught.value.problem == "the configuration has too many values to compare"


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        ({"data": {}}, "has no content"),
        ({"data": None}, "has no content"),
        ({"metadata": {"name": "config-before"}}, "has no description"),
        (
            {
                "metadata": {
                    "name": "config-other",
                    "annotations": {"english-training.dev/point": saved().model_dump_json()},
                }
            },
            "has the description of another point, 'before'",
        ),
    ],
)
def test_a_point_that_cannot_be_read_is_told(spoil: dict[str, Any], what: str) -> None:
    manifest = points.to_object(Point(saved=saved(), content=FILE)) | spoil
    with pytest.raises(JournalUnreadable) as caught:
        points.from_object(manifest, namespace=NAMESPACE)
    assert caught.value.problem.endswith(what)
