"""Whether the cluster is there, lets the release tool do its work, and has the namespace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import urllib3
from kubernetes.client import ApiClient, ApiException

from release.adapters.web import line
from release.checks.base import failed, joined, passed, unknown
from release.model import Finding

SECONDS: Final = 5.0
"""How long one answer of the API server may take."""
_LARGEST: Final = 64 * 2**20
"""Bytes; far above a list of all pods of one colour."""

NEEDED: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("coordination.k8s.io", "leases", ("get", "create", "patch")),
    ("", "configmaps", ("get", "list", "create", "patch", "delete")),
    ("gateway.networking.k8s.io", "httproutes", ("get", "patch")),
    ("", "namespaces", ("get",)),
    ("", "pods", ("list",)),
    ("", "resourcequotas", ("list",)),
    ("apps", "deployments", ("list",)),
    ("batch", "jobs", ("get", "create")),
)
"""Group, resource and verbs that the release tool itself uses in the application's namespace; what Pulumi changes on
its behalf is Pulumi's to ask for."""


OK, CREATED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 200, 201, 401, 403, 404

_CREDENTIALS: Final = "renew the credentials in the kubeconfig"
_RIGHTS: Final = "give the runner's account the missing rights in the application's namespace"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer of the API server."""

    status: int
    text: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - a JSON value
        """The answer as JSON; ``None`` where it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


class Silent(Exception):
    """The API server did not answer; the text says how."""


def ask(api: ApiClient, method: str, path: str, *, body: Any = None, query: Mapping[str, str] | None = None) -> Reply:  # noqa: ANN401 - a JSON value
    """The answer of the API server to a bare request. Raises ``Silent`` where there is none."""
    try:
        request = api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = api.call_api(*request, _request_timeout=SECONDS)
        data: bytes = answer.response.read(_LARGEST)
        return Reply(status=answer.status, text=data.decode("utf-8", "replace"))
    except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
        said = line(str(getattr(error, "reason", None) or error))
        raise Silent(f"the API server at {api.configuration.host} does not answer: {said}") from error


def reachable(api: ApiClient | None, namespace: str) -> Finding:
    """The API server is ready, and allows what the release tool does."""
    if api is None:
        return no_cluster("cluster")
    try:
        version, ready = ask(api, "GET", "/version"), ask(api, "GET", "/readyz")
        if UNAUTHORIZED in {version.status, ready.status}:
            text = f"the API server at {api.configuration.host} does not know these credentials"
            return failed("cluster", text, remedy=_CREDENTIALS)
        if ready.status != OK:
            text = f"the API server at {api.configuration.host} is not ready: {line(ready.text)}"
            return failed("cluster", text, remedy="wait until it is, then run `release check cluster`")
        name = (version.document or {}).get("gitVersion") if isinstance(version.document, dict) else None
        server = passed("cluster", f"the API server {line(str(name or 'of unknown version'))} is ready")
        return joined("cluster", [server, _permissions(api, namespace)])
    except Silent as error:
        return silent("cluster", error)


def active(api: ApiClient | None, namespace: str, stack: str) -> Finding:
    """The namespace is there, and not about to go."""
    if api is None:
        return no_cluster("namespace")
    try:
        reply = ask(api, "GET", f"/api/v1/namespaces/{namespace}")
    except Silent as error:
        return silent("namespace", error)
    if reply.status == NOT_FOUND:
        remedy = f"run `pulumi up --stack {stack}`, which makes it"
        return failed("namespace", f"there is no namespace {namespace}", remedy=remedy)
    if reply.status != OK or not isinstance(reply.document, dict):
        return strange("namespace", reply)
    phase = (reply.document.get("status") or {}).get("phase")
    if phase != "Active" or (reply.document.get("metadata") or {}).get("deletionTimestamp"):
        remedy = f"wait until it is gone, then run `pulumi up --stack {stack}`"
        return failed("namespace", f"namespace {namespace} is being deleted ({line(str(phase))})", remedy=remedy)
    return passed("namespace", f"namespace {namespace} is active")


def no_cluster(name: str) -> Finding:
    """Nothing is known without a cluster."""
    return unknown(name, "no cluster was named", remedy="name a kubeconfig and a context that is in it")


def silent(name: str, error: Silent) -> Finding:
    """The API server did not answer."""
    return failed(name, str(error), remedy="look whether the cluster is up and can be reached from here")


def strange(name: str, reply: Reply) -> Finding:
    """The API server answered with something else."""
    message = reply.document.get("message") if isinstance(reply.document, dict) else None
    text = f"the API server answers {reply.status}: {line(str(message or reply.text))}"
    return unknown(name, text, remedy=_RIGHTS if reply.status == FORBIDDEN else "look at the API server")


def _permissions(api: ApiClient, namespace: str) -> Finding:
    """Which rights are missing, each asked for by itself as the API server decides it."""
    missing, answered = [], 0
    for group, resource, verbs in NEEDED:
        for verb in verbs:
            attributes = {"namespace": namespace, "group": group, "resource": resource, "verb": verb}
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
            reply = ask(api, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
            if reply.status != CREATED or not isinstance(reply.document, dict):
                return strange("cluster", reply)
            answered += 1
            if (reply.document.get("status") or {}).get("allowed") is not True:
                missing.append(f"{verb} {resource}")
    if missing:
        text = f"these credentials may not {', '.join(missing)} in {namespace}"
        return failed("cluster", text, remedy=_RIGHTS, figures={"missing": list(missing)})
    return passed("cluster", f"all {answered} rights are there")
