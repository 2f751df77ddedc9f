"""The telemetry of a release, for its report: rows of figures, packed and bounded. Pure.

It lies beside the record in a ConfigMap of its own, is written seldom, and may be lost: nothing decides by it.
"""

import base64
import binascii
import gzip
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from release.journal.names import SERIES_KIND, Manifest, labels, series_name
from release.model import FORMAT, Record

KEY: Final = "series"
"""Key of the ConfigMap's ``binaryData`` under which the packed rows are."""
MOST_ROWS: Final = 2_000
MOST_BYTES: Final = 256 * 1024
"""Bytes of the packed rows, before base64."""
_MOST_UNPACKED: Final = 16 * 1024 * 1024
"""Bytes beyond which nothing is unpacked: a row is a few hundred."""

Cell = float | int | str | None


class Series(Record):
    """Figures over time. Every row has a cell for each column, such as ``at``, ``colour``, ``requests``."""

    format: int = FORMAT
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


def thinned(series: Series, most: int = MOST_ROWS) -> Series:
    """At most ``most`` of the rows, evenly spread; the first and the last stay."""
    count = len(series.rows)
    if count <= most:
        return series
    chosen = [index * (count - 1) // max(most - 1, 1) for index in range(most)]
    return series.model_copy(update={"rows": tuple(series.rows[index] for index in chosen)})


def pack(series: Series) -> bytes:
    """The rows compressed, and thinned until that has at most :data:`MOST_BYTES`."""
    series = thinned(series)
    while len(packed := _compress(series)) > MOST_BYTES and series.rows:
        series = thinned(series, len(series.rows) // 2)
    return packed


def unpack(packed: bytes) -> Series | None:
    """The rows again; ``None`` where they are damaged, of another format, or suspiciously long."""
    stream = zlib.decompressobj(wbits=31)
    try:
        text = stream.decompress(packed, _MOST_UNPACKED)
        series = Series.model_validate_json(text)
    except (zlib.error, ValidationError, ValueError):
        return None
    sound = stream.eof and series.format == FORMAT and all(len(row) == len(series.columns) for row in series.rows)
    return series if sound else None


def to_object(release_id: str, stack: str, series: Series) -> Manifest:
    """The ConfigMap of a release's telemetry."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": series_name(release_id), "labels": labels(SERIES_KIND, stack)},
        "binaryData": {KEY: base64.b64encode(pack(series)).decode()},
    }


def from_object(manifest: Mapping[str, Any]) -> Series | None:
    """The telemetry in a ConfigMap; ``None`` where it cannot be read."""
    data = manifest.get("binaryData")
    text = data.get(KEY) if isinstance(data, Mapping) else None
    try:
        return unpack(base64.b64decode(text, validate=True)) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


def orphans(names: Sequence[str], releases: Sequence[str]) -> list[str]:
    """Of ``names`` of telemetry objects, those whose release is in none of ``releases`` (identifiers)."""
    known = {series_name(release_id) for release_id in releases}
    return [name for name in names if name not in known]


def _compress(series: Series) -> bytes:
    return gzip.compress(series.model_dump_json(by_alias=True).encode(), mtime=0)
