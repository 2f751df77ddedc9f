"""A plain shell reaches what stands beside the cluster, with what the environment and the stack say."""

import re

import pytest

from tests.endtoend.conftest import Platform

pytestmark = pytest.mark.endtoend

PROGRAM = """
import os, subprocess, urllib.request, json, psycopg, redis

password = subprocess.run(
    ["pulumi", "config", "get", "databasePassword"], capture_output=True, text=True, check=True
).stdout.strip()
authority = os.environ["ENGLISH_TRAINING_AUTHORITY"]
reach = json.loads(os.environ["ENGLISH_TRAINING_REACH"])
port = reach["postgresql.internal:5432"].rpartition(":")[2]
with psycopg.connect(
    host="postgresql.internal", hostaddr="127.0.0.1", port=port, dbname="english_training", user="english_training",
    password=password, sslmode="verify-full", sslrootcert=authority,
) as connection:
    print(connection.execute("SELECT current_user").fetchone()[0])
port = reach["redis.internal:6379"].rpartition(":")[2]
print(redis.Redis(port=int(port), ssl=True, ssl_ca_certs=authority).ping())
with urllib.request.urlopen("http://" + reach["prometheus.localhost:9090"] + "/api/v1/targets") as answer:
    targets = json.load(answer)["data"]["activeTargets"]
print(sorted({target["scrapePool"] for target in targets}))
"""


def test_the_database_of_the_stack_the_cache_and_the_metrics(platform: Platform) -> None:
    (platform.checkout / ".rehearsal" / "beside.py").write_text(PROGRAM)
    said = platform.good("pulumi stack select development && .venv/bin/python .rehearsal/beside.py").splitlines()
    assert said == ["english_training", "True", "['application', 'envoy-proxy']"]


def test_the_images_that_the_stack_names_are_in_the_registry(platform: Platform) -> None:
    for component in ("backend", "frontend"):
        environment = (platform.checkout / ".rehearsal" / "env").read_text()
        address = re.search(r'"registry.localhost:443": "127.0.0.1:(\d+)"', environment)
        assert address is not None
        url = f"https://localhost:{address[1]}/v2/english-training-system/{component}/tags/list"
        said = platform.good(f'curl -sf --cacert "$ENGLISH_TRAINING_AUTHORITY" "{url}"')
        assert said == f'{{"name":"english-training-system/{component}","tags":["1.0.0","1.1.0"]}}\n'
