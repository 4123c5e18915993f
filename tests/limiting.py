"""Limit stores as tests make them: in process, or sharing one real Valkey."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

from gateway.store.shared_limits import SharedLimits, SharedOptions
from gateway.store.valkey import ValkeyOptions
from gateway.telemetry import make_log


class Sharing:
    """One installation: its gateways count together. `log` is what they have said."""

    def __init__(self, url: str, **changes: object) -> None:
        self.url, self.changes, self.key = url, changes, secrets.token_bytes(32)
        self.log = StringIO()

    @asynccontextmanager
    async def gateway(
        self, *, password: str = "", ca_file: Path | None = None
    ) -> AsyncIterator[SharedLimits]:
        """A gateway's store; patient with a slow machine unless `deadline_seconds` is changed."""
        changes = {"deadline_seconds": 20.0, "lease_seconds": 30.0, "assumed_replicas": 4}
        changes |= self.changes
        url = urlsplit(self.url)
        options = SharedOptions(
            valkey=ValkeyOptions(
                host=url.hostname or "",
                port=url.port or 0,
                database=0,
                tls=url.scheme == "valkeys",
                password=password,
                ca_file=ca_file,
                deadline_seconds=changes["deadline_seconds"],
            ),
            key=self.key,
            lease_seconds=changes["lease_seconds"],
            assumed_replicas=changes["assumed_replicas"],
        )
        async with SharedLimits(options, make_log("info", self.log)) as store:
            yield store


async def eventually(holds) -> None:
    """Waits until `await holds()` is true."""
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.02)
