"""Host-side ports: free, taken, remembered."""

import socket

import pytest

from rehearsal.cluster.plan import Ports
from rehearsal.cluster.ports import describe_owner, listen
from rehearsal.errors import PortInUse
from tests.rehearsal.cluster_fixtures import free_ports


def close(opened: dict[str, list[socket.socket]]) -> None:
    for sock in (sock for group in opened.values() for sock in group):
        sock.close()


def nobody(port: int) -> str:
    return f"the owner of {port}"


def test_sockets_listen_on_loopback_alone() -> None:
    opened = listen(free_ports(), None)
    try:
        addresses = {sock.getsockname()[0] for group in opened.values() for sock in group}
        assert addresses <= {"127.0.0.1", "::1"}
        assert "127.0.0.1" in addresses
    finally:
        close(opened)


def test_a_remembered_port_of_the_api_server_is_used_again() -> None:
    remembered = free_ports().http
    opened = listen(free_ports(), remembered)
    try:
        assert [sock.getsockname()[1] for sock in opened["api"]] == [remembered]
    finally:
        close(opened)


def test_a_taken_port_of_the_api_server_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        opened = listen(free_ports(), taken)
        try:
            assert opened["api"][0].getsockname()[1] != taken
        finally:
            close(opened)


def test_ports_of_what_stands_beside_are_free_ones_the_same_on_both_addresses() -> None:
    opened = listen(free_ports(), None, {"redis": 0, "registry": 0})
    try:
        numbers = {name: {sock.getsockname()[1] for sock in opened[name]} for name in ("redis", "registry")}
        assert [len(of) for of in numbers.values()] == [1, 1]
        assert numbers["redis"].isdisjoint(numbers["registry"])
        assert len(opened["redis"]) == len(opened["http"])
    finally:
        close(opened)


def test_a_remembered_port_is_used_again_and_a_taken_one_replaced() -> None:
    remembered = free_ports().http
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        opened = listen(free_ports(), None, {"redis": remembered, "registry": taken})
        try:
            assert {sock.getsockname()[1] for sock in opened["redis"]} == {remembered}
            assert taken not in {sock.getsockname()[1] for sock in opened["registry"]}
        finally:
            close(opened)


@pytest.mark.parametrize("variable", ["HTTP_PORT", "HTTPS_PORT"])
def test_a_taken_port_is_named_with_its_owner_and_the_variable_that_changes_it(variable: str) -> None:
    free = free_ports()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        http = variable == "HTTP_PORT"
        ports = Ports(http=taken if http else free.http, https=free.https if http else taken)
        with pytest.raises(PortInUse) as caught:
            listen(ports, None, owner=nobody)
    assert caught.value.problem == f"port {taken} on 127.0.0.1 is in use by the owner of {taken}"
    suggestion = taken + 1000 if taken < 60000 else taken - 1000
    assert caught.value.remedy == f"make up {variable}={suggestion}"


def test_a_refused_start_leaves_no_port_open() -> None:
    free = free_ports()
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(PortInUse):
            listen(Ports(http=free.http, https=other.getsockname()[1]), None, owner=nobody)
        close(listen(free, None))


def test_the_owner_of_a_port_is_described_by_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        described = describe_owner(sock.getsockname()[1])
    assert described.startswith("process ")


def test_nobody_owns_a_free_port() -> None:
    assert describe_owner(free_ports().http) == ""
