"""A whole gateway over a disk that is full or slow, and under a clock that goes backwards."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from issuer import scripted_issuer
from keeping import KeptInFile
from line import PROMPT
from parts.faults import Faults
from rehearsal import RunningEngine, rehearsal
from serve import Served, gwanmun, served, write_config

from gateway.demo.engine_script import Script

CALLERS = 100
GROWTH_BYTES = 64 * 2**20  # of a process that takes no more than it can record
DURABLE_SECONDS = 1.0

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Faulty:
    """A gateway process, what is wrong below it, and a caller."""

    served: Served
    faults: Faults
    client: httpx.AsyncClient
    engine: RunningEngine
    kept: KeptInFile

    async def call(self) -> tuple[int, str]:
        """Status and code of one question."""
        body = {"model": "rehearsal", "messages": [{"role": "user", "content": PROMPT}]}
        got = await self.client.post("/v1/chat/completions", json=body)
        if got.status_code == 503:
            assert int(got.headers["retry-after"]) > 0
        return got.status_code, got.json().get("error", {}).get("code", "")

    async def ready(self) -> bool:
        got = await self.client.get(f"{self.served.internal_url}/readyz")
        return got.status_code == 200

    async def until_ready(self, expected: bool) -> None:
        async with asyncio.timeout(30):
            while await self.ready() is not expected:
                await asyncio.sleep(0.02)

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.served.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1_024


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(
    faulty_library: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Faulty]:
    """One for all tests here, each of which leaves it well."""
    folder = tmp_path_factory.mktemp("faulty")
    limits = {"requests_per_minute": 10**6, "characters_per_minute": 10**9}
    limits["concurrent_requests"] = 10 * CALLERS
    ledger = {"disk_reserve_bytes": 0, "durable_seconds": DURABLE_SECONDS}
    faults = Faults(folder / "plan")
    async with scripted_issuer() as issuer, rehearsal(Script()) as engine:
        config = write_config(folder, issuer.url, engine.url, ledger=ledger, limits=limits)
        assert gwanmun("migrate", "--config", config).returncode == 0
        headers = {"authorization": f"Bearer {issuer.token(exp=2**40)}"}
        async with (
            served(config, faults.environ(faulty_library, folder / "data")) as running,
            httpx.AsyncClient(
                base_url=running.url,
                headers=headers,
                timeout=60,
                limits=httpx.Limits(max_connections=CALLERS),
                trust_env=False,
            ) as client,
        ):
            yield Faulty(running, faults, client, engine, KeptInFile(folder / "data"))


async def test_full_disk_is_a_503_and_not_ready_until_there_is_room(gateway: Faulty) -> None:
    assert await gateway.call() == (200, "")
    gateway.faults.fail(1, errno.ENOSPC)
    seen = len(gateway.engine.seen)
    assert await gateway.call() == (503, "audit_unavailable")
    await gateway.until_ready(False)
    assert await gateway.call() == (503, "audit_unavailable")
    assert len(gateway.engine.seen) == seen
    gateway.faults.heal()
    await gateway.until_ready(True)
    assert await gateway.call() == (200, "")
    assert gateway.kept.verified().problem is None


async def test_slow_store_is_a_503_in_bounded_memory(gateway: Faulty) -> None:
    assert {await gateway.call() for _ in range(20)} == {(200, "")}
    before, seen = gateway.resident_bytes(), len(gateway.engine.seen)
    gateway.faults.slow(3 * DURABLE_SECONDS)
    for _ in range(2):
        answers = await asyncio.gather(*(gateway.call() for _ in range(CALLERS)))
        assert set(answers) == {(503, "audit_unavailable")}
    assert not await gateway.ready()
    assert gateway.resident_bytes() - before < GROWTH_BYTES
    assert len(gateway.engine.seen) == seen
    gateway.faults.slow(0)
    await gateway.until_ready(True)
    assert await gateway.call() == (200, "")
    assert gateway.kept.verified().problem is None


async def test_clock_that_goes_backwards_refuses_and_loses_nothing(gateway: Faulty) -> None:
    """The order is the log's, and each record says the time that the clock has shown."""
    query = "SELECT body FROM event WHERE action = 'request.opened' ORDER BY position"
    before = len(gateway.kept.ask(query))
    for seconds in (0, -3_600, -86_400, -60):
        gateway.faults.clock(seconds)
        assert await gateway.call() == (200, "")
        assert await gateway.ready()
    gateway.faults.clock(0)
    times = [json.loads(body)["time"] for (body,) in gateway.kept.ask(query)[before:]]
    assert len(times) == 4
    assert [later < earlier for earlier, later in pairwise(times)] == [True, True, False]
    assert gateway.kept.verified().problem is None
