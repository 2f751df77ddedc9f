from pathlib import Path

import pytest

from release.cli import orders
from release.errors import BadOrder
from release.model import Strategy

DIGEST = "@sha256:" + "a" * 64
IMAGES = {"backend_image": "r.example/b:1.2.3", "frontend_image": "r.example/f:1.2.3", "schema_version": 1}


@pytest.mark.parametrize(
    ("text", "found"), [("5m", 300.0), ("90s", 90.0), ("1h30m", 5400.0), ("500ms", 0.5), ("0s", 0.0), ("1.5m", 90.0)]
)
def test_durations(text: str, found: float) -> None:
    assert orders.seconds(text, "--soak") == found


@pytest.mark.parametrize("text", ["5x", "", "5", "m", "5m ", "-5m", "5m3", "\u0665m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadOrder) as caught:
        orders.seconds(text, "--soak")
    assert caught.value.problem == f"--soak {text!r} is no duration"
    assert caught.value.remedy == "for example --soak 5m, 90s or 1h30m"


def test_steps_are_whole_numbers() -> None:
    assert orders.shares("10, 25,100") == (10, 25, 100)
    for text in ("10;20", "a", "", "1000", "-1,100"):
        with pytest.raises(BadOrder, match="are no shares in per cent"):
            orders.shares(text)


def test_the_version_is_the_tag_unless_it_is_given() -> None:
    assert orders.order(IMAGES).version == "1.2.3"
    assert orders.order({**IMAGES, "version": "9"}).version == "9"
    with pytest.raises(BadOrder, match="has no tag to take the version from"):
        orders.order({**IMAGES, "backend_image": f"r.example:5000/b{DIGEST}"})


def test_a_missing_image_is_named() -> None:
    with pytest.raises(BadOrder) as caught:
        orders.order({"backend_image": "r/b:1"})
    assert caught.value.remedy == "add --frontend REGISTRY/IMAGE@DIGEST"


def test_each_strategy_has_its_soak() -> None:
    assert orders.order(IMAGES).soak_seconds == 300
    assert orders.order({**IMAGES, "strategy": Strategy.ROLLING}).soak_seconds == 120


def test_outside_development_images_come_by_digest() -> None:
    loose = orders.order(IMAGES)
    orders.require_digests(loose, "development")
    with pytest.raises(BadOrder, match=r"must end in a digest \(@sha256:…\) in production"):
        orders.require_digests(loose, "production")
    pinned = {name: f"{IMAGES[name]}{DIGEST}" for name in ("backend_image", "frontend_image")}
    orders.require_digests(orders.order({**IMAGES, **pinned}), "production")


def test_a_release_can_be_declared_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    file.write_text(
        "strategy: blue-green\nbackend: r/b:2\nfrontend: r/f:2\nschemaVersion: 3\nsoak: 2m\nkeepWarm: 1h\n"
        "overrides: {django: {X: 1}}\nmigration: {image: r/b:2, phase: expand}\n"
    )
    found = orders.order(orders.from_file(file))
    assert (found.strategy, found.soak_seconds, found.keep_warm_seconds) == (Strategy.BLUE_GREEN, 120, 3600)
    assert found.migration is not None
    assert found.overrides == {"django": {"X": 1}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("strategy: [", "is not valid YAML at line"),
        ("- a", "holds no keys"),
        ("backnd: x", "backnd is not a known key"),
        ("soak: 5x", "soak '5x' is no duration"),
        ("!!python/object/apply:os.system [ls]", "is not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_an_order_says_why(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "release.yaml"
    file.write_text(text)
    with pytest.raises(BadOrder, match=problem):
        orders.from_file(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadOrder, match="cannot be read: No such file"):
        orders.from_file(tmp_path / "none.yaml")


def test_values_of_the_wrong_kind_are_named() -> None:
    with pytest.raises(BadOrder, match="schemaVersion: Input should be greater than or equal to 1"):
        orders.order({**IMAGES, "schema_version": 0})


def test_a_strategy_that_is_none_is_named_with_those_that_are() -> None:
    with pytest.raises(BadOrder) as caught:
        orders.order({**IMAGES, "strategy": "big-bang"})
    assert caught.value.problem == "there is no strategy 'big-bang'"
    assert caught.value.remedy == "one of canary, blue-green, rolling"


def test_an_image_is_text() -> None:
    with pytest.raises(BadOrder, match="the image of the backend is no text"):
        orders.order({**IMAGES, "backend_image": 5})


def test_nothing_lasts_longer_than_a_year() -> None:
    assert orders.seconds("8784h", "--soak") == orders.LONGEST
    with pytest.raises(BadOrder, match="--keep-warm '8784h1s' is longer than a year"):
        orders.seconds("8784h1s", "--keep-warm")
