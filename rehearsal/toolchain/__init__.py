"""The programs that the rehearsal runs: found where the user has them, built from pinned sources otherwise."""

from rehearsal.toolchain.catalog import ALL, DEFAULT
from rehearsal.toolchain.doctor import diagnose, table
from rehearsal.toolchain.tools import Toolchain, clean, ensure

__all__ = ["ALL", "DEFAULT", "Toolchain", "clean", "diagnose", "ensure", "table"]
