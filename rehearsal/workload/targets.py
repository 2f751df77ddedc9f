"""Tells Prometheus which pods to scrape, in a file as its file-based discovery reads it."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.workload.pods import Component, Pod


def document(pods: Iterable[Pod], ports: Mapping[Component, int]) -> list[dict[str, Any]]:
    """One entry a pod, in the order of their addresses, with the labels that a monitor of pods would give."""
    return [
        {
            "targets": [f"{pod.address}:{ports[pod.component]}"],
            "labels": {
                "namespace": pod.namespace,
                "pod": pod.name,
                "service": str(pod.component),
                "colour": pod.colour,
                "version": pod.version,
            },
        }
        for pod in sorted(pods, key=lambda pod: pod.address)
    ]


@dataclass(kw_only=True)
class Targets:
    """The file, written when what it says has changed."""

    path: Path
    ports: Mapping[Component, int]
    _written: str = field(init=False, default="")

    def update(self, pods: Iterable[Pod]) -> None:
        """Let the file say that ``pods`` serve. Raises ``OSError`` if it cannot be written."""
        text = json.dumps(document(pods, self.ports), indent=1)
        if text == self._written:
            return
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(self.path)
        self._written = text
