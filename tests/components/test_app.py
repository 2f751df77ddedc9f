from dataclasses import replace
from typing import Any

import pytest

from components.app import (
    Application,
    ApplicationArgs,
    Cache,
    Configuration,
    Database,
    Media,
    ReleaseArgs,
    Scheduling,
    Sizing,
)
from tests.components.harness import RANDOM_PASSWORD, Recorded, build

EXPECTED = [
    RANDOM_PASSWORD,
    "kubernetes:apps/v1:Deployment",
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
    "kubernetes:batch/v1:Job",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:policy/v1:PodDisruptionBudget",
]
SIZING = Sizing(cpu_request="100m", memory_request="64Mi", memory_limit="128Mi", min_replicas=2, max_replicas=4)
BLUE = ReleaseArgs(
    version="1.0.0",
    backend_image="registry.example/backend@sha256:b",
    frontend_image="registry.example/frontend@sha256:f",
    schema_version=7,
    backend_sizing=SIZING,
    frontend_sizing=SIZING,
    scheduling=Scheduling(
        node_selector={"pool": "app"}, tolerations=[{"key": "app", "operator": "Exists", "effect": "NoSchedule"}]
    ),
)
CONFIGURATION = Configuration(
    database=Database(host="db.example", port=5432, name="training", user="training", ssl_mode="verify-full"),
    cache=Cache(host="cache.example", port=6379, tls=True),
    domain="train.example",
    allowed_hosts=["train.example"],
    public_url="https://train.example",
)


def application(blue: ReleaseArgs = BLUE, configuration: Configuration = CONFIGURATION, **fields: Any) -> Recorded:
    return build(
        lambda: Application(
            "app",
            ApplicationArgs(
                namespace="english-training",
                releases={"blue": blue, "green": replace(BLUE, version="1.1.0")},
                configuration=configuration,
                secret_key="k" * 50,
                database_password="p" * 20,
                media=Media(storage_class="shared", size="20Gi"),
                **fields,
            ),
        ),
        expected=EXPECTED,
    )


def pod(made: Recorded, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = made[f"app-{name}-deployment"].inputs["spec"]["template"]["spec"]
    return spec


def test_each_colour_has_both_components_with_all_they_need() -> None:
    made = application()
    for colour in ("blue", "green"):
        for component in ("backend", "frontend"):
            workload = f"app-{colour}-{component}"
            assert {
                f"{workload}-{part}" for part in ("config", "deployment", "service", "autoscaler", "disruption-budget")
            } <= made.names()


def test_probes_are_those_of_the_application() -> None:
    made = application()
    [backend] = pod(made, "blue-backend")["containers"]
    [frontend] = pod(made, "blue-frontend")["containers"]
    probes = [
        (container["livenessProbe"]["httpGet"]["path"], container["readinessProbe"]["httpGet"]["path"])
        for container in (backend, frontend)
    ]
    assert probes == [("/health/", "/ready/"), ("/api/health", "/api/health")]
    assert backend["readinessProbe"]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "train.example"}]
    assert [container["ports"][0]["containerPort"] for container in (backend, frontend)] == [8000, 3000]


@pytest.mark.parametrize("workload", ["blue-backend", "blue-frontend", "green-backend", "green-frontend"])
def test_pods_meet_the_restricted_standard(workload: str) -> None:
    spec = pod(application(), workload)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False


