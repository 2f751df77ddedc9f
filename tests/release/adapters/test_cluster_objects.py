"""Calls to the API server: tried again while it restarts, and refused in words with the next command."""

import pytest

from release.adapters.cluster_objects import (
    CONFIG_MAPS,
    LEASES,
    AbsentError,
    ClusterObjects,
    ConflictError,
)
from release.adapters.cluster_wire import Answer, NoAnswerError
from release.errors import Unreachable
from tests.release.adapters.scripted import Hands, Script, gives, says

REFUSED = NoAnswerError("connection refused")
MAP = {"metadata": {"name": "a"}}


def connect(*answers: Answer | Exception) -> tuple[ClusterObjects, Script, Hands]:
    script, hands = Script(answers=list(answers)), Hands()
    return ClusterObjects(script, "exam", clock=hands.clock, sleep=hands.sleep), script, hands


@pytest.mark.parametrize(
    "failure",
    [
        REFUSED,
        says(429),
        says(500, "etcdserver: leader changed"),
        says(502),
        says(503),
        says(504),
        says(403, "configmaps is forbidden: not yet ready to handle request"),
        Answer(status=200, body=b"<html>"),
        Answer(status=200, body=b"[]"),
    ],
)
def test_what_a_restart_explains_is_tried_again(failure: Answer | Exception) -> None:
    objects, script, hands = connect(failure, failure, gives(MAP))
    assert objects.get(CONFIG_MAPS, "a") == MAP
    assert len(script.calls) == 3
    assert hands.slept == [0.1, 0.2]


def test_the_server_says_how_long_to_wait_within_reason() -> None:
    objects, _, hands = connect(says(429, **{"retry-after": "1"}), says(503, **{"retry-after": "9999"}), gives(MAP))
    objects.get(CONFIG_MAPS, "a")
    assert hands.slept == [1.0, 2.0]


def test_an_api_server_that_never_answered_is_given_up_within_five_seconds() -> None:
    objects, _, hands = connect(*[REFUSED] * 50)
    with pytest.raises(Unreachable) as caught:
        objects.create(CONFIG_MAPS, MAP)
    assert hands.now - 1000.0 <= 5.0
    assert caught.value.problem == (
        "the API server https://api did not create configmaps in the namespace exam: no answer (connection refused)"
    )
    assert caught.value.remedy == "kubectl get configmaps --namespace exam   (and try again once it works)"


def test_one_that_did_answer_before_is_given_half_a_minute() -> None:
    objects, _, hands = connect(gives(MAP), *[REFUSED] * 50)
    objects.get(CONFIG_MAPS, "a")
    with pytest.raises(Unreachable):
        objects.get(CONFIG_MAPS, "a")
    assert 25.0 < hands.now - 1000.0 <= 30.0


def test_a_call_with_a_deadline_is_sent_once_and_waits_no_longer() -> None:
    objects, script, hands = connect(gives(MAP), REFUSED, says(503, "later"))
    objects.get(LEASES, "a")
    with pytest.raises(Unreachable):
        objects.patch(LEASES, "a", {}, within=3.0)
    with pytest.raises(Unreachable):
        objects.get(LEASES, "a", within=2.0)
    assert [call[4] for call in script.calls] == [10.0, 3.0, 2.0]
    assert hands.slept == []


@pytest.mark.parametrize(("status", "kind"), [(404, AbsentError), (409, ConflictError)])
def test_absence_and_conflict_are_told_apart_and_not_tried_again(status: int, kind: type[Exception]) -> None:
    objects, _, hands = connect(says(status))
    with pytest.raises(kind):
        objects.patch(CONFIG_MAPS, "a", {})
    assert hands.slept == []


def test_no_permission_names_verb_resource_namespace_and_the_command_that_shows_it() -> None:
    said = 'configmaps is forbidden: User "x" cannot list resource "configmaps" in API group "" in the namespace "exam"'
    objects, _, _ = connect(says(403, said))
    with pytest.raises(Unreachable) as caught:
        objects.list_metadata(CONFIG_MAPS, "a=b")
    assert caught.value.problem == "no permission to list configmaps in the namespace exam"
    assert caught.value.remedy == (
        "kubectl auth can-i list configmaps --namespace exam   (and ask for a role that allows it)"
    )


def test_a_refusal_for_another_reason_is_not_taken_for_missing_permission() -> None:
    objects, _, _ = connect(says(403, "exceeded quota: app\x1b[2J, requested: configmaps=1"))
    with pytest.raises(Unreachable) as caught:
        objects.create(CONFIG_MAPS, MAP)
    assert caught.value.problem == (
        "the API server https://api refuses to create configmaps in the namespace exam: 403: "
        "exceeded quota: app [2J, requested: configmaps=1"
    )


def test_credentials_that_are_not_accepted_are_told() -> None:
    objects, _, _ = connect(says(401, "Unauthorized"))
    with pytest.raises(Unreachable) as caught:
        objects.get(CONFIG_MAPS, "a")
    assert caught.value.remedy == "kubectl auth whoami   (and log in again)"


def test_a_namespace_that_is_not_there_is_named() -> None:
    objects, _, _ = connect(says(404))
    with pytest.raises(Unreachable) as caught:
        objects.create(CONFIG_MAPS, MAP)
    assert caught.value.problem == "there is no namespace exam on the cluster https://api"


def test_what_the_server_says_is_cut_short() -> None:
    objects, _, _ = connect(Answer(status=418, body=b"t" * 10_000_000))
    with pytest.raises(Unreachable) as caught:
        objects.get(CONFIG_MAPS, "a")
    assert caught.value.problem.endswith(": 418: " + "t" * 300)


def test_lists_come_page_by_page_without_the_data() -> None:
    pages = [{"metadata": {"continue": "t/1"}, "items": [MAP, 7]}, {"metadata": {}, "items": [MAP]}]
    objects, script, _ = connect(*(gives(page) for page in pages))
    assert objects.list_metadata(CONFIG_MAPS, "a=b,c=d") == [MAP, MAP]
    assert [call[1] for call in script.calls] == [
        "/api/v1/namespaces/exam/configmaps?labelSelector=a%3Db%2Cc%3Dd&limit=500",
        "/api/v1/namespaces/exam/configmaps?labelSelector=a%3Db%2Cc%3Dd&limit=500&continue=t%2F1",
    ]
    assert script.calls[0][2]["Accept"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def test_a_list_whose_continuation_is_forgotten_begins_again() -> None:
    first = gives({"metadata": {"continue": "t"}, "items": [MAP]})
    objects, script, _ = connect(first, says(410), gives({"metadata": {}, "items": [MAP, MAP]}))
    assert len(objects.list_metadata(CONFIG_MAPS, "a=b")) == 2
    assert len(script.calls) == 3


def test_deleting_hits_only_the_object_that_was_seen_and_what_is_gone_is_well() -> None:
    objects, script, _ = connect(says(404))
    objects.delete(CONFIG_MAPS, "a", uid="u", version="7")
    assert script.calls[0][3]["preconditions"] == {"uid": "u", "resourceVersion": "7"}


def test_names_do_not_lead_out_of_the_namespace() -> None:
    objects, script, _ = connect(gives(MAP))
    objects.get(CONFIG_MAPS, "../../../x?y")
    assert script.calls[0][1] == "/api/v1/namespaces/exam/configmaps/..%2F..%2F..%2Fx%3Fy"
