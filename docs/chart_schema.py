"""The gateway's settings inside the chart's schema of values, made from the code.

helm/gwanmun/values.schema.json is written by hand but for three of its definitions: `settings`,
`modelSettings` and `replicaSettings` come from the settings' own classes, so that Helm refuses a
name or a kind of value that the gateway would refuse at its start.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.settings import Settings

PLACE = Path(__file__).resolve().parent.parent / "helm" / "gwanmun" / "values.schema.json"
# What the chart decides itself: a value for it would be overwritten without a word, so it is
# refused instead.
OWNED = frozenset(
    {
        "server.host",
        "server.port",
        "server.internal_host",
        "server.internal_port",
        "server.drain_delay_seconds",
        "server.shutdown_seconds",
        "identity.browser_secret_file",
        "identity.private_ca_file",
        "store.data_dir",
        "store.database_url",
        "store.password_file",
        "store.ca_file",
        "store.owner_url",
        "store.owner_password_file",
        "ledger.key_dir",
        "ledger.seals",
        "ledger.sealed_file",
        "witnesses.policy_file",
        "witnesses.ca_file",
        "content.key_dir",
        "content.week_key_dir",
        "forward.syslog_ca_file",
        "forward.webhook_secret_file",
        "forward.webhook_ca_file",
        "archive.endpoint_url",
        "archive.region",
        "archive.ca_file",
        "archive.access_key_id_file",
        "archive.secret_access_key_file",
        "archive.retention_days",
        "archive.retention_mode",
        "valkey.url",
        "valkey.password_file",
        "valkey.ca_file",
        "models[].replicas",
        "models[].replicas[].credential_file",
    }
)
# Without a default that is right in a cluster.
NEEDED = {"server": ["public_url"]}


def chart_schema() -> str:
    """The chart's schema with its three definitions as the code has them now."""
    schema = json.loads(PLACE.read_text(encoding="utf-8"))
    made = Settings.model_json_schema()
    groups = {
        name: inner
        for name, group in made["properties"].items()
        if name != "models"
        for inner in [_group(made["$defs"][_named(group)], name)]
        if inner["properties"]
    }
    required = [name for name, group in groups.items() if "required" in group]
    defined = {
        "settings": _closed(groups, required),
        "modelSettings": _group(made["$defs"]["ModelSettings"], "models[]"),
        "replicaSettings": _group(made["$defs"]["ReplicaSettings"], "models[].replicas[]"),
    }
    schema["$defs"].update(defined)
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _named(group: Mapping[str, Any]) -> str:
    return str(group["$ref"]).rpartition("/")[2]


def _group(made: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One class of settings, less what the chart decides."""
    kept = {
        setting: _plain(how)
        for setting, how in made["properties"].items()
        if f"{name}.{setting}" not in OWNED
    }
    required = [setting for setting in made.get("required", ()) if setting in kept]
    return _closed(kept, required + NEEDED.get(name, []))


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    group: dict[str, Any] = {"type": "object", "additionalProperties": False}
    if required:
        group["required"] = required
    return {**group, "properties": properties}


def _plain(how: Mapping[str, Any]) -> dict[str, Any]:
    """What a value must be; titles, defaults and forms that say nothing in YAML are left out."""
    return {key: value for key, value in how.items() if key not in ("title", "default", "format")}
