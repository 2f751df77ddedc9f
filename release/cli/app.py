"""The commands that change something. Exit codes are documented in docs/releasing.md."""

import io
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from release.cli import looking, orders, saved
from release.cli.context import (
    HERE,
    INTERRUPTED,
    Checkout,
    Output,
    OutputOption,
    StackOption,
    console,
    errors,
    explained,
    put,
    session,
)
from release.cli.outcome import verdict
from release.cli.view import JsonLines, Lines, Screen, View
from release.errors import BadOrder
from release.model import Colour, Finding, Kind, Lineup, Order, Outcome, Release, Request, Strategy
from release.operations import Operations, Passed
from release.plan import longest, schema_of, serving
from release.ports import Move
from release.runner import Look, Runner
from release.session import Session

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Release safely.")
app.add_typer(saved.app, name="config", help="Configurations as they stood before changes.")
app.command("status")(looking.status)
app.command("history")(looking.history)
app.command("logs")(looking.logs)
app.command("report")(looking.report)

Backend = Annotated[str | None, typer.Option(help="image of the backend, by digest outside development")]
Frontend = Annotated[str | None, typer.Option(help="image of the frontend")]
File = Annotated[Path | None, typer.Option("--file", "-f", help="YAML file that declares the release", dir_okay=False)]
StrategyOption = Annotated[Strategy | None, typer.Option(help="how it reaches its users  [default: canary]")]
Steps = Annotated[str | None, typer.Option(help="shares of a canary, rising to 100")]
Soak = Annotated[str | None, typer.Option(help="how long each share is watched, such as 5m")]
AutoPromote = Annotated[bool | None, typer.Option(help="go on by itself, or wait for `release promote`")]
NoRollback = Annotated[bool, typer.Option("--no-rollback", help="stay where it fails, instead of going back")]
VersionOption = Annotated[str | None, typer.Option(help="version; the backend image's tag by default")]
Schema = Annotated[int | None, typer.Option(help="schema version the code expects; the serving one's by default")]
MigrationOption = Annotated[str | None, typer.Option(help="migrate the database: expand or contract")]
NoWayBack = Annotated[bool, typer.Option("--accept-no-rollback", help="a contract migration may end the way back")]
KeepWarm = Annotated[str | None, typer.Option(help="how long the old colour keeps its pods, such as 30m")]
Cause = Annotated[str | None, typer.Option(help="planned, or unplanned-fix for a hotfix")]
Wait = Annotated[str, typer.Option(help="how long to wait for a person before leaving the release to the next")]


@app.command()
def deploy(
    backend: Backend = None,
    frontend: Frontend = None,
    file: File = None,
    strategy: StrategyOption = None,
    steps: Steps = None,
    soak: Soak = None,
    auto_promote: AutoPromote = None,
    version: VersionOption = None,
    schema: Schema = None,
    migrate: MigrationOption = None,
    keep_warm: KeepWarm = None,
    cause: Cause = None,
    wait: Wait = "30m",
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
    *,
    no_rollback: NoRollback = False,
    accept_no_rollback: NoWayBack = False,
) -> None:
    """Release a new version: checked, watched, and taken back by itself when it is worse."""
    with explained(output):
        here = session(checkout, stack)
        given = _given(locals())
        with _operations(here, output, wait) as operations:
            _conclude(operations.begin(_order(here, given)), output)


@app.command()
def plan(
    backend: Backend = None,
    frontend: Frontend = None,
    file: File = None,
    strategy: StrategyOption = None,
    steps: Steps = None,
    soak: Soak = None,
    auto_promote: AutoPromote = None,
    version: VersionOption = None,
    schema: Schema = None,
    migrate: MigrationOption = None,
    keep_warm: KeepWarm = None,
    cause: Cause = None,
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
    *,
    no_rollback: NoRollback = False,
    accept_no_rollback: NoWayBack = False,
) -> None:
    """Show what `deploy` would do, step by step, and what a rollback would do. Changes nothing."""
    with explained(output):
        here = session(checkout, stack)
        given = _given(locals())
        with _operations(here, Output.JSON, "1s", quiet=True) as operations:
            release = operations.planned(_order(here, given))
        move = Move(release=release.id, lineup=release.after, colour=release.candidate)
        changes = [str(change) for change in here.stack.preview(move)]
        if output is Output.JSON:
            document = release.model_dump(mode="json", by_alias=True)
            put({"release": document, "changes": changes, "longestWatching": longest(release.steps)})
        else:
            _show_plan(release, changes)


@app.command()
def resume(
    wait: Wait = "30m", stack: StackOption = None, checkout: Checkout = HERE, output: OutputOption = Output.TEXT
) -> None:
    """Go on with the release in progress, whoever began it, and end a pause."""
    with explained(output), _operations(session(checkout, stack), output, wait) as operations:
        _conclude(operations.resume(), output)


