"""The Compose Specification's own loader, built from Go modules that a go.sum pins."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parts import golang
from parts.cache import kept

MODULE = Path(__file__).resolve().parents[1] / "data/go/compose"
_VERSION = "2.16.2"


class Refused(Exception):
    """The loader refused the file; the message is what it said."""


def load(file: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """What the file means, every variable filled in from `environ`, all profiles included.

    Raises:
        Refused: it is no valid Compose file, or a variable that it demands has no value.
    """
    program = kept(f"compose-go-{_VERSION}", _make) / "compose"
    done = subprocess.run(
        [program, file],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(done.stderr.strip())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _make(folder: Path) -> None:
    golang.build(MODULE, ".", folder / "compose", linking="-s -w")
