import threading
from typing import Any

import pytest

from rehearsal.plugins.kubernetes import transport
from rehearsal.plugins.kubernetes.configuration import Configuration
from rehearsal.plugins.kubernetes.connection import Down, unreachable
from rehearsal.plugins.kubernetes.errors import ApiError, Cancelled, Unreachable
from rehearsal.plugins.kubernetes.transport import FIRST_PATIENCE, PATIENCE, Call, Transport

CALL = Call(method="GET", path="/version", query={})
DOWN = Down("the API server https://x does not answer (connection refused)", remedy="see `make status`")


class Answer:
    def read(self) -> bytes:
        return b'{"major": "1"}'


class Time(threading.Event):
    """Clock and cancellation in one: waiting moves the clock on, and never ends early."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timeout
        self.pauses.append(timeout)
        return self.is_set()


class Script:
    """A connection that answers as told, and fails on anything more."""

    host = "https://x"
    namespace = "default"

    def __init__(self, answers: list[Exception | Answer]) -> None:
        self.answers = answers

    def send(self, *_: Any, **__: Any) -> Answer:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def time() -> Time:
    return Time()


def connect(monkeypatch: pytest.MonkeyPatch, time: Time, *answers: Exception | Answer) -> Transport:
    script = Script(list(answers))
    monkeypatch.setattr(transport, "Connection", lambda _: script)
    return Transport(Configuration(), time, clock=time)


def busy(status: int, message: str = "", retry_after: float = 0) -> ApiError:
    return ApiError(status=status, reason="", message=message, retry_after=retry_after)


@pytest.mark.parametrize(
    "failure",
    [DOWN, busy(503), busy(429), busy(500, "etcdserver: leader changed"), busy(403, "not yet ready to handle request")],
)
def test_what_a_restart_explains_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, time: Time, failure: Exception
) -> None:
    heard: list[str] = []
    client = connect(monkeypatch, time, failure, failure, Answer())
    assert client.request(CALL, on_retry=heard.append) == {"major": "1"}
    assert len(heard) == 2
    assert time.pauses == [0.1, 0.2]


def test_a_refusal_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    client = connect(monkeypatch, time, busy(422, "Invalid"))
    with pytest.raises(ApiError, match="Invalid"):
        client.request(CALL)
    assert time.pauses == []


def test_the_servers_own_wish_to_wait_is_followed(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    connect(monkeypatch, time, busy(429, retry_after=3), Answer()).request(CALL)
    assert time.pauses == [3]


def test_a_server_that_answered_before_is_given_longer_than_one_that_never_did(
    monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        connect(monkeypatch, time, *[DOWN] * 100).request(CALL)
    assert FIRST_PATIENCE <= time.now < FIRST_PATIENCE + 2
    client = connect(monkeypatch, time, Answer(), *[DOWN] * 100)
    client.request(CALL)
    begun = time.now
    with pytest.raises(Unreachable, match="connection refused"):
        client.request(CALL)
    assert PATIENCE <= time.now - begun < PATIENCE + 2


def test_a_server_given_up_on_is_not_waited_for_again_until_it_answers(
    monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    client = connect(monkeypatch, time, *[DOWN] * 6, Answer(), DOWN, Answer())
    with pytest.raises(Unreachable):
        client.request(CALL)
    given_up = time.now
    assert client.request(CALL) == {"major": "1"}
    assert time.now == given_up
    assert client.request(CALL) == {"major": "1"}


def test_a_server_that_stays_busy_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    with pytest.raises(Unreachable, match="is not ready: shutting down") as caught:
        connect(monkeypatch, time, *[busy(503, "shutting down")] * 100).request(CALL)
    assert "make status" in caught.value.remedy


def test_a_cancellation_ends_the_retries(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    client = connect(monkeypatch, time, *[DOWN] * 3)
    time.set()
    with pytest.raises(Cancelled):
        client.request(CALL)


@pytest.mark.parametrize(
    ("text", "part", "passing"),
    [
        ("verify failed: certificate has expired", "the certificate of the API server https://x has expired", False),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", "does not vouch for", False),
        ("[Errno 111] Connection refused", "does not answer (connection refused)", True),
    ],
)  # fmt: skip
def test_each_kind_of_unreachable_server_is_told_apart(text: str, part: str, passing: bool) -> None:
    error = unreachable(OSError(text), "https://x")
    assert part in error.problem
    assert isinstance(error, Down) is passing
    assert "make" in error.remedy
