"""Network, mount and process namespaces for the embedded cluster, as root or as an ordinary user."""

import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rehearsal.cluster.layout import CLIENT_RANGE, CONTROL_RANGE, DATA_RANGE, POD_RANGE, SERVICE_RANGE

LOCAL_RANGES: Final = (POD_RANGE, SERVICE_RANGE, CLIENT_RANGE, CONTROL_RANGE, DATA_RANGE)

SOMEBODY: Final = 1000
"""A user and group other than root."""

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWUSER: Final = 0x10000000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 1 << 18

_SIOCSIFFLAGS: Final = 0x8914
_SIOCSIFADDR: Final = 0x8916
_SIOCSIFNETMASK: Final = 0x891C
_IFF_UP: Final = 0x1


def unshare_argv(*, root: bool) -> list[str]:
    """The prefix that runs a command as PID 1 of fresh namespaces.

    Without root a user namespace comes first, in which the caller is root. The command dies with the program that
    this prefix starts, and everything in the namespaces dies with the command.
    """
    user = [] if root else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]


def nsenter_argv(pid: int, *, root: bool) -> list[str]:
    """The prefix that runs a command in the network namespace of process ``pid``, with the caller's files and PIDs."""
    user = [] if root else ["--user", "--preserve-credentials"]
    return ["nsenter", f"--target={pid}", *user, "--net", "--"]


def set_up_network(ranges: Sequence[str] = LOCAL_RANGES) -> None:
    """Bring ``lo`` up and make every address of ``ranges`` local to this network namespace.

    An address put on the loopback interface makes its whole prefix local, as 127.0.0.1/8 shows; that takes three
    ioctls a range, and neither ``ip`` nor a netlink library.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
        for index, text in enumerate(ranges, start=1):
            network = ipaddress.ip_network(text)
            alias = f"lo:{index}".encode()
            fcntl.ioctl(sock, _SIOCSIFADDR, _address_request(alias, str(network.network_address + 1)))
            fcntl.ioctl(sock, _SIOCSIFNETMASK, _address_request(alias, str(network.netmask)))
            fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", alias, _IFF_UP))


def set_up_shared_memory() -> None:
    """Give this mount namespace a ``/dev/shm`` of its own: Envoy leaves a file of a fixed name there.

    Two Envoys on one machine would meet in it, and the file would stay behind.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _mount(libc, "tmpfs", "/dev/shm", "tmpfs", 0)  # noqa: S108 - this is about that very folder


def become_somebody() -> None:
    """Be another user than root in this process's own eyes, and the same as before in everybody else's.

    That takes a user namespace. Shared memory is in a namespace of its own, too, which ends with the process.
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWIPC), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{SOMEBODY} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{SOMEBODY} {group} 1")


def run_with_folder(source: Path, target: str, scratch: Path, argv: Sequence[str]) -> None:
    """Become ``argv`` with ``source`` visible as ``/target``, where the host has no such folder and gets none.

    The root of this process becomes a small file system in memory with every folder of the host's root bound into
    it, and ``target`` beside them. ``scratch`` is an existing empty folder to mount it on. Never returns.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.unshare(_CLONE_NEWNS), "unshare")
    _mount(libc, "none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount(libc, "tmpfs", str(scratch), "tmpfs", 0)
    for entry in Path("/").iterdir():
        copy = scratch / entry.name
        if entry.name == target:
            continue
        if entry.is_symlink():
            copy.symlink_to(entry.readlink())
        elif entry.is_dir():
            copy.mkdir()
            _mount(libc, str(entry), str(copy), None, _MS_BIND | _MS_REC)
    (scratch / target).mkdir()
    _mount(libc, str(source), str(scratch / target), None, _MS_BIND)
    os.chroot(scratch)
    os.chdir("/")
    os.execv(argv[0], list(argv))  # noqa: S606 - replacing this process without a shell is the purpose


def _address_request(interface: bytes, address: str) -> bytes:
    """``struct ifreq`` with an IPv4 address."""
    return struct.pack("16sH2s4s8x", interface, socket.AF_INET, b"\0\0", socket.inet_aton(address))


def _mount(libc: ctypes.CDLL, source: str, target: str, kind: str | None, flags: int) -> None:
    result = libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None)
    _checked(result, f"mount {target}")


def _checked(result: int, action: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{action}: {os.strerror(number)}")


if __name__ == "__main__":
    # python -m rehearsal.cluster.namespace SOURCE TARGET SCRATCH PROGRAM [ARGUMENT...]
    run_with_folder(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
