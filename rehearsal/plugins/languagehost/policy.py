"""Plugins written in Python, above all policy packs, run for the engine with their output handed on.

A policy pack reads the stack's name and configuration from its environment, when it starts; the engine tells them only
to a pack that runs. So a :class:`Proxy` takes the engine's calls first, the pack is started once they have been told,
and everything else is passed on to it.
"""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final

import grpc  # type: ignore[import-untyped]  # publishes no types
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi.runtime.proto.language_pb2 import RunPluginRequest, RunPluginResponse

from rehearsal.plugins import serving
from rehearsal.plugins.languagehost.interpreter import Interpreter

_SERVICE: Final = "/pulumirpc.Analyzer/"
_CHUNK: Final = 1 << 16


def run_plugin(
    request: RunPluginRequest, interpreter: Interpreter, context: grpc.ServicerContext
) -> Iterator[RunPluginResponse]:
    """Run what ``request`` describes until ``context`` ends; yield its output as it comes and, last, its exit code."""
    directory = request.info.program_directory
    environment = {**os.environ, **dict(item.split("=", 1) for item in request.env)}
    if request.kind == "analyzer":
        command = [str(interpreter.executable), "-u", "-m", "pulumi.policy", *request.args, directory]
        yield from _run_policy_pack(command, directory, environment, context)
        return
    if not (Path(directory) / "__main__.py").is_file():
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the plugin in {directory} has no __main__.py")
    command = [str(interpreter.executable), "-u", directory, *request.args]
    process = _start(command, request.pwd, environment, context)
    yield from _output(process)


def _run_policy_pack(
    command: Sequence[str], directory: str, environment: Mapping[str, str], context: grpc.ServicerContext
) -> Iterator[RunPluginResponse]:
    proxy = Proxy()
    if not context.add_callback(proxy.stop):
        return
    yield RunPluginResponse(stdout=f"{proxy.port}\n".encode())
    configuration = proxy.configuration.result()
    process = _start(command, directory, {**environment, **_stack_environment(configuration)}, context)
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    first = process.stdout.readline()
    if first.strip().isdigit():
        proxy.attach(first.strip().decode())
        yield from _output(process)
        return
    # Into the error itself, because the engine listens no longer once a policy pack has failed.
    rest, problems = process.communicate()
    proxy.fail((problems + first + rest).decode(errors="replace").strip())
    yield RunPluginResponse(exitcode=process.returncode)


def _stack_environment(configuration: analyzer_pb2.AnalyzerStackConfigureRequest | None) -> dict[str, str]:
    """Return the variables in which a policy pack looks for its stack; none when there is no stack."""
    if configuration is None:
        return {}
    return {
        "PULUMI_ORGANIZATION": configuration.organization or "organization",
        "PULUMI_PROJECT": configuration.project,
        "PULUMI_STACK": configuration.stack,
        "PULUMI_DRY_RUN": "true" if configuration.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(configuration.config)),
    }


def _start(
    command: Sequence[str], directory: str, environment: Mapping[str, str], context: grpc.ServicerContext
) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(  # noqa: S603 - the interpreter and the plugin that the engine names
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if not context.add_callback(process.kill):
        process.kill()
    return process


def _output(process: "subprocess.Popen[bytes]") -> Iterator[RunPluginResponse]:
    """Yield what ``process`` prints until it ends, then its exit code."""
    pieces: queue.SimpleQueue[RunPluginResponse | None] = queue.SimpleQueue()

    def read(stream: IO[bytes], name: str) -> None:
        while piece := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # a buffered reader, which has it
            pieces.put(RunPluginResponse(**{name: piece}))
        pieces.put(None)

    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, stream in streams.items():
        threading.Thread(target=read, args=(stream, name), daemon=True).start()
    for _ in streams:
        yield from iter(pieces.get, None)
    yield RunPluginResponse(exitcode=process.wait())


class Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Stands before a policy pack until it runs; serves ``127.0.0.1:port`` until stopped."""

    def __init__(self) -> None:
        self.configuration: Future[analyzer_pb2.AnalyzerStackConfigureRequest | None] = Future()
        """What the engine said about the stack; ``None`` when it asks for anything else first."""
        self._pack: Future[grpc.Channel] = Future()
        self._told = threading.Lock()
        self._server = grpc.server(ThreadPoolExecutor(16), options=serving.CHANNEL_OPTIONS)
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Return the handler of one method: bytes in, bytes out."""
        method: str = handler_call_details.method
        answers = {f"{_SERVICE}Handshake": self._handshake, f"{_SERVICE}ConfigureStack": self._configure_stack}
        return grpc.unary_unary_rpc_method_handler(
            answers.get(method, lambda request, context: self._forward(method, request, context))
        )

    def fail(self, output: str) -> None:
        """Answer all calls by saying that the pack did not start, but printed ``output``."""
        self._pack.set_exception(RuntimeError(f"the policy pack did not start: {output}"))

    def attach(self, port: str) -> None:
        """Pass calls on to the pack that listens on ``port``."""
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=serving.CHANNEL_OPTIONS)
        configuration = self.configuration.result()
        try:
            if configuration is not None:
                analyzer_pb2_grpc.AnalyzerStub(channel).ConfigureStack(configuration)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                self._pack.set_exception(error)
                return
        self._pack.set_result(channel)

    def stop(self) -> None:
        """Stop serving; nobody waits any longer."""
        self._tell(None)
        self._server.stop(None)

    def _tell(self, configuration: analyzer_pb2.AnalyzerStackConfigureRequest | None) -> None:
        with self._told:
            if not self.configuration.done():
                self.configuration.set_result(configuration)

    def _handshake(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        return analyzer_pb2.AnalyzerHandshakeResponse().SerializeToString()

    def _configure_stack(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self._tell(analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request))
        return analyzer_pb2.AnalyzerStackConfigureResponse().SerializeToString()

    def _forward(self, method: str, request: bytes, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - gRPC's bytes
        self._tell(None)
        try:
            return self._pack.result().unary_unary(method)(request)
        except grpc.RpcError as error:
            context.set_trailing_metadata(error.trailing_metadata() or ())
            context.abort(error.code(), error.details())
        except RuntimeError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
