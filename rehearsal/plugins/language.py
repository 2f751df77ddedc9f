"""The stand-in for ``pulumi-language-python``: ``python -m rehearsal.plugins.language ENGINE_ADDRESS``."""

import sys

from rehearsal.plugins import parent
from rehearsal.plugins.bare import bare_sdk
from rehearsal.plugins.languagehost import warm


def main() -> None:
    """Serve the engine's ``LanguageRuntime`` until it ends this process."""
    # First, because what is summoned warms up while this process loads gRPC.
    warm.summon(parent.engine())
    bare_sdk()
    from rehearsal.plugins.languagehost.servicer import serve  # noqa: PLC0415 - after bare_sdk, which it relies on

    serve(sys.argv[1:])


if __name__ == "__main__":
    main()
