"""One connection to an API server, through the official client: opened from a kubeconfig, errors in our own tree."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.plugins.kubernetes.configuration import Configuration, ambient_kubeconfig, read_kubeconfig
from rehearsal.plugins.kubernetes.errors import ApiError, PluginError, Unreachable
from rehearsal.plugins.kubernetes.objects import pick

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Response = Any
"""The official client's answer: ``status``, ``read()``, ``response`` (the open stream)."""


_CONNECT_TIMEOUT = 5.0


class Down(Unreachable):
    """Nothing answers. That may pass."""


class Connection:
    """An API server and the credentials for it. Safe to use from many threads at once."""

    def __init__(self, configuration: Configuration) -> None:
        self._client, self.namespace = _open(configuration)

    @property
    def host(self) -> str:
        """Where the API server is: ``https://…``."""
        return str(self._client.configuration.host)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        content_type: str = "application/json",
        body: object = None,
        read_timeout: float,
    ) -> Response:
        """Return the API server's answer, unread. Raises :class:`ApiError` and :class:`Unreachable`."""
        client: Any = self._client
        request = client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=None if body is None else json.dumps(body),
            auth_settings=["BearerToken"],
        )
        try:
            response: Response = client.call_api(*request, _request_timeout=(_CONNECT_TIMEOUT, read_timeout))
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                return response
            data = response.read()
        except network_errors() as error:
            raise unreachable(error, self.host) from None
        if response.status == HTTPStatus.UNAUTHORIZED:
            raise self._unauthorized()
        raise _refusal(response.status, response.reason, data, response.getheader("Retry-After"))

    def _unauthorized(self) -> PluginError:
        expired = _expiry(self._client.configuration.cert_file)
        if expired:
            return Unreachable(
                f"the kubeconfig's client certificate for {self.host} expired at {expired}",
                remedy="renew it; on the embedded cluster, `make up` does",
            )
        return Unreachable(
            f"the API server {self.host} does not accept the kubeconfig's credentials",
            remedy="check the kubeconfig; on the embedded cluster, `make up` writes a new one",
        )


def _open(configuration: Configuration) -> "tuple[ApiClient, str]":
    """Return a client and the context's namespace, from the kubeconfig that ``configuration`` names."""
    from kubernetes import config as client_config  # noqa: PLC0415 - see the package's docstring
    from kubernetes.client import ApiClient  # noqa: PLC0415
    from kubernetes.client import Configuration as Settings  # noqa: PLC0415

    config = read_kubeconfig(configuration.kubeconfig) if configuration.kubeconfig else ambient_kubeconfig()
    name = configuration.context or config.get("current-context")
    context = next((entry["context"] for entry in config.get("contexts") or [] if entry.get("name") == name), None)
    if context is None:
        raise PluginError(
            f"the kubeconfig has no context {name!r}",
            remedy="set the provider's context (here english-training:cluster.context) to one of "
            "`kubectl config get-contexts`",
        )
    if configuration.cluster:
        context["cluster"] = configuration.cluster
    loader: Any = client_config
    settings = Settings()
    settings.retries = False  # this module retries, and knows what may be
    settings.connection_pool_maxsize = 64
    try:
        loader.load_kube_config_from_dict(config, context=name, client_configuration=settings)
    except client_config.ConfigException as error:
        raise PluginError(f"the kubeconfig cannot be used: {error}", remedy="correct it, or run `make up`") from None
    return ApiClient(settings), configuration.namespace or context.get("namespace") or "default"


def network_errors() -> tuple[type[Exception], ...]:
    """Return what the client raises where the network fails."""
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - see the package's docstring
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return (ApiException, HTTPError, OSError)


def unreachable(error: Exception, host: str) -> Unreachable:
    """Return ``error``, which the client raised, as a message about ``host``."""
    text = str(error)
    if "certificate has expired" in text:
        return Unreachable(
            f"the certificate of the API server {host} has expired",
            remedy="renew it; on the embedded cluster, `make up` does",
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Unreachable(
            f"the API server {host} has a certificate that the kubeconfig does not vouch for",
            remedy="check that the kubeconfig belongs to this cluster; on the embedded cluster, run `make up`",
        )
    return Down(
        f"the API server {host} does not answer ({_short(error)})",
        remedy="see `make status`; `make up` starts the embedded cluster",
    )


def _short(error: Exception) -> str:
    text = str(error).lower()
    known = ("connection refused", "connection reset", "timed out", "name or service not known", "closed connection")
    return next((phrase for phrase in known if phrase in text), type(error).__name__)


def _refusal(status: int, reason: str | None, data: bytes, retry_after: str | None) -> ApiError:
    try:
        answer = json.loads(data)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    return ApiError(
        status=status,
        reason=answer.get("reason") or reason or "",
        message=answer.get("message") or data.decode(errors="replace").strip() or f"HTTP {status}",
        causes=tuple(pick(answer, "details", "causes") or ()),
        retry_after=float(retry_after) if retry_after and retry_after.isdigit() else 0,
    )


def _expiry(certificate: object) -> str:
    """Return when the certificate in a file expired, or ``""`` where it did not or where there is none."""
    if not isinstance(certificate, str):
        return ""
    from datetime import UTC, datetime  # noqa: PLC0415 - only where credentials were refused

    from cryptography import x509  # noqa: PLC0415

    try:
        expiry = x509.load_pem_x509_certificate(Path(certificate).read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return ""
    return f"{expiry:%Y-%m-%d %H:%M} UTC" if expiry < datetime.now(UTC) else ""
