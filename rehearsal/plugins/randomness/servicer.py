"""What the engine asks of the ``random`` provider."""

import importlib.metadata
import json
from typing import Any, Final, NoReturn

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

from rehearsal.plugins import serving, wire
from rehearsal.plugins.randomness.check import judge
from rehearsal.plugins.randomness.kinds import KINDS, Kind, Values, complete
from rehearsal.plugins.wire import UNKNOWN

_DISTRIBUTION: Final = "pulumi_random"
"""The SDK whose version is that of the provider whose place this one takes."""

# The protocol fixes the names and the parameters of the methods below.
# ruff: noqa: N802, ARG002


class RandomProvider(ResourceProviderServicer):
    """Keeps nothing of its own: all that a result is lies in the stack's state."""

    def Handshake(
        self, request: messages.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> messages.ProviderHandshakeResponse:
        """Say what this provider understands."""
        return messages.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Return the version of the provider whose place this one takes."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version(_DISTRIBUTION))

    def GetSchema(
        self, request: messages.GetSchemaRequest, context: grpc.ServicerContext
    ) -> messages.GetSchemaResponse:
        """Return a schema that names the resources and no more."""
        schema = {
            "name": "random",
            "version": importlib.metadata.version(_DISTRIBUTION),
            "resources": {token: {} for token in KINDS},
        }
        return messages.GetSchemaResponse(schema=json.dumps(schema))

    def CheckConfig(self, request: messages.CheckRequest, context: grpc.ServicerContext) -> messages.CheckResponse:
        """Take the provider's configuration as it is: it has no settings."""
        return messages.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: messages.DiffRequest, context: grpc.ServicerContext) -> messages.DiffResponse:
        """Find no difference: the provider has no settings."""
        return messages.DiffResponse(changes=messages.DiffResponse.DIFF_NONE)

    def Configure(
        self, request: messages.ConfigureRequest, context: grpc.ServicerContext
    ) -> messages.ConfigureResponse:
        """Say what this provider understands."""
        return messages.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request: messages.CheckRequest, context: grpc.ServicerContext) -> messages.CheckResponse:
        """Return the inputs as their types want them, or all that is wrong with them."""
        kind = _kind(request.urn, context)
        given = wire.decode(request.news, keep_secrets=True)
        taken, failures = judge(kind, wire.strip_secrets(given))
        return messages.CheckResponse(
            inputs=wire.encode(wire.mark_secrets(taken, wire.secret_paths(given))),
            failures=[messages.CheckFailure(property=f.property, reason=f.reason) for f in failures],
        )

    def Diff(self, request: messages.DiffRequest, context: grpc.ServicerContext) -> messages.DiffResponse:
        """Say which inputs differ; each of them replaces the resource."""
        kind = _kind(request.urn, context)
        before = complete(kind, wire.decode(request.old_inputs))
        after = complete(kind, wire.decode(request.news))
        names = [name for name in kind.inputs if before.get(name) != after.get(name)]
        differ = messages.DiffResponse.DIFF_SOME if names else messages.DiffResponse.DIFF_NONE
        return messages.DiffResponse(
            changes=differ,
            diffs=names,
            replaces=names,
            hasDetailedDiff=True,
            detailedDiff={name: _property_diff(name, before, after) for name in names},
        )

    def Create(self, request: messages.CreateRequest, context: grpc.ServicerContext) -> messages.CreateResponse:
        """Make a result; on preview, say that there will be one."""
        kind = _kind(request.urn, context)
        given = wire.decode(request.properties, keep_secrets=True)
        inputs = complete(kind, wire.strip_secrets(given))
        if request.preview:
            outputs: dict[str, Any] = dict.fromkeys(kind.outputs, UNKNOWN)
            return messages.CreateResponse(properties=_state(kind, {**inputs, **outputs}, given))
        state = {**inputs, **kind.generate(inputs)}
        return messages.CreateResponse(id=kind.identify(state), properties=_state(kind, state, given))

    def Read(self, request: messages.ReadRequest, context: grpc.ServicerContext) -> messages.ReadResponse:
        """Return what is in the state already; for an import, what the identifier tells."""
        kind = _kind(request.urn, context)
        if request.properties.fields:
            return messages.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        try:
            restored = kind.restore(request.id)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{_title(request.urn)}: {error}")
            raise  # never reached: abort raises
        inputs = {name: value for name, value in restored.items() if name in kind.inputs}
        state = {**complete(kind, inputs), **restored}
        return messages.ReadResponse(
            id=kind.identify(state), properties=_state(kind, state, {}), inputs=wire.encode(inputs)
        )

    def Update(self, request: messages.UpdateRequest, context: grpc.ServicerContext) -> messages.UpdateResponse:
        """Keep the result and note the new inputs, which by :meth:`Diff` mean the same as the old ones."""
        kind = _kind(request.urn, context)
        given = wire.decode(request.news, keep_secrets=True)
        state = {**wire.decode(request.olds), **complete(kind, wire.strip_secrets(given))}
        return messages.UpdateResponse(properties=_state(kind, state, given))

    def Delete(self, request: messages.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        """Forget: a result lives in the state only."""
        return Empty()

    def Invoke(self, request: messages.InvokeRequest, context: grpc.ServicerContext) -> messages.InvokeResponse:
        """Refuse: the package has no functions."""
        context.abort(grpc.StatusCode.NOT_FOUND, f"the random provider has no function {request.tok}")
        raise AssertionError("abort raises")

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Have nothing to cancel: every call is over at once."""
        return Empty()


def serve() -> NoReturn:
    """Serve the engine that started this process."""
    serving.serve(lambda server: add_ResourceProviderServicer_to_server(RandomProvider(), server))


def _kind(urn: str, context: grpc.ServicerContext) -> Kind:
    token = urn.split("::")[2].rpartition("$")[2]
    if token not in KINDS:
        known = ", ".join(sorted(name.rpartition(":")[2] for name in KINDS))
        context.abort(
            grpc.StatusCode.NOT_FOUND, f"{_title(urn)}: the random provider knows no type {token}; it knows {known}"
        )
    return KINDS[token]


def _title(urn: str) -> str:
    """Return how to name the resource to the user: its type and its name."""
    return f"{urn.split('::')[2].rpartition('$')[2].rpartition(':')[2]} {urn.rpartition('::')[2]!r}"


def _state(kind: Kind, values: Values, given: Values) -> Struct:
    """Encode ``values``; secret is what ``kind`` says and what was secret as it was ``given``."""
    secret = [(name,) for name in kind.secret if name in values]
    return wire.encode(wire.mark_secrets(values, [*secret, *wire.secret_paths(given)]))


def _property_diff(name: str, before: Values, after: Values) -> messages.PropertyDiff:
    kinds = messages.PropertyDiff
    if name not in before:
        return messages.PropertyDiff(kind=kinds.ADD_REPLACE, inputDiff=True)
    return messages.PropertyDiff(kind=kinds.UPDATE_REPLACE if name in after else kinds.DELETE_REPLACE, inputDiff=True)
