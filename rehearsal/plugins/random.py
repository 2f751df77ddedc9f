"""The stand-in for ``pulumi-resource-random``: ``python -m rehearsal.plugins.random ENGINE_ADDRESS``."""

from rehearsal.plugins.bare import bare_sdk


def main() -> None:
    """Serve the engine's ``ResourceProvider`` until it ends this process."""
    bare_sdk()
    from rehearsal.plugins.randomness.servicer import serve  # noqa: PLC0415 - after bare_sdk, which it relies on

    serve()


if __name__ == "__main__":
    main()
