"""The route in the cluster: read, and on the way back written directly, as the program's own update would write it.

The weights have exactly one owner: the field manager under which the program applies the route. Whoever writes beside
it would be a conflict at the next update; so this applies, server-side, what that owner owns, with other weights.
"""

import copy
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from release.adapters.cluster_api import ClusterApi, Refused
from release.errors import Unreachable
from release.model import Colour, Lineup

GROUP: Final = "gateway.networking.k8s.io"
APPLY: Final = "application/apply-patch+yaml"
ATTEMPTS: Final = 5


class _Moved(Exception):
    """Somebody wrote the route since it was read."""


class ClusterRoute:
    """An ``HTTPRoute`` whose every rule splits between ``<component>-blue`` and ``<component>-green``."""

    def __init__(self, api: ClusterApi, *, namespace: str, name: str) -> None:
        self._api = api
        self._path = f"/apis/{GROUP}/v1/namespaces/{namespace}/httproutes/{name}"

    def share(self, colour: Colour) -> int:
        """The share of ``colour``, which is the same in each rule. Raises :class:`Unreachable`."""
        weights = {
            str(reference["name"]).rsplit("-", 1)[-1]: int(reference.get("weight", 1))
            for rule in self._api.request("GET", self._path)["spec"]["rules"]
            for reference in rule["backendRefs"]
        }
        total = sum(weights.values())
        return round(100 * weights.get(colour.value, 0) / total) if total else 0

    def write(self, lineup: Lineup, *, guard: Callable[[], object]) -> None:
        """Apply the weights of ``lineup`` at once. Raises :class:`Unreachable`, or what ``guard`` raises."""
        for attempt in Retrying(
            retry=retry_if_exception_type(_Moved),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_fixed(0.05),
            retry_error_callback=_give_up,
        ):
            with attempt:
                self._write(lineup, guard)

    def _write(self, lineup: Lineup, guard: Callable[[], object]) -> None:
        live = self._api.request("GET", self._path)
        # Between this look at the lock and the write, a new holder can only write later than we do, or make the
        # resourceVersion wrong.
        guard()
        manager, wanted = applied(live, lineup)
        # Forced, as a person may have edited the route by hand, and has owned its rules since. What the route was when
        # it was read is part of what is applied, so nothing that came later is overwritten.
        query = {"fieldManager": manager, "force": "true"}
        try:
            self._api.request("PATCH", self._path, query=query, body=wanted, content_type=APPLY)
        except Refused as error:
            if error.status == HTTPStatus.CONFLICT:
                raise _Moved from error
            raise


def _give_up(_: RetryCallState) -> NoReturn:
    raise Unreachable(
        f"somebody else wrote the route {ATTEMPTS} times while its weights were to be written",
        remedy="kubectl get httproutes --all-namespaces --output yaml --show-managed-fields   (who is it?)",
    )


def applied(live: Mapping[str, Any], lineup: Lineup) -> tuple[str, dict[str, Any]]:
    """The owner of the weights, and what it applies: all that it owns of ``live``, with the weights of ``lineup``."""
    metadata = live["metadata"]
    owner, owned = _owner(metadata.get("managedFields", []))
    keys = {"f:rules", *owned["f:spec"]}
    spec = {key: copy.deepcopy(value) for key, value in live["spec"].items() if f"f:{key}" in keys}
    for rule in spec["rules"]:
        for reference in rule["backendRefs"]:
            reference["weight"] = lineup.share(Colour(str(reference["name"]).rsplit("-", 1)[-1]))
    kept = {
        part: {
            key: value
            for key, value in metadata.get(part, {}).items()
            if f"f:{key}" in owned.get("f:metadata", {}).get(f"f:{part}", {})
        }
        for part in ("labels", "annotations")
    }
    return owner, {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "resourceVersion": metadata["resourceVersion"],
            **{part: values for part, values in kept.items() if values},
        },
        "spec": spec,
    }


def _owner(entries: list[Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    """Who applies the rules; where somebody edited them by hand, who applies the rest of the route."""
    applied = [
        (str(entry["manager"]), entry["fieldsV1"])
        for entry in entries
        if entry.get("operation") == "Apply" and "f:spec" in entry.get("fieldsV1", {})
    ]
    found = next((one for one in applied if "f:rules" in one[1]["f:spec"]), None) or next(iter(applied), None)
    if found is None:
        raise Unreachable(
            "the route is not applied by anybody: it was not made by this program's update",
            remedy="pulumi up   (makes or takes over the route)",
        )
    return found
