"""The commands that only look: status, history, logs, report."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from release.cli import orders
from release.cli.context import HERE, Checkout, Output, OutputOption, StackOption, console, explained, put, session
from release.cli.progress import headline
from release.errors import BadOrder, JournalUnreadable, NotFound
from release.journal.summaries import Summary
from release.model import Colour, Release
from release.report import exposition, markdown, table
from release.report.brief import brief
from release.report.numbers import numbers
from release.session import Session

MOST_DIGITS = 4
"""Digits of the days that a report reaches back: 27 years are enough."""
WATCH_EVERY = 1.0
"""Seconds between two looks of ``status --watch``."""


def status(
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="go on until the release has ended")] = False,
) -> None:
    """Show the release in progress, who holds the lock, and what the route carries; again at each change, to watch."""
    with explained(output):
        here = session(checkout, stack)
        shown = ""
        while True:
            current = here.journal.current()
            shown = _show_status(here, current, output, shown)
            if not watch or current is None:
                return
            here.clock.sleep(WATCH_EVERY)


def history(
    limit: Annotated[int, typer.Option(min=1, help="how many, newest first")] = 20,
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the releases, newest first."""
    with explained(output):
        entries = session(checkout, stack).history.history(limit)
        if output is Output.JSON:
            put([_document(entry) for entry in entries])
            return
        shown = Table("release", "status", "kind", "version", "strategy", "steps", "by", "began (UTC)", "took", "why")
        shown.box, shown.pad_edge = None, False
        for entry in entries:
            if isinstance(entry, Summary):
                ended = entry.times.ended
                shown.add_row(
                    entry.id,
                    entry.status.value,
                    entry.kind,
                    entry.version,
                    entry.strategy.value,
                    f"{entry.done}/{entry.steps}",
                    entry.actor,
                    f"{entry.times.started:%Y-%m-%d %H:%M:%S}",
                    "" if ended is None else f"{(ended - entry.times.started).total_seconds():.0f} s",
                    Text((entry.reason or "").splitlines()[0] if entry.reason else ""),
                )
            else:
                shown.add_row(entry.id, "unreadable", "", "", "", "", "", "", "", Text(entry.problem))
        console.print(shown if entries else "there was no release yet")


