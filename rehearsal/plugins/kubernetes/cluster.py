"""Objects on the API server: which path a kind has, and get, list, apply, delete and watch."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from rehearsal.plugins.kubernetes.errors import CONFLICT, ENDING, ApiError, NoSuchKind
from rehearsal.plugins.kubernetes.objects import Manifest, Token, group, name_of, namespace_of, pick
from rehearsal.plugins.kubernetes.ownership import owned_by
from rehearsal.plugins.kubernetes.transport import Call, Stream, Transport

_NEVER: Final = "1"
"""A resource version that no object has: the store has been written to before the first object is."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """Where the API server keeps the objects of a kind."""

    base: str
    """``/apis/apps/v1``"""
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of an object, or of all in ``namespace`` (of all there are, if that is empty)."""
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.base}{scope}/{self.plural}" + (f"/{name}" if name else "")


class Cluster:
    """The objects of one cluster."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._served: dict[str, dict[str, Served]] = {}

    @property
    def default_namespace(self) -> str:
        """Where namespaced objects go that name no namespace."""
        return self._transport.namespace

    def served(self, token: Token, *, fresh: bool = False) -> Served:
        """Return where the kind is kept; ``fresh`` asks the API server again. Raises :class:`NoSuchKind`."""
        with self._lock:
            if fresh or token.kind not in self._served.get(token.api_version, {}):
                self._served[token.api_version] = self._discover(token.api_version)
            found = self._served[token.api_version].get(token.kind)
        if found is None:
            raise NoSuchKind(
                f"the API server serves no {token.kind} in {token.api_version}",
                remedy="install its CustomResourceDefinition first, and let the resource depend on it (dependsOn)",
            )
        return found

    def get(self, token: Token, namespace: str, name: str) -> Manifest:
        """Return the object. Raises :class:`ApiError` (404 where there is none)."""
        return self._get(self.served(token).path(self._namespace(namespace), name))

    def find(self, token: Token, namespace: str, name: str) -> Manifest | None:
        """Return the object, or ``None`` where there is none or not even its kind."""
        try:
            return self.get(token, namespace, name)
        except NoSuchKind:
            return None
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def list(self, token: Token, namespace: str, **query: str) -> list[Manifest]:
        """Return the objects in ``namespace`` that ``query`` (``labelSelector``, ``fieldSelector``) selects."""
        found = self._get(self.served(token).path(namespace), query)
        header = {"apiVersion": token.api_version, "kind": token.kind}
        return [{**header, **item} for item in found.get("items") or []]

    def apply(
        self,
        manifest: Manifest,
        *,
        manager: str,
        force: bool = False,
        dry_run: bool = False,
        create_only: bool = False,
        on_retry: Callable[[str], None] | None = None,
    ) -> Manifest:
        """Apply ``manifest`` as ``manager`` and return the result (what it would be, on ``dry_run``).

        ``force`` takes fields over from other managers; without it they are a conflict. ``create_only`` refuses an
        object that exists with the reason ``AlreadyExists``: the API server compares the resource version only with
        that of an object that is there, so one that no object has lets a new object pass.
        """
        token = Token(manifest["apiVersion"], manifest["kind"])
        served = self.served(token)
        if served.namespaced and not namespace_of(manifest):
            manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": self.default_namespace}}
        elif not served.namespaced and namespace_of(manifest):
            rest = {key: item for key, item in manifest["metadata"].items() if key != "namespace"}
            manifest = {**manifest, "metadata": rest}
        if create_only:
            manifest = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": _NEVER}}
        call = Call(
            method="PATCH",
            path=served.path(namespace_of(manifest), name_of(manifest)),
            query={
                "fieldManager": manager,
                "force": "true" if force or create_only else "false",
                **({"dryRun": "All"} if dry_run else {}),
            },
            body=manifest,
            content_type="application/apply-patch+yaml",
        )
        retried: list[str] = []

        def heard(problem: str) -> None:
            retried.append(problem)
            if on_retry:
                on_retry(problem)

        try:
            return self._transport.request(call, on_retry=heard)
        except ApiError as error:
            if not (create_only and error.status == CONFLICT):
                raise
            return self._existing(call.path, manager, error, mine=bool(retried))

    def delete(self, token: Token, namespace: str, name: str, *, propagation: str) -> bool:
        """Ask for the object's deletion (``Foreground``, ``Background`` or ``Orphan``); ``False`` if it is gone."""
        try:
            path = self.served(token).path(self._namespace(namespace), name)
            self._transport.request(Call(method="DELETE", path=path, query={"propagationPolicy": propagation}))
        except NoSuchKind:
            return False
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def watch(self, token: Token, namespace: str, *, seconds: int, **query: str) -> Stream:
        """Return the changes to what ``query`` selects in ``namespace``, for at most ``seconds``."""
        return self._transport.watch(self.served(token).path(self._namespace(namespace)), query, seconds=seconds)

    def _existing(self, path: str, manager: str, conflict: ApiError, *, mine: bool) -> Manifest:
        """Return the object in the way of a creation if that creation made it, its answer being lost."""
        live = self._get(path)
        if mine and owned_by(live, manager):
            return live
        name = f"{live.get('kind')} {name_of(live)!r}"
        if pick(live, "metadata", "deletionTimestamp"):
            raise ApiError(status=CONFLICT, reason=ENDING, message=f"{name} is still being deleted") from conflict
        raise ApiError(status=CONFLICT, reason="AlreadyExists", message=f"{name} is there") from conflict

    def _namespace(self, namespace: str) -> str:
        return namespace or self.default_namespace

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Manifest:
        return self._transport.request(Call(method="GET", path=path, query=query or {}))

    def _discover(self, api_version: str) -> dict[str, Served]:
        base = f"/apis/{api_version}" if group(api_version) else f"/api/{api_version}"
        try:
            answer = self._get(base)
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return {}
            raise
        return {
            entry["kind"]: Served(base=base, plural=entry["name"], namespaced=entry["namespaced"])
            for entry in answer.get("resources") or []
            if "/" not in entry["name"]
        }
