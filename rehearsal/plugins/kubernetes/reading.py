"""The verb Read: what an object is now, for a refresh or an import."""

from datetime import UTC, datetime

from rehearsal.plugins.kubernetes.context import Context, Properties, State, Voice, outputs_of
from rehearsal.plugins.kubernetes.errors import ApiError, NotReady, PluginError, Unreachable, refused
from rehearsal.plugins.kubernetes.objects import (
    Manifest,
    Token,
    namespace_of,
    parse_identifier,
    title,
    to_api,
)
from rehearsal.plugins.kubernetes.ownership import owned_by
from rehearsal.plugins.kubernetes.readback import imported_inputs, refreshed_inputs
from rehearsal.plugins.kubernetes.ready import Ready
from rehearsal.plugins.kubernetes.secrecy import conceal
from rehearsal.plugins.kubernetes.waiting import needs_waiting
from rehearsal.plugins.wire import strip_secrets


def read(
    context: Context, urn: str, resource_id: str, old_outputs: Properties, old: Properties, *, voice: Voice
) -> State:
    """Return the object's state: after a refresh with inputs like the ``old`` ones, without those with all inputs."""
    last = to_api(strip_secrets(old))
    known = last or strip_secrets(old_outputs)
    token = Token(known["apiVersion"], known["kind"]) if known.get("kind") else Token.of(urn)
    namespace, name = parse_identifier(resource_id)
    try:
        live = context.cluster.find(token, namespace or namespace_of(known), name)
    except Unreachable as error:
        return _unreachable(context, error, State(id=resource_id, outputs=old_outputs, inputs=old), voice)
    except ApiError as error:
        target = {"kind": token.kind, "metadata": {"namespace": namespace, "name": name}}
        raise refused(error, target, "read") from None
    if live is None:
        return State(id="", outputs={}, inputs={})
    if not last:
        return State(id=resource_id, outputs=outputs_of(live, {}), inputs=conceal(imported_inputs(live), {}))
    inputs = refreshed_inputs(last, live, owned_by(live, context.manager(last)))
    return State(
        id=resource_id,
        outputs=outputs_of(live, old),
        inputs=conceal(inputs, old),
        problem=unready(context, last, live),
    )


def unready(context: Context, inputs: Manifest, live: Manifest) -> NotReady | None:
    """Return why an object is not ready at this moment, or ``None`` where it is, or where nothing waits for it."""
    if not needs_waiting(inputs):
        return None
    try:
        verdict = context.waiter.verdict(inputs, live, since=datetime.now(UTC))
    except (ApiError, PluginError):
        return None
    if isinstance(verdict, Ready):
        return None
    return NotReady(
        f"{title(live)} is not ready",
        remedy="mend the cause; `pulumi up` waits for it again",
        live=live,
        reasons=[verdict.reason, *context.waiter.reasons(live)],
    )


def _unreachable(context: Context, error: Unreachable, recorded: State, voice: Voice) -> State:
    if context.configuration.delete_unreachable:
        voice.warn(f"{error.problem}; deleteUnreachable is set, so {recorded.id} is taken for deleted")
        return State(id="", outputs={}, inputs={})
    if context.configuration.skip_update_unreachable:
        voice.warn(f"{error.problem}; skipUpdateUnreachable is set, so {recorded.id} is taken for unchanged")
        return recorded
    raise error
