"""One request to the API server and its answer, whatever that is: the official client's connection, nothing more.

The client knows the credentials of every kubeconfig. Its models would decode megabytes that nobody asked for, and its
own retries do not know what may be sent twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import urllib3
from kubernetes.client import ApiClient

CONNECT_SECONDS: Final = 5.0
LARGEST: Final = 16 * 1024 * 1024
"""Bytes of an answer that are read. A page of a list has one or two million."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the API server said."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""


class NoAnswerError(Exception):
    """Nothing came back, or not all. Whether the request was carried out is not known."""


class Wire(Protocol):
    """Sends a request once."""

    @property
    def host(self) -> str:
        """Where to: ``https://…``."""

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
        """The answer, whatever its status. ``path`` has its query. Raises :class:`NoAnswerError`."""


class ClusterWire:
    """The API server of a client. Safe to use from several threads."""

    def __init__(self, client: ApiClient) -> None:
        self._client: Any = client  # publishes no types of use

    @property
    def host(self) -> str:
        """Where the API server is."""
        return str(self._client.configuration.host)

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
        """See :meth:`Wire.send`."""
        sent = dict(headers)
        self._client.update_params_for_auth(sent, [], ["BearerToken"], path, method, None)
        try:
            response = self._client.rest_client.pool_manager.request(
                method,
                f"{self.host}{path}",
                headers=sent,
                body=body,
                timeout=urllib3.Timeout(total=timeout, connect=min(CONNECT_SECONDS, timeout)),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            return Answer(
                status=response.status,
                body=_read(response),
                headers={name.lower(): value for name, value in response.headers.items()},
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswerError(_short(error)) from None


def _read(response: Any) -> bytes:  # noqa: ANN401 - as above
    body: bytes = response.read(LARGEST + 1)
    if len(body) > LARGEST:
        response.close()
        raise NoAnswerError(f"it answers with more than {LARGEST} bytes")
    response.release_conn()
    return body


def _short(error: Exception) -> str:
    text = str(error).lower()
    known = (
        "certificate has expired",
        "certificate verify failed",
        "connection refused",
        "connection reset",
        "timed out",
        "name or service not known",
    )
    return next((phrase for phrase in known if phrase in text), type(error).__name__)
