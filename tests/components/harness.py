"""Runs component code against Pulumi's mocks, which record what is registered and throw on what nobody expected."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import mocks

COMPONENTS = "english-training:"
RANDOM_PASSWORD = "random:index/randomPassword:RandomPassword"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One resource as the engine would be asked for it."""

    type: str
    name: str
    parent: str
    """Name of the resource that it belongs to; empty for the stack's own."""
    inputs: dict[str, Any]
    protect: bool
    retain_on_delete: bool
    provider: str
    """Reference to the provider that makes it; empty for the default one."""
    after: frozenset[str]
    """Names of the resources that it waits for."""


class Monitor(mocks.MockMonitor):
    """Records the options of each registration beside its inputs."""

    def __init__(self, expected: Iterable[str]) -> None:
        super().__init__(Outputs(expected))
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # the SDK's mocks are untyped
        if request.type != "pulumi:pulumi:Stack":
            if any((one.type, one.name) == (request.type, request.name) for one in self.registered):
                raise AssertionError(f"{request.name} is registered twice")
            self.registered.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    parent=_name(request.parent),
                    inputs=pulumi.runtime.rpc.deserialize_properties(request.object),
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    provider=request.provider,
                    after=frozenset(_name(urn) for urn in request.dependencies),
                )
            )
        return response


class Outputs(pulumi.runtime.Mocks):
    """What a provider would answer, for the types that the test expects."""

    def __init__(self, expected: Iterable[str]) -> None:
        self.expected = frozenset(expected)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.typ.startswith(COMPONENTS) and args.typ not in self.expected:
            raise AssertionError(f"nobody expected a {args.typ} named {args.name}")
        outputs = dict(args.inputs)
        if args.typ.startswith("kubernetes:"):
            outputs["metadata"] = {"name": f"{args.name}-autonamed", **(outputs.get("metadata") or {})}
        if args.typ == RANDOM_PASSWORD:
            outputs["result"] = "r" * int(args.inputs["length"])
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        if args.token == "pulumi:pulumi:readStackOutputs":
            return {"name": args.args["name"], "outputs": {}}
        raise AssertionError(f"nobody expected a call of {args.token}")


class Recorded:
    """What a component registered."""

    def __init__(self, resources: list[Registered]) -> None:
        self.resources = resources

    def __getitem__(self, name: str) -> Registered:
        found = [one for one in self.resources if one.name == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} resources are named {name}; there are {self.names()}")
        return found[0]

    def names(self) -> set[str]:
        return {one.name for one in self.resources}

    def identities(self) -> set[tuple[str, str]]:
        """Type and name of every resource: what a rename would change."""
        return {(one.type, one.name) for one in self.resources}

    def of(self, kind: str) -> list[Registered]:
        return [one for one in self.resources if one.type.rsplit(":", 1)[-1] == kind]


def build(program: Callable[[], object], *, expected: Iterable[str]) -> Recorded:
    """Run ``program`` and wait for all it registers. Only the types in ``expected`` and our own may appear."""
    monitor = Monitor(expected)
    # An earlier test may have closed the thread's loop, which the SDK takes for granted.
    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(monitor.mocks, project="english-training", stack="test", preview=False, monitor=monitor)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]  # as is this decorator
    def run() -> None:
        program()

    run()
    return Recorded(monitor.registered)


def _name(urn: str) -> str:
    if not urn or urn.split("::")[2] == "pulumi:pulumi:Stack":
        return ""
    return urn.rsplit("::", maxsplit=1)[-1]
