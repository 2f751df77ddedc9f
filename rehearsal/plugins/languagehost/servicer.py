"""What the engine asks of a language host, answered for programs and policy packs in Python."""

import importlib.metadata
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2
from pulumi.runtime.proto import language_pb2 as messages
from pulumi.runtime.proto.language_pb2_grpc import add_LanguageRuntimeServicer_to_server

from rehearsal.plugins import STAND_INS, serving, wire
from rehearsal.plugins.languagehost import policy, running
from rehearsal.plugins.languagehost.interpreter import Interpreter, OptionError, Package, find
from rehearsal.plugins.languagehost.program import ERROR_SHOWN, INTERRUPTED
from rehearsal.plugins.languagehost.refusals import Refusals

_NOTICE = "rehearsal: stand-ins are in use for {}"

# The protocol fixes the names and the parameters of the methods below.
# ruff: noqa: N802, ARG002


class LanguageHost(Refusals):
    """Answers the engine at ``engine`` (``host:port``)."""

    def __init__(self, engine: str | None) -> None:
        self._engine = engine
        self._programs: set[running.Running] = set()

    def Handshake(
        self, request: messages.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> messages.LanguageHandshakeResponse:
        """Learn where the engine is."""
        self._engine = request.engine_address or self._engine
        return messages.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Return the version of the SDK, which is that of the official host too."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPlugins(
        self, request: messages.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> messages.GetRequiredPluginsResponse:
        """Answer an old engine with nothing: packages are asked for instead."""
        return messages.GetRequiredPluginsResponse()

    def GetRequiredPackages(
        self, request: messages.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> messages.GetRequiredPackagesResponse:
        """Return the installed Pulumi packages whose plugin is at hand.

        The engine would fetch a plugin that is not. A program that needs one all the same is told so when it uses it.
        """
        packages = [
            package for package in self._interpreter(request.info, context).pulumi_packages() if _at_hand(package)
        ]
        return messages.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(name=p.name, kind="resource", version=f"v{p.version}", server=p.server)
                for p in packages
            ]
        )

    def About(self, request: messages.AboutRequest, context: grpc.ServicerContext) -> messages.AboutResponse:
        """Return which Python runs the program."""
        interpreter = self._interpreter(request.info, context)
        return messages.AboutResponse(
            executable=str(interpreter.executable),
            version=interpreter.version(),
            metadata={"language host": "rehearsal stand-in"},
        )

    def GetProgramDependencies(
        self, request: messages.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> messages.GetProgramDependenciesResponse:
        """Return what is installed beside the program."""
        installed = self._interpreter(request.info, context).distributions(transitive=request.transitiveDependencies)
        dependencies = [messages.DependencyInfo(name=name, version=version) for name, version in installed]
        return messages.GetProgramDependenciesResponse(dependencies=dependencies)

    def RuntimeOptionsPrompts(
        self, request: messages.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> messages.RuntimeOptionsResponse:
        """Have no questions."""
        return messages.RuntimeOptionsResponse()

    def Run(self, request: messages.RunRequest, context: grpc.ServicerContext) -> messages.RunResponse:
        """Run the program until it ends or the engine gives up on it."""
        interpreter = self._interpreter(request.info, context)
        if request.attach_debugger:
            return messages.RunResponse(error="the stand-in language host cannot attach a debugger")
        self._announce()
        program = running.start(interpreter, self._request(request))
        self._programs.add(program)
        cancelled = not context.add_callback(lambda: running.end(program))
        if cancelled:
            running.end(program)
        code = program.wait()
        self._programs.discard(program)
        if code == ERROR_SHOWN or (code == INTERRUPTED and not context.is_active()):
            return messages.RunResponse(bail=True)
        return messages.RunResponse(error=_describe(code))

    def RunPlugin(
        self, request: messages.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.RunPluginResponse]:
        """Run a policy pack, or another plugin written in Python, and hand its output on."""
        interpreter = self._interpreter(request.info, context)
        yield from policy.run_plugin(request, interpreter, context)

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Interrupt what runs."""
        self.end()
        return Empty()

    def end(self) -> None:
        """Interrupt what runs."""
        for program in list(self._programs):
            running.end(program)

    def _interpreter(self, info: messages.ProgramInfo, context: grpc.ServicerContext) -> Interpreter:
        try:
            return find(wire.decode(info.options), root=Path(info.root_directory or "."))
        except OptionError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise  # never reached: abort raises

    def _request(self, request: messages.RunRequest) -> dict[str, Any]:
        return {
            "program": request.info.entry_point or request.program,
            "pwd": request.pwd,
            "args": list(request.args),
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "settings": {
                "monitor": request.monitor_address,
                "engine": self._engine,
                "project": request.project,
                "stack": request.stack,
                "parallel": request.parallel,
                "dry_run": request.dryRun,
                "organization": request.organization,
                "root_directory": request.info.root_directory,
            },
        }

    def _announce(self) -> None:
        stand_ins = os.environ.get(STAND_INS)
        if not stand_ins or self._engine is None:
            return
        with grpc.insecure_channel(self._engine) as channel:
            notice = _NOTICE.format(stand_ins)
            engine_pb2_grpc.EngineStub(channel).Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=notice))


def serve(arguments: Sequence[str]) -> NoReturn:
    """Serve the engine that started this process with ``arguments``."""
    host = LanguageHost(serving.engine_address(arguments))
    serving.serve(lambda server: add_LanguageRuntimeServicer_to_server(host, server), at_end=host.end)


def _at_hand(package: Package) -> bool:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    executable = f"pulumi-resource-{package.name}"
    cached = home / "plugins" / f"resource-{package.name}-v{package.version}" / executable
    return cached.exists() or shutil.which(executable) is not None


def _describe(code: int) -> str:
    """Return what to tell the user of a program that ended with ``code``; nothing of one that did well."""
    if code < 0:
        return f"program was killed by signal {-code}"
    return f"program exited with non-zero exit code: {code}" if code else ""
