"""A release survives the journal, and what does not make sense there is told, with the next command."""

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import JournalUnreadable
from release.journal import records
from release.journal.asking import Asked
from release.model import Event, Release, Request, Status
from tests.release.journal.samples import ID, NAMESPACE, STACK, STARTED, event, release

NAME = f"release-{ID}"
LOOK = f"kubectl get configmap {NAME} --namespace {NAMESPACE} --output yaml"
ASKED = Asked(request=Request.PAUSE, actor="bob@desk", at=STARTED, token="t1")


def stored(record: str | None, **annotations: str) -> dict[str, Any]:
    data = {} if record is None else {"record": record}
    return {"metadata": {"name": NAME, "annotations": annotations}, "data": data}


def read(record: str | None, **annotations: str) -> Release:
    return records.from_object(stored(record, **annotations), namespace=NAMESPACE)


def test_a_release_is_one_labelled_config_map_with_its_record_and_a_summary() -> None:
    manifest = records.to_object(release(), 7)
    assert manifest["kind"] == "ConfigMap"
    assert manifest["metadata"]["name"] == NAME
    assert manifest["metadata"]["labels"] == {
        "app.kubernetes.io/part-of": "english-training",
        "english-training.dev/journal": "release",
        "english-training.dev/stack": STACK,
    }
    assert list(manifest["metadata"]["annotations"]) == ["english-training.dev/summary"]
    assert json.loads(manifest["data"]["record"])["order"]["backendImage"].endswith("backend:1.4.0")
    assert records.from_object(manifest, namespace=NAMESPACE) == release(fence=7)


events = st.builds(
    Event,
    at=st.datetimes(timezones=st.just(UTC)),
    kind=st.sampled_from(["begin", "done", "note", "verdict"]),
    text=st.text(st.characters(exclude_categories=["Cs"])),
    figures=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.booleans()),
)


@given(
    st.lists(events, max_size=5),
    st.sampled_from(Status),
    st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(0, 10**9),
)
def test_any_release_comes_back_as_it_went(log: list[Event], status: Status, reason: str | None, fence: int) -> None:
    one = release(events=tuple(log), status=status, reason=reason)
    assert records.from_object(records.to_object(one, fence), namespace=NAMESPACE) == one.model_copy(
        update={"fence": fence}
    )


def test_the_request_that_waits_comes_from_its_own_place_and_never_goes_into_the_record() -> None:
    text = records.encode(release(request=Request.ABORT), 1)
    assert json.loads(text)["request"] is None
    assert read(text).request is None
    assert read(text, **{"english-training.dev/request": ASKED.text()}).request is Request.PAUSE


def test_a_write_names_the_version_it_replaces_and_leaves_requests_alone() -> None:
    change = records.change(release(), 1, version="42")
    assert change["metadata"]["resourceVersion"] == "42"
    assert list(change["metadata"]["annotations"]) == ["english-training.dev/summary"]
    assert list(change) == ["metadata", "data"]


def test_a_write_that_heeds_a_request_takes_it_away_and_says_which() -> None:
    annotations = records.change(release(), 1, version="42", heeded=ASKED)["metadata"]["annotations"]
    assert annotations["english-training.dev/request"] is None
    assert annotations["english-training.dev/heeded"] == "t1"


@pytest.mark.parametrize(
    ("record", "what"),
    [
        (None, "has no record"),
        ("", "has something other than JSON as its record"),
        ("{", "has something other than JSON as its record"),
        ("[" * 100_000, "has something other than JSON as its record"),
        ("[]", "has a record that names no format"),
        ('{"format": true}', "has a record that names no format"),
        ('{"format": "1"}', "has a record that names no format"),
    ],
)
def test_what_is_no_record_is_told_with_the_command_that_shows_it(record: str | None, what: str) -> None:
    with pytest.raises(JournalUnreadable) as caught:
        read(record)
    assert caught.value.problem == f"the ConfigMap {NAMESPACE}/{NAME} {what}"
    assert caught.value.remedy == f"{LOOK}   (then mend it, or delete it)"


def test_a_record_of_the_wrong_shape_is_told_by_place_and_never_by_value() -> None:
    document = json.loads(records.encode(release(), 1))
    document |= {"stack": None, "candidate": "hunter2", "more": 1, "done": "x", "begun": "maybe"}
    with pytest.raises(JournalUnreadable) as caught:
        read(json.dumps(document))
    assert "has a record of the wrong shape: stack: Input should be a valid string; candidate: " in caught.value.problem
    assert caught.value.problem.endswith("; and 2 more")
    assert "hunter2" not in caught.value.problem


def test_the_record_of_another_release_is_not_taken_for_this_one() -> None:
    with pytest.raises(JournalUnreadable) as caught:
        read(records.encode(release("20261124-104559-zzzz"), 1))
    assert "has the record of another release, '20261124-104559-zzzz'" in caught.value.problem


def test_a_record_of_a_newer_version_is_told_from_a_corrupted_one() -> None:
    with pytest.raises(JournalUnreadable) as caught:
        read('{"format": 2, "unknown": true}')
    assert caught.value.problem == (
        f"the ConfigMap {NAMESPACE}/{NAME} was written by a newer version of this tool: it has format 2, "
        "and this one reads up to format 1"
    )
    assert caught.value.remedy == f"use the newer version; to look at it: {LOOK}"


def test_a_request_that_makes_no_sense_can_be_taken_away_by_hand() -> None:
    with pytest.raises(JournalUnreadable) as caught:
        read(records.encode(release(), 1), **{"english-training.dev/request": "pause"})
    assert caught.value.remedy == (
        f"to take the request away: kubectl annotate configmap {NAME} --namespace {NAMESPACE} "
        "english-training.dev/request-"
    )


def test_an_object_is_a_release_of_its_own_stack_only() -> None:
    manifest = records.to_object(release(events=(event("begin"),)), 1)
    assert records.is_release(manifest, STACK)
    assert not records.is_release(manifest, "production")
    assert not records.is_release({"metadata": {"name": NAME}}, STACK)
    assert not records.is_release({}, STACK)
