"""The application's pods, as far as going back to a colour needs to know of them."""

from typing import Final

from release.adapters.cluster_api import ClusterApi
from release.model import Colour

COMPONENTS: Final = ("backend", "frontend")


class ClusterPods:
    """Deployments named ``<component>-<colour>``."""

    def __init__(self, api: ClusterApi, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def ready(self, colour: Colour) -> bool:
        """Whether every component of ``colour`` has a pod that can answer. Raises ``Unreachable``."""
        listed = self._api.request(
            "GET",
            f"/apis/apps/v1/namespaces/{self._namespace}/deployments",
            query={"labelSelector": f"english-training.dev/colour={colour.value}"},
        )
        available = {
            str(one["metadata"]["name"]): int(one.get("status", {}).get("availableReplicas", 0))
            for one in listed["items"]
        }
        return all(available.get(f"{component}-{colour.value}", 0) > 0 for component in COMPONENTS)
