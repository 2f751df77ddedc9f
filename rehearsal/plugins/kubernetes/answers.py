"""The protocol's compound answers: differences and failures."""

from typing import Final, NoReturn

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.protobuf.any_pb2 import Any as Detail
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.status_pb2 import Status

from rehearsal.plugins.kubernetes.context import State
from rehearsal.plugins.kubernetes.diff import Change, Difference
from rehearsal.plugins.kubernetes.errors import PluginError
from rehearsal.plugins.kubernetes.objects import show_path
from rehearsal.plugins.kubernetes.secrecy import Mask
from rehearsal.plugins.wire import encode

_KINDS: Final = {
    (Change.ADD, False): messages.PropertyDiff.ADD,
    (Change.ADD, True): messages.PropertyDiff.ADD_REPLACE,
    (Change.DELETE, False): messages.PropertyDiff.DELETE,
    (Change.DELETE, True): messages.PropertyDiff.DELETE_REPLACE,
    (Change.UPDATE, False): messages.PropertyDiff.UPDATE,
    (Change.UPDATE, True): messages.PropertyDiff.UPDATE_REPLACE,
}
_DETAILS: Final = "grpc-status-details-bin"
"""Where gRPC carries what a status has beside code and message."""


def difference(found: Difference) -> messages.DiffResponse:
    """Return ``found`` as the engine wants it."""
    return messages.DiffResponse(
        changes=messages.DiffResponse.DIFF_SOME if found.changes else messages.DiffResponse.DIFF_NONE,
        replaces=[show_path(path) for path in found.replaces],
        diffs=sorted({str(change.path[0]) for change in found.changes}),
        detailedDiff={
            show_path(change.path): messages.PropertyDiff(kind=_KINDS[change.change, change.replaces], inputDiff=True)
            for change in found.changes
        },
        hasDetailedDiff=True,
        deleteBeforeReplace=found.delete_first,
    )


def abort(context: grpc.ServicerContext, error: PluginError, mask: Mask | None = None) -> NoReturn:
    """Fail the call with ``error``."""
    text = str(error)
    context.abort(grpc.StatusCode[error.code], mask(text) if mask else text)
    raise AssertionError("abort raises")


def abort_not_ready(context: grpc.ServicerContext, state: State, mask: Mask, *, with_inputs: bool) -> NoReturn:
    """Fail the call with ``state``, which the engine records together with the reasons."""
    problem = state.problem
    assert problem is not None  # noqa: S101 - the caller's condition, for the type checker
    text = mask(str(problem))
    reasons = [mask(reason) for reason in (problem.problem, *problem.reasons, f"remedy: {problem.remedy}")]
    failed = messages.ErrorResourceInitFailed(
        id=state.id,
        properties=encode(state.outputs),
        reasons=reasons,
        inputs=encode(state.inputs) if with_inputs else None,
    )
    detail = Detail()
    detail.Pack(failed)
    code = grpc.StatusCode[problem.code]
    status = Status(code=code.value[0], message=text, details=[detail])
    context.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))
    context.abort(code, text)
    raise AssertionError("abort raises")
