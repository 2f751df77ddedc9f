"""The API server as the release tool asks it: one request, one bounded wait, JSON back, one tree of errors."""

import json
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from release.errors import ReleaseError, Unreachable

TIMEOUT: Final = (2.0, 5.0)
"""Seconds to connect and to answer."""

TRANSIENT: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""What an API server says that is overloaded, or on its way up or down: as good as no answer."""
STARTING: Final = "not yet ready to handle request"
"""What one that starts says with status 403, before it knows anybody's rights."""

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of an answer beyond which something is wrong."""


class Refused(ReleaseError):
    """The API server answered, and the answer is no."""

    exit_code = 10

    def __init__(self, problem: str, *, remedy: str, status: int) -> None:
        super().__init__(problem, remedy=remedy)
        self.status = status
        """HTTP status of the answer."""


def connect(context: str) -> ApiClient:
    """A client for a context of the ambient kubeconfig. Raises :class:`Unreachable`."""
    configuration = Configuration()
    try:
        config.load_kube_config(  # type: ignore[no-untyped-call]  # as is all of the client
            context=context, client_configuration=configuration
        )
    except ConfigException as error:
        raise Unreachable(
            f"kubeconfig has no usable context {context}: {error}", remedy="kubectl config get-contexts"
        ) from None
    configuration.retries = urllib3.Retry(0)
    return ApiClient(configuration)


class ClusterApi:
    """One API server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        timeout: tuple[float, float] = TIMEOUT,
    ) -> Any:  # noqa: ANN401 - a JSON document
        """Send one request. Raises :class:`Refused` for an answer that says no, :class:`Unreachable` for none."""
        headers = {"Accept": "application/json", "User-Agent": "english-training-release"}
        if body is not None:
            headers["Content-Type"] = content_type
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = f"{self._client.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._client.rest_client.request(  # type: ignore[no-untyped-call]  # as above
                method,
                url,
                headers=headers,
                body=None if body is None else json.dumps(body),
                _request_timeout=timeout,
            ).response
            content = answer.read(LARGEST + 1)
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(
                f"the API server does not answer {method} {path}: {type(error).__name__}",
                remedy="kubectl version   (does it answer to you?)",
            ) from None
        said = _message(content) if answer.status >= HTTPStatus.BAD_REQUEST else ""
        if answer.status in TRANSIENT or (answer.status == HTTPStatus.FORBIDDEN and STARTING in said):
            raise Unreachable(
                f"the API server cannot answer {method} {path} now: {answer.status} {said}",
                remedy="kubectl get --raw /readyz   (and try again once it is ready)",
            )
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(
                f"the API server refuses {method} {path}: {answer.status} {said}",
                remedy=f"kubectl get --raw '{path}'",
                status=answer.status,
            )
        if len(content) > LARGEST:
            raise Unreachable(f"the answer to {method} {path} is too large", remedy=f"kubectl get --raw '{path}'")
        return json.loads(content) if content else None


def _message(content: bytes) -> str:
    """The reason in a ``Status``, cut to what people read."""
    with suppress(ValueError):
        found = json.loads(content)
        if isinstance(found, dict):
            return str(found.get("message", ""))[:400]
    return ""
