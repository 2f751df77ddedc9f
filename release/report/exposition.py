"""Numbers as Prometheus metrics, for the textfile collector or a push. Pure.

A figure without a value has no sample: an alert then sees that it is absent, instead of a 0 that nobody measured.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from release.report.figures import Numbers

PREFIX = "release_"


def metrics(report: Numbers) -> str:
    """The exposition in the text format, every sample with the label ``stack``."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(report))
    return generate_latest(registry).decode()


class _Collected:
    def __init__(self, report: Numbers) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        report = self._report
        stack = {"stack": report.stack}
        for one in report.figures:
            family = _family(one.key, one.title)
            if one.value is not None:
                family.add_metric(list(stack.values()), one.value)
                yield family
        samples = GaugeMetricFamily(
            f"{PREFIX}report_samples", "What each figure is made from", labels=["stack", "figure"]
        )
        met = GaugeMetricFamily(f"{PREFIX}report_target_met", "Whether its target is met", labels=["stack", "figure"])
        for one in report.figures:
            samples.add_metric([report.stack, one.key], one.n)
            if one.met is not None:
                met.add_metric([report.stack, one.key], float(one.met))
        yield samples
        yield met
        yield from self._whole()

    def _whole(self) -> Iterator[Metric]:
        report = self._report
        values = [
            ("report_window_start_timestamp_seconds", "Beginning of the window", report.since.timestamp()),
            ("report_window_end_timestamp_seconds", "End of the window", report.until.timestamp()),
            ("failed_deployments_running", "Failures that are not over", float(len(report.running))),
            (
                "commits_waiting",
                "Commits of failed releases that none has brought since",
                float(report.waiting_commits),
            ),
        ]
        for name, text, value in values:
            family = _family(name, text)
            family.add_metric([report.stack], value)
            yield family
        if report.cost is not None:
            cost = GaugeMetricFamily(
                f"{PREFIX}infrastructure_monthly_cost",
                "As given, in its currency",
                labels=["stack", "currency", "source"],
            )
            cost.add_metric([report.stack, report.cost.currency, report.cost.source], float(report.cost.amount))
            yield cost


def _family(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}{name}", text, labels=["stack"])
