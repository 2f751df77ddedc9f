"""A stack's configuration file: read, and changed key by key, comments kept. Written whole or not at all."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from release.errors import BadOrder
from settings.problems import NAMESPACE


class StackFile:
    """``Pulumi.<stack>.yaml`` of a checkout."""

    def __init__(self, checkout: Path, stack: str) -> None:
        self.path = checkout / f"Pulumi.{stack}.yaml"
        self.stack = stack

    def text(self) -> str:
        """The file as it is. Raises :class:`BadOrder` if there is none."""
        try:
            return self.path.read_text()
        except OSError as error:
            known = sorted(file.name for file in self.path.parent.glob("Pulumi.*.yaml"))
            raise BadOrder(
                f"{self.path.name} cannot be read: {error.strerror}",
                remedy=f"name one that is there with --stack: {', '.join(known) or 'none in this directory'}",
            ) from None

    def values(self) -> Mapping[str, Any]:
        """The project's own keys without their namespace; secrets as ``{"secure": ciphertext}``."""
        prefix = f"{NAMESPACE}:"
        return {
            str(key).removeprefix(prefix): _plain(value)
            for key, value in self._tree(self.text()).get("config", {}).items()
            if str(key).startswith(prefix)
        }

    def put(self, values: Mapping[str, Any]) -> None:
        """Set the project's keys; ``None`` removes one. Keys that have their value already keep their form."""
        tree = self._tree(self.text())
        config = tree.setdefault("config", {})
        for key, value in values.items():
            full = f"{NAMESPACE}:{key}"
            if value is None:
                config.pop(full, None)
            elif full not in config or _plain(config[full]) != value:
                config[full] = value
        out = io.StringIO()
        _yaml().dump(tree, out)
        self.replace(out.getvalue())

    def replace(self, text: str) -> None:
        """Put another text in the file's place, at once and for good."""
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with fresh.open("w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.chmod(self.path.stat().st_mode & 0o777)
            fresh.replace(self.path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def _tree(self, text: str) -> Any:  # noqa: ANN401 - a YAML document
        try:
            tree = _yaml().load(text)
        except YAMLError as error:
            where = str(error).splitlines()[0]
            raise BadOrder(f"{self.path.name} is not valid YAML: {where}", remedy=f"mend {self.path}") from None
        if not isinstance(tree, dict) or not isinstance(tree.get("config", {}), dict):
            raise BadOrder(f"{self.path.name} has no configuration", remedy=f"git checkout -- {self.path.name}")
        return tree


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _plain(value: Any) -> Any:  # noqa: ANN401 - a YAML value
    """The value without the marks that keep its form."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str(value)
    return int(value) if isinstance(value, int) else float(value)
