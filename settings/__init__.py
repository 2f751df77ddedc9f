"""The configuration of a stack: typed, frozen, and valid as a whole before anything is made.

Nothing else reads Pulumi's configuration. :func:`parse` is pure; :func:`load` feeds it from the running stack.
"""

from settings.loading import ReleaseInProgress, load
from settings.model import (
    Cluster,
    Colour,
    Database,
    Environment,
    Gateway,
    Media,
    Overrides,
    Quota,
    RateLimit,
    Redis,
    Release,
    ReleaseMark,
    Releases,
    Resources,
    Scheduling,
    Settings,
    Timeouts,
    Toleration,
    Workload,
)
from settings.parsing import parse
from settings.problems import Problem, SettingsError
from settings.secret import Secret
from settings.standing import Standing

__all__ = [
    "Cluster",
    "Colour",
    "Database",
    "Environment",
    "Gateway",
    "Media",
    "Overrides",
    "Problem",
    "Quota",
    "RateLimit",
    "Redis",
    "Release",
    "ReleaseInProgress",
    "ReleaseMark",
    "Releases",
    "Resources",
    "Scheduling",
    "Secret",
    "Settings",
    "SettingsError",
    "Standing",
    "Timeouts",
    "Toleration",
    "Workload",
    "load",
    "parse",
]
