"""Stands in for Go: writes down what it is asked, and builds programs of a few bytes.

``FAKE_GO`` names a directory. ``version`` in it is the version to claim; ``log`` gets one JSON line for each call;
``fail-<package>`` makes a build fail; ``block-<package>`` makes it say so in ``blocked-<package>`` and wait for
``go-on``.
"""

import json
import os
import sys
import time
from pathlib import Path

HOME = Path(os.environ["FAKE_GO"])
KEPT = ("FLAGS", "TOOLCHAIN", "WORK", "111MODULE", "PROXY", "SUMDB", "CACHE", "TMPDIR", "OS", "ARCH")


def main() -> None:
    with (HOME / "log").open("a") as log:
        environment = {f"GO{name}": os.environ[f"GO{name}"] for name in KEPT if f"GO{name}" in os.environ}
        log.write(json.dumps({"arguments": sys.argv[1:], "environment": environment}) + "\n")
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "env":
        version = (HOME / "version").read_text()
        modules = os.environ.get("GOMODCACHE", str(HOME / "modules"))
        said = {"GOVERSION": version, "GOHOSTOS": "linux", "GOHOSTARCH": "amd64", "GOMODCACHE": modules}
        sys.stdout.write(json.dumps(said))
    elif verb == "list":
        sys.stderr.write("go: downloading example.org/something v1.0.0\n")
        sys.stdout.write("example.org/something\n\nexample.org/another\n")
    elif verb == "build":
        at = arguments.index("-o") + 1
        build(Path(arguments[at]), arguments[at + 1 :])
    else:
        sys.exit(f"fake go: unexpected {verb}")


def build(target: Path, packages: list[str]) -> None:
    for package in packages:
        name = package.removesuffix("/v3").rpartition("/")[2]
        if (HOME / f"block-{name}").exists():
            (HOME / f"blocked-{name}").write_text(str(os.getpid()))
            while not (HOME / "go-on").exists():
                time.sleep(0.01)
        if (HOME / f"fail-{name}").exists():
            sys.exit("example.org/something: undefined: somebody")
        sys.stderr.write(f"{package}\n")
        (target / name).write_text(f"#!/bin/sh\necho {name}\n")
        (target / name).chmod(0o755)


main()
