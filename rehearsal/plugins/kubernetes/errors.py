"""Everything that can go wrong between a resource and the API server, as one clear message each.

The messages of the API server itself are kept, because they name the field; what is added is the resource, and what to
do next.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from rehearsal.errors import RehearsalError
from rehearsal.plugins.kubernetes.objects import PATCH_FORCE, Manifest, namespace_of, title

CONFLICT: Final = 409
ENDING: Final = "Ending"
"""Our own reason: the object that exists already is being deleted."""
_NOT_FOUND: Final = 404
_MANAGER: Final = re.compile(r'conflict with "(?P<manager>[^"]+)"')
_NAMESPACE: Final = re.compile(r'namespaces "(?P<namespace>[^"]+)" not found')


@dataclass(eq=False, kw_only=True)
class ApiError(Exception):
    """The API server's refusal (``meta.k8s.io/v1 Status``)."""

    status: int
    """The HTTP status."""
    reason: str
    """``NotFound``, ``AlreadyExists``, ``Conflict``, ``Invalid``, ``Forbidden``, …"""
    message: str
    causes: tuple[Mapping[str, Any], ...] = field(default=())
    """``reason``, ``message`` and ``field`` of each single error."""
    retry_after: float = 0
    """Seconds after which the API server wants to be asked again."""

    def __str__(self) -> str:
        return self.message

    @property
    def passing(self) -> bool:
        """A neighbour may make what is missing, or end what is in the way."""
        return bool(self.missing_namespace) or self.reason == ENDING

    @property
    def missing_namespace(self) -> str:
        """The namespace that does not exist, where that is what is wrong; else ``""``."""
        match = _NAMESPACE.search(self.message) if self.status == _NOT_FOUND else None
        return match["namespace"] if match else ""

    @property
    def other_managers(self) -> dict[str, list[str]]:
        """Who else owns which of the fields in conflict."""
        owners: dict[str, list[str]] = {}
        for cause in self.causes:
            match = _MANAGER.search(str(cause.get("message", "")))
            if cause.get("reason") == "FieldManagerConflict" and match:
                owners.setdefault(match["manager"], []).append(str(cause.get("field", "")).removeprefix("."))
        return owners


class PluginError(RehearsalError):
    """A message for the user. Nothing has been changed that the engine does not know of."""

    code: ClassVar[str] = "FAILED_PRECONDITION"
    """The gRPC status (never ``UNKNOWN`` or ``INTERNAL``, after which the engine distrusts its own state)."""


class Unreachable(PluginError):
    """The API server cannot be reached, or not be trusted."""

    code = "UNAVAILABLE"


class NoSuchKind(PluginError):
    """The API server does not serve the kind: its definition is not installed."""

    code = "NOT_FOUND"


class Unsupported(PluginError):
    """What the official provider can do and the stand-in cannot."""

    code = "UNIMPLEMENTED"


class Cancelled(PluginError):
    """The user interrupted the operation."""

    code = "CANCELLED"


class Refused(PluginError):
    """The API server refused the object."""

    code = "INVALID_ARGUMENT"


class NotReady(PluginError):
    """The object is stored, but it did not become ready. The engine records it, so that the next update resumes."""

    def __init__(self, problem: str, *, remedy: str, live: Manifest, reasons: Sequence[str] = ()) -> None:
        super().__init__(problem, remedy=remedy)
        self.live = live
        """The object as last seen."""
        self.reasons = tuple(reasons)
        """What is wrong, one line each."""

    def __str__(self) -> str:
        lines = [self.problem, *(f"  - {reason}" for reason in self.reasons), f"  remedy: {self.remedy}"]
        return "\n".join(lines)


def refused(error: ApiError, manifest: Manifest, verb: str) -> PluginError:
    """Return ``error``, which the API server answered to ``verb`` (``create``, ``update``, …), as a message."""
    explain = next((explain for applies, explain in _EXPLANATIONS if applies(error)), None)
    problem, remedy = explain(error, manifest) if explain else (error.message, "correct the resource's properties")
    return Refused(f"cannot {verb} {title(manifest)}: {problem}", remedy=remedy)


_Explanation = Callable[[ApiError, Manifest], tuple[str, str]]


