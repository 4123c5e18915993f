"""Kubernetes' custom resource definitions as their own projects ship them, pinned by Go's sums."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from parts import golang
from parts.cache import kept


class Source(NamedTuple):
    """A Go module, its sum, and the file in it."""

    module: str
    sum: str
    file: str


SOURCES = {
    "gateway-api-1.6.3": Source(
        "sigs.k8s.io/gateway-api@v1.6.3",
        "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
    "prometheus-operator-0.85.0": Source(
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
}


def definitions() -> list[dict[str, Any]]:
    """HTTPRoute and ServiceMonitor; skips where they cannot be fetched."""
    try:
        folders = [kept(name, _fetcher(source)) for name, source in SOURCES.items()]
    except subprocess.CalledProcessError as error:
        said = json.dumps(error.stderr or error.stdout)[-300:]
        pytest.skip(f"kubernetes: go could not fetch the definitions: {said}")
    return [yaml.safe_load((folder / "crd.yaml").read_text("utf-8")) for folder in folders]


def _fetcher(source: Source) -> Any:
    def fetch(folder: Path) -> None:
        with golang.fetched(source.module, source.sum) as module:
            shutil.copy(module / source.file, folder / "crd.yaml")

    return fetch
