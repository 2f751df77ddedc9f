"""Which properties of which kind cannot change in place, so that a change replaces the object.

The table is the official provider's (``provider/pkg/provider/diff.go``). Changes that the API server refuses beyond it
end in its own message, and in the remedy ``replaceOnChanges``.
"""

from typing import Final

from rehearsal.plugins.kubernetes.objects import Manifest, group

Pattern = tuple[str, ...]
"""A property and everything below it."""

_IDENTITY: Final[tuple[Pattern, ...]] = (("kind",), ("metadata", "name"), ("metadata", "namespace"))
_SELECTOR: Final[tuple[Pattern, ...]] = (("spec", "selector"),)
_ROLE: Final[tuple[Pattern, ...]] = (("roleRef",),)


def _spec(*names: str) -> tuple[Pattern, ...]:
    return tuple(("spec", name) for name in names)


_FIXED: Final[dict[tuple[str, str], tuple[Pattern, ...]]] = {
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "StatefulSet"): _spec(
        "podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"
    ),
    ("batch", "Job"): _spec("completions", "parallelism", "selector", "template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _ROLE,
    ("rbac.authorization.k8s.io", "RoleBinding"): _ROLE,
    ("storage.k8s.io", "StorageClass"): (("parameters",), ("provisioner",)),
    ("", "PersistentVolumeClaim"): _spec("accessModes", "selector", "storageClassName", "volumeName"),
    ("", "ResourceQuota"): _spec("scopes"),
    ("", "Service"): _spec("clusterIP"),
    ("", "PersistentVolume"): _spec(
        *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker"),
        *("gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk"),
        *("portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
    ),
    ("", "Pod"): _spec(
        *("affinity", "automountServiceAccountToken", "containers", "dnsConfig", "dnsPolicy", "enableServiceLinks"),
        *("hostAliases", "hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "initContainers"),
        *("nodeName", "nodeSelector", "overhead", "preemptionPolicy", "priority", "priorityClassName"),
        *("readinessGates", "restartPolicy", "runtimeClassName", "schedulerName", "securityContext"),
        *("serviceAccount", "serviceAccountName", "shareProcessNamespace", "subdomain"),
        *("terminationGracePeriodSeconds", "volumes"),
    ),
}


def fixed_properties(
    manifest: Manifest, *, mutable_config_maps: bool = False, mutable_secrets: bool = False
) -> tuple[Pattern, ...]:
    """Return what replaces ``manifest`` when it changes.

    As in the official provider, a change of data replaces a ConfigMap and a Secret (so that, with a name made up by
    Pulumi, whoever uses it is rolled), unless the provider's ``enableConfigMapMutable`` or ``enableSecretMutable`` is
    set; an object with ``immutable: true`` is always replaced.
    """
    key = (group(str(manifest.get("apiVersion", ""))), str(manifest.get("kind", "")))
    frozen = manifest.get("immutable") is True
    match key:
        case ("", "Secret"):
            data = () if mutable_secrets and not frozen else (("stringData",), ("data",))
            return (*_IDENTITY, ("type",), *data)
        case ("", "ConfigMap"):
            data = () if mutable_config_maps and not frozen else (("binaryData",), ("data",))
            return (*_IDENTITY, *data)
        case _:
            return (*_IDENTITY, *_FIXED.get(key, ()))
