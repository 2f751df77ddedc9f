"""What a pod answers, without a network."""

import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.workload.answers import MEDIA_SIZE, Answer, answer, fails, refusal, response
from rehearsal.workload.faults import Faults
from rehearsal.workload.pods import Component, Pod
from tests.rehearsal.workload.samples import STARTED, pod


def ask(asked: Pod, path: str, *, method: str = "GET", now: float = STARTED) -> Answer:
    return answer(asked, method, path, now=now, ordinal=count().__next__, exposition=lambda: "metrics 1\n")


def test_the_api_says_who_answered() -> None:
    given_answer = ask(pod(), "/api/words/", method="POST")
    assert (given_answer.status, given_answer.content_type, given_answer.view) == (200, "application/json", "api")
    assert json.loads(given_answer.body) == {
        "component": "backend",
        "colour": "blue",
        "version": "1.4.0",
        "pod": "backend-blue-1",
        "namespace": "english-training",
        "method": "POST",
        "path": "/api/words/",
    }


@pytest.mark.parametrize(
    ("component", "path", "status", "content_type"),
    [
        ("backend", "/health/", 200, "application/json"),
        ("backend", "/ready/", 200, "application/json"),
        ("backend", "/admin/", 200, "text/html; charset=utf-8"),
        ("backend", "/media/exam.mp3", 200, "audio/mpeg"),
        ("backend", "/media/unknown", 200, "application/octet-stream"),
        ("backend", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("backend", "/", 404, "text/plain; charset=utf-8"),
        ("backend", "*", 404, "text/plain; charset=utf-8"),
        ("frontend", "/", 200, "text/html; charset=utf-8"),
        ("frontend", "/practice/listening", 200, "text/html; charset=utf-8"),
        ("frontend", "/api/health", 200, "application/json"),
        ("frontend", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_each_path_has_its_answer(component: str, path: str, status: int, content_type: str) -> None:
    given_answer = ask(pod(component=Component(component)), path)
    assert (given_answer.status, given_answer.content_type) == (status, content_type)


def test_media_files_have_bytes() -> None:
    assert len(ask(pod(), "/media/exam.mp3").body) == MEDIA_SIZE


def test_pages_escape_what_was_asked_for() -> None:
    assert b"<script>" not in ask(pod(component=Component.FRONTEND), "/<script>").body


@given(st.integers(0, 100), st.integers(0, 10_000))
def test_of_any_hundred_requests_in_a_row_the_given_percent_fails(percent: int, start: int) -> None:
    assert sum(fails(ordinal, percent) for ordinal in range(start, start + 100)) == percent


def test_failures_are_exceptions_of_the_application_and_spare_probes_and_metrics() -> None:
    broken = pod(faults=Faults(errors=100, latency=800))
    failed = ask(broken, "/api/words/")
    assert (failed.status, failed.unhandled, failed.delay, failed.view) == (500, True, 0.8, "api")
    for path in ("/health/", "/ready/", "/metrics"):
        spared = ask(broken, path)
        assert (spared.status, spared.delay) == (200, 0.0)


def test_a_frontend_that_is_not_ready_says_so_on_its_only_probe() -> None:
    frontend = pod(component=Component.FRONTEND, faults=Faults(slow_start=5))
    assert ask(frontend, "/api/health", now=STARTED + 4).status == 503
    assert ask(frontend, "/api/health", now=STARTED + 5).status == 200


def test_a_backend_that_is_never_ready_lives() -> None:
    never = pod(faults=Faults(never_ready=True))
    assert ask(never, "/ready/").status == 503
    assert ask(never, "/health/").status == 200


def test_a_response_names_the_pod_and_measures_its_body() -> None:
    given_answer = Answer(status=200, view="api", body=b"hello", content_type="text/plain")
    assert response(pod(), given_answer, head_only=False, close=False) == (
        b"HTTP/1.1 200 OK\r\nserver: gunicorn\r\nx-component: backend\r\nx-colour: blue\r\nx-version: 1.4.0\r\n"
        b"x-pod: backend-blue-1\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\nhello"
    )
    last = response(pod(component=Component.FRONTEND), given_answer, head_only=True, close=True)
    assert last.startswith(b"HTTP/1.1 200 OK\r\nserver: node\r\n")
    assert last.endswith(b"content-length: 5\r\nconnection: close\r\n\r\n")


def test_a_refusal_ends_the_connection() -> None:
    assert b"connection: close\r\n\r\nBad Request" in refusal(400)
