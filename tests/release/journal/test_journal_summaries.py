"""A list shows each release in a line, and one that cannot be read hides no other."""

import json
from typing import Any

from release.journal import records
from release.journal.summaries import Summary, Unreadable, listed, summarise
from release.model import Status
from tests.release.journal.samples import ID, NAMESPACE, ended, release


def manifest(release_id: str, **changes: Any) -> dict[str, Any]:
    made = records.to_object(ended(release_id, **changes), 3)
    made["metadata"] |= {"uid": f"uid-{release_id}", "resourceVersion": "9"}
    del made["data"]
    return made


def test_a_summary_has_what_a_line_needs_cut_to_size() -> None:
    one = ended(reason="r" * 500, requests=120, errors=3, status=Status.ROLLED_BACK, rolled_back_to="1.3.0")
    summary = summarise(one, 3)
    assert summary == Summary(
        id=ID,
        kind="deploy",
        status=Status.ROLLED_BACK,
        strategy=one.order.strategy,
        version="1.4.0",
        candidate=one.candidate,
        actor="ana@build-7",
        times=one.times,
        requests=120,
        errors=3,
        reason="r" * 199 + "…",
        done=3,
        steps=3,
        rolled_back_to="1.3.0",
        fence=3,
    )
    assert len(summary.text()) < 700
    assert Summary.model_validate_json(summary.text()) == summary


def test_releases_are_listed_newest_first_with_what_deleting_takes() -> None:
    found = listed([manifest("2026-a"), manifest("2026-c"), manifest("2026-b")], namespace=NAMESPACE)
    assert [one.entry.id for one in found] == ["2026-c", "2026-b", "2026-a"]
    assert (found[0].uid, found[0].version) == ("uid-2026-c", "9")


def test_one_that_cannot_be_read_is_listed_as_such_among_the_others() -> None:
    bare, broken, newer, wrong = (manifest(f"2026-{letter}") for letter in "bcde")
    key = "english-training.dev/summary"
    del bare["metadata"]["annotations"]
    broken["metadata"]["annotations"][key] = "{"
    newer["metadata"]["annotations"][key] = '{"format": 2}'
    wrong["metadata"]["annotations"][key] = json.dumps({"format": 1, "id": 7})
    found = [one.entry for one in listed([manifest("2026-a"), bare, broken, newer, wrong], namespace=NAMESPACE)]
    assert [type(entry) for entry in found] == [Unreadable] * 4 + [Summary]
    problems = {entry.id: entry.problem for entry in found if isinstance(entry, Unreadable)}
    assert problems["2026-b"] == f"the ConfigMap {NAMESPACE}/release-2026-b has no summary"
    assert problems["2026-c"].endswith("has something other than JSON as its summary")
    assert "was written by a newer version" in problems["2026-d"]
    assert "has a summary of the wrong shape: id: " in problems["2026-e"]
    assert all("kubectl get configmap" in entry.remedy for entry in found if isinstance(entry, Unreadable))


def test_an_object_that_is_anything_at_all_can_be_listed() -> None:
    [found] = listed([{"metadata": None}], namespace=NAMESPACE)
    assert found.entry == Unreadable(
        id="?",
        problem=f"the ConfigMap {NAMESPACE}/? has no summary",
        remedy=f"kubectl get configmap ? --namespace {NAMESPACE} --output yaml   (then mend it, or delete it)",
    )


def test_a_release_that_has_just_begun_is_summarised_too() -> None:
    assert summarise(release(), 1).done == 0
