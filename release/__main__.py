"""``python -m release``."""

from release.cli.app import main

if __name__ == "__main__":
    main()
