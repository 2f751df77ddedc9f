"""A complete configuration, as the engine passes it, and ways to spoil it."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from settings import Problem, Settings, SettingsError, parse

DIGEST = "@sha256:" + "a" * 64
PASSWORD = "correct horse battery staple"
SIGNING_KEY = "0123456789" * 5

COMPLETE: Mapping[str, Any] = {
    "environment": "production",
    "domain": "exam.example",
    "allowedHosts": ["exam.example"],
    "greenWeight": 10,
    "registry": "harbor.example/exam",
    "cluster": {"kind": "existing", "context": "exam", "identifier": "exam"},
    "database": {"host": "db.internal", "name": "exam", "user": "exam"},
    "databasePassword": PASSWORD,
    "redis": {"host": "redis.internal"},
    "dataCidrs": ["10.20.0.0/16"],
    "secretKey": SIGNING_KEY,
    "blue": {
        "version": "1.0.0",
        "backendImage": f"harbor.example/exam/backend:1.0.0{DIGEST}",
        "frontendImage": f"harbor.example/exam/frontend{DIGEST}",
        "schemaVersion": 1,
    },
    "green": {
        "version": "1.1.0",
        "backendImage": f"harbor.example/exam/backend:1.1.0{DIGEST}",
        "frontendImage": f"harbor.example/exam/frontend{DIGEST}",
        "schemaVersion": 2,
    },
    "backend": {
        "resources": {"cpuRequest": "250m", "memoryRequest": "256Mi", "memoryLimit": "512Mi"},
        "minReplicas": 2,
        "maxReplicas": 4,
    },
    "frontend": {
        "resources": {"cpuRequest": "100m", "memoryRequest": "128Mi", "memoryLimit": "256Mi"},
        "minReplicas": 2,
        "maxReplicas": 4,
    },
    "media": {"storageClass": "shared", "size": "20Gi"},
    "quota": {"cpu": "8", "memory": "16Gi", "pods": 40},
    "gateway": {"issuer": "letsencrypt-prod"},
}
SECRET = frozenset({"databasePassword", "secretKey"})


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """``COMPLETE`` with other values at the paths that ``changes`` names: ``{"database.port": 1}``."""
    values = copy.deepcopy(dict(COMPLETE))
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return values


def without(*paths: str) -> dict[str, Any]:
    """``COMPLETE`` without the keys at ``paths``."""
    values = copy.deepcopy(dict(COMPLETE))
    for path in paths:
        *parents, last = path.split(".")
        place = values
        for parent in parents:
            place = place[parent]
        del place[last]
    return values


def engine(values: Mapping[str, Any]) -> dict[str, str]:
    """The values as the engine passes them: texts as they are, all else as JSON, no value as an empty text."""
    return {
        key: value if isinstance(value, str) else "" if value is None else json.dumps(value)
        for key, value in values.items()
    }


def read(values: Mapping[str, Any], stack: str = "exam") -> Settings:
    """What the values mean; secrets are stored encrypted."""
    return parse(stack, engine(values), SECRET)


def problems(values: Mapping[str, Any], *, stack: str = "exam", secret: frozenset[str] = SECRET) -> list[Problem]:
    """What is wrong with the values."""
    try:
        parse(stack, engine(values), secret)
    except SettingsError as error:
        return list(error.problems)
    return []


def said(values: Mapping[str, Any], *, stack: str = "exam", secret: frozenset[str] = SECRET) -> dict[str, str]:
    """What is wrong with the values: the sentence of each key, without the namespace."""
    found = problems(values, stack=stack, secret=secret)
    assert len({problem.key for problem in found}) == len(found), found
    return {problem.key.removeprefix("english-training:"): problem.what for problem in found}
