"""As much of an API server as the journal needs, in memory: versions, merge patches, conflicts, lost answers."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from release.adapters.cluster_wire import Answer, NoAnswerError


@dataclass(kw_only=True)
class Memory:
    """The objects by name, and what was ever written."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: int = 0
    records: list[str] = field(default_factory=list)
    """Every record that ever stood in a release's object, in order."""

    def answer(self, method: str, path: str, body: Any) -> tuple[HTTPStatus, Any]:  # noqa: PLR0911 - one for each case
        match = re.fullmatch(r"/api/v1/namespaces/exam/configmaps(?:/([^?]+))?(?:\?.*)?", path)
        assert match is not None, path
        name = match.group(1)
        if method == "GET" and name is None:
            return HTTPStatus.OK, {"metadata": {}, "items": list(self.objects.values())}
        if method == "POST":
            name = body["metadata"]["name"]
            if name in self.objects:
                return HTTPStatus.CONFLICT, {}
            self.objects[name] = self._stamped(copy.deepcopy(body))
            self.objects[name]["metadata"]["uid"] = f"uid-{self.writes}"
            return HTTPStatus.CREATED, self.objects[name]
        if name not in self.objects:
            return HTTPStatus.NOT_FOUND, {}
        there = self.objects[name]
        if method == "GET":
            return HTTPStatus.OK, there
        wanted = (
            body["metadata"].get("resourceVersion") if method == "PATCH" else body["preconditions"]["resourceVersion"]
        )
        if wanted not in {None, there["metadata"]["resourceVersion"]}:
            return HTTPStatus.CONFLICT, {}
        if method == "DELETE":
            return HTTPStatus.OK, self.objects.pop(name)
        assert method == "PATCH", method
        merged = _merged(there, body)
        if merged != there:
            self.objects[name] = self._stamped(merged)
        return HTTPStatus.OK, self.objects[name]

    def _stamped(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        manifest["metadata"]["resourceVersion"] = str(self.writes)
        self.records += [manifest["data"]["record"]] if "record" in manifest["data"] else []
        return manifest


@dataclass(kw_only=True)
class MemoryWire:
    """A connection to it. Each of ``faults`` meets one write: ``None`` lets it pass.

    Any other is called after the write was carried out, and its answer is lost.
    """

    memory: Memory
    faults: list[Callable[[], object] | None] = field(default_factory=list)
    host: str = "https://memory"

    def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None, timeout: float) -> Answer:
        assert headers
        assert timeout > 0
        status, found = self.memory.answer(method, path, None if body is None else json.loads(body))
        answer = Answer(status=status, body=json.dumps(found).encode())
        fault = self.faults.pop(0) if method != "GET" and self.faults else None
        if fault is not None:
            fault()
            raise NoAnswerError("timed out")
        return answer


def _merged(there: Any, change: Any) -> Any:
    """RFC 7396."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = copy.deepcopy(there) if isinstance(there, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result
