"""What people ask of a release in progress, in the cluster: an annotation beside the record."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from release.adapters.cluster_objects import CONFIG_MAPS, AbsentError, ClusterObjects, ConflictError
from release.adapters.cluster_releases import ClusterReleases, restless
from release.errors import BadOrder, NotFound
from release.journal import asking, summaries
from release.journal.asking import Asked
from release.journal.faults import version_of
from release.journal.names import Manifest, release_name
from release.journal.summaries import Summary
from release.model import Request

_ROUNDS: Final = 20
"""How often it starts again because the object was changed in between."""


class ClusterRequests:
    """The port ``Requests`` of :mod:`release.journal.ports`."""

    def __init__(
        self,
        objects: ClusterObjects,
        stack: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._objects = objects
        self._releases = ClusterReleases(objects, stack)
        self._now = now
        self._token = token

    def ask(self, release_id: str, request: Request, *, actor: str) -> Asked:
        """See ``Requests.ask``."""
        new = Asked(request=request, actor=actor, at=self._now(), token=self._token())
        for _ in range(_ROUNDS):
            manifest = self._look(release_id)
            waiting = asking.asked_in(manifest, namespace=self._objects.namespace)
            # After a conflict, the lost answer may have been that it is there; the runner may have heeded it since.
            if asking.was_heeded(new, manifest) or (waiting is not None and waiting.token == new.token):
                return new
            self._refuse_where_ended(manifest, request)
            if waiting is not None and not asking.replaces(new, waiting, release_id):
                return waiting
            if self._patch(release_id, asking.asking(new, version_of(manifest))):
                return new
        raise restless(release_id)

    def asked(self, release_id: str) -> Asked | None:
        """See ``Requests.asked``."""
        return asking.asked_in(self._look(release_id), namespace=self._objects.namespace)

    def take(self, release_id: str, asked: Asked) -> bool:
        """See ``Requests.take``."""
        for tried in range(_ROUNDS):
            manifest = self._look(release_id)
            if asking.token_in(manifest) != asked.token:
                return tried > 0 and asking.was_heeded(asked, manifest)
            change: Manifest = {
                "metadata": {"resourceVersion": version_of(manifest), "annotations": asking.taking(asked)}
            }
            if self._patch(release_id, change):
                return True
        raise restless(release_id)

    def _look(self, release_id: str) -> Manifest:
        return self._releases.get(release_id, metadata_only=True)

    def _patch(self, release_id: str, change: Manifest) -> bool:
        """Whether the object was still as it was read."""
        try:
            self._objects.patch(CONFIG_MAPS, release_name(release_id), change)
        except ConflictError:
            return False
        except AbsentError:
            raise NotFound(f"release {release_id} was deleted meanwhile", remedy="release history") from None
        return True

    def _refuse_where_ended(self, manifest: Manifest, request: Request) -> None:
        entry = summaries.listed([manifest], namespace=self._objects.namespace)[0].entry
        if isinstance(entry, Summary) and entry.status.ended:
            raise BadOrder(
                f"release {entry.id} has ended ({entry.status}): there is nothing to {request}",
                remedy="release rollback   (goes back to the version before)",
            )
