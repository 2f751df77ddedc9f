"""Where the rehearsal keeps things: one cache per user, one state directory per checkout."""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Every path the rehearsal uses. All are absolute; none is created by looking at it."""

    checkout: Path
    """The checkout that this rehearsal belongs to."""
    cache: Path
    """Built tools, shared by all checkouts of a user, keyed by version."""

    @classmethod
    def of(cls, checkout: Path = REPOSITORY) -> "Paths":
        """Paths of ``checkout``. The cache is in the user's cache directory; ``ENGLISH_TRAINING_CACHE`` moves it."""
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        cache = os.environ.get("ENGLISH_TRAINING_CACHE")
        return cls(checkout=checkout.resolve(), cache=Path(cache).resolve() if cache else home / "english-training")

    @property
    def state(self) -> Path:
        """All that this checkout's rehearsal remembers; ``make clean`` removes it."""
        return self.checkout / ".rehearsal"

    @property
    def cluster(self) -> Path:
        """The embedded cluster: certificates, etcd data, logs, the supervisor's record."""
        return self.state / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for the host's side. Its context is ``rehearsal``."""
        return self.state / "kubeconfig"

    @property
    def backend(self) -> Path:
        """Pulumi's file backend (stack states)."""
        return self.state / "backend"

    @property
    def pulumi_home(self) -> Path:
        """A private ``PULUMI_HOME``, so that the user's own logins are left alone."""
        return self.state / "pulumi-home"

    @property
    def launchers(self) -> Path:
        """Executables put on ``PATH``: links to the tools and, where needed, the stand-in plugins."""
        return self.state / "bin"
