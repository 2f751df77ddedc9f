"""In what the configurations of two stacks differ: ``python -m config_diff staging production [--output json]``.

Reads the stacks' files only: needs no engine, no cluster and no passphrase, and decrypts nothing. Defaults in force
count as values; what is wrong is shown as it stands. Exit code 0 whether they differ or not, 2 if one cannot be read.
"""

import argparse
import difflib
import json
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import PydanticUndefined
from rich.console import Console
from rich.table import Table

from settings.model import Section, Settings
from settings.parsing import decode
from settings.problems import NAMESPACE, SECRETS, Location, full_key
from settings.schema import fields, section_of

ROOT = Path(__file__).parent
UNREADABLE = 2
"""Exit code: a stack is unknown, or its file cannot be read. Also the code of a wrong command line."""


class Origin(StrEnum):
    """Where a value comes from."""

    SET = "set"
    DEFAULT = "default"
    SECRET = "secret"  # noqa: S105 - the name of an origin


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One value of one stack. Of a secret nothing is known but that it is set."""

    value: Any
    origin: Origin


Entries = Mapping[str, Entry]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One key whose values differ; ``None`` where it is not set."""

    key: str
    left: Entry | None
    right: Entry | None


class StackError(Exception):
    """A stack's file is missing or unreadable; the text says which, and what to do."""


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="config_diff", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stacks", nargs=2, metavar="STACK")
    parser.add_argument("--output", choices=["table", "json"], default="table")
    options = parser.parse_args(arguments)
    try:
        left, right = (entries(read(root, stack)) for stack in options.stacks)
    except StackError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line
        return UNREADABLE
    found, secrets = compare(left, right), secrets_in_both(left, right)
    if options.output == "json":
        print(json.dumps(as_json(options.stacks, found, secrets), indent=2, ensure_ascii=False))  # noqa: T201 - likewise
    else:
        print_table(options.stacks, found, secrets)
    return 0


def read(root: Path, stack: str) -> Mapping[str, Any]:
    """The project's keys of a stack's file, without their namespace. Raises ``StackError``."""
    known = sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in root.glob("Pulumi.*.yaml"))
    if stack not in known:
        close = difflib.get_close_matches(stack, known, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise StackError(
            f"There is no stack {stack}: {root} has no Pulumi.{stack}.yaml. {hint}Stacks: {', '.join(known) or 'none'}"
        )
    path = root / f"Pulumi.{stack}.yaml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        # Through JSON, as the engine passes it: dates become text.
        config = json.loads(json.dumps(document.get("config") or {}, default=str))
        values = {key.partition(":"): value for key, value in config.items()}
    except (yaml.YAMLError, AttributeError, UnicodeDecodeError, OSError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise StackError(f"{path}{where} is no stack configuration: mend it, or restore it with git") from None
    return {key: value for (namespace, _, key), value in values.items() if namespace == NAMESPACE}


def entries(values: Mapping[str, Any]) -> Entries:
    """What is in force, key by key: what is set, and the defaults of what is not."""
    decoded = {key: decode(key, value) if isinstance(value, str) else value for key, value in values.items()}
    return {full_key(location): entry for location, entry in _flatten(decoded, Settings, ())}


def compare(left: Entries, right: Entries) -> Sequence[Difference]:
    """The keys whose values differ. Two secrets are never compared."""
    return [
        Difference(key=key, left=left.get(key), right=right.get(key))
        for key in dict.fromkeys([*left, *right])
        if _value(left.get(key)) != _value(right.get(key))
    ]


def secrets_in_both(left: Entries, right: Entries) -> Sequence[str]:
    """The keys that hold a secret in both stacks, whether the same or not."""
    return [key for key in left if key in right and {left[key].origin, right[key].origin} == {Origin.SECRET}]


def as_json(stacks: Sequence[str], found: Sequence[Difference], secrets: Sequence[str]) -> Mapping[str, Any]:
    """The differences for programs; ``values`` are in the order of ``stacks``, ``null`` where a key is not set."""
    return {
        "stacks": list(stacks),
        "differences": [
            {"key": one.key, "values": [_entry_as_json(one.left), _entry_as_json(one.right)]} for one in found
        ],
        "secretsInBoth": list(secrets),
    }


def print_table(stacks: Sequence[str], found: Sequence[Difference], secrets: Sequence[str]) -> None:
    """The differences for people."""
    console = Console(highlight=False, markup=False)
    if found:
        table = Table(title=f"{len(found)} differences between {stacks[0]} and {stacks[1]}")
        for heading in ("key", *stacks):
            table.add_column(heading, overflow="fold")
        for one in found:
            table.add_row(one.key.removeprefix(f"{NAMESPACE}:"), _text(one.left), _text(one.right))
        console.print(table)
    else:
        console.print(f"{stacks[0]} and {stacks[1]} do not differ.")
    if secrets:
        console.print(f"Set in both, not compared: {', '.join(key.removeprefix(f'{NAMESPACE}:') for key in secrets)}")


def _flatten(values: Mapping[str, Any], model: type[Section] | None, at: Location) -> Iterator[tuple[Location, Entry]]:
    shape = fields(model) if model else {}
    for key in [*shape, *(key for key in values if key not in shape)]:
        field, here = shape.get(key), (*at, key)
        section = section_of(field.annotation) if field else None
        if values.get(key) is None:
            default = field.get_default(call_default_factory=True) if field else None
            if isinstance(default, Section) or (section and field and field.is_required()):
                yield from _flatten({}, section, here)
            elif default not in (None, PydanticUndefined, {}, ()):
                yield here, Entry(value=default, origin=Origin.DEFAULT)
        elif here[0] in SECRETS or _is_encrypted(values[key]):
            yield here, Entry(value=None, origin=Origin.SECRET)
        elif isinstance(values[key], dict):
            yield from _flatten(values[key], section, here)
        else:
            yield here, Entry(value=values[key], origin=Origin.SET)


def _is_encrypted(value: Any) -> bool:  # noqa: ANN401 - a YAML value
    return isinstance(value, dict) and set(value) == {"secure"}


def _value(entry: Entry | None) -> tuple[str, Any]:
    """What is compared: a default and the same value set are no difference, ``1`` and ``true`` are one."""
    if entry is None:
        return "absent", None
    return ("secret", None) if entry.origin is Origin.SECRET else ("value", json.dumps(entry.value, sort_keys=True))


def _entry_as_json(entry: Entry | None) -> Mapping[str, Any] | None:
    if entry is None:
        return None
    return {"origin": entry.origin.value} | ({} if entry.origin is Origin.SECRET else {"value": entry.value})


def _text(entry: Entry | None) -> str:
    if entry is None:
        return "not set"
    if entry.origin is Origin.SECRET:
        return "secret, set"
    text = entry.value if isinstance(entry.value, str) else json.dumps(entry.value, ensure_ascii=False)
    return f"{text} (default)" if entry.origin is Origin.DEFAULT else text


if __name__ == "__main__":
    # A reader that has seen enough (`| head`) ends this program as it ends any other.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
