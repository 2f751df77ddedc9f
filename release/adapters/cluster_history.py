"""All releases of a stack in the cluster, and their telemetry: listed with a few requests, and trimmed."""

from collections.abc import Sequence
from typing import Final

from release.adapters.cluster_objects import CONFIG_MAPS, AbsentError, ClusterObjects, ConflictError
from release.adapters.cluster_releases import ClusterReleases
from release.errors import Unreachable
from release.journal import series, trimming
from release.journal.faults import metadata
from release.journal.names import SERIES_KIND, release_name, selector, series_name
from release.journal.ports import Journal
from release.journal.series import Series
from release.journal.summaries import Entry, Listed

MOST_TRIMMED: Final = 100
"""Releases that one call removes at most: two requests each, while a runner waits that has just finished."""
_SERIES_SECONDS: Final = 5.0


class ClusterHistory:
    """The port ``History`` of :mod:`release.journal.ports`."""

    def __init__(self, objects: ClusterObjects, stack: str, journal: Journal) -> None:
        self._objects = objects
        self._stack = stack
        self._journal = journal
        self._releases = ClusterReleases(objects, stack)

    def history(self, limit: int) -> Sequence[Entry]:
        """See ``History.history``."""
        return [one.entry for one in self._releases.listed()[: max(limit, 0)]]

    def trim(self, keep: int = trimming.KEEP_RELEASES) -> int:
        """See ``History.trim``."""
        if self._journal.current() is not None:
            return 0
        latest = self._releases.head()[0].latest
        found = {one.entry.id: one for one in self._releases.listed()}
        entries = [one.entry for one in found.values()]
        chosen = [*trimming.abandoned(entries, latest), *trimming.surplus(entries, keep=keep)][:MOST_TRIMMED]
        gone = {release_id for release_id in chosen if self._remove(found[release_id])}
        self._sweep([release_id for release_id in found if release_id not in gone])
        return len(gone)

    def _remove(self, one: Listed) -> bool:
        """Remove a release and its telemetry; not if it was changed since it was listed."""
        try:
            self._objects.delete(CONFIG_MAPS, release_name(one.entry.id), uid=one.uid, version=one.version)
        except ConflictError:
            return False
        return True

    def _sweep(self, left: Sequence[str]) -> None:
        """Remove the telemetry of releases that are gone, be it from an earlier call that died halfway."""
        listed = self._objects.list_metadata(CONFIG_MAPS, selector(SERIES_KIND, self._stack))
        for name in series.orphans([str(metadata(one).get("name")) for one in listed], left)[:MOST_TRIMMED]:
            self._objects.delete(CONFIG_MAPS, name)


class ClusterSeries:
    """The port ``SeriesStore`` of :mod:`release.journal.ports`."""

    def __init__(self, objects: ClusterObjects, stack: str) -> None:
        self._objects = objects
        self._stack = stack

    def save(self, release_id: str, kept: Series) -> bool:
        """See ``SeriesStore.save``."""
        manifest = series.to_object(release_id, self._stack, kept)
        try:
            self._objects.apply(CONFIG_MAPS, series_name(release_id), manifest, within=_SERIES_SECONDS)
        except (Unreachable, AbsentError, ConflictError):
            return False
        return True

    def load(self, release_id: str) -> Series | None:
        """See ``SeriesStore.load``."""
        try:
            return series.from_object(self._objects.get(CONFIG_MAPS, series_name(release_id)))
        except AbsentError:
            return None
