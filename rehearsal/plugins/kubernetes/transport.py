"""Requests to the API server through the official client: retried while it restarts, refused in one tree of errors."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from rehearsal.plugins.kubernetes.configuration import Configuration
from rehearsal.plugins.kubernetes.connection import Connection, Down, network_errors, unreachable
from rehearsal.plugins.kubernetes.errors import ApiError, Cancelled, Unreachable
from rehearsal.plugins.kubernetes.objects import Manifest

FIRST_PATIENCE: Final = 3.0
"""Seconds to wait for an API server that never answered: it is probably not running."""
PATIENCE: Final = 30.0
"""Seconds to wait for an API server that did answer before: it is probably being restarted."""
_LONGEST_PAUSE: Final = 2.0
_READ_TIMEOUT: Final = 60.0
_TRANSIENT: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_STARTING: Final = ("not yet ready to handle request", "etcdserver:", "leader changed", "apiserver is shutting down")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Manifest | None = None
    content_type: str = "application/json"


class Transport:
    """The connection to one API server, shared by all threads. It is made at the first request."""

    def __init__(
        self,
        configuration: Configuration,
        cancelled: threading.Event,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
        first_patience: float = FIRST_PATIENCE,
    ) -> None:
        self._configuration = configuration
        self._cancelled = cancelled
        self._clock = clock
        self._patience, self._first_patience = patience, first_patience
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._answered = False
        self._down: Unreachable | None = None

    @property
    def namespace(self) -> str:
        """The namespace of the kubeconfig's context, ``default`` if it has none."""
        return self._connect().namespace

    def request(self, call: Call, *, on_retry: Callable[[str], None] | None = None) -> Manifest:
        """Send ``call`` and return the answer's JSON.

        Raises :class:`ApiError` on a refusal, :class:`Unreachable` when nothing answers for :data:`PATIENCE`,
        :class:`Cancelled`. ``on_retry`` hears of each failure that is tried again; a request that failed half-way may
        have been carried out.
        """
        deadline = self._clock() + self._patience_now()
        pause = 0.1
        while True:
            try:
                answer = self._once(call)
            except (ApiError, Unreachable) as error:
                if not _passing(error):
                    raise
                if self._clock() >= deadline:
                    self._down = _given_up(error)
                    raise self._down from None
                if on_retry:
                    on_retry(error.problem if isinstance(error, Unreachable) else error.message)
                if self._cancelled.wait(max(pause, getattr(error, "retry_after", 0))):
                    raise Cancelled("interrupted while waiting for the API server", remedy="run it again") from None
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self._answered, self._down = True, None
                return answer

    def _patience_now(self) -> float:
        if self._down is not None:
            return 0.0
        return self._patience if self._answered else self._first_patience

    def watch(self, path: str, query: Mapping[str, str], *, seconds: int) -> "Stream":
        """Return the changes to what ``path`` lists, for at most ``seconds``; what exists comes first."""
        return Stream(self._connect(), path, query, seconds)

    def _once(self, call: Call) -> Manifest:
        connection = self._connect()
        response = connection.send(
            call.method,
            call.path,
            call.query,
            content_type=call.content_type,
            body=call.body,
            read_timeout=_READ_TIMEOUT,
        )
        try:
            answer: Manifest = json.loads(response.read())
        except network_errors() as error:
            raise unreachable(error, connection.host) from None
        return answer

    def _connect(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = Connection(self._configuration)
            return self._connection


class Stream:
    """Changes as they happen: ``(ADDED | MODIFIED | DELETED, object)``.

    Iterating raises :class:`ApiError` and :class:`Unreachable`; nothing is retried. :meth:`close` ends it from any
    thread.
    """

    def __init__(self, connection: Connection, path: str, query: Mapping[str, str], seconds: int) -> None:
        from kubernetes import watch  # noqa: PLC0415 - see the package's docstring

        self._connection, self._path, self._seconds = connection, path, seconds
        self._query = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        client: Any = watch
        self._watch = client.Watch(return_type="object")

    def __iter__(self) -> Iterator[tuple[str, Manifest]]:
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - see the package's docstring

        try:
            for event in self._watch.stream(self._begin, timeout_seconds=self._seconds):
                if event and event["type"] != "BOOKMARK":
                    yield event["type"], event["raw_object"]
        except ApiException as error:
            raise ApiError(status=error.status or 0, reason="Watch", message=str(error.reason)) from None
        except network_errors() as error:
            raise unreachable(error, self._connection.host) from None

    def close(self) -> None:
        """End the iteration, also where it is waiting for the next change."""
        self._watch.stop()

    def _begin(self, **_: object) -> object:
        return self._connection.send("GET", self._path, self._query, read_timeout=self._seconds + 5).response


def _passing(error: ApiError | Unreachable) -> bool:
    """Say whether a restart of the API server explains ``error``."""
    if isinstance(error, ApiError):
        return error.status in _TRANSIENT or any(phrase in error.message for phrase in _STARTING)
    return isinstance(error, Down)


def _given_up(error: ApiError | Unreachable) -> Unreachable:
    if isinstance(error, Unreachable):
        return error
    return Unreachable(f"the API server is not ready: {error.message}", remedy="see `make status`")
