"""How a release's state becomes an exit code."""

from release.decide import changed
from release.errors import ChecksFailed, ReleaseError, RolledBack, Stopped, Waiting
from release.model import Release, Status


def verdict(release: Release) -> ReleaseError | None:
    """The error that a release's state amounts to; ``None`` for a success."""
    reason = release.reason or "no reason was given"
    match release.status:
        case Status.SUCCESS:
            return None
        case Status.ROLLED_BACK:
            return RolledBack(f"release {release.id} was rolled back: {reason}", remedy=f"release logs {release.id}")
        case Status.FAILED if not changed(release):
            return ChecksFailed(f"release {release.id} failed: {reason}", remedy=release.remedy or "release check")
        case Status.FAILED:
            return Stopped(f"release {release.id} failed: {reason}", remedy=release.remedy or "release rollback")
        case _:
            why = release.reason or (release.events[-1].text if release.events else "it has not begun")
            return Waiting(
                f"release {release.id} is {release.status.value}: {why}",
                remedy=release.remedy or "release promote, release resume or release abort",
            )
