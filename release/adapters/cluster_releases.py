"""All releases of a stack, and which is the latest: what the journal, its history and the lock have in common."""

from release.adapters.cluster_objects import CONFIG_MAPS, AbsentError, ClusterObjects, ConflictError
from release.errors import Busy, LostLock, NotFound
from release.journal import head, records, summaries
from release.journal.faults import version_of
from release.journal.head import Head
from release.journal.names import RELEASE_KIND, Manifest, head_name, release_name, selector
from release.journal.summaries import Listed


class ClusterReleases:
    """The ConfigMaps of one stack's releases, and the one that names the latest."""

    def __init__(self, objects: ClusterObjects, stack: str) -> None:
        self.objects = objects
        self.stack = stack

    def get(self, release_id: str, *, metadata_only: bool = False) -> Manifest:
        """A release's object. Raises :class:`NotFound`, also where it is another stack's."""
        try:
            manifest = self.objects.get(CONFIG_MAPS, release_name(release_id), metadata_only=metadata_only)
        except AbsentError:
            manifest = {}
        if not records.is_release(manifest, self.stack):
            raise NotFound(f"there is no release {release_id} of stack {self.stack}", remedy="release history")
        return manifest

    def listed(self) -> list[Listed]:
        """All releases, newest first."""
        found = self.objects.list_metadata(CONFIG_MAPS, selector(RELEASE_KIND, self.stack))
        return summaries.listed(found, namespace=self.objects.namespace)

    def head(self) -> tuple[Head, str | None]:
        """The head and its version; told by the releases themselves where it is not there or makes no sense."""
        try:
            manifest = self.objects.get(CONFIG_MAPS, head_name(self.stack))
        except AbsentError:
            return self.recovered(), None
        return head.from_object(manifest) or self.recovered(), version_of(manifest)

    def put_head(self, new: Head, version: str | None) -> None:
        """Put ``new`` in the place of ``version``, ``None`` where there is none. Raises :class:`ConflictError`."""
        if version is None:
            self.objects.create(CONFIG_MAPS, head.to_object(new, self.stack))
            return
        try:
            self.objects.patch(CONFIG_MAPS, head_name(self.stack), head.change(new, version=version))
        except AbsentError:
            raise ConflictError from None

    def recovered(self) -> Head:
        """The head as the releases tell it."""
        return head.recovered([one.entry for one in self.listed()])

    def fence(self) -> int:
        """The greatest token that the journal knows: a lock that is made anew has to begin above it."""
        return max(self.head()[0].fence, self.recovered().fence)


def lost(release_id: str) -> LostLock:
    """The error of a runner that was taken for dead."""
    return LostLock(
        f"another runner has taken over since: nothing more was written to release {release_id}",
        remedy="release status   (shows who holds the lock now)",
    )


def restless(release_id: str) -> Busy:
    """The error where others are faster time and again."""
    return Busy(
        f"release {release_id} is changed by others all the time: gave up",
        remedy="release status",
    )
