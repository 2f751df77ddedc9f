"""The engine, seen from the plugin that it started."""

import os
import select
import stat

_STANDARD_INPUT = 0
_INIT = 1


def engine() -> int | None:
    """Return the process id of the engine; ``None`` when it is gone already.

    The parent alone does not tell: once the engine is gone it is another process, outside the engine's session. But the
    engine holds the other end of a plugin's standard input for as long as it lives.
    """
    parent = os.getppid()
    return None if _is_hung_up() and _is_foreign(parent) else parent


def wait_for_end(parent: int) -> None:
    """Return when the process ``parent`` has ended."""
    try:
        handle = os.pidfd_open(parent)
    except ProcessLookupError:
        return
    select.select([handle], [], [])


def _is_hung_up() -> bool:
    try:
        if not stat.S_ISFIFO(os.fstat(_STANDARD_INPUT).st_mode):
            return False
    except OSError:
        return False
    poll = select.poll()
    poll.register(_STANDARD_INPUT, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _is_foreign(parent: int) -> bool:
    try:
        return parent == _INIT or os.getsid(parent) != os.getsid(0)
    except ProcessLookupError:
        return True
