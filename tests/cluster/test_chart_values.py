"""Wrong values are refused before a cluster sees them, with words that name the place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chart import SIZES, rendered
from parts.helm import CHART, Helm, HelmFailed, example

Values = dict[str, Any]
DIGEST = f"sha256:{'3' * 64}"


def without(*path: str) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        inner = values
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]

    return change


def put(value: Any, *path: str) -> Callable[[Values], None]:
    def change(values: Values) -> None:
        inner = values
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value

    return change


WORKER = ("models", "midm", "worker")
BUCKET = {
    "url": "s3://days/2026",
    "endpointUrl": "https://s3.example",
    "secret": {"name": "putter"},
}
REFUSED = {
    "no image": (without("image"), "missing property 'repository'|missing properties"),
    "no digest": (without("image", "digest"), "missing property 'digest'"),
    "a tag": (put("latest", "image", "digest"), "/image/digest"),
    "a tag in the name": (put("a/b:1@x", "image", "repository"), "/image/repository"),
    "no issuer": (without("settings", "identity", "issuer"), "missing property 'issuer'"),
    "no public url": (without("settings", "server", "public_url"), "missing property 'public_url'"),
    "no database": (without("database"), "missing property"),
    "no keys": (without("keys"), "missing property 'keys'"),
    "no models": (without("models"), "missing property 'models'"),
    "models: none": (put({}, "models"), "/models"),
    "no way to the database": (without("network", "database"), "missing property 'database'"),
    "nobody is the database": (put([], "network", "database", "to"), "/network/database/to"),
    "a misspelt group": (put({"replicas": 2}, "gatway"), "'gatway' not allowed"),
    "a misspelt name": (put(2, "gateway", "replica"), "'replica' not allowed"),
    "a misspelt setting": (put(9, "settings", "limits", "requests"), "'requests' not allowed"),
    "a wrong setting": (put("many", "settings", "limits", "requests_per_minute"), "want integer"),
    "what the chart decides": (put("h", "settings", "server", "host"), "'host' not allowed"),
    "a password": (put("secret", "database", "password"), "'password' not allowed"),
    "a secret's content": (put("x", "database", "writer", "secret", "value"), "'value' not"),
    "no redaction": (put(False, "settings", "redaction"), "/settings/redaction"),
    "no policies": (put(False, "network", "enabled"), "'enabled' not allowed"),
    "a key on the command line": (put(["--api-key=x"], *WORKER, "extraArgs"), "/extraArgs/0"),
    "engine logs of prompts": (put(["--enable-log-outputs"], *WORKER, "extraArgs"), "/extraArgs"),
    "a way out of the volume": (put("../x", *WORKER, "weights", "path"), "/weights/path"),
    "an engine without a key": (without("models", "midm", "apiKey"), "/models/midm"),
    "neither worker nor elsewhere": (without(*WORKER), "/models/midm"),
    "both": (
        put(
            {"replicas": [{"name": "a", "url": "http://a", "served_model": "a"}], "to": [{}]},
            "models",
            "midm",
            "external",
        ),
        "/models/midm",
    ),
    "an id that is no name": (put({}, "models", "A_B"), "'A_B' not allowed"),
    "a way in without a certificate": (without("ingress", "tlsSecret"), "/ingress/tlsSecret"),
    "replicas: none": (put(0, "gateway", "replicas"), "/gateway/replicas"),
    # What only the templates can see.
    "two gateways without valkey": (put(2, "gateway", "replicas"), "set valkey.host"),
    "valkey nowhere": (put("valkey.example", "valkey", "host"), "network.valkey.to"),
    "plain http": (put("http://a.example", "settings", "server", "public_url"), "https://"),
    "nobody may come in": (put([], "network", "public", "from"), "network.public.from"),
    "nobody may scrape": (put(True, "serviceMonitor", "enabled"), "network.monitoring.from"),
    "no image of the engine": (without("engine"), "set this or engine.image"),
    "witnesses nowhere": (put("w", "witnesses", "policy", "configMap"), "network.witnesses.to"),
    "a siem nowhere": (put("s.example", "settings", "forward", "syslog_host"), "network.siem.to"),
    "days in two places": (
        put({"claim": "c", "bucket": BUCKET}, "archive"),
        "archive.claim",
    ),
    "a bucket of no server": (
        put({"bucket": {**BUCKET, "endpointUrl": ""}}, "archive"),
        "/archive/bucket/endpointUrl",
    ),
    "a bucket over plain http": (
        put({"bucket": {**BUCKET, "endpointUrl": "http://s3.example"}}, "archive"),
        "/archive/bucket/endpointUrl",
    ),
    "a bucket that is none": (
        put({"bucket": {**BUCKET, "url": "https://s3.example/b"}}, "archive"),
        "/archive/bucket/url",
    ),
    "a region that is more than a word": (
        put({"bucket": {**BUCKET, "region": "a: b"}}, "archive"),
        "/archive/bucket/region",
    ),
    "a bucket without keys": (
        put({"bucket": {**BUCKET, "secret": {}}}, "archive"),
        "archive.bucket.secret.name",
    ),
    "a bucket nowhere": (put({"bucket": BUCKET}, "archive"), "network.archive.to"),
    "content without week keys": (
        put([{"code": "1", "configMap": "c"}], "content", "agencies"),
        "content.weekKeys.claim",
    ),
    "an agency's code that is a path": (
        put([{"code": "../a", "configMap": "c"}], "content", "agencies"),
        "/content/agencies/0/code",
    ),
    "an alias twice": (put(["midm-2.0-mini"], "models", "midm", "settings", "aliases"), "already"),
    "a long name": (put("a-name-that-is-longer-x", "nameOverride"), "/nameOverride"),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED)
def test_wrong_value_is_refused_by_its_place(
    helm: Helm, tmp_path: Path, change: Callable[[Values], None], words: str
) -> None:
    values = example("small")
    change(values)
    with pytest.raises(HelmFailed) as refused:
        helm.render(values, folder=tmp_path)
    said = str(refused.value)
    assert any(word in said for word in words.split("|")), said


def test_what_has_no_safe_default_is_asked_for(helm: Helm, tmp_path: Path) -> None:
    with pytest.raises(HelmFailed) as refused:
        helm.render({}, folder=tmp_path)
    for name in ("settings", "keys", "models", "repository", "digest", "host", "issuer"):
        assert name in str(refused.value), name


def test_a_release_name_that_is_too_long_is_refused(helm: Helm) -> None:
    small = CHART / "examples" / "small.yaml"
    with pytest.raises(HelmFailed, match="nameOverride"):
        helm("template", "a-very-long-release-name", CHART, "-f", small)
    assert "kind: Deployment" in helm(
        "template", "a-very-long-release-name", CHART, "-f", small, "--set", "nameOverride=g"
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_value_may_be_changed_from_the_command_line(
    helm: Helm, tmp_path: Path, size: str
) -> None:
    changed = ("--set", "models.midm.worker.replicas=2", "--set-string", f"image.digest={DIGEST}")
    objects = rendered(helm, tmp_path, size, *changed)
    assert objects.one("StatefulSet", "gwanmun-engine-midm")["spec"]["replicas"] == 2
    assert objects.pod("gateway").container["image"].endswith(DIGEST)


def test_schema_is_closed_everywhere() -> None:
    """An object without a list of its names is a map of strings or quantities, or one of these."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    free = {"global", "chatTemplateKwargs", "parentRefs"}
    found: set[str] = set()

    def look(node: Any, name: str) -> None:
        if isinstance(node, list):
            for item in node:
                look(item, name)
        if not isinstance(node, dict):
            return
        if node.get("type") == "object" and "additionalProperties" not in node:
            found.add(name)
        for key, value in node.items():
            look(value, name if key in ("items", "anyOf", "then", "if") else key)

    look(schema, "")
    assert found == free