@app.command()
def promote(
    wait: Wait = "30m", stack: StackOption = None, checkout: Checkout = HERE, output: OutputOption = Output.TEXT
) -> None:
    """Let the release in progress pass: its gate, its pause, or the rest of its watching."""
    _ask(Request.PROMOTE, wait, stack, checkout, output)


@app.command()
def pause(stack: StackOption = None, checkout: Checkout = HERE, output: OutputOption = Output.TEXT) -> None:
    """Keep the release in progress at its share. The guard goes on watching as long as a runner lives."""
    _ask(Request.PAUSE, "1s", stack, checkout, output)


@app.command()
def abort(stack: StackOption = None, checkout: Checkout = HERE, output: OutputOption = Output.TEXT) -> None:
    """Take the release in progress back."""
    _ask(Request.ABORT, "30m", stack, checkout, output)


@app.command()
def rollback(
    to: Annotated[str | None, typer.Option(help="release whose version shall serve again")] = None,
    soak: Annotated[str, typer.Option(help="how long to watch, where pods have to be made first")] = "30s",
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
    *,
    break_glass: Annotated[bool, typer.Option("--break-glass", help="move the route alone, without Pulumi")] = False,
) -> None:
    """Go back to the version before, or to a named one: traffic first."""
    with explained(output), _operations(session(checkout, stack), output, "30m") as operations:
        if break_glass:
            moved = operations.break_glass()
            text = f"the route is moved; recorded in {moved.id}. Make the stack agree: release resume"
            _say(output, moved.model_dump(mode="json", by_alias=True), text)
            return
        _conclude(operations.go_back(to, soak_seconds=orders.seconds(soak, "--soak")), output, back=True)


@app.command()
def retire(
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
    *,
    now: Annotated[bool, typer.Option("--now", help="give up the instant way back before its time")] = False,
) -> None:
    """End the pods of the colour without traffic, once it was kept warm for long enough."""
    with explained(output), _operations(session(checkout, stack), output, "1s") as operations:
        colour = operations.retire(at_once=now)
        _say(output, {"retired": colour.value}, f"{colour} has no pods any more")


