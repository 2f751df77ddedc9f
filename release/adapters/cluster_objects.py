"""Objects of one namespace for the journal and the lock: bounded calls, tried again, refused in one tree.

Every call may reach the API server twice: an answer that was lost does not tell whether the request was carried out. So
a caller of ``create``, ``patch`` or ``delete`` who meets :class:`ConflictError` reads and compares before it concludes
that somebody else was faster.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from release.adapters.cluster_wire import Answer, NoAnswerError, Wire
from release.errors import Unreachable
from release.journal.names import Manifest

PATIENCE: Final = 30.0
"""Seconds for which a call is tried again where the API server has answered before: it is probably restarting."""
FIRST_PATIENCE: Final = 5.0
"""Seconds where it never did: it is probably not there."""
TIMEOUT: Final = 10.0
"""Seconds to wait for one answer."""
PAGE: Final = 500
"""Objects in one answer of a list."""
MANAGER: Final = "english-training-release"
"""Field manager of all that is written here."""
_LONGEST_PAUSE: Final = 2.0
_LONGEST_MESSAGE: Final = 300
_TRANSIENT: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_STARTING: Final = "not yet ready to handle request"
"""What a starting API server says, with status 403, before it knows anybody's rights."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A kind of object with a namespace."""

    group: str
    """Path of the API group and version."""
    plural: str
    name: str
    """As ``kubectl auth can-i`` takes it."""


CONFIG_MAPS: Final = Resource(group="/api/v1", plural="configmaps", name="configmaps")
LEASES: Final = Resource(group="/apis/coordination.k8s.io/v1", plural="leases", name="leases.coordination.k8s.io")


class ConflictError(Exception):
    """The object is not as the request supposed: there already, or changed."""


class AbsentError(Exception):
    """There is no such object."""


class _ExpiredError(Exception):
    """The list took so long that its continuation is forgotten."""