def test_pods_are_spread_over_zones_and_nodes_and_go_where_they_may() -> None:
    spec = pod(application(), "blue-backend")
    assert [one["topologyKey"] for one in spec["topologySpreadConstraints"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    assert spec["nodeSelector"] == {"pool": "app"}
    assert spec["tolerations"] == [{"key": "app", "operator": "Exists", "effect": "NoSchedule"}]


def test_a_rolling_update_never_takes_more_than_a_quarter() -> None:
    strategy = application()["app-blue-backend-deployment"].inputs["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}


def test_replicas_belong_to_the_autoscaler() -> None:
    made = application()
    assert "replicas" not in made["app-blue-backend-deployment"].inputs["spec"]
    spec = made["app-blue-backend-autoscaler"].inputs["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 4)
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend-blue"}


def test_a_cold_colour_keeps_its_place_but_no_pods() -> None:
    made = application(blue=replace(BLUE, cold=True))
    assert made["app-blue-backend-deployment"].inputs["spec"]["replicas"] == 0
    assert made["app-blue-backend-service"].inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert made.names().isdisjoint({"app-blue-backend-autoscaler", "app-blue-backend-disruption-budget"})
    assert "app-green-backend-autoscaler" in made.names()


def test_a_service_waits_for_its_pods_and_picks_one_colour() -> None:
    service = application()["app-green-frontend-service"]
    assert "app-green-frontend-deployment" in service.after
    assert service.inputs["spec"]["selector"] == {
        "app.kubernetes.io/name": "frontend",
        "app.kubernetes.io/part-of": "english-training",
        "english-training.dev/colour": "green",
    }


def test_changed_configuration_restarts_the_pods_that_read_it_and_no_others() -> None:
    def checksums(made: Recorded) -> list[str]:
        return [
            made[f"app-blue-{component}-deployment"].inputs["spec"]["template"]["metadata"]["annotations"][
                "english-training.dev/config-checksum"
            ]
            for component in ("backend", "frontend")
        ]

    before = checksums(application())
    moved = replace(CONFIGURATION, database=replace(CONFIGURATION.database, host="other.example"))
    after = checksums(application(configuration=moved))
    assert checksums(application()) == before
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_configuration_objects_never_change_under_running_pods() -> None:
    for config in application().of("ConfigMap"):
        assert config.inputs["immutable"] is True
        assert "name" not in config.inputs["metadata"]


def test_secrets_are_files_for_the_backend_alone() -> None:
    made = application()
    volumes = {volume["name"]: volume for volume in pod(made, "blue-backend")["volumes"]}
    assert volumes["secrets"]["secret"]["secretName"] == "app-backend-secrets-autonamed"
    assert all("secret" not in volume for volume in pod(made, "blue-frontend")["volumes"])
    for config in made.of("ConfigMap"):
        assert not any("k" * 50 in value or "p" * 20 in value for value in config.inputs["data"].values())


def test_uploaded_files_are_shared_by_both_colours_and_protected() -> None:
    made = application()
    claim = made["app-media"]
    assert claim.protect
    assert claim.inputs["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "shared",
        "resources": {"requests": {"storage": "20Gi"}},
    }
    for colour in ("blue", "green"):
        claims = [volume.get("persistentVolumeClaim") for volume in pod(made, f"{colour}-backend")["volumes"]]
        assert {"claimName": "media"} in claims
    assert not application(protect_data=False)["app-media"].protect


def test_a_release_names_the_schema_it_expects() -> None:
    annotations = application()["app-blue-backend-deployment"].inputs["spec"]["template"]["metadata"]["annotations"]
    assert annotations["english-training.dev/schema-version"] == "7"


def test_a_release_without_a_migration_has_no_job() -> None:
    assert application().of("Job") == []


def test_a_migration_is_one_job_with_the_backends_image_and_secrets_and_nothing_that_serves() -> None:
    made = application(replace(BLUE, migrates=True))
    job = made["app-blue-migration-job"].inputs
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] == 900
    spec = job["spec"]["template"]["spec"]
    assert spec["restartPolicy"] == "Never"
    assert "topologySpreadConstraints" not in spec
    (container,) = spec["containers"]
    assert container["image"] == BLUE.backend_image
    assert container["command"] == ["python", "/etc/english-training/migrate.py"]
    assert {"ports", "startupProbe", "livenessProbe", "readinessProbe", "lifecycle"}.isdisjoint(container)
    assert [mount["name"] for mount in container["volumeMounts"]] == ["tmp", "settings", "secrets"]
    assert job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == "migration"
    script = made["app-blue-migration-config"].inputs["data"]
    assert set(script) == {"settings.py", "migrate.py"}
    assert "pg_advisory_lock" in script["migrate.py"]


def test_pods_come_after_the_migration() -> None:
    made = application(replace(BLUE, migrates=True))
    for component in ("backend", "frontend"):
        assert "app-blue-migration-job" in made[f"app-blue-{component}-deployment"].after
        assert "app-blue-migration-job" not in made[f"app-green-{component}-deployment"].after