def logs(
    release_id: Annotated[str | None, typer.Argument(metavar="ID", help="release; the newest by default")] = None,
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show everything that happened in one release."""
    with explained(output):
        release = _release(session(checkout, stack), release_id)
        if output is Output.JSON:
            put(release.model_dump(mode="json", by_alias=True))
            return
        console.print(headline(release))
        for event in release.events:
            who = " (person)" if event.actor == "person" else ""
            line = f"{event.at:%Y-%m-%d %H:%M:%S} {event.kind:9} {event.text}{who}"
            console.print(line, markup=False, soft_wrap=True)
        if release.remedy:
            console.print(f"next: {release.remedy}", markup=False)


def report(
    release_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="one release; without, all of them")] = None,
    since: Annotated[str, typer.Option(help="how far back, such as 30d")] = "30d",
    folder: Annotated[Path, typer.Option("--to", help="folder for the files", file_okay=False)] = Path("reports"),
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Write the report of one release, or the numbers of all: a page, Markdown, and metrics for Prometheus."""
    with explained(output):
        here, span = session(checkout, stack), _days(since)
        _make(folder)
        if release_id is not None:
            _report_one(here, _release(here, release_id), folder, output)
        else:
            _report_all(here, span, folder, output)


def _report_one(here: Session, release: Release, folder: Path, output: Output) -> None:
    from release.report import page  # noqa: PLC0415 - brings matplotlib, which takes a second

    now = here.clock.now()
    files = {
        folder / f"{release.id}.html": page.release_page(release, here.rows(release.id), now=now),
        folder / f"{release.id}.md": markdown.summary(release, now=now),
    }
    for file, text in files.items():
        file.write_text(text)
    if output is Output.JSON:
        put({"release": release.id, "files": [str(file) for file in files]})
    else:
        console.print(headline(release))
        console.print(*(f"wrote {file}" for file in files), sep="\n", markup=False)


def _report_all(here: Session, span: timedelta, folder: Path, output: Output) -> None:
    from release.report import page  # noqa: PLC0415 - brings matplotlib, which takes a second

    now = here.clock.now()
    found = numbers(_all(here), stack=here.name, since=now - span, until=now)
    files = {
        folder / f"{here.name}.html": page.numbers_page(found),
        folder / f"{here.name}.md": markdown.report(found),
        folder / f"{here.name}.prom": exposition.metrics(found),
    }
    for file, text in files.items():
        file.write_text(text)
    if output is Output.JSON:
        put(found.model_dump(mode="json", by_alias=True))
    else:
        console.print(table.renderable(found))
        console.print(*(f"wrote {file}" for file in files), sep="\n", markup=False)


def _all(here: Session) -> list[Release]:
    """Every release that can be read."""
    found = []
    for entry in here.history.history(1000):
        if isinstance(entry, Summary):
            try:
                found.append(here.journal.read(entry.id))
            except (NotFound, JournalUnreadable):  # trimmed meanwhile, or damaged: history tells
                continue
    return found


def _release(here: Session, release_id: str | None) -> Release:
    if release_id is not None:
        return here.journal.read(release_id)
    newest = next(iter(here.history.history(1)), None)
    if newest is None:
        raise NotFound("there was no release yet", remedy="release deploy --help")
    return here.journal.read(newest.id)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadOrder(f"{folder} cannot be made: {error.strerror}", remedy="name another folder with --to") from None
    if not os.access(folder, os.W_OK):
        raise BadOrder(f"{folder} cannot be written to", remedy="name another folder with --to")


def _days(text: str) -> timedelta:
    if text.endswith("d") and text[:-1].isdecimal() and len(text) <= MOST_DIGITS + 1:
        return timedelta(days=int(text[:-1]))
    return timedelta(seconds=orders.seconds(text, "--since"))


def _document(entry: object) -> object:
    if isinstance(entry, Summary):
        return entry.model_dump(mode="json", by_alias=True)
    return {"id": getattr(entry, "id", ""), "unreadable": getattr(entry, "problem", "")}


def _show_status(here: Session, current: Release | None, output: Output, before: str) -> str:
    """Show how things stand, unless they stand as in ``before``; return what was shown."""
    lock = here.lock.look()
    share = here.route.share(Colour.GREEN)
    if output is Output.JSON:
        put(
            {
                "release": None if current is None else current.model_dump(mode="json", by_alias=True),
                "lock": {"holder": lock.holder, "since": lock.since, "renewed": lock.renewed, "fence": lock.fence},
                "route": {"green": share, "blue": 100 - share},
            }
        )
        return ""
    lines = [Text("no release is in progress")] if current is None else list(_standing(current))
    if current is not None and lock.holder is None:
        lines.append(Text("nobody works on it: release resume, or release abort"))
    lines.append(Text(f"route: blue {100 - share} %, green {share} %"))
    shown = "\n".join(line.plain for line in lines)
    if shown != before:
        console.print(*([""] if before else []), *lines, sep="\n", soft_wrap=True)
        if lock.holder is not None:
            renewed = f"{lock.renewed:%H:%M:%S} UTC" if lock.renewed else "never"
            said = f"lock: {lock.holder}, last sign of life {renewed}, token {lock.fence}"
            console.print(said, markup=False, soft_wrap=True)
    return shown


def _standing(current: Release) -> Iterator[Text]:
    """Lines on the release in progress."""
    yield headline(current)
    if current.returning:
        back = " → ".join(map(str, current.way_back[: current.returned])) or "not yet"
        yield Text(f"on its way back: {back}; because {current.reason}")
    else:
        yield Text(f"done: {' → '.join(map(str, current.steps[: current.done])) or 'nothing'}")
        ahead = current.steps[current.done : current.done + 1]
        if ahead:
            yield Text(f"{'now' if current.begun else 'next'}: {ahead[0]}")
    if current.paused:
        yield Text(f"paused: {current.reason or 'as asked'}; release promote, release resume, release abort")
    if current.events:
        yield Text(f"last: {current.events[-1].at:%H:%M:%S} {brief(current.events[-1])}")
