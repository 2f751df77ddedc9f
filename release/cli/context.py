"""What all commands share: which stack, how to say things, and how errors become words and exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from release.errors import BadOrder, ReleaseError
from release.session import Session


class Output(StrEnum):
    """For whom a command speaks."""

    TEXT = "text"
    JSON = "json"


INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""

StackOption = Annotated[str | None, typer.Option("--stack", "-s", help="stack to work on; the selected one by default")]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs")]
Checkout = Annotated[Path, typer.Option("--cwd", "-C", help="checkout with Pulumi.yaml", file_okay=False)]
HERE: Final = Path()

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def explained(output: Output = Output.TEXT) -> Iterator[None]:
    """Turn what went wrong into one message and an exit code."""
    try:
        yield
    except ReleaseError as error:
        if output is Output.JSON:
            document = {"error": error.problem, "remedy": error.remedy, "exitCode": error.exit_code}
            typer.echo(json.dumps(document), err=True)
        else:
            errors.print(f"error: {error}", markup=False)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        # Whoever read this has seen enough (`| head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None
    except KeyboardInterrupt:
        errors.print("interrupted; release status tells where things stand", markup=False)
        raise typer.Exit(INTERRUPTED) from None


def session(checkout: Path, stack: str | None) -> Session:
    """The session of a stack; by default the one that is selected in the checkout. Raises ``BadOrder``."""
    where = checkout.resolve()
    if not (where / "Pulumi.yaml").is_file():
        raise BadOrder(f"{where} holds no Pulumi.yaml", remedy="cd into the checkout, or name it with --cwd")
    return Session(where, stack or _selected(where))


def put(document: Any) -> None:  # noqa: ANN401 - anything that JSON can say
    """One JSON document."""
    typer.echo(json.dumps(document, indent=2, default=str))


def _selected(checkout: Path) -> str:
    try:
        done = subprocess.run(
            ["pulumi", "stack", "--show-name", "--non-interactive"],  # noqa: S607 - found as the user's shell finds it
            cwd=checkout,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise BadOrder("pulumi is not on PATH", remedy="install Pulumi, or in a rehearsal: . .rehearsal/env") from None
    if done.returncode != 0 or not done.stdout.strip():
        raise BadOrder("no stack is selected", remedy="pulumi stack select NAME, or --stack NAME")
    return done.stdout.strip().rsplit("/", 1)[-1]
