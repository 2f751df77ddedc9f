"""Requests through the gateway from many clients, counted by who answered them.

``run(Plan(...))`` returns a :class:`Report`; ``python -m rehearsal.traffic`` prints one. Both run inside the embedded
cluster's network namespace (``rehearsal.cluster.lifecycle.enter``), where the clients' addresses exist.
"""

from rehearsal.traffic.figures import percentile, within_binomial
from rehearsal.traffic.load import run
from rehearsal.traffic.plan import Plan
from rehearsal.traffic.report import Answered, Report

__all__ = ["Answered", "Plan", "Report", "percentile", "run", "within_binomial"]
