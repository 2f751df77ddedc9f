"""What each part is started with."""

import signal
from pathlib import Path

import pytest

from rehearsal.cluster import parts
from rehearsal.cluster.layout import Layout
from rehearsal.cluster.part import Gate, Part
from rehearsal.cluster.plan import BESIDE, PROGRAMS, Plan

LAYOUT = Layout(root=Path("/checkout/.rehearsal/cluster"))
PLAN = Plan(
    programs={name: f"/tools/{name}" for name in PROGRAMS},
    envoy_version="1.40.0",
    sources="",
    http=8080,
    https=8443,
    api=40000,
)
SOCKETS = {
    **{"http": [5, 6], "https": [7], "api": [8]},
    **{"prometheus": [9, 10], "postgresql": [11], "redis": [12], "registry": [13]},
}


def every() -> dict[str, Part]:
    return {one.name: one for one in parts.all_parts(LAYOUT, PLAN, SOCKETS)}


def test_parts_come_after_what_they_need() -> None:
    names = list(every())
    for part in every().values():
        assert all(names.index(needed) < names.index(part.name) for needed in part.after), part.name


def test_every_part_that_calls_the_api_server_waits_for_it() -> None:
    waits = {name: part.after for name, part in every().items()}
    alone = {"etcd", "forwarder", "statistics", "postgresql", "redis", "registry"}
    assert {name for name in waits if not waits[name]} == alone
    assert waits.pop("prometheus") == ("statistics",)
    assert waits.pop("redis-tls") == ("redis",)
    for name in alone:
        del waits[name]
    assert waits.pop("kube-apiserver") == ("etcd",)
    assert set(waits.values()) == {("kube-apiserver",)}


@pytest.mark.parametrize(
    "argument",
    [
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--anonymous-auth=false",
        "--advertise-address=172.30.0.1",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--encryption-provider-config=/checkout/.rehearsal/cluster/config/encryption.json",
        "--audit-policy-file=/checkout/.rehearsal/cluster/config/audit-policy.json",
        "--max-requests-inflight=200",
    ],
)
def test_the_api_server_is_set_up_as_a_managed_one(argument: str) -> None:
    assert argument in every()["kube-apiserver"].argv


def test_no_admission_plugin_is_switched_off() -> None:
    assert not any("disable-admission" in argument for argument in every()["kube-apiserver"].argv)


def test_controllers_run_with_service_accounts_of_their_own() -> None:
    assert "--use-service-account-credentials=true" in every()["kube-controller-manager"].argv


def test_simulated_nodes_follow_the_node_and_the_pod_stages() -> None:
    argv = every()["kwok"].argv
    assert [argument for argument in argv if argument.startswith("--config=")] == [
        f"--config={parts.STAGES}",
        f"--config={parts.POD_STAGES}",
    ]
    assert {"--manage-all-nodes=true", "--cidr=10.244.0.0/16"} <= set(argv)


def test_no_lease_of_a_former_kwok_keeps_the_next_from_the_nodes() -> None:
    assert "--node-lease-duration-seconds=0" in every()["kwok"].argv


def test_the_forwarder_leads_each_inherited_socket_to_its_target_and_keeps_it_open() -> None:
    forwarder = every()["forwarder"]
    assert forwarder.argv[3:] == (
        "--from=10.200.255.254",
        "5=127.0.0.1:80",
        "6=127.0.0.1:80",
        "7=127.0.0.1:443",
        "8=127.0.0.1:6443",
        "9=127.0.0.1:9090",
        "10=127.0.0.1:9090",
        "11=10.20.0.10:5432",
        "12=10.20.0.11:6379",
        "13=127.0.0.1:5000",
    )
    assert forwarder.descriptors == (5, 6, 7, 8, 9, 10, 11, 12, 13)


def test_every_socket_that_a_start_opens_leads_somewhere() -> None:
    assert set(parts.TARGETS) == {"http", "https", "api", *BESIDE}


def test_the_database_is_ended_without_waiting_for_its_clients() -> None:
    ended = {name: part.end for name, part in every().items() if part.end is not signal.SIGTERM}
    assert ended == {"postgresql": signal.SIGINT}


def test_what_has_data_is_told_where_to_keep_it() -> None:
    assert "--storage.tsdb.path=/checkout/.rehearsal/cluster/prometheus" in every()["prometheus"].argv
    assert every()["postgresql"].argv[2:] == (
        *("rehearsal.cluster.postgresql", "/checkout/.rehearsal/cluster", "/tools/initdb", "/tools/postgres"),
    )
    assert every()["redis"].argv == ("/tools/redis-server", "/checkout/.rehearsal/cluster/config/redis.conf")
    assert every()["registry"].argv[2:] == ("/checkout/.rehearsal/cluster/config/registry.json",)


def test_envoy_gateway_waits_for_its_resource_types_and_answers_for_envoy() -> None:
    gateway = every()["envoy-gateway"]
    assert gateway.gate is Gate.GATEWAY_API
    assert gateway.child == "envoy"
    assert gateway.environment == {
        "KUBECONFIG": "/checkout/.rehearsal/cluster/config/envoy-gateway.kubeconfig",
        "ENVOY_GATEWAY_NAMESPACE": "envoy-gateway-system",
        "ENVOY_VERSION": "1.40.0",
    }


def test_no_secret_is_on_a_command_line() -> None:
    arguments = [argument for part in every().values() for argument in part.argv]
    assert not [argument for argument in arguments if "BEGIN" in argument or "password" in argument]
