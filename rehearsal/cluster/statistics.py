"""Serves Envoy's statistics, and nothing else of its admin interface, where a pod of Envoy's has them.

``python -m rehearsal.cluster.statistics ROOT`` listens on every address of this network namespace, and so on the
address of whichever simulated pod stands for Envoy (see :mod:`rehearsal.cluster.addresses`). Envoy's admin interface,
through which anybody could end it, stays on a loopback port that changes with every start of Envoy.
"""

import http.client
import sys
from contextlib import closing
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from rehearsal.cluster.configuration import GATEWAY_FOLDERS
from rehearsal.cluster.layout import STATISTICS_PORT, Layout

PATH: Final = "/stats/prometheus"
"""The only path that is passed on, with its query."""
READY: Final = "/ready"
"""Answered without asking Envoy: whether this process serves."""
TIMEOUT: Final = 5.0
"""Seconds that Envoy has for an answer, and a client for its next request."""
PLAIN: Final = "text/plain; charset=UTF-8"


class Unreachable(Exception):
    """Envoy does not run, or does not answer."""


def admin(layout: Layout) -> tuple[str, int]:
    """Host and port of the admin interface of the Envoy that was started last. Raises :class:`Unreachable`."""
    written = sorted((layout.gateway / GATEWAY_FOLDERS["runtimeDir"]).glob("*/admin-address.txt"))
    host, _, port = written[-1].read_text().strip().rpartition(":") if written else ("", "", "")
    if not port.isdigit():
        raise Unreachable("Envoy has not said where its admin interface is")
    return host, int(port)


def ask(layout: Layout, path: str) -> tuple[int, str, bytes]:
    """Status, type and body of Envoy's answer to ``GET path``. Raises :class:`Unreachable`."""
    host, port = admin(layout)
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=TIMEOUT)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", PLAIN), answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"Envoy does not answer: {error}") from None


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    layout: Layout
    """Set by :func:`server`."""

    def do_GET(self) -> None:
        """Pass on what is allowed."""
        path = self.path.partition("?")[0]
        if path == READY:
            self._say(HTTPStatus.OK, PLAIN, b"ready\n")
        elif path != PATH:
            self._say(HTTPStatus.NOT_FOUND, PLAIN, b"not found\n")
        else:
            try:
                self._say(*ask(self.layout, self.path))
            except Unreachable as error:
                self._say(HTTPStatus.SERVICE_UNAVAILABLE, PLAIN, f"{error}\n".encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: there is a request every second."""

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def server(layout: Layout, address: tuple[str, int]) -> ThreadingHTTPServer:
    """The server, listening on ``address`` but not yet serving."""
    return ThreadingHTTPServer(address, type("Bound", (Handler,), {"layout": layout}))


def main() -> None:
    """Entry point of the process."""
    server(Layout(root=Path(sys.argv[1])), ("0.0.0.0", STATISTICS_PORT)).serve_forever()  # noqa: S104 - see above


if __name__ == "__main__":
    main()
