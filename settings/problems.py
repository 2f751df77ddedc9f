"""What is wrong with a stack's configuration, told so that it can be mended without opening the code."""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pulumi

NAMESPACE = "english-training"
"""Prefix of the project's own keys: the project's name, as the engine has it."""

SECRETS = frozenset({"secretKey", "databasePassword"})
"""The keys that hold secrets."""

Scalar = str | int | bool

Location = tuple[str | int, ...]
"""Where a value lies: keys of objects and positions in lists."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong."""

    key: str
    """Full key, as ``pulumi config`` takes it: ``english-training:database.host``."""
    what: str
    """What is wrong with it; names the value unless that is a secret."""
    example: Scalar | Sequence[str] | None
    """A value that would do; ``None`` where the key must go, and for secrets."""
    replaces: bool = False
    """The value there has the wrong shape, and has to go before ``example`` fits in."""

    def command(self, stack: str) -> str:
        """The next command to run. A secret is asked for: it belongs in no command line."""
        if self.key.removeprefix(f"{NAMESPACE}:") in SECRETS:
            return _line("set", stack, "--secret", self.key)
        remove = _line("rm", stack, *_path(self.key), self.key)
        if self.example is None:
            return remove
        if isinstance(self.example, str | int):
            puts = [_put(stack, self.key, self.example)]
        else:
            puts = [_put(stack, f"{self.key}[{index}]", entry) for index, entry in enumerate(self.example)]
        return " && ".join([remove, *puts] if self.replaces else puts)


class SettingsError(pulumi.RunError):
    """The configuration of a stack is not valid: everything that is wrong with it, at once."""

    def __init__(self, stack: str, problems: Iterable[Problem]) -> None:
        self.stack = stack
        self.problems = tuple(problems)
        super().__init__(report(stack, self.problems))


def report(stack: str, problems: Sequence[Problem]) -> str:
    """The problems as text: file, key, what is wrong, an example, and the command that mends it."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"Pulumi.{stack}.yaml: {count} in the configuration of stack {stack}. Nothing was changed."]
    for problem in problems:
        lines += ["", f"  {problem.key} {problem.what}"]
        if problem.example is not None:
            lines.append(f"    example: {shown(problem.example)}")
        lines.append(f"    mend it: {problem.command(stack)}")
    return "\n".join(lines)


def shown(value: Scalar | Sequence[str]) -> str:
    """A value as one types it."""
    return value if isinstance(value, str) else json.dumps(value)


def full_key(location: Location) -> str:
    """``("database", "host")`` as ``english-training:database.host``, the way ``pulumi config --path`` reads it."""
    first, *rest = location
    return f"{NAMESPACE}:{first}" + "".join(map(_segment, rest))


def _line(verb: str, stack: str, *arguments: str) -> str:
    return shlex.join(["pulumi", "config", verb, "--stack", stack, *arguments])


def _put(stack: str, key: str, value: Scalar) -> str:
    return _line("set", stack, *_path(key), *_type(key, value), key, shown(value))


def _path(key: str) -> Sequence[str]:
    return ["--path"] if re.search(r"[.\[]", key) else []


def _type(key: str, example: Scalar) -> Sequence[str]:
    """Inside objects the command line takes what looks like a number or a truth value for one."""
    ambiguous = isinstance(example, str) and re.fullmatch(r"-?\d+|true|false", example)
    return ["--type", "string"] if ambiguous and _path(key) else []


def _segment(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[\w-]+", part, re.ASCII) else f"[{json.dumps(part, ensure_ascii=False)}]"
