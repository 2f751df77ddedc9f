"""What the rehearsal itself goes by in a stack's configuration: the domain, and the ports people use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.cluster.plan import Ports
from rehearsal.errors import UsageError

STACK = "development"
"""The stack that the rehearsal brings up by default."""
PROJECT = "english-training"


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """The parts of a stack's configuration that the rehearsal itself goes by."""

    domain: str
    ports: Ports
    database: str
    """Name of the application's database."""
    database_user: str
    images: tuple[str, ...]
    """The images of both releases."""

    @classmethod
    def read(cls, checkout: Path, stack: str) -> "StackFile":
        """Read ``Pulumi.<stack>.yaml``. Values that are absent or of a wrong shape are left to the program to judge."""
        path = checkout / f"Pulumi.{stack}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(one.name[7:-5] for one in checkout.glob("Pulumi.*.yaml")))
            raise UsageError(f"there is no stack {stack}: {path} does not exist", remedy=f"choose one of: {known}")
        config: dict[str, Any] = (yaml.safe_load(path.read_text()) or {}).get("config") or {}
        gateway = _object(config, "gateway")
        database = _object(config, "database")
        releases = (_object(config, colour) for colour in ("blue", "green"))
        images = (release.get(key) for release in releases for key in ("backendImage", "frontendImage"))
        return cls(
            domain=str(config.get(f"{PROJECT}:domain", "localhost")),
            database=str(database.get("name", "english_training")),
            database_user=str(database.get("user", "english_training")),
            images=tuple(image for image in images if isinstance(image, str)),
            ports=Ports(http=_port(gateway, "httpPort", 8080), https=_port(gateway, "httpsPort", 8443)),
        )


def _object(config: dict[str, Any], key: str) -> dict[str, Any]:
    value = config.get(f"{PROJECT}:{key}")
    return value if isinstance(value, dict) else {}


def _port(gateway: dict[str, Any], key: str, default: int) -> int:
    value = gateway.get(key, default)
    return value if isinstance(value, int) and 0 < value < 65536 else default  # noqa: PLR2004 - the last port
