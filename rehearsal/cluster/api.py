"""The few calls that the cluster's own processes make to the API server, without the weight of a client library."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from rehearsal.cluster.layout import API_PORT, Layout


class ApiError(Exception):
    """The API server refused a call. ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Objects(Protocol):
    """What looking after objects takes, of all that an :class:`Api` can do."""

    def get(self, path: str) -> dict[str, Any] | None:
        """See :meth:`Api.get`."""

    def apply(self, path: str, content: Mapping[str, Any], *, manager: str) -> dict[str, Any]:
        """See :meth:`Api.apply`."""

    def delete(self, path: str) -> None:
        """See :meth:`Api.delete`."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """A client of the API server, authenticated by a certificate. Every call opens its own connection."""

    certificate: Path
    key: Path
    authority: Path
    host: str = "127.0.0.1"
    port: int = API_PORT
    timeout: float = 10.0
    """Seconds to wait for one answer."""

    @classmethod
    def of(cls, layout: Layout, user: str) -> "Api":
        """The client of the control-plane user ``user``, for use inside the namespace."""
        return cls(
            certificate=layout.certificate(user),
            key=layout.key(user),
            authority=layout.certificate("kubernetes-ca"),
        )

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at ``path``; ``None`` if there is none (or not even its kind)."""
        try:
            return self._call("GET", path)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def apply(self, path: str, content: Mapping[str, Any], *, manager: str) -> dict[str, Any]:
        """Server-side apply of ``content`` to ``path``, taking over fields that somebody else set."""
        return self._call(
            "PATCH",
            f"{path}?fieldManager={manager}&force=true",
            content,
            content_type="application/apply-patch+yaml",
        )

    def delete(self, path: str) -> None:
        """Delete the object at ``path`` with what depends on it; no error if there is none."""
        try:
            self._call("DELETE", f"{path}?propagationPolicy=Background")
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def watch(self, path: str, *, seconds: int) -> Iterator[dict[str, Any]]:
        """Events from ``path`` (a collection, with its query); ends after ``seconds``."""
        with closing(self._connect(timeout=seconds + self.timeout)) as connection:
            joint = "&" if "?" in path else "?"
            connection.request("GET", f"{path}{joint}watch=1&timeoutSeconds={seconds}")
            response = connection.getresponse()
            if response.status != HTTPStatus.OK:
                raise ApiError(response.status, response.read().decode(errors="replace"))
            while line := response.readline():
                yield json.loads(line)

    def _connect(self, *, timeout: float) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.authority))
        context.load_cert_chain(self.certificate, self.key)
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=context)

    def _call(
        self, method: str, path: str, content: Mapping[str, Any] | None = None, *, content_type: str = ""
    ) -> dict[str, Any]:
        with closing(self._connect(timeout=self.timeout)) as connection:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
            response = connection.getresponse()
            text = response.read()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise ApiError(response.status, _message(text))
        return dict(json.loads(text))


def _message(text: bytes) -> str:
    """The ``message`` of a Status object, or the text itself."""
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.decode(errors="replace")[:200]
