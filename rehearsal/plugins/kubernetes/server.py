"""The plugin as a gRPC server: the engine's ``ResourceProvider`` protocol, put into and out of plain Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

from rehearsal.plugins.kubernetes import comparing, reading, writing
from rehearsal.plugins.kubernetes.answers import abort, abort_not_ready, difference
from rehearsal.plugins.kubernetes.changes import Cancellation
from rehearsal.plugins.kubernetes.cluster import Cluster
from rehearsal.plugins.kubernetes.configuration import Configuration, problems, replacements
from rehearsal.plugins.kubernetes.context import Context, State, Voice
from rehearsal.plugins.kubernetes.errors import ApiError, PluginError, Unsupported
from rehearsal.plugins.kubernetes.secrecy import Mask
from rehearsal.plugins.kubernetes.transport import Transport
from rehearsal.plugins.kubernetes.waiting import Waiter
from rehearsal.plugins.wire import decode, encode

VERSION: Final = "4.34.2"
"""The version of the official provider that this one follows."""
_INFO, _WARNING = engine_pb2.LogSeverity.INFO, engine_pb2.LogSeverity.WARNING

# The protocol fixes the names and the parameters of the methods below.
# ruff: noqa: N802, ARG002


class Server(ResourceProviderServicer):
    """Answers the engine at ``engine`` (``host:port``) for one configuration of the provider."""

    def __init__(self, engine: str | None) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None
        self._cancellation = Cancellation()
        self._context: Context | None = None
        self._warned: set[str] = set()

    def register(self, server: grpc.Server) -> None:
        """Add this service to ``server``."""
        add_ResourceProviderServicer_to_server(self, server)

    def Handshake(
        self, request: messages.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> messages.ProviderHandshakeResponse:
        """Say which optional parts of the protocol are understood."""
        return messages.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Return the version of the official provider that this one follows."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(
        self, request: messages.GetSchemaRequest, context: grpc.ServicerContext
    ) -> messages.GetSchemaResponse:
        """Return a schema without types: nothing at run time needs more."""
        return messages.GetSchemaResponse(schema=f'{{"name": "kubernetes", "version": "{VERSION}"}}')

    def CheckConfig(self, request: messages.CheckRequest, context: grpc.ServicerContext) -> messages.CheckResponse:
        """Refuse options that the stand-in cannot honour."""
        failures = [
            messages.CheckFailure(property=name, reason=reason)
            for name, reason in problems(decode(request.news)).items()
        ]
        return messages.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: messages.DiffRequest, context: grpc.ServicerContext) -> messages.DiffResponse:
        """Say whether another configuration means another cluster."""
        changed, replaced = replacements(decode(request.olds), decode(request.news))
        changes = messages.DiffResponse.DIFF_SOME if changed else messages.DiffResponse.DIFF_NONE
        return messages.DiffResponse(changes=changes, diffs=changed, replaces=replaced)

    def Configure(
        self, request: messages.ConfigureRequest, context: grpc.ServicerContext
    ) -> messages.ConfigureResponse:
        """Take the configuration. The cluster is not asked for anything yet."""
        configuration = Configuration.of(decode(request.args))
        cluster = Cluster(Transport(configuration, self._cancellation.event))
        self._context = Context(
            configuration=configuration,
            cluster=cluster,
            cancellation=self._cancellation,
            waiter=Waiter(cluster=cluster, cancellation=self._cancellation),
        )
        return messages.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Check(self, request: messages.CheckRequest, context: grpc.ServicerContext) -> messages.CheckResponse:
        """Complete the inputs of a resource, or say what is wrong with them."""
        if request.news == request.olds:
            # What was checked once is complete. Compared as it came: to take a large schema apart costs ten times more.
            return messages.CheckResponse(inputs=request.news)
        old, new = decode(request.olds), decode(request.news, keep_secrets=True)
        proposed = request.autonaming.proposed_name
        with self._refusing(context, Mask(new, old)):
            inputs, failures = comparing.check(
                self._configured, request.urn, old, new, seed=request.randomSeed, proposed=proposed
            )
        return messages.CheckResponse(
            inputs=encode(inputs),
            failures=[messages.CheckFailure(property=name, reason=reason) for name, reason in failures],
        )

    def Diff(self, request: messages.DiffRequest, context: grpc.ServicerContext) -> messages.DiffResponse:
        """Say what changes, and whether that replaces the object."""
        if request.news == request.old_inputs and request.news.fields["kind"].string_value != comparing.JOB:
            return messages.DiffResponse(changes=messages.DiffResponse.DIFF_NONE)
        old, new = decode(request.old_inputs), decode(request.news)
        with self._refusing(context, Mask(old, new)):
            found = comparing.diff(self._configured, old, new, request.ignoreChanges)
        return difference(found)

    def Create(self, request: messages.CreateRequest, context: grpc.ServicerContext) -> messages.CreateResponse:
        """Create an object, or foresee that."""
        new = decode(request.properties, keep_secrets=True)
        mask = Mask(new)
        voice = self._voice(request.urn, mask)
        with self._refusing(context, mask):
            if request.preview:
                state = writing.preview_create(self._configured, new, voice=voice)
            else:
                state = writing.create(self._configured, new, timeout=request.timeout, voice=voice)
        self._report(context, mask, state)
        return messages.CreateResponse(id=state.id, properties=encode(state.outputs))

    def Read(self, request: messages.ReadRequest, context: grpc.ServicerContext) -> messages.ReadResponse:
        """Read an object for a refresh or an import."""
        outputs, old = decode(request.properties, keep_secrets=True), decode(request.inputs, keep_secrets=True)
        mask = Mask(outputs, old)
        with self._refusing(context, mask):
            state = reading.read(
                self._configured, request.urn, request.id, outputs, old, voice=self._voice(request.urn, mask)
            )
        self._report(context, mask, state, with_inputs=True)
        if not state.id:
            return messages.ReadResponse()
        return messages.ReadResponse(id=state.id, properties=encode(state.outputs), inputs=encode(state.inputs))

    def Update(self, request: messages.UpdateRequest, context: grpc.ServicerContext) -> messages.UpdateResponse:
        """Bring an object to its new inputs, or foresee that."""
        new = decode(request.news, keep_secrets=True)
        mask = Mask(new, decode(request.olds, keep_secrets=True))
        voice = self._voice(request.urn, mask)
        ignore = list(request.ignoreChanges)
        with self._refusing(context, mask):
            if request.preview:
                state = writing.preview_update(self._configured, new, ignore=ignore, voice=voice)
            else:
                state = writing.update(self._configured, new, ignore=ignore, timeout=request.timeout, voice=voice)
        self._report(context, mask, state)
        return messages.UpdateResponse(properties=encode(state.outputs))

    def Delete(self, request: messages.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        """Delete an object."""
        outputs, old = decode(request.properties, keep_secrets=True), decode(request.old_inputs, keep_secrets=True)
        mask = Mask(outputs, old)
        voice = self._voice(request.urn, mask)
        with self._refusing(context, mask):
            writing.delete(self._configured, request.id, outputs, old, timeout=request.timeout, voice=voice)
        return Empty()

    def Invoke(self, request: messages.InvokeRequest, context: grpc.ServicerContext) -> messages.InvokeResponse:
        """Refuse: functions are not needed by the rehearsed program."""
        abort(context, _unsupported(f"function {request.tok}"))

    def Call(self, request: messages.CallRequest, context: grpc.ServicerContext) -> messages.CallResponse:
        """Refuse: methods are not needed by the rehearsed program."""
        abort(context, _unsupported(f"method {request.tok}"))

    def Construct(
        self, request: messages.ConstructRequest, context: grpc.ServicerContext
    ) -> messages.ConstructResponse:
        """Refuse: charts, kustomizations and YAML files are not rendered."""
        abort(context, _unsupported(f"component {request.type}"))

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """End all waits at once; each operation says what it has done so far."""
        self._cancellation.cancel()
        return Empty()

    @property
    def _configured(self) -> Context:
        if self._context is None:
            raise PluginError("the provider is not configured", remedy="report this: the engine left out Configure")
        return self._context

    def _voice(self, urn: str, mask: Mask) -> Voice:
        said = [""]

        def status(text: str) -> None:
            if [text] != said:
                said[:] = [text]
                self._log(_INFO, mask(text), urn, ephemeral=True)

        def warn(text: str) -> None:
            if text not in self._warned:  # once, not for each of hundreds of resources
                self._warned.add(text)
                self._log(_WARNING, mask(text), urn, ephemeral=False)

        return Voice(status=status, warn=warn)

    def _log(self, severity: "engine_pb2.LogSeverity.ValueType", text: str, urn: str, *, ephemeral: bool) -> None:
        if self._engine is not None:
            request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
            try:
                self._engine.Log(request, timeout=5)
            except grpc.RpcError:
                return  # what the engine cannot show must not fail what was done

    @contextmanager
    def _refusing(self, context: grpc.ServicerContext, mask: Mask) -> Iterator[None]:
        """Answer with one clear message where a verb fails."""
        try:
            yield
        except PluginError as error:
            abort(context, error, mask)
        except ApiError as error:
            abort(context, PluginError(f"the API server refuses: {error.message}", remedy="see `make status`"), mask)

    def _report(self, context: grpc.ServicerContext, mask: Mask, state: State, *, with_inputs: bool = False) -> None:
        """Fail the call where the object is stored but not ready, so that the engine records it as such."""
        if state.problem is not None:
            abort_not_ready(context, state, mask, with_inputs=with_inputs)


def _unsupported(what: str) -> Unsupported:
    return Unsupported(
        f"{what}: the stand-in of the kubernetes provider does not have it", remedy="use plain resources instead"
    )
