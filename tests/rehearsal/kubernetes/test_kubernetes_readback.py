import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.plugins.kubernetes.objects import Manifest
from rehearsal.plugins.kubernetes.ownership import holds, owned_by, owned_by_others
from rehearsal.plugins.kubernetes.readback import imported_inputs, refreshed_inputs, same_quantity

MEMBERS = st.dictionaries(
    st.text(st.characters(codec="ascii"), min_size=1, max_size=4),
    st.recursive(
        st.integers() | st.text(max_size=3) | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_size=4,
)


@given(MEMBERS)
def test_inputs_that_are_alive_as_they_were_come_back_unchanged(inputs: Manifest) -> None:
    assert refreshed_inputs(inputs, {**inputs, "status": {"phase": "x"}}, {}) == inputs


def test_a_default_is_not_an_input_and_a_changed_value_is() -> None:
    live = {"spec": {"replicas": 5, "strategy": {"type": "RollingUpdate"}}}
    assert refreshed_inputs({"spec": {"replicas": 2}}, live, {}) == {"spec": {"replicas": 5}}


def test_a_value_that_is_gone_is_gone_from_the_inputs_unless_it_was_empty() -> None:
    last = {"metadata": {"labels": {"a": "b"}}, "data": {}, "immutable": False}
    assert refreshed_inputs(last, {"metadata": {}}, {}) == {"metadata": {}, "data": {}, "immutable": False}


def test_another_notation_of_the_same_quantity_is_no_drift() -> None:
    last = {"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}
    live = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
    assert refreshed_inputs(last, live, {}) == last


def test_numbers_outside_quantities_are_compared_as_they_are() -> None:
    assert refreshed_inputs({"data": {"a": "1.0"}}, {"data": {"a": "1"}}, {}) == {"data": {"a": "1"}}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1000m", 1, True),
        ("0.5", "500m", True),
        ("1Gi", "1024Mi", True),
        ("1e3", "1k", True),
        ("1G", "1Gi", False),
        ("a", "a", False),
        (True, 1, False),
    ],
)
def test_quantities(one: object, other: object, same: bool) -> None:
    assert same_quantity(one, other) is same


def test_items_of_a_keyed_list_are_matched_by_key_and_others_items_are_left_out() -> None:
    last = {"ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]}
    live = {
        "ports": [
            {"port": 9000, "name": "somebody-elses", "protocol": "TCP"},
            {"port": 443, "name": "https", "protocol": "TCP", "targetPort": 443},
            {"port": 80, "name": "changed", "protocol": "TCP", "targetPort": 80},
        ]
    }
    owned: Manifest = {
        "f:ports": {
            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}},
            'k:{"port":443,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}},
        }
    }
    assert refreshed_inputs(last, live, owned) == {
        "ports": [{"port": 80, "name": "changed"}, {"port": 443, "name": "https"}]
    }


def test_a_keyed_item_that_is_gone_is_gone_from_the_inputs() -> None:
    last = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    live = {"env": [{"name": "A", "value": "1"}]}
    owned: Manifest = {"f:env": {'k:{"name":"A"}': {"f:name": {}, "f:value": {}}}}
    assert refreshed_inputs(last, live, owned) == live


def test_what_the_plugins_manager_owns_beyond_the_inputs_shows_as_drift() -> None:
    live = {"data": {"a": "1", "added": "2", "foreign": "3"}}
    assert refreshed_inputs({"data": {"a": "1"}}, live, {"f:data": {"f:a": {}, "f:added": {}}}) == {
        "data": {"a": "1", "added": "2"}
    }


def test_a_list_that_grew_is_drift() -> None:
    assert refreshed_inputs({"args": ["a"]}, {"args": ["a", "b"]}, {"f:args": {}}) == {"args": ["a", "b"]}


@pytest.mark.parametrize(("stored", "expected"), [("secret", "secret"), ("changed", "changed")])
def test_string_data_is_compared_decoded(stored: str, expected: str) -> None:
    last: Manifest = {"kind": "Secret", "stringData": {"p": "secret"}, "data": {"q": "eA=="}}
    live: Manifest = {"kind": "Secret", "data": {"p": base64.b64encode(stored.encode()).decode(), "q": "eA=="}}
    owned: Manifest = {"f:data": {"f:q": {}}, "f:stringData": {"f:p": {}}}
    assert refreshed_inputs(last, live, owned) == {
        "kind": "Secret",
        "stringData": {"p": expected},
        "data": {"q": "eA=="},
    }


def test_an_import_has_all_inputs_and_nothing_that_only_a_server_writes() -> None:
    live: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "uid": "u", "resourceVersion": "1", "managedFields": [], "labels": {"a": "b"}},
        "spec": {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ports": [{"port": 80}]},
        "status": {"loadBalancer": {}},
    }
    assert imported_inputs(live) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "labels": {"a": "b"}},
        "spec": {"ports": [{"port": 80}]},
    }
    assert live["metadata"]["uid"] == "u"


def test_an_imported_namespace_has_no_finalizers_and_no_automatic_label() -> None:
    live: Manifest = {
        "kind": "Namespace",
        "metadata": {"name": "n", "labels": {"kubernetes.io/metadata.name": "n"}},
        "spec": {"finalizers": ["kubernetes"]},
    }
    assert imported_inputs(live) == {"kind": "Namespace", "metadata": {"name": "n"}}


def test_the_ledger_says_who_owns_what() -> None:
    mine: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"a"}': {"f:image": {}}}}}}}
    theirs: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    live: Manifest = {
        "metadata": {
            "managedFields": [
                {"manager": "me", "operation": "Apply", "fieldsV1": mine},
                {"manager": "me", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
                {"manager": "autoscaler", "operation": "Update", "fieldsV1": theirs},
            ]
        },
        "spec": {"template": {"spec": {"containers": [{"name": "b"}, {"name": "a", "image": "x"}]}}, "replicas": 3},
    }
    assert owned_by(live, "me") == mine
    assert owned_by(live, "nobody") == {}
    assert owned_by_others(live, "me") == [{"f:status": {}}, theirs]
    assert holds(mine, live, ("spec", "template", "spec", "containers", 1, "image"))
    assert not holds(mine, live, ("spec", "template", "spec", "containers", 0))
    assert holds(theirs, live, ("spec", "replicas"))
    assert not holds(mine, live, ("spec", "replicas"))
