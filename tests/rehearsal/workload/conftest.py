"""Fixtures of the workload simulator's tests."""

from tests.rehearsal.cluster_fixtures import embedded_cluster

__all__ = ["embedded_cluster"]
