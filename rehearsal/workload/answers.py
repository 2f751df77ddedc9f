"""What a pod answers to a request: a pure function of the pod, the request and the time."""

import html
import json
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from rehearsal.workload.pods import Component, Pod

MEDIA_SIZE: Final = 4096
"""Bytes of every media file."""

_JSON: Final = "application/json"
_HTML: Final = "text/html; charset=utf-8"
_PLAIN: Final = "text/plain; charset=utf-8"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One response, before it becomes bytes."""

    status: int
    view: str
    """Which part of the application answered: Django's view name, Node's route."""
    body: bytes
    content_type: str
    delay: float = 0.0
    """Seconds to wait before the answer is sent."""
    unhandled: bool = False
    """Whether the application failed with an exception, rather than say no."""


def answer(
    pod: Pod, method: str, path: str, *, now: float, ordinal: Callable[[], int], exposition: Callable[[], str]
) -> Answer:
    """Answer ``method path`` as ``pod`` at ``now`` (seconds since the epoch).

    ``ordinal`` counts the pod's application requests: it is called once for each, and says how many came before.
    Probes and metrics are neither delayed nor failed by the faults ``errors`` and ``latency``.
    """
    if path == "/metrics":
        return Answer(status=200, view="metrics", body=exposition().encode(), content_type=_METRICS)
    probe = _probe(pod, path, now)
    if probe is not None:
        return probe
    view = _view(pod.component, path)
    delay = pod.faults.latency / 1000
    if pod.faults.errors and fails(ordinal(), pod.faults.errors):
        body = _json(detail="simulated failure", pod=pod.name, colour=pod.colour, version=pod.version)
        return Answer(status=500, view=view, body=body, content_type=_JSON, delay=delay, unhandled=True)
    return _page(pod, view, method, path, delay)


def fails(ordinal: int, percent: int) -> bool:
    """Whether the request with that ordinal fails: of any hundred in a row exactly ``percent`` do, evenly spread."""
    return (ordinal + 1) * percent // 100 > ordinal * percent // 100


def _probe(pod: Pod, path: str, now: float) -> Answer | None:
    """Answer liveness and readiness; None for any other path."""
    if pod.component is Component.FRONTEND:
        if path.rstrip("/") != "/api/health":
            return None
        view, healthy = "/api/health", pod.probed_ready(now)
    elif path.rstrip("/") == "/ready":
        view, healthy = "ready", pod.probed_ready(now)
    elif path.rstrip("/") == "/health":
        view, healthy = "health", True
    else:
        return None
    body = _json(status="ok" if healthy else "unavailable")
    return Answer(status=200 if healthy else 503, view=view, body=body, content_type=_JSON)


def _view(component: Component, path: str) -> str:
    """Name the part of the application that is responsible for ``path``."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    if component is Component.FRONTEND:
        return "/" if not first else "/[...page]"
    return {"api": "api", "admin": "admin:index", "media": "media", "static": "static"}.get(first, "<unnamed view>")


def _page(pod: Pod, view: str, method: str, path: str, delay: float) -> Answer:
    """Answer with the page of a view."""
    if pod.component is Component.FRONTEND:
        return Answer(status=200, view=view, body=_document(pod, path), content_type=_HTML, delay=delay)
    match view:
        case "api":
            body = _json(
                component=pod.component,
                colour=pod.colour,
                version=pod.version,
                pod=pod.name,
                namespace=pod.namespace,
                method=method,
                path=path,
            )
            return Answer(status=200, view=view, body=body, content_type=_JSON, delay=delay)
        case "admin:index":
            return Answer(status=200, view=view, body=_document(pod, path), content_type=_HTML, delay=delay)
        case "media" | "static":
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            return Answer(status=200, view=view, body=b"\x00" * MEDIA_SIZE, content_type=kind, delay=delay)
        case _:
            return Answer(status=404, view=view, body=b"Not Found", content_type=_PLAIN, delay=delay)


def _json(**fields: str) -> bytes:
    return json.dumps(fields).encode()


def _document(pod: Pod, path: str) -> bytes:
    title = f"{pod.component} {html.escape(path)}"
    release = f"{pod.colour} {pod.version}, pod {pod.name}"
    return f"<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1><p>{release}</p></html>\n".encode()


@lru_cache(maxsize=1024)
def _identity(component: Component, colour: str, version: str, pod: str) -> str:
    server = "gunicorn" if component is Component.BACKEND else "node"
    fields = {"server": server, "x-component": component, "x-colour": colour, "x-version": version, "x-pod": pod}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def response(pod: Pod, given: Answer, *, head_only: bool, close: bool) -> bytes:
    """Bytes of ``given`` as an HTTP/1.1 response. ``head_only`` leaves the body out; ``close`` announces the end."""
    head = (
        f"HTTP/1.1 {given.status} {HTTPStatus(given.status).phrase}\r\n"
        f"{_identity(pod.component, pod.colour, pod.version, pod.name)}"
        f"content-type: {given.content_type}\r\n"
        f"content-length: {len(given.body)}\r\n"
        f"{'connection: close' if close else 'connection: keep-alive'}\r\n\r\n"
    )
    return head.encode("latin-1", "replace") + (b"" if head_only else given.body)


def refusal(status: int) -> bytes:
    """Bytes of an answer to a request that cannot be read; the connection ends with it."""
    phrase = HTTPStatus(status).phrase
    return (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {_PLAIN}\r\ncontent-length: {len(phrase)}\r\n"
        f"connection: close\r\n\r\n{phrase}"
    ).encode()
