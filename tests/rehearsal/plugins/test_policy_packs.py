"""Policy packs under the real engine, started by the language host."""

import json
from pathlib import Path

import pytest

from tests.rehearsal.engine_fixtures import Engine

pytestmark = pytest.mark.engine

# The protocol's own classes, so that the test needs no more than the SDK.
PACK = """
import json, os, sys
from concurrent import futures
import grpc, pulumi
from pulumi.runtime.proto import analyzer_pb2 as messages, analyzer_pb2_grpc, plugin_pb2
from google.protobuf import empty_pb2

facts = {"stack": pulumi.get_stack(), "project": pulumi.get_project(), "limit": pulumi.Config("project").get("limit")}

class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    def GetAnalyzerInfo(self, request, context):
        policy = messages.PolicyInfo(name="short-names", displayName="short-names", enforcementLevel=messages.MANDATORY)
        return messages.AnalyzerInfo(name="pack", version="1.0.0", policies=[policy])

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Configure(self, request, context):
        return empty_pb2.Empty()

    def Analyze(self, request, context):
        if "RandomPet" not in request.type or len(request.name) <= int(facts["limit"] or 5):
            return messages.AnalyzeResponse()
        return messages.AnalyzeResponse(diagnostics=[messages.AnalyzeDiagnostic(
            policyName="short-names", policyPackName="pack", policyPackVersion="1.0.0",
            message=f"the name {request.name} is too long " + json.dumps(facts, sort_keys=True),
            enforcementLevel=messages.MANDATORY, urn=request.urn,
        )])

    def AnalyzeStack(self, request, context):
        return messages.AnalyzeResponse()

    def Remediate(self, request, context):
        return messages.RemediateResponse()

    def Cancel(self, request, context):
        return empty_pb2.Empty()

server = grpc.server(futures.ThreadPoolExecutor(4))
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
print("the pack speaks", flush=True)
server.wait_for_termination()
"""

PROGRAM = """
    import pulumi_random
    pulumi_random.RandomPet("pet")
    pulumi_random.RandomPet("far-too-long")
"""


def write_pack(directory: Path, program: str) -> Path:
    directory.mkdir()
    (directory / "PulumiPolicy.yaml").write_text("runtime: python\nname: pack\n")
    (directory / "__main__.py").write_text(program)
    return directory


def test_a_policy_pack_judges_resources_and_knows_its_stack(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin(PROGRAM)
    engine.configure("limit", "6")
    pack = write_pack(engine.project / "pack", PACK)
    result = engine.preview("--policy-pack", str(pack))
    assert result.code != 0
    violations = [event["policyEvent"] for event in result.events if "policyEvent" in event]
    facts = json.dumps({"limit": "6", "project": "project", "stack": "test"})
    assert len(violations) == 1
    assert violations[0]["resourceUrn"].endswith("RandomPet::far-too-long")
    assert f"the name far-too-long is too long {facts}" in violations[0]["message"]
    assert "the pack speaks" in result.output

    engine.configure("limit", "20")
    assert engine.up("--policy-pack", str(pack)).changes == {"create": 3}


def test_a_policy_pack_that_cannot_start_shows_why(pulumi_engine: Engine) -> None:
    engine = pulumi_engine.begin("")
    pack = write_pack(engine.project / "pack", 'raise SystemExit("this pack is broken")\n')
    result = engine.preview("--policy-pack", str(pack))
    assert result.code != 0
    assert "error: the policy pack did not start: this pack is broken" in result.output
