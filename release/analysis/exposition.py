"""Reads what a proxy writes in Prometheus' text format. Pure, and suspicious: what cannot be right is refused whole."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Final

from release.analysis.counters import NOTHING, Counters, Latency, Target, added
from release.model import Colour

LONGEST: Final = 4096
"""Characters of a line."""
LARGEST: Final = 2.0**53
"""Beyond it a counter cannot be told from the next one, and no proxy counts so far."""

_LINE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?[0-9]+)?", re.ASCII)
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|\Z)', re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_ESCAPE: Final = re.compile(r"\\(.)")

_PREFIX: Final = "envoy_cluster_"
_TIME: Final = f"{_PREFIX}upstream_rq_time"
_CLASS: Final = f"{_PREFIX}upstream_rq_xx"
_PLAIN: Final = tuple(
    f"{_PREFIX}{name}"
    for name in (
        "upstream_rq_total",
        "upstream_rq_active",
        "upstream_rq_pending_active",
        "upstream_rq_timeout",
        "upstream_rq_per_try_timeout",
        "upstream_cx_connect_fail",
        "membership_healthy",
    )
)
_TIMES: Final = (f"{_TIME}_sum", f"{_TIME}_count")
_WANTED: Final = frozenset({*_PLAIN, *_TIMES, _CLASS, f"{_TIME}_bucket"})
_INTERIM: Final = "1"
"""Class of answers that another one follows, or that end HTTP on the connection."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One line."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples(text: str, wanted: Collection[str]) -> Iterator[Sample]:
    """The lines of ``text`` with one of the ``wanted`` names. Raises ``ValueError`` for one that cannot be right."""
    for line in text.splitlines():
        if len(line) > LONGEST:
            raise ValueError(f"a line has {len(line):,} characters")
        name = re.split(r"[{ ]", line, maxsplit=1)[0]
        if name not in wanted:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"this is no sample: {line[:100]!r}")
        yield Sample(name=name, labels=_labels(match.group(2) or ""), value=_number(match.group(3)))


def _labels(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None or match.group(1) in labels:
            raise ValueError(f"these are no labels: {text[:100]!r}")
        labels[match.group(1)] = _ESCAPE.sub(lambda one: "\n" if one.group(1) == "n" else one.group(1), match.group(2))
        at = match.end()
    return labels


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text) or (value := float(text)) > LARGEST:
        raise ValueError(f"this is no count: {text[:40]!r}")
    return value


@dataclass(kw_only=True)
class _Cluster:
    """What was read of one of the proxy's clusters."""

    plain: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    buckets: dict[float, int] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    def take(self, sample: Sample) -> None:
        """Keep one sample. Raises ``ValueError`` if there is one already."""
        into: dict[str, int] | dict[float, int] | dict[str, float]
        key: str | float
        if sample.name == _CLASS:
            into, key = self.classes, sample.labels.get("envoy_response_code_class", "")
        elif sample.name == f"{_TIME}_bucket":
            bound = sample.labels.get("le", "")
            into, key = self.buckets, inf if bound == "+Inf" else _number(bound)
        elif sample.name in _TIMES:
            into, key = self.times, sample.name
        else:
            into, key = self.plain, sample.name.removeprefix(_PREFIX)
        if key in into:
            raise ValueError(f"{sample.name} is there twice for the same labels")
        into[key] = sample.value if into is self.times else int(sample.value)  # type: ignore[index, assignment]

    def counters(self) -> Counters:
        """All of it together. Raises ``ValueError`` if it is contradictory."""
        interim = self.classes.get(_INTERIM, 0)
        return Counters(
            requests=sum(count for name, count in self.classes.items() if name != _INTERIM),
            errors=self.classes.get("5", 0),
            # An upgraded connection stays open without an answer, and is no hang.
            started=max(0, self.plain.get("upstream_rq_total", 0) - interim),
            connect_failures=self.plain.get("upstream_cx_connect_fail", 0),
            timeouts=self.plain.get("upstream_rq_timeout", 0) + self.plain.get("upstream_rq_per_try_timeout", 0),
            latency=self._latency(),
            in_flight=self.plain.get("upstream_rq_active", 0),
            queued=self.plain.get("upstream_rq_pending_active", 0),
            endpoints=self.plain.get("membership_healthy"),
        )

    def _latency(self) -> Latency:
        if not self.buckets:
            return Latency()
        bounds = tuple(sorted(self.buckets))
        counts = tuple(self.buckets[bound] for bound in bounds)
        if bounds[-1] != inf or any(low > high for low, high in pairwise(counts)):
            raise ValueError("a histogram's counts fall, or do not reach to infinity")
        return Latency(bounds=bounds[:-1], counts=counts, total_ms=self.times.get(f"{_TIME}_sum", 0.0))


def counters(text: str, clusters: re.Pattern[str]) -> dict[Target, Counters]:
    """What a proxy has counted for each target. ``clusters`` finds ``service`` and ``colour`` in a cluster's name.

    Raises ``ValueError`` if any of it cannot be right.
    """
    found: dict[str, _Cluster] = {}
    for sample in samples(text, _WANTED):
        name = sample.labels.get("envoy_cluster_name", "")
        if clusters.fullmatch(name):
            found.setdefault(name, _Cluster()).take(sample)
    read: dict[Target, Counters] = {}
    for name, cluster in found.items():
        match = clusters.fullmatch(name)
        assert match is not None  # noqa: S101 - it was found by that
        target = Target(service=match["service"], colour=Colour(match["colour"]))
        read[target] = added(read.get(target, NOTHING), cluster.counters())
    return read
