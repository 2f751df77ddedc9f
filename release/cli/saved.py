"""``release config``: configurations as they stood before changes (R-34)."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from release.cli.context import HERE, Checkout, Output, OutputOption, StackOption, console, explained, put, session
from release.journal.points import Saved, differences
from release.session import Session

app = typer.Typer(no_args_is_help=True)
NOW = "now"
"""Stands for the file as it is."""

PointA = Annotated[str, typer.Argument(help="a point's name, or `now` for the file as it is")]


@app.command("list")
def listed(stack: StackOption = None, checkout: Checkout = HERE, output: OutputOption = Output.TEXT) -> None:
    """List the saved configurations, newest first."""
    with explained(output):
        found = session(checkout, stack).points.saved()
        if output is Output.JSON:
            put([one.model_dump(mode="json", by_alias=True) for one in found if isinstance(one, Saved)])
            return
        table = Table("point", "saved (UTC)", "by", "why", box=None, pad_edge=False)
        for one in found:
            if isinstance(one, Saved):
                table.add_row(one.name, f"{one.at:%Y-%m-%d %H:%M:%S}", one.actor, Text(one.why))
            else:
                table.add_row(one.id, "", "", Text(one.problem))
        console.print(table if found else "no configuration was saved yet")


@app.command()
def diff(
    a: PointA,
    b: PointA = NOW,
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show in which keys two configurations differ. Secrets are never shown."""
    with explained(output):
        here = session(checkout, stack)
        _show(_content(here, a), _content(here, b), output)


@app.command()
def restore(
    point: Annotated[str, typer.Argument(help="the point's name, as `release config list` shows it")],
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Put a saved configuration into this checkout's file. Nothing in the cluster changes before `pulumi up`."""
    with explained(output):
        here = session(checkout, stack)
        content = _content(here, point)
        before = here.file.text()
        here.file.replace(content)
        _show(before, content, output)
        if output is Output.TEXT:
            console.print(f"{here.file.path.name} is as it was at {point}; look at it: git diff, pulumi preview")


def _content(here: Session, name: str) -> str:
    return here.file.text() if name == NOW else here.points.load(name).content


def _show(before: str, after: str, output: Output) -> None:
    found = differences(before, after)
    if output is Output.JSON:
        put([{"key": one.key, "kind": one.kind, "before": one.before, "after": one.after} for one in found])
        return
    table = Table("key", "change", "before", "after", box=None, pad_edge=False)
    for one in found:
        hidden = "(secret)" if one.secret else ""
        table.add_row(one.key, one.kind, Text(one.before or hidden), Text(one.after or hidden))
    console.print(table if found else "they do not differ")
