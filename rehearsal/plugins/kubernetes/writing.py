"""The verbs Create, Update and Delete, for previews and for real."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from rehearsal.plugins.kubernetes.context import Context, Properties, State, Voice, outputs_of
from rehearsal.plugins.kubernetes.diff import Path, parse_path
from rehearsal.plugins.kubernetes.errors import ApiError, Cancelled, NoSuchKind, NotReady, Unreachable, refused
from rehearsal.plugins.kubernetes.objects import (
    DELETION_POLICY,
    SKIP_AWAIT,
    Manifest,
    Token,
    annotation,
    identifier,
    name_of,
    namespace_of,
    parse_identifier,
    pick,
    title,
    to_api,
)
from rehearsal.plugins.kubernetes.ownership import holds, owned_by, owned_by_others
from rehearsal.plugins.kubernetes.waiting import timeout_of
from rehearsal.plugins.wire import has_unknown, strip_secrets

ORDER_RETRIES: Final = 5
"""How often a creation is tried again whose namespace or kind is not there: a neighbour may be making it."""
_FIRST_PAUSE: Final = 0.25
_PROPAGATION: Final = {"orphan": "Orphan", "background": "Background"}
_ENDS_UNSEEN: Final = frozenset(
    {"DaemonSet", "Deployment", "Job", "Namespace", "Pod", "ReplicationController", "StatefulSet"}
)
"""The kinds whose ``skipAwait`` covers their deletion too, as in the official provider."""
_UNKNOWN_BEFORE: Final = frozenset({"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"})


def create(context: Context, new: Properties, *, timeout: float, voice: Voice) -> State:
    """Create an object and wait until it is ready."""
    inputs = to_api(strip_secrets(new))
    create_only = not context.configuration.upsert
    live = _in_order(
        context, inputs, lambda: _apply(context, inputs, voice, verb="create", create_only=create_only), voice
    )
    return _awaited(context, new, live, timeout=timeout, voice=voice)


def preview_create(context: Context, new: Properties, *, voice: Voice) -> State:
    """Return what a creation would make; the inputs themselves where that cannot be known yet."""
    inputs = to_api(strip_secrets(new))
    as_given = State(id="", outputs=new, inputs=new)
    if has_unknown(inputs) or not context.served(inputs, voice):
        return as_given
    try:
        live = context.cluster.apply(inputs, manager=context.manager(inputs), dry_run=True, create_only=True)
    except ApiError as error:
        # A neighbour may make the namespace, or be about to remove an object of this name (a replacement).
        if error.passing or error.reason in ("AlreadyExists", "Forbidden"):
            return as_given
        raise refused(error, inputs, "create") from None
    return State(id="", outputs=outputs_of(_foreseen(live), new), inputs=new)


def update(context: Context, new: Properties, *, ignore: Sequence[str], timeout: float, voice: Voice) -> State:
    """Bring an object to its ``new`` inputs, apart from the paths in ``ignore``, and wait until it is ready."""
    inputs = to_api(strip_secrets(new))
    wanted = _without_ignored(context, inputs, ignore)
    try:
        live = _apply(context, wanted, voice, verb="update")
    except ApiError as error:
        raise refused(error, inputs, "update") from None
    return _awaited(context, new, live, timeout=timeout, voice=voice)


def preview_update(context: Context, new: Properties, *, ignore: Sequence[str], voice: Voice) -> State:
    """Return what an update would make; the inputs themselves where that cannot be known yet."""
    inputs = to_api(strip_secrets(new))
    as_given = State(id=identifier(inputs), outputs=new, inputs=new)
    if has_unknown(inputs) or not context.served(inputs, voice):
        return as_given
    wanted = _without_ignored(context, inputs, ignore)
    try:
        live = _apply(context, wanted, voice, verb="update", dry_run=True)
    except ApiError as error:
        if error.missing_namespace or (error.reason == "Forbidden" and "dry" in error.message):
            return as_given
        raise refused(error, inputs, "update") from None
    return State(id=identifier(live), outputs=outputs_of(_foreseen(live), new), inputs=new)


def delete(
    context: Context, resource_id: str, old_outputs: Properties, old: Properties, *, timeout: float, voice: Voice
) -> None:
    """Delete an object and wait until it is gone. One that is gone already is fine."""
    outputs, inputs = strip_secrets(old_outputs), strip_secrets(old)
    known = inputs if inputs.get("kind") else outputs
    token = Token(known["apiVersion"], known["kind"])
    namespace, name = parse_identifier(resource_id)
    propagation = _PROPAGATION.get(annotation(inputs, DELETION_POLICY).lower(), "Foreground")
    metadata = {**(outputs.get("metadata") or {}), "namespace": namespace, "name": name}
    target = {**outputs, "apiVersion": token.api_version, "kind": token.kind, "metadata": metadata}
    try:
        there = context.cluster.delete(token, namespace, name, propagation=propagation)
        if there and not (annotation(inputs, SKIP_AWAIT) == "true" and token.kind in _ENDS_UNSEEN):
            context.waiter.until_gone(target, timeout=timeout_of(inputs, timeout), say=voice.status)
    except Unreachable as error:
        if not context.configuration.delete_unreachable:
            raise
        voice.warn(f"{error.problem}; deleteUnreachable is set, so {title(target)} is taken for deleted")
    except ApiError as error:
        raise refused(error, target, "delete") from None


def _apply(
    context: Context,
    inputs: Manifest,
    voice: Voice,
    *,
    verb: str,
    create_only: bool = False,
    dry_run: bool = False,
) -> Manifest:
    """Apply ``inputs``. Fields that one's own name holds through a plain write are taken over: nobody else's."""
    manager = context.manager(inputs)

    def once(*, force: bool) -> Manifest:
        return context.cluster.apply(
            inputs,
            manager=manager,
            force=force,
            dry_run=dry_run,
            create_only=create_only,
            on_retry=lambda problem: voice.status(f"cannot {verb} it yet: {problem}"),
        )

    try:
        return once(force=context.force(inputs))
    except ApiError as error:
        if set(error.other_managers) != {manager}:
            raise
    return once(force=True)


def _in_order(context: Context, inputs: Manifest, make: Callable[[], Manifest], voice: Voice) -> Manifest:
    """Return what ``make`` returns, trying again while a namespace or a kind is missing that a neighbour may make."""
    pause = _FIRST_PAUSE
    for left in range(ORDER_RETRIES, -1, -1):
        try:
            return make()
        except NoSuchKind as error:
            if not left:
                raise
            voice.status(f"cannot create it yet: {error.problem}")
        except ApiError as error:
            if not left or not error.passing:
                raise refused(error, inputs, "create") from None
            voice.status(f"cannot create it yet: {error.message}")
        if context.cancellation.event.wait(pause):
            break
        pause *= 2
    raise Cancelled(f"the creation of {title(inputs)} was interrupted", remedy="run `pulumi up` again")


def _awaited(context: Context, new: Properties, live: Manifest, *, timeout: float, voice: Voice) -> State:
    inputs = to_api(strip_secrets(new))
    try:
        ready = context.waiter.until_ready(inputs, live, timeout=timeout_of(inputs, timeout), say=voice.status)
    except NotReady as problem:
        return State(id=identifier(live), outputs=outputs_of(problem.live, new), inputs=new, problem=problem)
    return State(id=identifier(ready), outputs=outputs_of(ready, new), inputs=new)


def _foreseen(live: Manifest) -> Manifest:
    """Return the answer to a dry run without what the real object will not share with it."""
    metadata = {key: item for key, item in live["metadata"].items() if key not in _UNKNOWN_BEFORE}
    return {**{key: item for key, item in live.items() if key != "status"}, "metadata": metadata}


def _without_ignored(context: Context, inputs: Manifest, ignore: Sequence[str]) -> Manifest:
    """Return ``inputs`` without the ignored fields that somebody else owns, and with the others as they are alive.

    The engine puts the last inputs into ignored properties. Applied, they would contend for a field that, say, an
    autoscaler has taken over.
    """
    if not ignore:
        return inputs
    live = context.cluster.find(Token(inputs["apiVersion"], inputs["kind"]), namespace_of(inputs), name_of(inputs))
    if live is None:
        return inputs
    manager = context.manager(inputs)
    mine, others = owned_by(live, manager), owned_by_others(live, manager)
    for path in (parse_path(text) for text in ignore):
        if pick(inputs, *path) is None:
            continue
        theirs = any(holds(fields, live, path) for fields in others) and not holds(mine, live, path)
        now = None if theirs else pick(live, *path)
        if theirs or now is not None:
            inputs = _replaced(inputs, path, now)
    return to_api(inputs)


def _replaced(value: Any, path: Path, new: Any) -> Any:  # noqa: ANN401 - JSON
    """Return ``value`` with ``new`` at ``path``; a null takes a member away in the end."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and isinstance(step, str):
        return {**value, step: _replaced(value.get(step), rest, new)}
    if isinstance(value, list) and isinstance(step, int):
        return [_replaced(item, rest, new) if index == step else item for index, item in enumerate(value)]
    return value
