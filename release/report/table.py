"""Numbers as a table for a terminal. Pure: the table is made here, and printed elsewhere."""

from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from release.report import operation, say
from release.report.figures import Figure, Numbers

_STYLES = {True: "green", False: "red", None: "dim"}


def renderable(report: Numbers) -> RenderableType:
    """What ``rich`` prints for ``report``; nothing in it is read as mark-up."""
    title = Text(f"Releases on {say.plain(report.stack)}", style="bold")
    span = Text(f"{say.moment(report.since)} to {say.moment(report.until)}, {report.releases} ended", style="dim")
    lines = [*_unknown(report), *remarks(report)]
    return Group(title, span, Text(), _figures(report), Text(), *(Text(line) for line in lines))


def text(report: Numbers, *, width: int = 100) -> str:
    """The same as plain lines of at most ``width`` characters."""
    console = Console(file=StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(renderable(report))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def remarks(report: Numbers) -> list[str]:
    """What has no target: failures that are not over, commits that wait, the cost."""
    lines = [f"Failed, running since {say.moment(one.since)}: release {say.plain(one.id)}" for one in report.running]
    if report.waiting_commits:
        lines.append(f"Commits of failed releases that still wait for a successful one: {report.waiting_commits}")
    cost = report.cost
    if cost is None:
        lines.append("Monthly cost of the infrastructure: not known")
    else:
        amount = f"{cost.amount:,} {say.plain(cost.currency)}"
        lines.append(f"Monthly cost of the infrastructure: {amount} ({say.plain(cost.source)}, {cost.on})")
    if report.history_since is not None and report.history_since >= report.since:
        lines.append(f"The journal was trimmed: it begins at {say.moment(report.history_since)}")
    return lines


def _unknown(report: Numbers) -> list[str]:
    """Why figures have no value, each reason once for neighbours that share it."""
    found: dict[str, str] = {}
    for one in report.figures:
        if one.value is None and (one.n > 0 or one.group == operation.GROUP):
            found.setdefault(f"{one.group}: {one.note}", f"{one.title}: n/a, {say.plain(one.note or '')}")
    return list(found.values())


def _figures(report: Numbers) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for name, right in (("figure", False), ("value", True), ("n", True), ("target", False), ("met", False)):
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "figure", overflow="fold")
    group = ""
    for one in report.figures:
        if one.group != group:
            group = one.group
            table.add_row(Text(group, style="bold"))
        table.add_row(*_row(one))
    return table


def _row(one: Figure) -> list[Text]:
    style = _STYLES[one.met]
    cells = [f"  {one.title}", say.figure(one), f"{one.n:,}", say.target(one), say.met(one)]
    styles = ["", style if one.target else "", "dim", "dim", style]
    return [Text(cell, style=look) for cell, look in zip(cells, styles, strict=True)]