@app.command()
def unlock(
    holder: Annotated[str, typer.Argument(help="who holds it, as `release status` shows it")],
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Take the lock from a holder that is surely gone. Seldom needed: a dead one loses it by itself in 15 seconds."""
    with explained(output), _operations(session(checkout, stack), output, "1s") as operations:
        operations.unlock(holder)
        _say(output, {"unlocked": holder}, f"{holder} does not hold the lock any more")


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(help="which: config, database, cache …; all by default")] = None,
    backend: Backend = None,
    frontend: Frontend = None,
    version: VersionOption = None,
    schema: Schema = None,
    stack: StackOption = None,
    checkout: Checkout = HERE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run the checks before a release, alone, on what stands or on images that are to come."""
    with explained(output):
        here = session(checkout, stack)
        release = None
        lineup = here.stack.lineup()
        if backend or frontend:
            given = _given({"backend": backend, "frontend": frontend, "version": version, "schema": schema})
            with _operations(here, Output.JSON, "1s", quiet=True) as operations:
                release = operations.planned(_order(here, given, digests=False))
        findings = here.checks.alone(names or [], lineup, release)
        if output is Output.JSON:
            put([finding.model_dump(mode="json", by_alias=True) for finding in findings])
        else:
            console.print(_findings(findings))
        if any(finding.outcome is not Outcome.PASS for finding in findings):
            raise typer.Exit(3)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that make an order, by the names that a file would use."""
    rename = {"backend": "backend_image", "frontend": "frontend_image", "schema": "schema_version"}
    kept = ("backend", "frontend", "strategy", "auto_promote", "version", "schema", "cause")
    given = {rename.get(name, name): values[name] for name in kept if values.get(name) is not None}
    if values.get("steps") is not None:
        given["steps"] = orders.shares(values["steps"])
    for name, option in (("soak", "--soak"), ("keep_warm", "--keep-warm")):
        if values.get(name) is not None:
            given[f"{name}_seconds"] = orders.seconds(values[name], option)
    if values.get("no_rollback"):
        given["auto_rollback"] = False
    if values.get("accept_no_rollback"):
        given["accept_no_rollback"] = True
    if values.get("migrate") is not None:
        given["migration"] = {"image": values.get("backend") or "", "phase": values["migrate"]}
    return {**(orders.from_file(values["file"]) if values.get("file") else {}), **given}


def _order(here: Session, given: dict[str, Any], *, digests: bool = True) -> Order:
    """The order, with what the stack knows for what is left out. ``digests``: images must come by content."""
    lineup = here.stack.lineup()
    stable = max(Colour, key=lineup.share)
    values = {"schema_version": max(1, schema_of(lineup.unit(stable))), **given}
    order = orders.order(values)
    if digests:
        orders.require_digests(order, here.environment)
    return order


@contextmanager
def _operations(here: Session, output: Output, wait: str, *, quiet: bool = False) -> Iterator[Operations]:
    """Operations whose progress is shown, and which stop where they are at Ctrl-C."""
    patience = orders.seconds(wait, "--wait")
    with ExitStack() as stack:
        view: View = stack.enter_context(_view(here, output))
        announcer = stack.enter_context(here.announcing(lambda text: errors.print(text, markup=False)))

        def show(look: Look) -> None:
            announcer(look)
            # A terminal that is gone, or a reader that has seen enough (rich then exits), must not stop a release.
            with suppress(OSError, SystemExit):
                if not quiet:
                    view(look)

        def running(runner: Runner) -> None:
            stack.enter_context(_interruptible(runner.interrupt))

        yield here.operations(show, patience=patience, running=running)


def _view(here: Session, output: Output) -> View:
    if output is Output.JSON:
        return JsonLines(lambda text: typer.echo(text, err=True), here.clock.now)
    if console.is_terminal:
        return Screen(console, here.clock.now)
    return Lines(console, here.clock.monotonic, here.clock.now)


@contextmanager
def _interruptible(interrupt: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run in good order: what is under way is stopped, and the lock given back."""

    def heed(number: int, _: object) -> None:
        errors.print(f"{signal.Signals(number).name}: stopping in good order …", markup=False)
        interrupt()

    before = {number: signal.signal(number, heed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask(request: Request, wait: str, stack: str | None, checkout: Path, output: Output) -> None:
    with explained(output), _operations(session(checkout, stack), output, wait) as operations:
        _conclude(operations.ask(request), output, back=request is Request.ABORT)


def _conclude(release: Release | Passed, output: Output, *, back: bool = False) -> None:
    """Say how it ended. Where going back was asked for, having gone back is a success."""
    if isinstance(release, Passed):
        name, asked = release.release.id, release.request.value
        text = f"release {name} is asked to {asked}; release status --watch shows what its runner does"
        _say(output, {"release": name, "asked": asked}, text)
        return
    if output is Output.JSON:
        put(release.model_dump(mode="json", by_alias=True))
    error = verdict(release)
    if release.status.value == "rolled back" and back:
        error = None
    if error is not None:
        if not release.status.ended and release.events and release.events[-1].text.startswith("interrupted"):
            errors.print(f"error: {error}", markup=False)
            raise typer.Exit(INTERRUPTED)
        raise error
    if output is Output.TEXT:
        serves = release.before if release.returning else release.after
        colour = serving(serves)
        version = (serves.unit(colour) or {}).get("version")
        console.print(f"{release.status.value}: {colour} serves version {version} ({release.id})", markup=False)


def _say(output: Output, document: Any, text: str) -> None:  # noqa: ANN401 - anything that JSON can say
    if output is Output.JSON:
        put(document)
    else:
        console.print(text, markup=False)


def _findings(findings: Any) -> Table:  # noqa: ANN401 - a sequence of findings
    table = Table("check", "outcome", "what was found", "what to do", box=None, pad_edge=False)
    finding: Finding
    for finding in findings:
        table.add_row(finding.name, finding.outcome.value, finding.text, finding.remedy or "")
    return table


_DOES = {
    Kind.CHECK: "looks at everything that must hold: cluster, images, scan, quota, configuration, database, cache",
    Kind.SAVE: "saves the configuration in force as a named point",
    Kind.MIGRATE: "brings the database to the schema, under a lock",
    Kind.PROVISION: "makes the pods and waits until they are ready",
    Kind.VERIFY: "asks the candidate by header: health, smoke, speed",
    Kind.SHIFT: "moves traffic",
    Kind.WATCH: "compares both colours; goes back at once on a fault",
    Kind.ROLL: "replaces the pods in place, a quarter at a time",
    Kind.CLOSE: "notes that nobody moves the stack any more",
}


def _show_plan(release: Release, changes: list[str]) -> None:
    order = release.order
    console.print(f"{order.strategy.value} of {order.version} into {release.candidate} ({release.stack})", markup=False)
    table = Table("step", "what it does", "new version's share", "at most", box=None, pad_edge=False)
    for step in release.steps:
        waits = "waits for `release promote`; " if step.gate else ""
        table.add_row(
            str(step), waits + _DOES[step.kind], f"{step.share} %", f"{2 * step.seconds:.0f} s" if step.seconds else ""
        )
    console.print(table)
    console.print(f"changes: {', '.join(changes) or 'none'}", markup=False)
    console.print(f"watching takes at most {longest(release.steps):.0f} s in all", markup=False)
    back = _served(release.before)
    if not order.auto_rollback:
        console.print("if it fails: stays where it is, until `release rollback`")
    elif order.strategy is Strategy.ROLLING:
        console.print(f"if it fails: the pods of version {back} are rolled out again", markup=False)
    else:
        console.print(f"if it fails: the route gives all traffic to version {back} at once, then the stack agrees")


def _served(lineup: Lineup) -> str:
    colour: Colour = serving(lineup)
    return f"{(lineup.unit(colour) or {}).get('version')} ({colour})"


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets another one: that is no reason to end a release.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except BadOrder as error:  # raised while options were read
        errors.print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
