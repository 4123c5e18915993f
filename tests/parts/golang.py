"""Programs built from Go modules that a go.sum pins; nothing of the sources stays afterwards.

Debian 12 has Go 1.19, which cannot build what is wanted here. There the newer toolchain is fetched
first: it is a module like any other, so Go's checksum database and the sum below answer for it.
"""

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

LEAST = (1, 26)
_TOOLCHAIN = "golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64"
_TOOLCHAIN_SUM = "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM="


def build(module: Path, package: str, program: Path, *, linking: str) -> None:
    """Builds `package` as the go.mod and go.sum in `module` say, into the file `program`.

    Raises:
        subprocess.CalledProcessError: go could not fetch or build it; its words are in `stderr`.
    """
    with tempfile.TemporaryDirectory(dir=program.parent) as name:
        place = Path(name)
        environ = _environ(place, "-mod=readonly -modcacherw -trimpath -buildvcs=false")
        go = _go(place, environ)
        sources = shutil.copytree(module, place / "source")
        command = ["nice", "-n", "5", go, "build", "-ldflags", linking, "-o", str(program), package]
        subprocess.run(
            command, cwd=sources, env=environ, check=True, capture_output=True, text=True
        )


@contextlib.contextmanager
def fetched(module: str, expected: str) -> Iterator[Path]:
    """The files of one module, checked against `expected` (go.sum's `h1:`); gone after the block.

    Raises:
        subprocess.CalledProcessError: go could not fetch it.
        RuntimeError: it is not what is pinned.
    """
    if shutil.which("go") is None:
        pytest.skip("go: not installed; apt-get install golang-go")
    with tempfile.TemporaryDirectory() as name:
        environ = _environ(Path(name), "-modcacherw")
        yield _download("go", Path(name), environ, module, expected)


def _environ(place: Path, flags: str) -> dict[str, str]:
    """Go's world in one folder."""
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOCACHE": str(place / "cache"),
        "GOFLAGS": flags,
        "GOMODCACHE": str(place / "modules"),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _go(place: Path, environ: dict[str, str]) -> str:
    """The installed go if it is new enough, else the one that it fetches; skips without any."""
    if shutil.which("go") is None:
        pytest.skip("go: not installed; apt-get install golang-go")
    version = subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) >= LEAST:
        return "go"
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip(f"go: {version.strip()} is too old; {LEAST[0]}.{LEAST[1]} is needed")
    newer = {**environ, "GOFLAGS": "-modcacherw"}
    root = _download("go", place, newer, _TOOLCHAIN, _TOOLCHAIN_SUM)
    for tool in (*root.glob("bin/*"), *root.glob("pkg/tool/*/*")):
        tool.chmod(0o755)  # archives of modules hold no rights
    environ["GOROOT"] = str(root)
    return str(root / "bin" / "go")


def _download(go: str, place: Path, environ: dict[str, str], module: str, expected: str) -> Path:
    """Fetches one module.

    Raises:
        RuntimeError: it is not what is pinned.
    """
    folder = place / "fetching"
    folder.mkdir()
    (folder / "go.mod").write_text("module fetching\n\ngo 1.18\n")
    done = subprocess.run(
        [go, "mod", "download", "-json", module],
        cwd=folder,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    if told["Sum"] != expected:
        raise RuntimeError(f"{module}: not the one that is pinned here")
    return Path(told["Dir"])
