"""Deliveries: in the background, tried again, bounded, never a release's problem, never a secret in a text."""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from release.adapters import notifications
from release.adapters.notifications import LONGEST_WAIT, ROOM, TRIES, Notifier
from release.notify.notice import Happening, Notice
from release.notify.receivers import Target

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
PATH = "/services/T0SECRET/B0SECRET/verysecretpart"
QUERY = "token=alsosecret"
KEY = "key-of-the-receiver"
SECRETS = ("T0SECRET", "verysecretpart", "alsosecret", KEY)
LONG = 30.0
"""Seconds that a test would wait before it failed; none of them needs them."""


def notice(event: Happening = Happening.FAILED, **changes: Any) -> Notice:
    given: dict[str, Any] = {
        "event": event,
        "stack": "production",
        "release": "20261124-103000-k3f9",
        "status": "failed",
        "text": "Release 1.4.2 failed on production: too many errors.",
        "actor": "ada@ci",
        "at": NOW,
    }
    return Notice(**{**given, **changes})


def target(**changes: Any) -> Target:
    given: dict[str, Any] = {"name": "webhook", "url": SecretStr(f"https://hooks.example{PATH}?{QUERY}")}
    return Target(**{**given, **changes})


class Bench:
    """A notifier whose transport answers from a list, and what it did."""

    def __init__(
        self, answer: Callable[[httpx.Request], httpx.Response], *targets: Target, jitter: float = 0.0
    ) -> None:
        self.requests: list[httpx.Request] = []
        self.failures: list[str] = []
        self.waits: list[float] = []

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return answer(request)

        def wait(_: threading.Event, seconds: float) -> bool:
            self.waits.append(seconds)
            return False

        self.notifier = Notifier(
            targets or (target(),),
            transport=httpx.MockTransport(handle),
            failed=self.failures.append,
            now=lambda: NOW,
            jitter=lambda: jitter,
            wait=wait,
        )

    def told(self, *notices: Notice) -> int:
        for one in notices:
            self.notifier.tell(one)
        return self.notifier.close(LONG)


