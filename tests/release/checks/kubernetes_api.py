"""An API client whose transport answers from a table, as a real API server was seen to answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import urllib3
from kubernetes.client import ApiClient, Configuration

HOST = "https://api.test:6443"


@dataclass
class Transport:
    """Answers by ``GET /path``; anything else that is asked for is an error."""

    answers: Mapping[str, tuple[int, Any] | Exception]
    allowed: frozenset[str] | None = None
    """What access reviews allow, as ``get pods``; ``None`` allows all."""
    asked: list[str] = field(default_factory=list)
    reviews: list[Mapping[str, str]] = field(default_factory=list)

    def request(
        self, method: str, url: str, *, headers: Any, body: Any, post_params: Any, _request_timeout: float
    ) -> Any:
        assert headers["Accept"] == "application/json"
        assert not post_params
        assert _request_timeout == 5.0
        line = f"{method} {unquote(url.removeprefix(HOST))}"
        self.asked.append(line)
        if line == "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews" and line not in self.answers:
            attributes = body["spec"]["resourceAttributes"]
            self.reviews.append(attributes)
            asked = f"{attributes['verb']} {attributes['resource']}"
            return answer(201, {"status": {"allowed": self.allowed is None or asked in self.allowed}})
        given = self.answers[line]
        if isinstance(given, Exception):
            raise given
        return answer(*given)


def answer(status: int, body: Any) -> Any:
    """What the client's transport gives."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    class Response:
        def read(self, largest: int) -> bytes:
            return data[:largest]

    class Answer:
        response = Response()

    answer: Any = Answer()
    answer.status = status
    return answer


def api(transport: Transport) -> ApiClient:
    """A client that uses ``transport``."""
    configuration = Configuration()
    configuration.host = HOST
    client = ApiClient(configuration)
    stand_in: Any = transport
    client.rest_client = stand_in
    return client


_POOL: Any = None
REFUSED = urllib3.exceptions.MaxRetryError(_POOL, "/version", urllib3.exceptions.ProtocolError("Connection refused"))
