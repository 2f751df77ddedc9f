"""The command line: plans, outputs and exit codes."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from rehearsal.errors import CertificateExpired, NotRunning, TrafficFailed
from rehearsal.traffic import __main__ as command
from rehearsal.traffic.plan import Plan
from tests.rehearsal.traffic.gateway import DOMAIN, LOOPBACK, Authority, Gateway, gateway, reply

BLUE = reply(component="backend", colour="blue")


@pytest.fixture(autouse=True)
def _clients_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients' own range exists inside the cluster's network only."""
    monkeypatch.setattr(command, "Plan", lambda **fields: Plan(network=LOOPBACK, **fields))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(folder=tmp_path)


def arguments(seen: Gateway, authority: Authority, *more: str) -> list[str]:
    where = f"127.0.0.1:{seen.port}"
    return ["--domain", DOMAIN, "--ca", str(authority.certificate), "--connect", where, *more]


def test_a_table_for_people(authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    with gateway(lambda _: BLUE, tls=authority.context()) as seen:
        assert command.main(arguments(seen, authority, "-n", "30")) == 0
    assert "30 requests in" in capsys.readouterr().out


def test_json_for_programs(authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    more = ("-n", "30", "--timeline", "--output", "json", "--file", str(file))
    with gateway(lambda _: BLUE, tls=authority.context()) as seen:
        assert command.main(arguments(seen, authority, *more)) == 0
    data = json.loads(capsys.readouterr().out)
    assert json.loads(file.read_text(encoding="utf-8")) == data
    assert (data["requests"], data["failed"], len(data["timeline"])) == (30, 0, 30)


def test_failed_requests_are_reported_and_end_with_their_exit_code(
    authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway(lambda _: reply(503), tls=authority.context()) as seen:
        assert command.main(arguments(seen, authority, "-n", "10")) == 0
        assert command.main(arguments(seen, authority, "-n", "10", "--no-errors")) == TrafficFailed.exit_code == 12
    captured = capsys.readouterr()
    assert captured.err.startswith("error: 10 of 10 requests failed: 10 x 5xx\n  remedy: ")
    assert captured.out.count("10 requests in") == 2


def test_an_expired_certificate_and_a_missing_gateway_have_their_exit_codes(
    authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway(lambda _: BLUE, tls=authority.context(days=-1)) as seen:
        assert command.main(arguments(seen, authority)) == CertificateExpired.exit_code
    assert command.main(arguments(seen, authority)) == NotRunning.exit_code
    assert capsys.readouterr().err.count("  remedy: make up\n") == 2


def test_a_signal_ends_a_run_with_a_report_on_what_was_sent(
    authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    enough = threading.Event()

    def behaviour(_: str) -> bytes:
        if len(seen.heads) >= 20 and not enough.is_set():
            enough.set()
            os.kill(os.getpid(), signal.SIGTERM)
        return BLUE

    with gateway(behaviour, tls=authority.context()) as seen:
        assert command.main(arguments(seen, authority, "--rate", "200", "--seconds", "60", "--output", "json")) == 0
    assert 20 <= json.loads(capsys.readouterr().out)["requests"] < 12_000


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (("--connect", "443"), "--connect '443': must be HOST:PORT, as in 127.0.0.1:443"),
        (("--seconds", "5"), "--seconds: needs --rate, and excludes --requests"),
        (("--rate", "5", "--seconds", "5", "-n", "3"), "--seconds: needs --rate, and excludes --requests"),
        (("--requests", "0"), "requests: must be greater than 0"),
        (("--path", "api"), "paths: at least one, each begins with /"),
    ],
)
def test_a_wrong_argument_is_named(more: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["--domain", DOMAIN, "--ca", "ca.crt", *more])
    assert problem in capsys.readouterr().err


def test_rate_and_seconds_make_the_number_of_requests() -> None:
    parsed = command.parser().parse_args(["--domain", DOMAIN, "--ca", "ca.crt", "--rate", "200", "--seconds", "30"])
    made = command.plan_of(parsed)
    assert (made.requests, made.rate, made.host, made.port) == (6000, 200, "127.0.0.1", 443)
