"""What all stand-in plugins share: how the engine starts, reaches and ends them.

The engine starts a plugin with its own address as the last argument, reads the plugin's port from the first line of
standard output, and ends it with an interrupt. A plugin whose engine was killed ends by itself.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc  # type: ignore[import-untyped]  # publishes no types

# The engine sends properties of any size; 400 MiB is what the SDK allows itself.
CHANNEL_OPTIONS = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


def engine_address(arguments: Sequence[str]) -> str | None:
    """Return the address of the engine among a plugin's command-line ``arguments``, if there is one."""
    return arguments[-1] if arguments and not arguments[-1].startswith("-") else None


def serve(add_services: Callable[[grpc.Server], None], *, at_end: Callable[[], None] | None = None) -> NoReturn:
    """Serve what ``add_services`` registers until the engine interrupts this process or dies; then run ``at_end``."""
    # The wake-up descriptor, because a signal may reach any thread, and a handler in Python waits for the main thread,
    # which waits here.
    wait, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    # Many calls only wait: for a resource to become ready, for a program to end.
    server = grpc.server(ThreadPoolExecutor(128), options=CHANNEL_OPTIONS)
    add_services(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Thread(target=_when_parent_dies, args=(os.getppid(), wake), daemon=True).start()
    os.read(wait, 1)
    if at_end is not None:
        at_end()
    sys.stdout.flush()
    sys.stderr.flush()
    # Nobody waits for gRPC's threads to be torn down.
    os._exit(0)


def _when_parent_dies(parent: int, wake: int) -> None:
    try:
        handle = os.pidfd_open(parent)
    except ProcessLookupError:
        pass
    else:
        select.select([handle], [], [])
    os.write(wake, b".")
