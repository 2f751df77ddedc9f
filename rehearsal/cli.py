"""``python -m rehearsal``: what the Makefile calls."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rehearsal import images, platform, toolchain
from rehearsal.cluster import lifecycle
from rehearsal.demo.site import Site
from rehearsal.demo.story import Story
from rehearsal.errors import RehearsalError
from rehearsal.paths import Paths
from rehearsal.plugins.environment import environment
from rehearsal.report import reporter
from rehearsal.stackfile import STACK

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
image = typer.Typer(no_args_is_help=True, help="Images in the rehearsal's registry.")
app.add_typer(image, name="image")
Stack = Annotated[str, typer.Option(help="stack to work on")]
Json = Annotated[bool, typer.Option("--json", help="for programs")]
# Where nobody looks at a terminal, a line need not be broken at its usual width.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what went wrong into one message and an exit code."""
    try:
        yield
    except RehearsalError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; run the same command again to go on where it was", err=True)
        raise typer.Exit(130) from None


@app.command()
def up(
    stack: Stack = STACK,
    http_port: Annotated[int | None, typer.Option(min=1, max=65535, help="port of plain HTTP on loopback")] = None,
    https_port: Annotated[int | None, typer.Option(min=1, max=65535, help="port of HTTPS on loopback")] = None,
    requests: Annotated[int, typer.Option(min=0, help="requests to send at the end; 0 sends none")] = 1000,
) -> None:
    """Bring the platform up on this machine, send traffic through it, and show who answered."""
    with explained():
        paths = Paths.of()
        report = reporter()
        wanted = platform.Wanted(stack=stack, http_port=http_port, https_port=https_port)
        made = platform.up(paths, wanted, report)
        if requests:
            report.step(f"sending {requests} requests through the gateway")
            code = platform.traffic(paths, stack, ["--requests", str(requests)])
            if code:
                raise typer.Exit(code)
        console.print(f"\nThe platform serves at https://{made.domain}:{made.ports.https}/")
        console.print(
            "Next: `. .rehearsal/env` (or `make shell`), then `pulumi stack`, `kubectl get pods -A`, `make status`"
        )


@app.command()
def down() -> None:
    """Stop everything that runs; state is kept."""
    with explained():
        console.print("stopped" if lifecycle.stop(Paths.of()) else "nothing was running")


@app.command()
def status(*, as_json: Json = False) -> None:
    """Show what runs, since when, and how often it had to be started again. Ends with code 10 if it is not all well."""
    with explained():
        now = lifecycle.status(Paths.of())
        if as_json:
            typer.echo(json.dumps(asdict(now), indent=2))
        else:
            _show(now)
        if not now.ready:
            raise typer.Exit(10)


@app.command()
def traffic(
    stack: Stack = STACK,
    requests: Annotated[int, typer.Option("--requests", "-n", min=1, help="how many requests")] = 1000,
    rate: Annotated[float | None, typer.Option(min=0.1, help="requests a second; as fast as it goes without")] = None,
    file: Annotated[Path | None, typer.Option(help="write the figures as JSON to this file too")] = None,
    *,
    timeline: Annotated[bool, typer.Option("--timeline", help="put who answered when into the JSON")] = False,
    as_json: Json = False,
) -> None:
    """Send requests through the gateway as many clients would, and show how they were split."""
    with explained():
        arguments = ["--requests", str(requests), "--output", "json" if as_json else "table"]
        if rate is not None:
            arguments += ["--rate", str(rate)]
        if timeline:
            arguments.append("--timeline")
        if file is not None:
            arguments += ["--file", str(file.resolve())]
        raise typer.Exit(platform.traffic(Paths.of(), stack, arguments))


@app.command()
def demo(
    rate: Annotated[float, typer.Option(min=100, help="requests a second meanwhile")] = 600,
    soak: Annotated[str, typer.Option(help="how long each share of a canary is watched")] = "8s",
    reports: Annotated[Path | None, typer.Option("--to", help="folder for the reports", file_okay=False)] = None,
) -> None:
    """Show the release tool with real traffic, in less than five minutes: after `make up`."""
    with explained():
        folder = (reports or Paths.of().state / "reports").resolve()
        Story(site=Site.here(), console=console, rate=rate, soak=soak, reports=folder).tell()


@app.command()
def shell() -> None:
    """Open a shell in which pulumi and kubectl speak to this platform."""
    with explained():
        paths = Paths.of()
        platform.tools(paths, reporter())
        program = os.environ.get("SHELL", "/bin/sh")
        typer.echo("pulumi and kubectl speak to this platform; leave with `exit`")
        os.execvpe(program, [program], {**os.environ, **environment(paths, also=platform.reachable(paths))})  # noqa: S606 - the user's own shell


@app.command()
def doctor() -> None:
    """Show what this machine has, what would be built, and how long that took last time."""
    with explained():
        findings = toolchain.diagnose(Paths.of())
        console.print(toolchain.table(findings))


@app.command()
def tools(
    *, everything: Annotated[bool, typer.Option("--all", help="also what only tests and checks use")] = False
) -> None:
    """Find or build the toolchain, and nothing else."""
    with explained():
        platform.tools(Paths.of(), reporter(), toolchain.ALL if everything else toolchain.DEFAULT)


@image.command()
def push(
    name: Annotated[str, typer.Argument(help="REPOSITORY:TAG, with or without the registry's name")],
) -> None:
    """Make a tiny image that says what it is, push it to the rehearsal's registry, and print its digest."""
    with explained():
        typer.echo(images.push(images.registry_of(Paths.of()), images.Reference.parse(name)))


@app.command()
def clean(
    *, cache: Annotated[bool, typer.Option(help="remove the toolchain, which all checkouts share, as well")] = False
) -> None:
    """Stop the platform and forget its state."""
    with explained():
        paths = Paths.of()
        platform.clean(paths)
        if cache:
            toolchain.clean(paths, reporter())
        console.print("clean")


def _show(now: lifecycle.Status) -> None:
    table = Table("part", "state", "pid", "since", "restarts", "remark", box=None, pad_edge=False)
    for part in now.parts:
        since = time.strftime("%H:%M:%S", time.localtime(part.since))
        table.add_row(part.name, part.state, str(part.pid or ""), since, str(part.restarts), part.detail)
    console.print(table)
    if now.ports is not None and now.running:
        console.print(f"HTTP {now.ports.http}, HTTPS {now.ports.https}, API server {now.api_port} on loopback")
        console.print(f"{', '.join(f'{name} {port}' for name, port in now.beside.items())} on loopback")
    if now.problem:
        console.print(now.problem)
    console.print("ready" if now.ready else "not ready: make up" if now.running else "not running: make up")


def main() -> None:
    """Entry point of ``python -m rehearsal``."""
    sys.exit(app())
