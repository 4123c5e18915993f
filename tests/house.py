"""A whole gateway on real loopback sockets, in this process, with real parts behind it.

Only the engine and the issuer are stand-ins at the network's edge: the rehearsal engine with a
script, and an issuer that signs what a test wants.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rehearsal import serving

from gateway.api.internal import internal_app
from gateway.app import House, open_house, policy_document, public_app
from gateway.demo.engine_script import MODEL_NAME
from gateway.edge.connection import HeadBounds, protocol_with
from gateway.settings import Settings
from gateway.store.database import database_path
from gateway.store.schema import migrate
from redaction.pool import Detector


@dataclass
class RunningHouse:
    """What tests hold of a running gateway."""

    url: str
    internal_url: str
    house: House
    client: httpx.AsyncClient
    data_dir: Path


def settings_for(data_dir: Path, issuer: str, *engines: str, **groups: Any) -> Settings:
    """Settings of a gateway whose one model, `rehearsal`, has these engines in this order."""
    tree: dict[str, Any] = {
        "identity": {"issuer": issuer},
        "store": {"data_dir": data_dir},
        "models": [
            {
                "name": "rehearsal",
                "aliases": ["default"],
                "replicas": [
                    {"name": f"r{number}", "url": url, "served_model": MODEL_NAME}
                    for number, url in enumerate(engines)
                ],
            }
        ],
        "ledger": {"disk_reserve_bytes": 0, "seal_seconds": 0.05},
        "log": {"level": "debug"},
    }
    for group, values in groups.items():
        tree[group] = {**tree[group], **values} if isinstance(tree.get(group), dict) else values
    return Settings.model_validate(tree)


@contextlib.asynccontextmanager
async def running_house(settings: Settings, detector: Detector) -> AsyncIterator[RunningHouse]:
    """The gateway as `gwanmun serve` runs it, less the signals."""
    data_dir = settings.store.data_dir
    if not settings.store.database_url:  # a server's database comes migrated
        migrate(data_dir, database_path(data_dir))
    async with contextlib.AsyncExitStack() as stack:
        house = await stack.enter_async_context(
            open_house(settings, detector, policy_document(settings))
        )
        bounds = HeadBounds(
            settings.bounds.head_seconds,
            settings.bounds.header_bytes,
            settings.bounds.connections,
        )
        url = await stack.enter_async_context(
            serving(public_app(house), http=protocol_with(bounds), ws="none", access_log=False)
        )
        internal = await stack.enter_async_context(
            serving(internal_app(house.edge), access_log=False)
        )
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url, timeout=20, trust_env=False)
        )
        yield RunningHouse(url, internal, house, client, settings.store.data_dir)
