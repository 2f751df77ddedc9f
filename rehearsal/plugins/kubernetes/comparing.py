"""The verbs Check and Diff: what the inputs are, and what changing them means."""

from collections.abc import Iterator, Sequence
from typing import Final

from rehearsal.plugins.kubernetes.context import Context, Properties
from rehearsal.plugins.kubernetes.diff import Change, Difference, PropertyChange, compare, ignored, parse_path
from rehearsal.plugins.kubernetes.errors import PluginError
from rehearsal.plugins.kubernetes.naming import named, unsupported
from rehearsal.plugins.kubernetes.objects import (
    REPLACE_UNREADY,
    SERVER_METADATA,
    WAIT_FOR,
    Manifest,
    Token,
    annotation,
    name_of,
    namespace_of,
    to_api,
)
from rehearsal.plugins.kubernetes.reading import unready
from rehearsal.plugins.kubernetes.secrecy import conceal
from rehearsal.plugins.kubernetes.waitfor import expectations
from rehearsal.plugins.wire import UNKNOWN, strip_secrets

Failure = tuple[str, str]
"""A property, and what is wrong with it."""

JOB: Final = "Job"
"""The one kind whose live object matters even where its inputs are the same."""


def check(
    context: Context, urn: str, old: Properties, new: Properties, *, seed: bytes, proposed: str = ""
) -> tuple[Properties, list[Failure]]:
    """Return complete inputs, with a name and a namespace, or what is wrong with them."""
    token = Token.of(urn)
    inputs = _without_server_metadata(to_api(strip_secrets(new)))
    failures = _failures(inputs, token)
    if failures:
        return new, failures
    if inputs.get("metadata") is UNKNOWN:
        return conceal(inputs, new), []
    inputs = named(inputs, to_api(strip_secrets(old)), urn=urn, seed=seed, proposed=proposed)
    context.plan(inputs)
    metadata = inputs["metadata"]
    match context.namespaced(inputs, ask=metadata.get("namespace") is None):
        case True if metadata.get("namespace") is None:
            metadata = {**metadata, "namespace": context.cluster.default_namespace}
        case False:
            metadata = {key: item for key, item in metadata.items() if key != "namespace"}
    return conceal({**inputs, "metadata": metadata}, new), []


def diff(context: Context, old: Properties, new: Properties, ignore: Sequence[str]) -> Difference:
    """Return how the ``new`` inputs differ from the ``old`` ones, apart from the property paths in ``ignore``."""
    before, after = to_api(strip_secrets(old)), to_api(strip_secrets(new))
    found = compare(
        before,
        after,
        mutable_config_maps=context.configuration.mutable_config_maps,
        mutable_secrets=context.configuration.mutable_secrets,
    )
    paths = [parse_path(text) for text in ignore]
    changes = tuple(change for change in found.changes if not ignored(change.path, paths))
    if not changes:
        changes = _unready_job(context, before, after)
    return Difference(changes=changes, same_place=found.same_place)


def _failures(inputs: Manifest, token: Token) -> list[Failure]:
    reason = unsupported(token, inputs.get("kind"))
    if reason:
        return [("", reason)]
    failures = [
        (name, f"must be a string, such as {example}")
        for name, example in (("apiVersion", "apps/v1"), ("kind", "Deployment"))
        if not isinstance(inputs.get(name), str) or not inputs[name]
    ]
    metadata = inputs.get("metadata", {})
    if metadata is UNKNOWN:
        return failures
    if not isinstance(metadata, dict):
        return [*failures, ("metadata", "must be an object, such as {'name': 'web'}")]
    return [*failures, *_metadata_failures(inputs, metadata)]


def _metadata_failures(inputs: Manifest, metadata: Manifest) -> Iterator[Failure]:
    if metadata.get("generateName") is not None and metadata.get("name") is None:
        yield "metadata.generateName", "cannot be used with server-side apply: set metadata.name, or neither"
    for name in ("name", "namespace"):
        value = metadata.get(name)
        if value is not None and value is not UNKNOWN and (not isinstance(value, str) or not value):
            yield f"metadata.{name}", "must be a string that is not empty"
    wanted = annotation(inputs, WAIT_FOR)
    if wanted:
        try:
            expectations(wanted)
        except PluginError as error:
            yield f'metadata.annotations["{WAIT_FOR}"]', f"{error.problem}: {error.remedy}"


def _without_server_metadata(inputs: Manifest) -> Manifest:
    metadata = inputs.get("metadata")
    if not isinstance(metadata, dict):
        return inputs
    return {**inputs, "metadata": {key: item for key, item in metadata.items() if key not in SERVER_METADATA}}


def _unready_job(context: Context, old: Manifest, new: Manifest) -> tuple[PropertyChange, ...]:
    """Replace a Job that did not complete, where its annotation asks for that."""
    if new.get("kind") != JOB or annotation(new, REPLACE_UNREADY) != "true":
        return ()
    token = Token(new["apiVersion"], JOB)
    live = context.cluster.find(token, namespace_of(old), name_of(old))
    if live is None or unready(context, new, live) is None:
        return ()
    return (PropertyChange(path=("metadata", "annotations", REPLACE_UNREADY), change=Change.UPDATE, replaces=True),)
