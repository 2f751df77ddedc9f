"""What Prometheus scrapes and works out: pure functions to its configuration and its rules.

The rules are those of a real installation, under the same names, at windows that suit a rehearsal: its releases take
minutes, not hours. Only rates and ratios are recorded; nothing here alerts.
"""

from typing import Any, Final

from rehearsal.cluster.layout import STATISTICS_PORT, Layout

WINDOWS: Final = ("10s", "30s", "1m")
ENVOY_EVERY: Final = "1s"
PODS_EVERY: Final = "2s"
"""The shortest window takes several samples."""
RULES_EVERY: Final = "1s"

ENVOY: Final = "envoy-proxy"
"""Name of the job, and so its series' label ``job``."""
CLUSTERS: Final = "service/[^/]+/(backend|frontend)-(blue|green)/.+"
"""Envoy's name for what is behind a Service, as Envoy Gateway gives it where backends are merged."""
LISTENER: Final = '{envoy_http_conn_manager_prefix=~"https-.*"}'
LISTENER_ERRORS: Final = '{envoy_http_conn_manager_prefix=~"https-.*",envoy_response_code_class="5"}'
COLOURS: Final = 'colour!=""'


def configuration(layout: Layout) -> dict[str, Any]:
    """Prometheus's configuration file."""
    return {
        "global": {"evaluation_interval": RULES_EVERY},
        "rule_files": [str(layout.config / "prometheus-rules.json")],
        "scrape_configs": [_envoy(), _pods(layout)],
    }


def rules() -> dict[str, Any]:
    """The recording rules: one group a window, so that the windows do not wait for each other."""
    return {
        "groups": [
            {"name": f"gate-{window}", "rules": [{"record": name, "expr": text} for name, text in _recorded(window)]}
            for window in WINDOWS
        ]
    }


def _envoy() -> dict[str, Any]:
    """Envoy's statistics, as far as they were used at all, with service and colour of those behind the gateway."""
    colour = {"source_labels": ["envoy_cluster_name"], "regex": CLUSTERS}
    return {
        "job_name": ENVOY,
        "scrape_interval": ENVOY_EVERY,
        "scrape_timeout": ENVOY_EVERY,
        "metrics_path": "/stats/prometheus",
        "params": {"usedonly": [""]},
        "static_configs": [{"targets": [f"127.0.0.1:{STATISTICS_PORT}"]}],
        "metric_relabel_configs": [
            # Each of these says again what another series says already.
            {
                "source_labels": ["__name__"],
                "regex": "envoy_(cluster_(external|internal)|listener)_.+",
                "action": "drop",
            },
            {**colour, "target_label": "service", "replacement": "$1"},
            {**colour, "target_label": "colour", "replacement": "$2"},
        ],
    }


def _pods(layout: Layout) -> dict[str, Any]:
    """The application's pods, which the simulator lists with their labels."""
    return {
        "job_name": "application",
        "scrape_interval": PODS_EVERY,
        "scrape_timeout": PODS_EVERY,
        "file_sd_configs": [{"files": [str(layout.targets)], "refresh_interval": "30s"}],
    }


def _recorded(window: str) -> tuple[tuple[str, str], ...]:
    """Name and expression of each rule for one window; those that use others' results come after them."""
    answers, times = "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time"
    listener = "envoy_http_downstream_rq_xx"
    slow = f'{times}_bucket{{{COLOURS},le=~"2000(\\\\.0)?"}}'
    requests, errors = f"colour:http_requests:rate{window}", f"colour:http_errors:rate{window}"
    total = f"total:http_requests:rate{window}"
    buckets = f"sum by (service, colour, le) (rate({times}_bucket{{{COLOURS}}}[{window}]))"
    before = f"{answers} offset {window}"
    return (
        (requests, f"sum by (service, colour) (rate({answers}{{{COLOURS}}}[{window}]))"),
        (
            errors,
            f'sum by (service, colour) (rate({answers}{{{COLOURS},envoy_response_code_class="5"}}[{window}]))'
            f" or 0 * {requests}",
        ),
        (
            f"service:http_errors:ratio_rate{window}",
            f"sum by (service) ({errors}) / (sum by (service) ({requests}) > 0)",
        ),
        (total, f"sum (rate({listener}{LISTENER}[{window}]))"),
        (
            f"total:http_errors:ratio_rate{window}",
            f"(sum (rate({listener}{LISTENER_ERRORS}[{window}])) or vector(0)) / ({total} > 0)",
        ),
        (
            f"service:http_slow:ratio_rate{window}",
            f"1 - sum by (service) (rate({slow}[{window}]))"
            f" / (sum by (service) (rate({times}_count{{{COLOURS}}}[{window}])) > 0)",
        ),
        *(
            (f"colour:http_latency_ms:{name}_rate{window}", f"histogram_quantile({quantile}, {buckets})")
            for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        ),
        (
            # A series that is new while its target was already up counts from zero; after a gap it does not.
            f"colour:http_responses:delta{window}",
            "sum by (service, colour, envoy_response_code_class) ("
            f"increase({answers}{{{COLOURS}}}[{window}]) and {before}"
            f" or ({answers}{{{COLOURS}}} unless {before})"
            f' and on (instance) (up{{job="{ENVOY}"}} offset {window} == 1))',
        ),
    )
