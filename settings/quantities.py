"""Kubernetes quantities (``250m``, ``1.5Gi``) and Gateway API durations (``1m30s``) as numbers. Pure."""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from math import ceil

QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>m|k|M|G|T|Ki|Mi|Gi|Ti)?", re.ASCII)
"""The positive quantities that sizes need: no exponents, nothing below a thousandth."""

DURATION = re.compile(r"(\d{1,5}(h|m|s|ms)){1,4}", re.ASCII)
"""Gateway API durations (GEP-2257)."""

_UNITS: Mapping[str | None, Decimal] = {
    None: Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000**power) for power, unit in enumerate("kMGT", start=1)},
    **{f"{unit}i": Decimal(1024**power) for power, unit in enumerate("KMGT", start=1)},
}

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def quantity(text: str) -> Decimal:
    """Value of a quantity, in its base unit: cores or bytes. ``ValueError`` for anything else."""
    found = QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    return Decimal(found["number"]) * _UNITS[found["unit"]]


def duration(text: str) -> timedelta:
    """Length of a duration. ``ValueError`` for anything else."""
    if DURATION.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a duration")
    parts = re.findall(r"(\d+)(ms|h|m|s)", text)
    return timedelta(seconds=sum(int(number) * _SECONDS[unit] for number, unit in parts))


def cores(value: Decimal) -> str:
    """A number of cores as people write it: ``7`` or ``7500m``."""
    return str(int(value)) if value == value.to_integral_value() else f"{ceil(value * 1000)}m"


def gibibytes(value: Decimal) -> str:
    """A number of bytes as people write it: ``12Gi``, or ``12800Mi`` where gibibytes do not come out even."""
    gibi, mebi = value / _UNITS["Gi"], value / _UNITS["Mi"]
    return f"{int(gibi)}Gi" if gibi == gibi.to_integral_value() else f"{ceil(mebi)}Mi"
