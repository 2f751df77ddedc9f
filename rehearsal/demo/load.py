"""Steady traffic in the background, from many clients inside the embedded cluster's network."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rehearsal.cluster import lifecycle
from rehearsal.cluster.layout import Layout
from rehearsal.demo.figures import Flow
from rehearsal.errors import TrafficFailed
from rehearsal.paths import Paths

LONGEST: Final = 1200
"""Seconds after which traffic that nobody ended ends by itself."""
STARTING: Final = 1.5
"""Seconds that its first requests take to arrive."""
PATIENCE: Final = 30.0
"""Seconds that it may take to write its figures."""


class Load:
    """Traffic from ``with`` to :meth:`stop`, or to the end of the block at the latest. Ctrl-C does not reach it."""

    def __init__(self, paths: Paths, *, domain: str, rate: float) -> None:
        self._paths, self._domain, self._rate = paths, domain, rate
        self._folder = tempfile.TemporaryDirectory(prefix="demo-")
        self._file = Path(self._folder.name) / "figures.json"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Load":
        """Begin. Raises ``NotRunning``."""
        command = [
            *lifecycle.enter(self._paths),
            *(sys.executable, "-m", "rehearsal.traffic", "--timeline", "--file", str(self._file)),
            *("--domain", self._domain, "--ca", str(Layout(root=self._paths.cluster).ca)),
            *("--rate", str(self._rate), "--seconds", str(LONGEST)),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            cwd=self._paths.checkout,
            env={**os.environ, "PYTHONPATH": str(self._paths.checkout)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        time.sleep(STARTING)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=PATIENCE)
        self._folder.cleanup()

    def stop(self) -> Flow:
        """End it; what came of it. Raises :class:`TrafficFailed`."""
        assert self._process is not None  # noqa: S101 - within its block
        self._process.send_signal(signal.SIGTERM)
        _, said = self._process.communicate(timeout=PATIENCE)
        if not self._file.is_file():
            raise TrafficFailed(f"the traffic ended early: {said.decode(errors='replace').strip()}", remedy="make up")
        return Flow.of(json.loads(self._file.read_text()))
