"""The release tool: moves traffic between blue and green, checks, rolls back, remembers and reports.

It sees a stack's configuration and outputs, the cluster, and metrics. :mod:`release.model` says what a release is,
:mod:`release.plan` and :mod:`release.decide` decide (pure), :mod:`release.runner` acts through :mod:`release.ports`,
and :mod:`release.adapters` are those ports' real other ends.
"""