class _PassingError(Exception):
    """What a restart explains."""

    def __init__(self, problem: str, *, after: float = 0.0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.after = after


@dataclass(frozen=True, kw_only=True)
class _Call:
    verb: str
    """As authorisation has it: ``get``, ``list``, ``create``, ``patch``, ``delete``."""
    method: str
    resource: Resource
    name: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Manifest | None = None
    content_type: str = "application/json"
    accept: str = "application/json"


def _metadata_only(kind: str) -> str:
    """The media type that has the API server leave out everything but the metadata, of a list above all the data."""
    return f"application/json;as={kind};g=meta.k8s.io;v=v1"


class ClusterObjects:
    """Calls on one namespace."""

    def __init__(
        self,
        wire: Wire,
        namespace: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = PATIENCE,
        first_patience: float = FIRST_PATIENCE,
    ) -> None:
        self.namespace = namespace
        self._wire = wire
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._first_patience = first_patience
        self._answered = False

    def get(
        self, resource: Resource, name: str, *, metadata_only: bool = False, within: float | None = None
    ) -> Manifest:
        """The object. ``within``: ask once, and wait so many seconds. Raises :class:`AbsentError`."""
        accept = _metadata_only("PartialObjectMetadata") if metadata_only else "application/json"
        return self._call(_Call(verb="get", method="GET", resource=resource, name=name, accept=accept), within=within)

    def list_metadata(self, resource: Resource, selector: str) -> list[Manifest]:
        """The metadata of all objects with the labels, a page at a time."""
        try:
            return list(self._pages(resource, selector))
        except _ExpiredError:
            return list(self._pages(resource, selector))

    def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Make the object. Raises :class:`ConflictError` where there is one of that name."""
        query = {"fieldManager": MANAGER}
        try:
            return self._call(_Call(verb="create", method="POST", resource=resource, query=query, body=manifest))
        except AbsentError:
            raise Unreachable(
                f"there is no namespace {self.namespace} on the cluster {self._wire.host}",
                remedy=f"kubectl get namespace {self.namespace}   (`pulumi up` makes it)",
            ) from None

    def patch(self, resource: Resource, name: str, change: Manifest, *, within: float | None = None) -> Manifest:
        """Merge ``change`` into the object. ``within``: send it once, and wait so many seconds.

        Raises :class:`ConflictError` where the object's version is not the one that ``change`` names, and
        :class:`AbsentError`.
        """
        call = _Call(
            verb="patch",
            method="PATCH",
            resource=resource,
            name=name,
            query={"fieldManager": MANAGER},
            body=change,
            content_type="application/merge-patch+json",
        )
        return self._call(call, within=within)

    def apply(self, resource: Resource, name: str, manifest: Manifest, *, within: float | None = None) -> Manifest:
        """Make the object, or make it so, whoever changed it. ``within``: send it once, and wait so many seconds."""
        call = _Call(
            verb="patch",
            method="PATCH",
            resource=resource,
            name=name,
            query={"fieldManager": MANAGER, "force": "true"},
            body=manifest,
            content_type="application/apply-patch+yaml",
        )
        return self._call(call, within=within)

    def delete(self, resource: Resource, name: str, *, uid: str = "", version: str = "") -> None:
        """Delete the object; gone already is well. Raises :class:`ConflictError` where it is not this one any more."""
        conditions = {key: value for key, value in {"uid": uid, "resourceVersion": version}.items() if value}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
        try:
            self._call(_Call(verb="delete", method="DELETE", resource=resource, name=name, body=body))
        except AbsentError:
            return

    def _pages(self, resource: Resource, selector: str) -> Iterator[Manifest]:
        query = {"labelSelector": selector, "limit": str(PAGE)}
        accept = _metadata_only("PartialObjectMetadataList")
        while True:
            page = self._call(_Call(verb="list", method="GET", resource=resource, query=query, accept=accept))
            yield from (item for item in page.get("items") or () if isinstance(item, dict))
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return
            query = {**query, "continue": str(following)}

    def _call(self, call: _Call, *, within: float | None = None) -> Manifest:
        patience = self._patience if self._answered else self._first_patience
        deadline = self._clock() + (patience if within is None else 0.0)
        backoff = wait_exponential(multiplier=0.1, max=_LONGEST_PAUSE)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return max(backoff(state), error.after if isinstance(error, _PassingError) else 0.0)

        retrying = Retrying(
            sleep=self._sleep,
            retry=retry_if_exception_type(_PassingError),
            wait=pause,
            stop=lambda state: self._clock() + state.upcoming_sleep > deadline,
            reraise=True,
        )
        try:
            return retrying(self._once, call, TIMEOUT if within is None else within)
        except _PassingError as error:
            raise Unreachable(
                f"the API server {self._wire.host} did not {call.verb} {call.resource.name} in the namespace "
                f"{self.namespace}: {error.problem}",
                remedy=f"kubectl get {call.resource.name} --namespace {self.namespace}   (and try again once it works)",
            ) from None

    def _once(self, call: _Call, timeout: float) -> Manifest:
        path = f"{call.resource.group}/namespaces/{quote(self.namespace, safe='')}/{call.resource.plural}"
        path += f"/{quote(call.name, safe='')}" if call.name else ""
        headers = {"Accept": call.accept, "User-Agent": MANAGER}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        try:
            answer = self._wire.send(
                call.method,
                f"{path}?{urlencode(call.query)}" if call.query else path,
                headers=headers,
                body=None if call.body is None else json.dumps(call.body, ensure_ascii=False).encode(),
                timeout=timeout,
            )
        except NoAnswerError as error:
            raise _PassingError(f"no answer ({error})") from None
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            self._answered = True
            return _object(answer)
        raise self._refusal(call, answer)

    def _refusal(self, call: _Call, answer: Answer) -> Exception:
        """The error that the answer's status means."""
        said = _message(answer)
        if answer.status in _TRANSIENT or (answer.status == HTTPStatus.FORBIDDEN and _STARTING in said):
            return _PassingError(f"it says {answer.status}: {said}", after=_retry_after(answer))
        self._answered = True
        known: dict[int, type[Exception]] = {
            HTTPStatus.NOT_FOUND: AbsentError,
            HTTPStatus.CONFLICT: ConflictError,
            HTTPStatus.GONE: _ExpiredError,
        }
        if answer.status in known:
            return known[answer.status]()
        what = f"{call.verb} {call.resource.name} in the namespace {self.namespace}"
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return Unreachable(
                f"the API server {self._wire.host} does not accept the kubeconfig's credentials",
                remedy="kubectl auth whoami   (and log in again)",
            )
        may = f"kubectl auth can-i {call.verb} {call.resource.name} --namespace {self.namespace}"
        if answer.status == HTTPStatus.FORBIDDEN and f"cannot {call.verb}" in said:
            return Unreachable(f"no permission to {what}", remedy=f"{may}   (and ask for a role that allows it)")
        return Unreachable(
            f"the API server {self._wire.host} refuses to {what}: {answer.status}: {said}",
            remedy=f"mend what it names, or see {may}",
        )


def _object(answer: Answer) -> Manifest:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _PassingError("it answers with something other than JSON")
    return found


def _message(answer: Answer) -> str:
    """The ``message`` of a Status object, or the text itself; short, and nothing that moves a terminal's cursor."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    text = found.get("message") if isinstance(found, dict) else None
    if not isinstance(text, str):
        text = answer.body[:_LONGEST_MESSAGE].decode(errors="replace")
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST_MESSAGE]).strip()


def _retry_after(answer: Answer) -> float:
    """Seconds that the server asks to wait, as far as that is reasonable."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_PAUSE) if re.fullmatch(r"\d{1,6}", text, re.ASCII) else 0.0
