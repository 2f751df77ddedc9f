"""``python -m rehearsal.plugins.kubernetes ENGINE_ADDRESS``, as the engine starts a plugin."""

import sys
from typing import NoReturn

from rehearsal.plugins.bare import bare_sdk


def main() -> NoReturn:
    """Serve until the engine is done."""
    bare_sdk()
    # Only now, because both load the SDK's protocol classes.
    from rehearsal.plugins import serving  # noqa: PLC0415
    from rehearsal.plugins.kubernetes.server import Server  # noqa: PLC0415

    serving.serve(Server(serving.engine_address(sys.argv[1:])).register)


main()