def _conflict(error: ApiError, _: Manifest) -> tuple[str, str]:
    owners = "; ".join(f"{', '.join(fields)} (by {manager!r})" for manager, fields in error.other_managers.items())
    return (
        f"another field manager owns what it sets: {owners}",
        "leave the field to its owner (remove it, or list it in ignoreChanges), or take it over with the annotation "
        f'{PATCH_FORCE}: "true"',
    )


def _unauthorized(error: ApiError, _: Manifest) -> tuple[str, str]:
    return (
        f"the API server does not accept the kubeconfig's credentials ({error.message})",
        "check the kubeconfig; on the embedded cluster, `make up` writes a new one",
    )


def _no_namespace(error: ApiError, manifest: Manifest) -> tuple[str, str]:
    name = error.missing_namespace or namespace_of(manifest)
    return f"namespace {name!r} does not exist", "create it first, and let the resource depend on it (dependsOn)"


def _terminating(_: ApiError, manifest: Manifest) -> tuple[str, str]:
    name = namespace_of(manifest)
    return f"namespace {name!r} is being deleted", "wait until it is gone, then create it and run the update again"


def _pod_security(error: ApiError, manifest: Manifest) -> tuple[str, str]:
    return (
        error.message,
        "give the pod what its namespace's Pod Security level asks for, or change the label "
        f"pod-security.kubernetes.io/enforce of namespace {namespace_of(manifest)!r}",
    )


def _quota(error: ApiError, manifest: Manifest) -> tuple[str, str]:
    return (
        error.message,
        f"ask for less, or raise the quota: kubectl -n {namespace_of(manifest)} describe resourcequota",
    )


def _policy(error: ApiError, _: Manifest) -> tuple[str, str]:
    return error.message, "satisfy the ValidatingAdmissionPolicy that the message names"


def _webhook(error: ApiError, _: Manifest) -> tuple[str, str]:
    return error.message, "satisfy the admission webhook that the message names"


def _webhook_down(error: ApiError, _: Manifest) -> tuple[str, str]:
    return error.message, "see whether the webhook's own pods run: kubectl get validatingwebhookconfigurations"


def _forbidden(error: ApiError, _: Manifest) -> tuple[str, str]:
    return error.message, "give the kubeconfig's user the right (RBAC), or use another context"


def _exists(error: ApiError, _: Manifest) -> tuple[str, str]:
    return (
        f"it exists already, and this stack did not make it ({error.message})",
        "after a rename of the Pulumi resource, give it an alias; to adopt the object, import it "
        "(`pulumi import`, or the import option); to overwrite such objects, set kubernetes:upsertExistingObjects",
    )


def _ending(error: ApiError, _: Manifest) -> tuple[str, str]:
    return error.message, "wait until it is gone, then run the update again"


def _immutable(error: ApiError, _: Manifest) -> tuple[str, str]:
    return error.message, "let the change replace the object: list the property in replaceOnChanges"


def _undeclared(error: ApiError, _: Manifest) -> tuple[str, str]:
    return error.message, "correct the property's name: this kind has no such field"


def _says(*parts: str) -> Callable[[ApiError], bool]:
    return lambda error: any(part in error.message for part in parts)


_EXPLANATIONS: Final[tuple[tuple[Callable[[ApiError], bool], _Explanation], ...]] = (
    (lambda error: bool(error.other_managers), _conflict),
    (lambda error: error.status == 401, _unauthorized),  # noqa: PLR2004 - HTTP
    (lambda error: bool(error.missing_namespace), _no_namespace),
    (_says("because it is being terminated"), _terminating),
    (_says("violates PodSecurity"), _pod_security),
    (_says("exceeded quota", "failed quota"), _quota),
    (_says("ValidatingAdmissionPolicy"), _policy),
    (_says("failed calling webhook"), _webhook_down),
    (_says("admission webhook"), _webhook),
    (lambda error: error.reason == "Forbidden", _forbidden),
    (lambda error: error.reason == "AlreadyExists", _exists),
    (lambda error: error.reason == ENDING, _ending),
    (_says("field is immutable", "are forbidden", "may not change"), _immutable),
    (_says("field not declared in schema", "unknown field"), _undeclared),
)
"""The first that applies explains the refusal."""
