"""What Prometheus is told to scrape and to work out, judged by Prometheus's own tool."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import monitoring
from rehearsal.cluster.layout import Layout
from rehearsal.paths import Paths
from rehearsal.report import Lines
from rehearsal.toolchain import ensure

RQ = 'envoy_cluster_upstream_rq_xx{service="backend",colour="%s",envoy_response_code_class="%s",instance="i"}'
UP = 'up{job="envoy-proxy",instance="i"}'


@pytest.fixture(scope="module")
def promtool() -> Path:
    return ensure(Paths.of(), ["promtool"], Lines()).binary("promtool")


def run(promtool: Path, *arguments: str | Path) -> None:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("cluster", "labels"),
    [
        ("service/english-training/backend-blue/8000/http", ("backend", "blue")),
        ("service/english-training/frontend-green/3000/http", ("frontend", "green")),
        ("xds_cluster", None),
        ("service/english-training/backend-purple/8000/http", None),
        ("httproute/english-training/english-training/rule/0", None),
    ],
)
def test_service_and_colour_are_in_the_clusters_name(cluster: str, labels: tuple[str, str] | None) -> None:
    found = re.fullmatch(monitoring.CLUSTERS, cluster)
    assert (found.groups() if found else None) == labels


def test_envoy_is_scraped_every_second_where_its_statistics_are() -> None:
    envoy, pods = monitoring.configuration(Layout(root=Path("/checkout")))["scrape_configs"]
    assert (envoy["scrape_interval"], envoy["metrics_path"]) == ("1s", "/stats/prometheus")
    assert envoy["static_configs"] == [{"targets": ["127.0.0.1:19001"]}]
    assert pods["file_sd_configs"][0]["files"] == ["/checkout/targets.json"]


def test_the_configuration_is_valid(promtool: Path, tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    layout.config.mkdir()
    layout.targets.write_text("[]")
    (layout.config / "prometheus-rules.json").write_text(json.dumps(monitoring.rules()))
    (layout.config / "prometheus.json").write_text(json.dumps(monitoring.configuration(layout)))
    run(promtool, "check", "config", layout.config / "prometheus.json")


def test_every_window_records_the_same(promtool: Path, tmp_path: Path) -> None:
    del promtool, tmp_path
    groups = monitoring.rules()["groups"]
    assert [group["name"] for group in groups] == ["gate-10s", "gate-30s", "gate-1m"]
    names = [{rule["record"].removesuffix(group["name"][5:]) for rule in group["rules"]} for group in groups]
    assert names[0] == names[1] == names[2]
    assert names[0] == {
        "colour:http_requests:rate",
        "colour:http_errors:rate",
        "colour:http_responses:delta",
        "colour:http_latency_ms:p50_rate",
        "colour:http_latency_ms:p95_rate",
        "colour:http_latency_ms:p99_rate",
        "service:http_errors:ratio_rate",
        "service:http_slow:ratio_rate",
        "total:http_requests:rate",
        "total:http_errors:ratio_rate",
    }


def judge(promtool: Path, folder: Path, series: dict[str, str], expected: dict[str, list[dict[str, Any]]]) -> None:
    """Compare what is recorded 20 s after the first of ``series``' samples, which are a second apart."""
    (folder / "rules.json").write_text(json.dumps(monitoring.rules()))
    test = {
        "interval": "1s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": expr, "eval_time": "20s", "exp_samples": samples} for expr, samples in expected.items()
        ],
    }
    document = {"rule_files": ["rules.json"], "evaluation_interval": "1s", "tests": [test]}
    (folder / "test.json").write_text(json.dumps(document))
    run(promtool, "test", "rules", folder / "test.json")


def sample(name: str, value: float, **labels: str) -> dict[str, Any]:
    inner = ", ".join(f'{key}="{text}"' for key, text in labels.items())
    return {"labels": f"{name}{{{inner}}}", "value": value}


def test_rates_and_ratios_are_those_of_each_colour(promtool: Path, tmp_path: Path) -> None:
    judge(
        promtool,
        tmp_path,
        {
            RQ % ("blue", "2"): "0+9x20",
            RQ % ("blue", "5"): "0+1x20",
            RQ % ("green", "2"): "0+10x20",
        },
        {
            "colour:http_requests:rate10s": [
                sample("colour:http_requests:rate10s", 10, colour="blue", service="backend"),
                sample("colour:http_requests:rate10s", 10, colour="green", service="backend"),
            ],
            "colour:http_errors:rate10s": [
                sample("colour:http_errors:rate10s", 1, colour="blue", service="backend"),
                sample("colour:http_errors:rate10s", 0, colour="green", service="backend"),
            ],
            "service:http_errors:ratio_rate10s": [
                sample("service:http_errors:ratio_rate10s", 0.05, service="backend"),
            ],
        },
    )


def test_without_traffic_there_is_no_ratio(promtool: Path, tmp_path: Path) -> None:
    judge(
        promtool,
        tmp_path,
        {RQ % ("blue", "2"): "5x20"},
        {
            "service:http_errors:ratio_rate10s": [],
            "colour:http_requests:rate10s": [
                sample("colour:http_requests:rate10s", 0, colour="blue", service="backend")
            ],
        },
    )


def test_the_first_errors_of_all_are_counted(promtool: Path, tmp_path: Path) -> None:
    name = "colour:http_responses:delta10s"
    judge(
        promtool,
        tmp_path,
        {UP: "1x20", RQ % ("blue", "2"): "0+3x20", RQ % ("green", "5"): "_x15 7 7 7 7 7"},
        {
            name: [
                sample(name, 30, colour="blue", envoy_response_code_class="2", service="backend"),
                sample(name, 7, colour="green", envoy_response_code_class="5", service="backend"),
            ]
        },
    )


def test_what_comes_back_after_a_gap_in_scraping_is_not_counted_from_zero(promtool: Path, tmp_path: Path) -> None:
    judge(
        promtool,
        tmp_path,
        {UP: "0x16 1 1 1 1", RQ % ("green", "5"): "_x16 700 700 700 700"},
        {"colour:http_responses:delta10s": []},
    )


def test_latency_is_the_quantile_of_each_colour(promtool: Path, tmp_path: Path) -> None:
    bucket = 'envoy_cluster_upstream_rq_time_bucket{service="backend",colour="blue",le="%s"}'
    name = "colour:http_latency_ms:p50_rate10s"
    judge(
        promtool,
        tmp_path,
        {bucket % "50": "0+0x20", bucket % "100": "0+10x20", bucket % "+Inf": "0+10x20"},
        {name: [sample(name, 75, colour="blue", service="backend")]},
    )
