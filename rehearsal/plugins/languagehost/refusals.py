"""What a language host can be asked for that a rehearsal never needs: refused, each with a message that says so."""

from collections.abc import Iterator

import grpc  # type: ignore[import-untyped]  # publishes no types
from pulumi.runtime.proto import language_pb2 as messages
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeServicer

# The protocol fixes the names and the parameters of the methods below.
# ruff: noqa: N802, ARG002


class Refusals(LanguageRuntimeServicer):
    """The verbs that write, install or publish source text."""

    def InstallDependencies(
        self, request: messages.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.InstallDependenciesResponse]:
        """Refuse: a rehearsal runs in an environment that is there already."""
        raise _refusal(context, "install dependencies: use `pip install -r requirements.txt` or `uv sync`")

    def Template(self, request: messages.TemplateRequest, context: grpc.ServicerContext) -> messages.TemplateResponse:
        """Refuse."""
        raise _refusal(context, "start a project from a template")

    def GenerateProgram(
        self, request: messages.GenerateProgramRequest, context: grpc.ServicerContext
    ) -> messages.GenerateProgramResponse:
        """Refuse."""
        raise _refusal(context, "write program text: use `pulumi import --generate-code=false`")

    def GenerateProject(
        self, request: messages.GenerateProjectRequest, context: grpc.ServicerContext
    ) -> messages.GenerateProjectResponse:
        """Refuse."""
        raise _refusal(context, "write a project")

    def GeneratePackage(
        self, request: messages.GeneratePackageRequest, context: grpc.ServicerContext
    ) -> messages.GeneratePackageResponse:
        """Refuse."""
        raise _refusal(context, "write an SDK")

    def Pack(self, request: messages.PackRequest, context: grpc.ServicerContext) -> messages.PackResponse:
        """Refuse."""
        raise _refusal(context, "build a package")

    def Link(self, request: messages.LinkRequest, context: grpc.ServicerContext) -> messages.LinkResponse:
        """Refuse."""
        raise _refusal(context, "link a package")


def _refusal(context: grpc.ServicerContext, what: str) -> Exception:
    """End the call with a message; what is returned is for the type checker, because ``abort`` raises."""
    context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the rehearsal's stand-in for the language host does not {what}")
    return AssertionError("abort raises")
