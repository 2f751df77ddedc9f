"""The labels and annotations that every object carries, and that policies, routes and tools select by."""

from collections.abc import Mapping

PREFIX = "english-training.dev"
"""Prefix of the project's own labels and annotations."""

COLOUR = f"{PREFIX}/colour"
"""Which of the two releases side by side a workload belongs to: ``blue`` or ``green``."""

SCHEMA_VERSION = f"{PREFIX}/schema-version"
"""The database schema that a release expects."""

CONFIG_CHECKSUM = f"{PREFIX}/config-checksum"
"""Digest of everything a pod reads at start; a change restarts the pods."""

PART_OF = "english-training"


def common(component: str) -> dict[str, str]:
    """Labels of an object that belongs to ``component`` (``gateway``, ``backend``, …)."""
    return {
        "app.kubernetes.io/name": component,
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
    }


def selector(component: str, colour: str) -> dict[str, str]:
    """Labels that pick the pods of one colour of one component. Immutable on a Deployment: never extend them."""
    return {"app.kubernetes.io/name": component, "app.kubernetes.io/part-of": PART_OF, COLOUR: colour}


def workload(component: str, colour: str, version: str) -> Mapping[str, str]:
    """Labels of the pods of one colour of one component."""
    return {**common(component), COLOUR: colour, "app.kubernetes.io/version": version}
