"""Which process is a cluster's launcher, in a form that a recycled process id cannot forge."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from rehearsal.cluster import files
from rehearsal.cluster.layout import Layout

PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One process, for as long as the machine runs and no longer than the process does."""

    pid: int
    started: int
    """Clock ticks between the machine's start and the process's."""
    boot: str
    """The kernel's identity of the machine's start."""

    @classmethod
    def of(cls, pid: int, proc: Path = PROC) -> Self | None:
        """The process that has ``pid`` now; ``None`` if none has, or only a dead one."""
        try:
            fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if fields[0] in "ZX":
            return None
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        return cls(pid=pid, started=int(fields[19]), boot=boot)

    def alive(self, proc: Path = PROC) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid, proc) == self


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a launcher writes down about itself."""

    launcher: Identity
    root: bool
    """Whether the namespaces were made as root, without a user namespace."""

    @classmethod
    def read(cls, layout: Layout) -> Self | None:
        """The record of a launcher that still runs; ``None`` if there is none."""
        content = files.read_json(layout.record)
        if content is None:
            return None
        identity = Identity(**content["launcher"])
        return cls(launcher=identity, root=content["root"]) if identity.alive() else None

    def write(self, layout: Layout) -> None:
        """Replace the record."""
        files.write_json(layout.record, asdict(self))
