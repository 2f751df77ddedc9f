"""Listening sockets on the host's loopback interface, and whose they are when they are taken."""

import errno
import socket
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from rehearsal.cluster.plan import Ports
from rehearsal.errors import PortInUse

LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
BACKLOG: Final = 512
HIGH: Final = 60000
"""Ports from here on have a lower one suggested instead of a higher."""
ATTEMPTS: Final = 10
"""How often a free port is looked for that is free on both addresses."""
LAUNCHER: Final = "rehearsal.cluster.launcher"


def listen(
    ports: Ports,
    api: int | None,
    beside: Mapping[str, int] = MappingProxyType({}),
    *,
    owner: Callable[[int], str] | None = None,
) -> dict[str, list[socket.socket]]:
    """Listen for ``http``, ``https``, ``api`` and whatever is in ``beside``.

    The port of the API server is ``api``, or a free one if that is taken or none; likewise with those of ``beside``,
    where 0 stands for none. ``localhost`` may mean ``127.0.0.1`` or ``::1``, so there are sockets on both,
    where the machine has both. Raises :class:`PortInUse`, with all sockets closed again.
    """
    opened: dict[str, list[socket.socket]] = {}
    try:
        for name, port in (("http", ports.http), ("https", ports.https)):
            try:
                opened[name] = _listen(port)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                raise _in_use(name, port, error, owner or describe_owner) from None
        opened["api"] = _listen_anywhere(api or 0, families=1)
        for name, port in beside.items():
            opened[name] = _listen_anywhere(port)
    except BaseException:
        for sockets in opened.values():
            for sock in sockets:
                sock.close()
        raise
    return opened


def describe_owner(port: int) -> str:
    """Who listens on ``port``, as far as this user may know; empty if unknown."""
    import psutil  # noqa: PLC0415 - only for an error message

    try:
        pid = next(
            (
                connection.pid
                for connection in psutil.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            ),
            None,
        )
        if pid is None:
            return ""
        process = psutil.Process(pid)
        family = [process, *process.parents()]
        lines = [member.cmdline() for member in family]
    except psutil.Error:
        return ""
    for member, argv in zip(family, lines, strict=True):
        if LAUNCHER in argv:
            root = argv[argv.index(LAUNCHER) + 1]
            return f"the rehearsal of the checkout {root.removesuffix('/.rehearsal/cluster')} (process {member.pid})"
    return f"process {pid} ({' '.join(lines[0])[:80]})"


def _listen_anywhere(port: int, *, families: int = 2) -> list[socket.socket]:
    """Sockets on ``port``, or on a free one if it is taken."""
    for attempt in (port, *(0,) * ATTEMPTS):
        try:
            return _listen(attempt, families=families)
        except OSError:
            continue
    return _listen(0, families=families)


def _listen(port: int, *, families: int = 2) -> list[socket.socket]:
    """Sockets on the first ``families`` loopback addresses; the IPv6 one is left out where there is no IPv6.

    With ``port`` 0 it is a free one of the first address: the second may have it taken.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in LOOPBACK[:families]:
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                if family == socket.AF_INET6 and error.errno == errno.EAFNOSUPPORT:
                    continue
                raise
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((address, port))
            except OSError as error:
                if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL:
                    sockets.pop().close()
                    continue
                raise
            sock.listen(BACKLOG)
            port = port or sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _in_use(name: str, port: int, error: OSError, owner: Callable[[int], str]) -> PortInUse:
    variable = f"{name.upper()}_PORT"
    if error.errno == errno.EACCES:
        problem = f"port {port} on 127.0.0.1 needs privileges that this user does not have"
    else:
        holder = owner(port)
        problem = f"port {port} on 127.0.0.1 is in use" + (f" by {holder}" if holder else "")
    return PortInUse(problem, remedy=f"make up {variable}={port + (1000 if port < HIGH else -1000)}")
