"""What all stand-in plugins share: how the engine starts, reaches and ends them.

The engine starts a plugin with its own address as the last argument, reads the plugin's port from the first line of
standard output, and ends it with an interrupt. A plugin whose engine was killed ends by itself.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc  # type: ignore[import-untyped]  # publishes no types

from rehearsal.plugins import parent

# Properties nest deeper than the 100 levels that protobuf reads unless told otherwise, as in the schemas of pods. Other
# implementations of protobuf have no such limit.
with contextlib.suppress(ImportError):
    from google._upb import _message

    _message.SetAllowOversizeProtos(True)  # noqa: FBT003 - its signature

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
    threading.Thread(target=_when_engine_ends, args=(wake,), daemon=True).start()
    os.read(wait, 1)
    if at_end is not None:
        at_end()
    sys.stdout.flush()
    sys.stderr.flush()
    # Nobody waits for gRPC's threads to be torn down.
    os._exit(0)


def _when_engine_ends(wake: int) -> None:
    engine = parent.engine()
    if engine is not None:
        parent.wait_for_end(engine)
    os.write(wake, b".")
