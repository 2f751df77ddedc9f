"""Faults are read from an annotation or an image tag, and what cannot be read is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.workload import faults
from rehearsal.workload.faults import ANNOTATION, HEALTHY, Faults, MalformedFaultsError

readable = st.builds(
    Faults,
    errors=st.integers(0, 100),
    latency=st.integers(0, 99_999),
    slow_start=st.integers(0, 9_999),
    never_ready=st.booleans(),
    crash_loop=st.booleans(),
    fail_job=st.booleans(),
    missing_image=st.booleans(),
)


def written(given_faults: Faults, *, separator: str, equals: str) -> str:
    values = {name.replace("_", "-"): getattr(given_faults, name) for name in Faults.__dataclass_fields__}
    parts = [name if value is True else f"{name}{equals}{value}" for name, value in values.items() if value]
    return separator.join(parts)


@given(readable)
def test_an_annotation_says_what_was_written(wanted: Faults) -> None:
    assert faults.of({ANNOTATION: written(wanted, separator=", ", equals="=")}, []) == wanted


@given(readable, st.sampled_from(["", "@sha256:" + "0" * 64]))
def test_an_image_tag_says_what_was_written(wanted: Faults, digest: str) -> None:
    image = f"registry.test:5000/team/backend:1.4.0-sim.{written(wanted, separator='.', equals='')}{digest}"
    assert faults.of({}, [image]) == wanted


@given(st.text())
def test_any_text_is_faults_or_a_clear_error(text: str) -> None:
    error: MalformedFaultsError | None = None
    try:
        faults.parse(text)
    except MalformedFaultsError as caught:
        error = caught
    assert error is None or str(error).startswith(f"{ANNOTATION}: ")


def test_the_annotation_wins_over_the_tag() -> None:
    images = ["backend:1-sim.never-ready"]
    assert faults.of({ANNOTATION: "errors=5"}, images) == Faults(errors=5)
    assert faults.of({ANNOTATION: ""}, images) == HEALTHY


def test_the_first_image_with_faults_counts() -> None:
    images = ["proxy:2", "backend:1-sim.errors5", "other:1-sim.crash-loop"]
    assert faults.of({}, images) == Faults(errors=5)


@pytest.mark.parametrize("image", ["backend", "backend:1.4.0", "sim.errors5/backend:1", "x-sim.errors5/backend:1", ""])
def test_an_ordinary_image_is_healthy(image: str) -> None:
    assert faults.of({}, [image]) == HEALTHY


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("errors=101", "'errors=101'"),
        ("errors", "'errors'"),
        ("latency=5,tipo=3", "'tipo=3'"),
        ("never-ready=1", "'never-ready=1'"),
        ("errors=5,,latency=5", "''"),
        ("errors=٥", "'errors=٥'"),  # noqa: RUF001 - a digit, but not ours
        ("errors=5,errors=6", "'errors' appears twice"),
    ],
)
def test_the_error_names_the_part_that_is_wrong(text: str, named: str) -> None:
    with pytest.raises(MalformedFaultsError) as caught:
        faults.parse(text)
    assert named in str(caught.value)
    assert repr(text) in str(caught.value)
