"""A way to the protocol classes of the Pulumi SDK that does not load the SDK.

``pulumi.runtime.proto`` needs only gRPC and protobuf, but importing it runs ``pulumi/__init__.py`` first, which loads
the whole SDK: about 0.3 s for each start of a plugin, three plugins per operation.
"""

import sys
from importlib.machinery import PathFinder
from types import ModuleType

_PACKAGES = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")


def bare_sdk() -> None:
    """Make ``pulumi.runtime.proto`` importable without the rest of the SDK, for the life of this process.

    Only for processes that use nothing else of the SDK; where it is loaded already, nothing changes.
    """
    if "pulumi" in sys.modules:
        return
    search: list[str] | None = None
    for name in _PACKAGES:
        spec = PathFinder.find_spec(name, search)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"the package {name} is not installed for {sys.executable}", name=name)
        package = ModuleType(name)
        search = package.__path__ = list(spec.submodule_search_locations)
        sys.modules[name] = package
