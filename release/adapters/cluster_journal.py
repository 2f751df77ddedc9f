"""The journal of releases in the cluster: one ConfigMap for each, see :mod:`release.journal`.

Every write is a compare-and-set on the object's version as it was read before. A lost answer does no harm: the next try
meets a conflict, looks again, and finds its own text. What is neither that nor what was read last is never written
over, and nothing is that was written under a greater fence.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from release.adapters.cluster_objects import CONFIG_MAPS, AbsentError, ClusterObjects, ConflictError
from release.adapters.cluster_releases import ClusterReleases, lost, restless
from release.errors import Busy, JournalUnreadable, LostLock, NotFound
from release.journal import asking, records
from release.journal.asking import Asked
from release.journal.faults import metadata, version_of
from release.journal.head import Head
from release.journal.names import Manifest, release_name
from release.journal.records import RECORD
from release.model import Release

_ROUNDS: Final = 20
"""How often a write starts again because the object was changed in between. Each time somebody else got on."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What this journal read or wrote last of a release."""

    version: str
    fence: int
    text: str
    """The record's JSON."""
    token: str | None
    """Of the request that waits."""


class ClusterJournal:
    """The port ``Journal`` of :mod:`release.journal.ports`. One for each runner: it remembers what it has read."""

    def __init__(self, objects: ClusterObjects, stack: str) -> None:
        self._objects = objects
        self._stack = stack
        self._releases = ClusterReleases(objects, stack)
        self._seen: dict[str, _Seen] = {}

    def read(self, release_id: str) -> Release:
        """See ``Journal.read``."""
        return self._take_in(self._releases.get(release_id))

    def seize(self, release_id: str, fence: int) -> Release:
        """See ``Journal.seize``."""
        for _ in range(_ROUNDS):
            release = self.read(release_id)
            if release.fence == fence:
                return release
            try:
                return self._patch(release, fence, self._seen[release_id], None)
            except ConflictError:
                continue
        raise restless(release_id)

    def write(self, release: Release, fence: int, *, heeded: Asked | None = None) -> Release:
        """See ``Journal.write``."""
        if release.id not in self._seen:
            try:
                self._look_again(release, fence)
            except NotFound:
                return self._begin(release, fence)
        for _ in range(_ROUNDS):
            try:
                return self._patch(release, fence, self._seen[release.id], heeded)
            except ConflictError:
                self._look_again(release, fence)
        raise restless(release.id)

    def current(self) -> Release | None:
        """See ``Journal.current``."""
        latest = self._releases.head()[0].latest
        if latest is None:
            return None
        try:
            release = self.read(latest)
        except NotFound:
            latest = self._releases.recovered().latest
            if latest is None:
                return None
            release = self.read(latest)
        return None if release.status.ended else release

    def _take_in(self, manifest: Manifest) -> Release:
        """The release in an object, remembered as seen."""
        release = records.from_object(manifest, namespace=self._objects.namespace)
        self._seen[release.id] = _Seen(
            version=version_of(manifest),
            fence=release.fence,
            text=str(manifest["data"][RECORD]),
            token=asking.token_in(manifest),
        )
        return release

    def _patch(self, release: Release, fence: int, seen: _Seen, heeded: Asked | None) -> Release:
        """Write the record over what was seen. Raises :class:`ConflictError` where something else stands there."""
        if seen.fence > fence:
            raise lost(release.id)
        waits = heeded is not None and heeded.token == seen.token
        change = records.change(release, fence, version=seen.version, heeded=heeded if waits else None)
        try:
            return self._take_in(self._objects.patch(CONFIG_MAPS, release_name(release.id), change))
        except AbsentError:
            raise NotFound(
                f"release {release.id} was deleted from the journal meanwhile", remedy="release history"
            ) from None

    def _look_again(self, release: Release, fence: int) -> None:
        """See what stands there now, if it may be written over. Raises :class:`LostLock`, :class:`Busy`."""
        before = self._seen.pop(release.id, None)
        stored = self.read(release.id)
        if stored.fence > fence:
            raise lost(release.id)
        text = self._seen[release.id].text
        if text not in {records.encode(release, fence), before.text if before else None}:
            raise Busy(
                f"release {release.id} was changed since it was read, under the lock's token {stored.fence}",
                remedy=f"release logs {release.id}   (who, and what)",
            )

    def _begin(self, release: Release, fence: int) -> Release:
        """Put a new release into the journal: its record first, then its name where only one can be."""
        version = self._may_begin(release, fence)
        wanted = records.to_object(release, fence)
        try:
            made = self._objects.create(CONFIG_MAPS, wanted)
        except ConflictError:
            made = self._releases.get(release.id)
            if (made.get("data") or {}).get(RECORD) != wanted["data"][RECORD]:
                raise Busy(
                    f"there is another release {release.id} already", remedy=f"release logs {release.id}"
                ) from None
        new = Head(fence=fence, latest=release.id)
        for _ in range(_ROUNDS):
            try:
                self._releases.put_head(new, version)
            except ConflictError:
                standing, version = self._releases.head()
                if standing != new:
                    self._may_still_begin(release, fence, made)
                    continue
            return self._take_in(made)
        raise restless(release.id)

    def _may_begin(self, release: Release, fence: int) -> str | None:
        """The head's version, if a release may begin beside it. Raises :class:`LostLock`, :class:`Busy`."""
        standing, version = self._releases.head()
        if standing.fence > fence:
            raise lost(release.id)
        current = None if standing.latest in {None, release.id} else self.current()
        if current is not None and current.id != release.id:
            raise Busy(
                f"release {current.id} of stack {self._stack} is {current.status}, begun by {current.actor}",
                remedy="release status, then release resume or release abort",
            )
        return version

    def _may_still_begin(self, release: Release, fence: int, made: Manifest) -> None:
        """Take the record back where another release has begun meanwhile."""
        try:
            self._may_begin(release, fence)
        except (Busy, LostLock, JournalUnreadable):
            uid, version = str(metadata(made).get("uid", "")), version_of(made)
            with suppress(ConflictError):  # it is not as it was made: somebody has taken it up
                self._objects.delete(CONFIG_MAPS, release_name(release.id), uid=uid, version=version)
            raise
