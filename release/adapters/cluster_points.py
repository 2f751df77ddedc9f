"""Points of configuration in the cluster: one ConfigMap each, which nobody can change."""

from collections.abc import Sequence
from typing import Final

from release.adapters.cluster_objects import CONFIG_MAPS, AbsentError, ClusterObjects, ConflictError
from release.adapters.cluster_releases import ClusterReleases
from release.errors import BadOrder, JournalUnreadable, NotFound
from release.journal import points, trimming
from release.journal.faults import metadata, name_of, version_of
from release.journal.names import POINT_KIND, Manifest, labels, point_name, selector
from release.journal.points import Point, Saved
from release.journal.summaries import Unreadable

MOST_TRIMMED: Final = 100
"""Points that one call removes at most."""


class ClusterPoints:
    """The port ``Points`` of :mod:`release.journal.ports`."""

    def __init__(self, objects: ClusterObjects, stack: str) -> None:
        self._objects = objects
        self._stack = stack
        self._releases = ClusterReleases(objects, stack)

    def save(self, point: Point) -> None:
        """See ``Points.save``."""
        manifest = points.to_object(point)
        try:
            self._objects.create(CONFIG_MAPS, manifest)
        except ConflictError:
            there = self.load(point.saved.name)
            if there.content == point.content and there.saved.release == point.saved.release:
                return
            raise BadOrder(
                f"there is another configuration saved as {point.saved.name}, by {there.saved.actor}",
                remedy="save it under another name; those taken: release config list",
            ) from None

    def load(self, name: str) -> Point:
        """See ``Points.load``."""
        try:
            manifest = self._objects.get(CONFIG_MAPS, point_name(name))
        except AbsentError:
            manifest = {}
        wanted, found = labels(POINT_KIND, self._stack), metadata(manifest).get("labels") or {}
        if any(found.get(key) != value for key, value in wanted.items()):
            raise NotFound(f"no configuration of stack {self._stack} is saved as {name}", remedy="release config list")
        return points.from_object(manifest, namespace=self._objects.namespace)

    def saved(self) -> Sequence[Saved | Unreadable]:
        """See ``Points.saved``."""
        return [entry for entry, _ in self._listed()]

    def trim(self, keep: int = trimming.KEEP_POINTS) -> int:
        """See ``Points.trim``."""
        kept = trimming.needed([one.entry for one in self._releases.listed()])
        found = {entry.name: (entry, manifest) for entry, manifest in self._listed() if isinstance(entry, Saved)}
        order = [(entry.name, entry.release) for entry, _ in found.values()]
        gone = 0
        for name in trimming.surplus_points(order, kept, keep=keep)[:MOST_TRIMMED]:
            manifest = found[name][1]
            uid, version = str(metadata(manifest).get("uid", "")), version_of(manifest)
            try:
                self._objects.delete(CONFIG_MAPS, point_name(name), uid=uid, version=version)
            except ConflictError:
                continue
            gone += 1
        return gone

    def _listed(self) -> list[tuple[Saved | Unreadable, Manifest]]:
        """All points, newest first: by the API server's clock, which all runners have in common."""
        manifests = self._objects.list_metadata(CONFIG_MAPS, selector(POINT_KIND, self._stack))
        manifests.sort(
            key=lambda one: (str(metadata(one).get("creationTimestamp", "")), name_of(one)),
            reverse=True,
        )
        return [(self._entry(manifest), manifest) for manifest in manifests]

    def _entry(self, manifest: Manifest) -> Saved | Unreadable:
        try:
            return points.saved_in(manifest, namespace=self._objects.namespace)
        except JournalUnreadable as error:
            name = name_of(manifest).removeprefix("config-")
            return Unreadable(id=name, problem=error.problem, remedy=error.remedy)
