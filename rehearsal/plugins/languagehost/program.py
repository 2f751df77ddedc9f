"""One run of a Pulumi program, in a process of its own.

Runs in the interpreter of the program's virtual environment, so it needs nothing but the standard library and
``pulumi``. The request is JSON on standard input, because it holds secrets: neither arguments nor the environment are
private.
"""

import asyncio
import atexit
import contextlib
import json
import logging
import os
import runpy
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

ERROR_SHOWN = 32
"""Exit code that says: the program failed, and the user has been told why. The value is the official host's."""
INTERRUPTED = 130
_PATIENCE = 1.0
"""Seconds that an interrupted program has to tidy up."""


def run(request: dict[str, Any]) -> int:
    """Run the program that ``request`` describes; return its exit code.

    ``request`` has ``program`` (a file, or a directory with ``__main__.py``), ``pwd``, ``args``, ``config`` and
    ``secret_keys``, and under ``settings`` the arguments of ``pulumi.runtime.Settings``.
    """
    try:
        from pulumi import runtime  # noqa: PLC0415 - may be missing from the program's virtual environment
    except ModuleNotFoundError as error:
        print(f"{sys.executable} cannot load the Pulumi SDK ({error}): install pulumi there", file=sys.stderr)  # noqa: T201
        return 1
    signal.signal(signal.SIGINT, _interrupt_once)
    runtime.set_all_config(request["config"], request["secret_keys"])
    runtime.configure(runtime.Settings(**request["settings"]))
    os.chdir(request["pwd"])
    sys.argv = [request["program"], *request["args"]]
    program = Path(request["program"]).absolute()
    main = program / "__main__.py" if program.is_dir() else program
    try:
        _run_in_stack(main, request["program"], request["settings"]["parallel"])
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as error:
        return _exit_code(error)
    except Exception as error:
        _tell(_explain(error, main))
        return ERROR_SHOWN
    return 0


def _interrupt_once(_signal: int, _frame: object) -> NoReturn:
    # The host and the engine both interrupt a program; the second must not meet it on its way out.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The SDK would wait for the engine, which no longer answers: longer than the engine waits for us.
    last_call = threading.Timer(_PATIENCE, os._exit, (INTERRUPTED,))
    last_call.daemon = True
    last_call.start()
    raise KeyboardInterrupt


def _run_in_stack(main: Path, program: str, parallel: int | None) -> None:
    from pulumi.runtime import run_in_stack  # noqa: PLC0415 - as in run

    # An update that fails leaves futures behind on purpose; asyncio would complain about each.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with ThreadPoolExecutor(max(parallel or 1, 1) * 4) as executor:
        # A registration blocks one thread for as long as the engine works on it.
        loop.set_default_executor(executor)
        loop.run_until_complete(run_in_stack(lambda: _run_main(main, program)))


def _run_main(main: Path, program: str) -> None:
    from pulumi import RunError  # noqa: PLC0415 - as in run

    if not main.is_file():
        raise RunError(f"there is no Pulumi program at {main}")
    runpy.run_path(program, run_name="__main__")


def _tell(message: str) -> None:
    from pulumi import log  # noqa: PLC0415 - as in run

    # An engine that has gone away has no one to show the message to.
    with contextlib.suppress(Exception):
        log.error(message)


def _explain(error: Exception, main: Path) -> str:
    """Return what to tell the user: the message of an error meant for users, the traceback of any other."""
    from pulumi import RunError  # noqa: PLC0415 - as in run

    if isinstance(error, RunError):
        return str(error)
    return f"Program failed with an unhandled exception:\n{_trace(error, main)}"


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)  # noqa: T201 - what the interpreter itself does with such a code
    return 1


def _trace(error: Exception, main: Path) -> str:
    """Return the traceback of ``error`` from the program's first line on, without the machinery that started it."""
    trace = error.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename) != main:
        trace = trace.tb_next
    if trace is None and not isinstance(error, SyntaxError):
        trace = error.__traceback__
    return "".join(traceback.format_exception(type(error), error, trace))


def end(code: int) -> int:
    """Do what must be done before this process exits by :func:`os._exit`; return ``code``."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    received = json.load(sys.stdin)
    # The program gets no standard input, as under the official host.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # The interpreter's own tear-down has nothing left to do that anybody waits for.
    os._exit(end(run(received)))
