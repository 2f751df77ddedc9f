"""The platform as the demo handles it: who serves, faults in pods, and back to one healthy colour."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rehearsal import images, platform
from rehearsal.cluster import lifecycle
from rehearsal.demo.tool import Tool
from rehearsal.errors import ReleaseFailed, UpdateFailed
from rehearsal.paths import Paths
from rehearsal.plugins.environment import environment
from rehearsal.stackfile import STACK, StackFile
from rehearsal.workload.faults import ANNOTATION

NAMESPACE: Final = "english-training"
COMPONENTS: Final = ("backend", "frontend")
REPOSITORY: Final = "english-training-system"
COLOURS: Final = ("blue", "green")
FULL: Final = 100


@dataclass(frozen=True, kw_only=True)
class Site:
    """The running platform of one checkout."""

    paths: Paths
    domain: str
    environment: Mapping[str, str]
    tool: Tool

    @classmethod
    def here(cls) -> "Site":
        """That of this checkout. Raises ``NotRunning``."""
        paths = Paths.of()
        lifecycle.running(paths)
        variables = {**os.environ, **environment(paths, also=platform.reachable(paths))}
        return cls(
            paths=paths,
            domain=StackFile.read(paths.checkout, STACK).domain,
            environment=variables,
            tool=Tool(checkout=paths.checkout, environment=variables),
        )

    def green(self) -> int:
        """Green's share of the requests, as the route has it."""
        return int(self.tool.ask("status")["route"]["green"])

    def serving(self) -> str:
        """The colour that has all requests. Raises :class:`ReleaseFailed` while both have some."""
        green = self.green()
        if green not in {0, FULL}:
            raise ReleaseFailed(f"both colours serve: green has {green} %", remedy="make demo   (settles it first)")
        return "green" if green else "blue"

    def version(self, colour: str) -> str:
        """The version that ``colour`` runs."""
        found = json.loads(self.run("pulumi", "stack", "output", "versions", "--json", "--stack", STACK))
        return str(found[colour])

    def in_progress(self) -> str | None:
        """The release in progress, if there is one."""
        found = self.tool.ask("status")["release"]
        return None if found is None else str(found["id"])

    def push(self, version: str) -> list[str]:
        """Images of that version, in the registry; the options that name them."""
        registry = images.registry_of(self.paths)
        named = {name: images.Reference(repository=f"{REPOSITORY}/{name}", tag=version) for name in COMPONENTS}
        for reference in named.values():
            images.push(registry, reference)
        return [part for name, reference in named.items() for part in (f"--{name}", str(reference))]

    def settle(self, green: int) -> None:
        """Give green its share as a person would: in the stack's configuration, then an update."""
        self.run("pulumi", "config", "set", "greenWeight", str(green), "--stack", STACK)
        self.update()

    def update(self) -> None:
        """``pulumi up``."""
        self.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK)

    def spoil(self, colour: str, faults: str) -> None:
        """Make the pods of ``colour`` misbehave from now on."""
        self._annotate(colour, f"{ANNOTATION}={faults}")

    def cure(self, colour: str) -> None:
        """Make them well again."""
        self._annotate(colour, f"{ANNOTATION}-")

    def _annotate(self, colour: str, annotation: str) -> None:
        selector = f"english-training.dev/colour={colour}"
        self.run("kubectl", "annotate", "pods", "-n", NAMESPACE, "-l", selector, "--overwrite", annotation)

    def run(self, *command: str) -> str:
        """Run a command that must go well; what it said. Raises :class:`UpdateFailed`."""
        done = _done(command, self)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
            text = f"{' '.join(command)} ended with {done.returncode}: " + " ".join(said)
            raise UpdateFailed(text, remedy="make up, then the same again")
        return done.stdout


def _done(command: Sequence[str], site: Site) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own commands
        command, cwd=site.paths.checkout, env=dict(site.environment), capture_output=True, text=True, check=False
    )