def answers(*statuses: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    left = list(statuses)
    return lambda _: httpx.Response(
        left.pop(0), headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def raises(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def handle(_: httpx.Request) -> httpx.Response:
        raise error

    return handle


def test_a_notice_arrives_whole_and_once() -> None:
    bench = Bench(answers(204))
    assert bench.told(notice(next="release logs 20261124-103000-k3f9", figures={"Errors": "5 of 60 requests"})) == 0
    (request,) = bench.requests
    assert (request.method, str(request.url)) == ("POST", f"https://hooks.example{PATH}?{QUERY}")
    assert json.loads(request.content) == {
        "format": 1,
        "event": "failed",
        "stack": "production",
        "release": "20261124-103000-k3f9",
        "status": "failed",
        "text": "Release 1.4.2 failed on production: too many errors.",
        "actor": "ada@ci",
        "at": "2026-11-24T10:30:00+00:00",
        "next": "release logs 20261124-103000-k3f9",
        "figures": {"Errors": "5 of 60 requests"},
        "link": None,
    }
    assert request.headers["Content-Type"] == "application/json"
    assert "X-Release-Signature" not in request.headers
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}
    assert bench.failures == []


def test_a_receiver_with_the_key_can_tell_that_it_is_from_us_and_when() -> None:
    bench = Bench(answers(200), target(key=SecretStr(KEY)))
    bench.told(notice())
    (request,) = bench.requests
    assert request.headers["X-Release-Timestamp"] == "1795516200"
    expected = hmac.new(KEY.encode(), b"1795516200." + request.content, hashlib.sha256).hexdigest()
    assert request.headers["X-Release-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_what_may_pass_is_tried_again_as_the_same_delivery(status: int) -> None:
    bench = Bench(answers(status, status, 200))
    assert bench.told(notice()) == 0
    assert bench.waits == [1.0, 2.0]
    assert len({request.headers["X-Release-Delivery"] for request in bench.requests}) == 1
    assert bench.failures == []


def test_two_notices_are_two_deliveries_in_their_order() -> None:
    bench = Bench(answers(200, 200))
    assert bench.told(notice(Happening.STARTED), notice(Happening.SUCCEEDED)) == 0
    assert [json.loads(request.content)["event"] for request in bench.requests] == ["started", "succeeded"]
    assert len({request.headers["X-Release-Delivery"] for request in bench.requests}) == 2


def test_it_gives_up_after_a_bound_and_says_so() -> None:
    bench = Bench(answers(*[503] * TRIES))
    assert bench.told(notice()) == 1
    assert bench.waits == [1.0, 2.0, 4.0, 8.0]
    assert bench.failures == ["webhook was not told that release 20261124-103000-k3f9 failed: it answered 503"]


def test_half_of_a_pause_is_left_to_chance() -> None:
    bench = Bench(answers(503, 503, 200), jitter=1.0)
    bench.told(notice())
    assert bench.waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Tue, 24 Nov 2026 10:30:09 GMT", 9.0),
        ("Tue, 24 Nov 2026 10:29:00 GMT", 0.0),
        ("soon", 1.0),
        ("-3", 1.0),
        ("9" * 65, 1.0),
        ("²", 1.0),
    ],
)
def test_a_receiver_that_names_a_time_is_left_alone_until_then(asked: str, waited: float) -> None:
    left = [httpx.Response(429, headers=[(b"Retry-After", asked.encode())]), httpx.Response(200)]
    bench = Bench(lambda _: left.pop(0))
    assert bench.told(notice()) == 0
    assert bench.waits == [waited]


def test_a_receiver_that_asks_for_longer_than_a_release_can_wait_is_not_asked_again() -> None:
    bench = Bench(answers(429, Retry_After=str(int(LONGEST_WAIT) + 1)))
    assert bench.told(notice()) == 1
    assert bench.failures[0].endswith("it answered 429 and asks to be left alone for 31 s")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (400, "it answered 400"),
        (404, "it answered 404"),
        (302, "it answered 302: the address has moved; set the new one"),
        (101, "it answered 101"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(status: int, why: str) -> None:
    bench = Bench(answers(status, Location=f"https://evil.example{PATH}"))
    assert bench.told(notice()) == 1
    assert (len(bench.requests), bench.failures[0].split(": ", 1)[1]) == (1, why)


SHOWN = f"https://hooks.example{PATH}?{QUERY}"


@pytest.mark.parametrize(
    ("answer", "why", "tries"),
    [
        (raises(httpx.ConnectTimeout(SHOWN)), "no answer within 5 s", TRIES),
        (raises(httpx.ReadTimeout(SHOWN)), "no answer within 5 s", TRIES),
        (raises(httpx.ConnectError(SHOWN)), "it cannot be reached (ConnectError)", TRIES),
        (raises(httpx.RemoteProtocolError(SHOWN)), "it cannot be reached (RemoteProtocolError)", TRIES),
        (raises(httpx.ConnectError(f"[SSL: CERTIFICATE_VERIFY_FAILED] {SHOWN}")), "its certificate is not trusted", 1),
        (raises(httpx.UnsupportedProtocol(SHOWN)), "its address is not https", 1),
        (raises(httpx.InvalidURL(SHOWN)), "unexpected InvalidURL", 1),
        (raises(RuntimeError(SHOWN)), "unexpected RuntimeError", 1),
        (answers(*[500] * TRIES), "it answered 500", TRIES),
        (answers(403), "it answered 403", 1),
    ],
)
def test_no_way_to_fail_shows_the_address(
    answer: Callable[[httpx.Request], httpx.Response],
    why: str,
    tries: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    bench = Bench(answer, target(key=SecretStr(KEY)))
    assert bench.told(notice()) == 1
    assert len(bench.requests) == tries
    assert bench.failures == [f"webhook was not told that release 20261124-103000-k3f9 failed: {why}"]
    written = caplog.text + "".join(capfd.readouterr()) + "".join(bench.failures)
    assert [secret for secret in SECRETS if secret in written] == []


def test_neither_does_the_receiver_itself() -> None:
    shown = repr(target(key=SecretStr(KEY))) + str(target(key=SecretStr(KEY)))
    assert [secret for secret in SECRETS if secret in shown] == []


def test_only_what_was_asked_for_is_told() -> None:
    bench = Bench(answers(200), target(on={Happening.HALTED, Happening.FAILED}))
    assert bench.told(notice(Happening.STARTED), notice(Happening.HALTED), notice(Happening.SUCCEEDED)) == 0
    assert [json.loads(request.content)["event"] for request in bench.requests] == ["halted"]


def test_a_receiver_that_hangs_holds_up_neither_the_release_nor_the_other_receiver() -> None:
    arrived, free = threading.Event(), threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "hangs.example":
            free.wait(LONG)
        else:
            arrived.set()
        return httpx.Response(200)

    bench = Bench(answer, target(name="slow", url=SecretStr("https://hangs.example/x")), target())
    bench.notifier.tell(notice(Happening.STARTED))
    assert arrived.wait(LONG)
    bench.notifier.tell(notice(Happening.FAILED))
    try:
        # Both notices of the one that hangs; the other's second one may be on its way still.
        assert bench.notifier.close(0.0) in {2, 3}
    finally:
        free.set()


def test_more_than_there_is_room_for_is_refused_and_said() -> None:
    began, free = threading.Event(), threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        began.set()
        free.wait(LONG)
        return httpx.Response(200)

    bench = Bench(answer)
    bench.notifier.tell(notice())
    assert began.wait(LONG)
    for _ in range(ROOM + 2):
        bench.notifier.tell(notice())
    assert len(bench.failures) == 2
    assert bench.failures[0].endswith("too many notices wait already, or the release is ending")
    free.set()
    assert bench.notifier.close(LONG) == 2
    assert len(bench.requests) == ROOM + 1


def test_after_the_end_nothing_is_accepted_and_a_second_close_is_harmless() -> None:
    bench = Bench(answers(200))
    assert bench.told(notice()) == 0
    bench.notifier.tell(notice())
    assert bench.notifier.close(0.0) == 1
    assert len(bench.requests) == 1


def test_a_pause_ends_with_the_release() -> None:
    waiting = threading.Event()
    failures: list[str] = []

    def wait(stop: threading.Event, seconds: float) -> bool:
        assert seconds == 1.0
        waiting.set()
        return stop.wait(LONG)

    notifier = Notifier(
        (target(),),
        transport=httpx.MockTransport(answers(503)),
        failed=failures.append,
        now=lambda: NOW,
        jitter=lambda: 0.0,
        wait=wait,
    )
    notifier.tell(notice())
    assert waiting.wait(LONG)
    assert notifier.close(0.0) == 1
    assert notifier.close(LONG) == 1  # by then its thread has ended
    assert failures == []


def test_whoever_hears_of_failures_may_fail_too() -> None:
    def failed(_: str) -> None:
        raise OSError

    notifier = Notifier((target(),), transport=httpx.MockTransport(answers(400, 400)), failed=failed, now=lambda: NOW)
    notifier.tell(notice())
    notifier.tell(notice())
    assert notifier.close(LONG) == 2


def test_without_receivers_nothing_happens() -> None:
    notifier = Notifier((), transport=httpx.MockTransport(answers()), failed=pytest.fail, now=lambda: NOW)
    notifier.tell(notice())
    assert notifier.close(0.0) == 0


class Receiver(BaseHTTPRequestHandler):
    """Notes what comes, and answers with more than anybody should read."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(10**9))
        self.end_headers()
        self.wfile.write(b"x" * 1000)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []
    handler = type("Noting", (Receiver,), {"bodies": bodies})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}{PATH}?{QUERY}", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_a_real_connection_it_arrives_and_no_library_logs_the_address(
    receiver: tuple[str, list[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url, bodies = receiver
    failures: list[str] = []
    notifier = Notifier(
        (target(url=SecretStr(url)),), transport=notifications.transport(), failed=failures.append, now=lambda: NOW
    )
    notifier.tell(notice())
    assert notifier.close(LONG) == 0
    assert [json.loads(body)["event"] for body in bodies] == ["failed"]
    assert failures == []
    assert [secret for secret in SECRETS if secret in caplog.text] == []


def test_it_does_not_speak_in_clear_to_another_machine() -> None:
    failures: list[str] = []
    notifier = Notifier(
        (target(url=SecretStr("http://hooks.example/x")),),
        transport=notifications.transport(),
        failed=failures.append,
        now=lambda: NOW,
    )
    notifier.tell(notice())
    assert notifier.close(LONG) == 1
    assert failures[0].endswith("its address is not https")
