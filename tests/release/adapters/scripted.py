"""Stand-ins for what the journal and the lock rest on: a scripted API server, a clock moved by hand."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from release.adapters.cluster_wire import Answer


@dataclass(kw_only=True)
class Script:
    """A wire that answers as told, and fails on anything more."""

    answers: list[Answer | Exception]
    host: str = "https://api"
    calls: list[tuple[str, str, Mapping[str, str], Any, float]] = field(default_factory=list)
    """Method, path, headers, body and time-out of each request."""

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
        self.calls.append((method, path, headers, None if body is None else json.loads(body), timeout))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def says(status: int, message: str = "", **headers: str) -> Answer:
    """A Status object."""
    body = {"kind": "Status", "message": message}
    return Answer(status=status, body=json.dumps(body).encode(), headers=headers)


def gives(document: object) -> Answer:
    """Something well."""
    return Answer(status=200, body=json.dumps(document).encode())


@dataclass(kw_only=True)
class Hands:
    """A steady clock and its sleep, moved by hand. While it sleeps, the next of ``meanwhile`` happens."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()
