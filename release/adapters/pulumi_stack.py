"""The stack, moved through Pulumi's Automation API: configuration written, previewed, judged, updated with targets."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from pulumi import automation
from pulumi.automation import CommandError, EngineEvent

from release.adapters.pulumi_command import StoppableCommand
from release.adapters.stack_file import StackFile
from release.errors import Busy, ReleaseError, UpdateFailed
from release.model import Colour, Lineup
from release.ports import Change, Move, Tell
from settings.problems import NAMESPACE
from settings.standing import MARK, OUTPUT, OWNED, Standing, mark

UNTOUCHED: Final = frozenset({"same", "read", "refresh", "read-discard", "discard-replaced"})
"""Steps of the engine that change nothing."""

UPSERT: Final = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
"""Lets an update take over what one that died has made without noting it."""


def own(colour: Colour, *, migrate_only: bool = False) -> tuple[str, ...]:
    """Patterns of the URNs that a release of ``colour`` may touch: its release unit, and the routes' weights."""
    if migrate_only:
        return (f"**::app-{colour}", f"**::app-{colour}-migration", f"**::app-{colour}-migration-*")
    return (f"**::app-{colour}", f"**::app-{colour}-*", "**::route-weighted", "**::route-by-colour")


def outside(changes: Sequence[Change], colour: Colour) -> tuple[Change, ...]:
    """Of ``changes``, those that a release of ``colour`` may not make."""
    patterns = [pattern.replace("**", "*") for pattern in own(colour)]
    return tuple(change for change in changes if not any(fnmatchcase(change.urn, pattern) for pattern in patterns))


class PulumiStack:
    """One stack of one checkout."""

    def __init__(self, checkout: Path, stack: str) -> None:
        self._name = stack
        self._file = StackFile(checkout, stack)
        self._file.text()
        self._command = StoppableCommand()
        self._workspace = automation.LocalWorkspace(work_dir=str(checkout), pulumi_command=self._command)
        try:
            self._stack = automation.Stack.select(stack, self._workspace)
        except CommandError as error:
            raise UpdateFailed(
                f"stack {stack} cannot be selected: {_said(error)}", remedy=f"pulumi stack select {stack}"
            ) from None

    def standing(self) -> Standing:
        """What the last update left in force. Raises :class:`UpdateFailed` if there was none."""
        try:
            outputs = self._stack.outputs()
        except CommandError as error:
            raise UpdateFailed(f"stack {self._name} cannot be read: {_said(error)}", remedy="pulumi stack") from None
        output = outputs.get(OUTPUT)
        try:
            found = Standing.of(None if output is None else output.value)
        except ValueError as error:
            raise UpdateFailed(str(error), remedy=f"pulumi stack output {OUTPUT} --json") from None
        if found is None:
            raise UpdateFailed(f"stack {self._name} was never updated, so nothing stands", remedy="pulumi up")
        return found

    def configuration(self) -> tuple[dict[str, str], frozenset[str]]:
        """The project's keys as ``settings.parse`` takes them, secrets in clear; and which of them are encrypted."""
        prefix = f"{NAMESPACE}:"
        try:
            found = self._stack.get_all_config()
        except CommandError as error:
            raise UpdateFailed(
                f"the configuration of stack {self._name} cannot be read: {_said(error)}", remedy="pulumi config"
            ) from None
        own = {key.removeprefix(prefix): one for key, one in found.items() if key.startswith(prefix)}
        return {key: one.value for key, one in own.items()}, frozenset(key for key, one in own.items() if one.secret)

    def lineup(self) -> Lineup:
        """What stands, as releases see it."""
        return Lineup.model_validate(dict(self.standing().values))

    def left_open(self) -> str | None:
        """The release that the stack believes to be in progress, if any."""
        standing = self.standing()
        return standing.release if standing.open else None

    def preview(self, move: Move) -> Sequence[Change]:
        """What ``move`` would touch, over the whole stack. The file is as before afterwards."""
        before = self._file.text()
        changes: list[Change] = []

        def note(event: EngineEvent) -> None:
            if event.resource_pre_event is not None:
                metadata = event.resource_pre_event.metadata
                operation = str(getattr(metadata.op, "value", metadata.op))
                if operation not in UNTOUCHED and metadata.type != "pulumi:pulumi:Stack":
                    changes.append(Change(operation=operation, urn=metadata.urn))

        self._write(move)
        try:
            self._stack.preview(on_event=note)
        except CommandError as error:
            raise self._failed("preview", error) from None
        finally:
            self._file.replace(before)
        return tuple(changes)

    def move(self, move: Move, tell: Tell) -> None:
        """Write the configuration and update, with targets. An update that found nothing to do is well."""
        self._write(move)
        try:
            self._up(move, tell)
        except UpdateFailed as error:
            if not move.again or "already exists" not in error.problem:
                raise
            # An update that died had made objects without noting it. The variable is an input of the provider, so a
            # second update takes it back again.
            plain = dict(self._workspace.env_vars)
            self._workspace.env_vars = {**plain, **UPSERT}
            try:
                self._up(move, tell)
            finally:
                self._workspace.env_vars = plain
            self._up(move, tell)

    def _up(self, move: Move, tell: Tell) -> None:
        def note(event: EngineEvent) -> None:
            line = _progress(event)
            if line is not None:
                tell(line)

        try:
            targets = list(own(move.colour, migrate_only=move.migrate_only))
            self._stack.up(target=targets, on_event=note, suppress_outputs=True)
        except CommandError as error:
            raise self._failed("update", error) from None

    def cancel(self) -> None:
        """Interrupt a running update; it then fails."""
        self._command.stop()

    def _write(self, move: Move) -> None:
        values = move.lineup.configuration()
        standing = self.standing()
        sign = mark(move.release, serial=standing.serial + 1, values=values, in_progress=move.open)
        self._file.put({**{key: values.get(key) for key in OWNED}, MARK: sign.model_dump(by_alias=True)})

    def _failed(self, what: str, error: CommandError) -> ReleaseError:
        said = _said(error)
        if isinstance(error, automation.ConcurrentUpdateError):
            return Busy(
                f"another update of stack {self._name} is under way: {said}",
                remedy="wait for it; if its process is gone: pulumi cancel --yes",
            )
        return UpdateFailed(f"pulumi {what} of stack {self._name} failed: {said}", remedy="pulumi preview --diff")


def _progress(event: EngineEvent) -> str | None:
    """A line for people about one event of an update."""
    if event.res_outputs_event is not None:
        metadata = event.res_outputs_event.metadata
        operation = str(getattr(metadata.op, "value", metadata.op))
        if operation not in UNTOUCHED and not metadata.type.startswith(("english-training:", "pulumi:")):
            return f"{operation} {metadata.urn.rsplit('::', maxsplit=1)[-1]}"
    return None


def _said(error: CommandError) -> str:
    """What the engine said was wrong, without its frame of notes and counts. Secrets are masked by the engine."""
    lines = [line.strip() for line in str(error).splitlines()]
    found = [line.split("error:", 1)[1].strip() for line in lines if "error:" in line]
    wanted = [line for line in found if line and not line.startswith(("update failed", "preview failed"))]
    return "; ".join(dict.fromkeys(wanted or found)) or lines[-1]
