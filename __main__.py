"""The whole system on one page: settings → components → exports."""

import pulumi

import composition
import crds
import settings
from components.app import Application, ApplicationArgs, Media
from components.cluster import ExistingCluster, ExistingClusterArgs
from components.crds import CustomResourceDefinitions, CustomResourceDefinitionsArgs
from components.gateway import Gateway, GatewayArgs, RateLimit, Route, RouteArgs, Service, Timeouts
from components.namespaces import Namespace, NamespaceArgs
from versions import VERSIONS

config, standing = settings.load()

cluster = ExistingCluster(
    "cluster", ExistingClusterArgs(context=config.cluster.context, identifier=config.cluster.identifier)
)
on_cluster = pulumi.ResourceOptions(providers={"kubernetes": cluster.provider})

definitions = [
    CustomResourceDefinitions(
        name,
        CustomResourceDefinitionsArgs(manifests=crds.bundle(name)),
        pulumi.ResourceOptions(providers={"kubernetes": cluster.definitions}),
    )
    for name in ("gateway-api", "envoy-gateway")
]

entrance = Namespace("gateway", NamespaceArgs(name=composition.GATEWAY), on_cluster)

home = Namespace(
    "english-training",
    NamespaceArgs(
        name=composition.APPLICATION,
        quota=config.quota.hard,
        container_defaults=composition.CONTAINER_LIMITS,
        container_default_requests=composition.CONTAINER_REQUESTS,
        allowances=composition.application_allowances(config),
        holds_data=config.protect_data,
    ),
    on_cluster,
)

gateway = Gateway(
    "public",
    GatewayArgs(
        namespace=entrance.name,
        hostname=config.domain,
        class_name=config.gateway.class_name,
        issuer=config.gateway.issuer,
        routes_from=composition.APPLICATION,
        proxy=config.gateway.proxy,
        envoy_version=VERSIONS.tools["envoy"].number,
        rate_limit=RateLimit(
            requests_per_minute=config.gateway.rate_limit.requests_per_minute,
            scope=config.gateway.rate_limit.scope,
        ),
    ),
    pulumi.ResourceOptions(providers={"kubernetes": cluster.provider}, depends_on=definitions),
)

app = Application(
    "app",
    ApplicationArgs(
        namespace=home.name,
        releases={colour: composition.release_args(config, colour) for colour in config.units},
        configuration=composition.configuration(config),
        secret_key=config.secret_key.output(),
        database_password=config.database_password.output(),
        media=Media(storage_class=config.media.storage_class, size=config.media.size),
        protect_data=config.protect_data,
    ),
    on_cluster,
)

route = Route(
    "route",
    RouteArgs(
        namespace=home.name,
        hostname=config.domain,
        gateway_name=gateway.name,
        gateway_namespace=gateway.namespace,
        backend={colour: Service(name=one.backend.service, port=8000) for colour, one in app.releases.items()},
        frontend={colour: Service(name=one.frontend.service, port=3000) for colour, one in app.releases.items()},
        weights=config.weights,
        public_https_port=config.gateway.https_port,
        timeouts=Timeouts(
            request=config.gateway.timeouts.request, backend_request=config.gateway.timeouts.backend_request
        ),
    ),
    on_cluster,
)

pulumi.export("url", config.public_url)
pulumi.export("weights", config.weights)
pulumi.export("versions", {colour: release.version for colour, release in config.units.items()})
pulumi.export("namespace", home.name)
pulumi.export("route", route.name)
# What stands is known once the route carries it: an update that failed before leaves the record as it was.
pulumi.export("standing", route.name.apply(lambda _: standing.model_dump()))
