"""The real engine, for the tests that ask it."""

from tests.rehearsal.engine_fixtures import pulumi_engine

__all__ = ["pulumi_engine"]
