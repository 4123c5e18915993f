"""deploy/compose.yaml as tests read it: with every variable filled in, as an engine would."""

import re
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
FILE = DEPLOY / "compose.yaml"
EXAMPLE = DEPLOY / "compose/env.example"
SECRETS = "/run/secrets/gwanmun"
HOST, LOGIN_HOST = "gwanmun.test", "login.gwanmun.test"
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([?-])([^}]*))?\})")


def variables() -> dict[str, str]:
    """The variables that have no default: name → what the file says is wanted."""
    text = FILE.read_text(encoding="utf-8")
    found = _VARIABLE.finditer(text)
    return {match[2]: match[4] for match in found if match[3] == "?"}


def filled() -> dict[str, str]:
    """An operator's values, images as digests of nothing."""
    digest = f"registry.test/image@sha256:{'0' * 64}"
    values = {name: digest for name in variables() if name.endswith("_IMAGE")}
    return values | {
        "GWANMUN_HOST": HOST,
        "GWANMUN_LOGIN_HOST": LOGIN_HOST,
        "VLLM_MODEL_DIR": "/srv/model",
    }


def services(environ: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """The services, interpolated (Compose Specification, section Interpolation)."""
    return composed(environ)["services"]


def composed(environ: dict[str, str] | None = None) -> dict[str, Any]:
    """The whole file, interpolated."""
    values = filled() if environ is None else environ

    def value(match: re.Match[str]) -> str:
        escaped, name, kind, rest = match.groups()
        if escaped:
            return "$"
        if kind == "?" and not values.get(name):
            raise KeyError(name)
        return values.get(name) or (rest or "" if kind == "-" else "")

    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: fill(item) for key, item in node.items()}
        if isinstance(node, list):
            return [fill(item) for item in node]
        return _VARIABLE.sub(value, node) if isinstance(node, str) else node

    tree: dict[str, Any] = fill(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    return tree


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """What is mounted: target → (source, whether read-only)."""
    found = {}
    for volume in service.get("volumes", ()):
        if isinstance(volume, dict):
            found[volume["target"]] = (volume["source"], volume.get("read_only", False))
        else:
            source, target, *mode = volume.split(":")
            found[target] = (source, mode == ["ro"])
    return found
