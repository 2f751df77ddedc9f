"""Configuration documents of the parts."""

import base64
from pathlib import Path

from rehearsal.cluster import bootstrap, configuration, parts
from rehearsal.cluster.layout import Layout

LAYOUT = Layout(root=Path("/checkout/.rehearsal/cluster"))


def test_a_kubeconfig_has_one_user_in_the_context_rehearsal() -> None:
    document = configuration.kubeconfig(server="https://127.0.0.1:1", authority=b"a", certificate=b"c", key=b"k")
    assert document["current-context"] == "rehearsal"
    assert document["contexts"] == [{"name": "rehearsal", "context": {"cluster": "rehearsal", "user": "rehearsal"}}]
    assert document["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    assert base64.b64decode(document["users"][0]["user"]["client-key-data"]) == b"k"


def test_secrets_are_encrypted_with_the_given_key_and_old_plain_ones_stay_readable() -> None:
    (resource,) = configuration.encryption(b"x" * 32)["resources"]
    assert resource["resources"] == ["secrets"]
    assert [next(iter(provider)) for provider in resource["providers"]] == ["secretbox", "identity"]
    (key,) = resource["providers"][0]["secretbox"]["keys"]
    assert base64.b64decode(key["secret"]) == b"x" * 32


def test_the_audit_log_never_has_the_content_of_secrets() -> None:
    rules = configuration.audit_policy()["rules"]
    about_secrets = next(
        index for index, rule in enumerate(rules) if any("secrets" in r["resources"] for r in rule.get("resources", []))
    )
    assert rules[about_secrets]["level"] == "Metadata"
    assert {rule["level"] for rule in rules[:about_secrets]} == {"None"}


def test_envoy_gateway_reads_kubernetes_and_runs_envoy_on_this_machine() -> None:
    custom = configuration.envoy_gateway(LAYOUT)["provider"]["custom"]
    assert custom["resource"]["type"] == "Kubernetes"
    assert custom["infrastructure"] == {
        "type": "Host",
        "host": {
            "configHome": "/checkout/.rehearsal/cluster/gateway/config",
            "dataHome": "/checkout/.rehearsal/cluster/gateway/data",
            "stateHome": "/checkout/.rehearsal/cluster/gateway/state",
            "runtimeDir": "/checkout/.rehearsal/cluster/gateway/run",
        },
    }


def test_there_is_a_node_in_each_of_three_zones_of_one_region() -> None:
    nodes = [bootstrap.node_document(zone, address="172.30.0.9", pods="10.244.9.0/24") for zone in bootstrap.ZONES]
    labels = [node["metadata"]["labels"] for node in nodes]
    assert [label["topology.kubernetes.io/zone"] for label in labels] == ["local-a", "local-b", "local-c"]
    assert {label["topology.kubernetes.io/region"] for label in labels} == {"local"}


def test_the_volume_stage_finds_a_nodes_zone_in_its_name() -> None:
    assert 'trimPrefix "node-"' in parts.STAGES.read_text()
    assert bootstrap.node_name("local-a") == "node-local-a"


def test_block_is_the_default_class_and_follows_the_pod_to_its_zone() -> None:
    block, shared = bootstrap.storage_class_documents()
    assert (block["metadata"]["name"], block["volumeBindingMode"]) == ("block", "WaitForFirstConsumer")
    assert block["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert (shared["metadata"]["name"], shared["volumeBindingMode"]) == ("shared", "Immediate")
    assert shared["metadata"]["annotations"] == {}
