"""``versions.yaml``, typed: every pin that is not a Python package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).with_name("versions.yaml")

Version = Annotated[str, Field(pattern=r"^v?\d+\.\d+\.\d+$")]
"""A whole version: no range, no ``latest``."""


class Pinned(BaseModel):
    """Strict and frozen: a pin is what it says, or an error."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Tool(Pinned):
    """A program."""

    version: Version

    @property
    def number(self) -> str:
        """The version without the ``v`` that Go puts before it."""
        return self.version.removeprefix("v")


class Bundle(Pinned):
    """A directory of custom resource definitions in a Go module."""

    module: str
    version: Version
    sum: Annotated[str, Field(pattern=r"^h1:[A-Za-z0-9+/]{43}=$")]
    """Go's checksum of the module."""
    directory: str
    """Where the definitions lie in the module."""


class Chart(Pinned):
    """A Helm chart."""

    version: Version
    app_version: Annotated[Version, Field(alias="appVersion")]
    """What the chart installs."""
    source: Annotated[str, Field(pattern=r"^https://")]
    """Where it is developed."""


class Image(Pinned):
    """A container image."""

    repository: str
    version: str
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Versions(Pinned):
    """All pins."""

    tools: Mapping[str, Tool]
    crds: Mapping[str, Bundle]
    charts: Mapping[str, Chart]
    images: Mapping[str, Image]


def read(path: Path = FILE) -> Versions:
    """The pins in ``path``. Raises ``pydantic.ValidationError``, which names each key that is wrong."""
    return Versions.model_validate(yaml.load(path.read_text(), Loader=yaml.CSafeLoader))


VERSIONS = read()
