"""New versions that are ill, and surroundings that are: found before traffic, or taken back, and said why."""

from pathlib import Path

import pytest

from tests.endtoend.conftest import Platform
from tests.endtoend.releasing import OTHER, Releasing, closed, reach_of, whole

pytestmark = pytest.mark.endtoend


@pytest.fixture
def releasing(platform: Platform) -> Releasing:
    """The tool in the platform's checkout, where one colour has all requests and no release is in progress."""
    made = Releasing(platform=platform, checkout=platform.checkout)
    made.settle()
    return made


@pytest.mark.parametrize(("component", "fault"), [("backend", "errors=100"), ("frontend", "errors=20")])
def test_a_version_that_goes_bad_before_a_fifth_of_its_users_is_taken_back(
    releasing: Releasing, tmp_path: Path, component: str, fault: str
) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    with releasing.load(200, tmp_path) as load:
        deploy = releasing.start(f"deploy {releasing.images()} --version 4.0.0 --steps 20,100 --soak 5m")
        deploy.until("watch at 20 %", done=5)
        releasing.fault(new, fault, component)
        assert deploy.ended() == 4, "\n".join(deploy.lines)
        assert releasing.weights == {old: 100, new: 0}
    assert load.failed_colours == {new}
    assert load.lost == 0
    record = releasing.log()
    assert record["status"] == "rolled back"
    assert f"{component} {new}" in record["reason"]
    assert record["times"]["failedAt"] <= record["times"]["detectedAt"] <= record["times"]["recoveredAt"]
    whole(record)


@pytest.mark.parametrize(
    ("tag", "option", "why"),
    [
        ("4.1.0-sim.never-ready", "", "provision failed"),
        ("4.1.0-sim.crash-loop", "", "provision failed"),
        ("4.1.0-sim.fail-job", "--migrate expand --schema 3", "migrate failed"),
    ],
)
def test_a_version_that_is_ill_from_the_start_never_gets_a_request(
    releasing: Releasing, tmp_path: Path, tag: str, option: str, why: str
) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    images = releasing.images(backend=tag).replace("--schema 2", "" if option else "--schema 2")
    with releasing.load(50, tmp_path) as load:
        error = releasing.refused(f"deploy {images} {option} --strategy blue-green", 4)
    assert why in error["error"]
    assert releasing.weights == {old: 100, new: 0}
    assert set(load.colours()) == {old}
    assert load.figures["errors"] == {}
    assert releasing.log()["times"]["trafficAt"] is None


def test_what_is_missing_is_found_before_anything_changes(releasing: Releasing) -> None:
    standing, weights = releasing.standing, releasing.weights
    images = releasing.images()
    missing = images.replace("backend:1.2.0", "backend:9.9.9")
    assert "has no 9.9.9" in releasing.refused(f"deploy {missing} --version 4.2.0", 3)["error"]
    for address, name in (("postgresql.internal:5432", "database"), ("redis.internal:6379", "cache")):
        away = {"ENGLISH_TRAINING_REACH": closed(address, reach_of(releasing.platform))}
        assert f"{name}: " in releasing.refused(f"deploy {images} --version 4.2.0", 3, away)["error"]
    assert (releasing.standing, releasing.weights) == (standing, weights)
    assert releasing.log()["reason"].endswith("nothing was changed")


def test_without_metrics_nothing_is_promoted_and_a_webhook_that_is_down_matters_to_nobody(
    releasing: Releasing, tmp_path: Path
) -> None:
    old, new = releasing.serving, OTHER[releasing.serving]
    away = {
        "ENGLISH_TRAINING_REACH": closed("prometheus.localhost:9090", reach_of(releasing.platform)),
        "RELEASE_WEBHOOK": "http://127.0.0.1:1/s3cret-path",
    }
    with releasing.load(300, tmp_path):
        order = f"deploy {releasing.images()} --version 4.3.0 --steps 30,100 --soak 4s --wait 1s"
        done = releasing.tool(f"{order} --output json", away)
        assert done.returncode == 6, done.stdout + done.stderr
        assert "s3cret-path" not in done.stdout + done.stderr
        assert "could not be delivered" in done.stderr
        assert releasing.weights == {old: 70, new: 30}
        assert "not conclusive" in releasing.log()["reason"]
        releasing.good("abort")
    assert releasing.weights == {old: 100, new: 0}


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        ("deploy --backend r.example/b:1", 2, "no image of the frontend is named"),
        ("deploy {images} --steps 50,25,100", 2, "must rise from at least 1 and end at 100"),
        ("deploy {images} --steps 10,50", 2, "must rise from at least 1 and end at 100"),
        ("deploy {images} --soak 5x", 2, "--soak '5x' is no duration"),
        ("rollback --to 20200101-000000-none", 12, "there is no release 20200101-000000-none"),
        ("promote", 12, "no release of stack development is in progress"),
        ("logs 20200101-000000-none", 12, "there is no release"),
        ("unlock nobody", 12, "nobody"),
    ],
)
def test_what_makes_no_sense_is_one_clear_error_and_changes_nothing(
    releasing: Releasing, arguments: str, code: int, problem: str
) -> None:
    images = "--backend registry.localhost/b:1 --frontend registry.localhost/f:1"
    before = releasing.standing
    assert problem in releasing.refused(arguments.format(images=images), code)["error"]
    assert releasing.standing == before
