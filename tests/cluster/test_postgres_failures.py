"""A real server that restarts, cuts connections, turns read-only: nothing acknowledged is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from keeping import KeptInServer
from parts.cutting import Cut, Proxy
from parts.postgres import PostgresServer
from recording import closed, opened, record, running

from gateway.errors import AuditUnavailable
from gateway.ledger.writer import Ledger

SOON = {"heartbeat_seconds": 0.2, "durable_seconds": 5.0}


@pytest.fixture
def kept(postgres_server: PostgresServer, tmp_path: Path) -> KeptInServer:
    return KeptInServer.of(postgres_server.database(), tmp_path)


async def until_healthy(ledger: Ledger, expected: bool) -> None:
    async with asyncio.timeout(60):
        while (await ledger.state()).healthy is not expected:
            await asyncio.sleep(0.02)


def outcomes(kept: KeptInServer) -> dict[str, list[str]]:
    """Record → its actions, closings by their outcome, in the order of the log."""
    found: dict[str, list[str]] = {}
    for record_id, action, body in kept.ask(
        "SELECT record_id, action, body FROM event WHERE agency <> '' ORDER BY position"
    ):
        said = json.loads(body).get("outcome", action) if action == "request.closed" else action
        found.setdefault(record_id, []).append(said)
    return found


def never_vanished(kept: KeptInServer) -> None:
    """The log verifies, every record is closed once, and positions have no gap."""
    report = kept.verified()
    assert (report.problem, report.open, report.unsealed) == (None, 0, 0)
    ((last, count),) = kept.ask("SELECT max(position), count(*) FROM event")
    assert last == count


class Load:
    """Workers that record again and again; `acknowledged` are the ids that were durable."""

    def __init__(self, ledger: Ledger, workers: int = 8) -> None:
        self.acknowledged: list[str] = []
        self.refused = 0
        self._ledger, self._workers, self._ends = ledger, workers, asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        workers = [asyncio.create_task(self._work()) for _ in range(self._workers)]
        try:
            yield self
        finally:
            self._ends.set()
            await asyncio.gather(*workers)

    async def more(self, count: int) -> None:
        """Waits until so many more are acknowledged."""
        until = len(self.acknowledged) + count
        async with asyncio.timeout(60):
            while len(self.acknowledged) < until:
                await asyncio.sleep(0.01)

    async def _work(self) -> None:
        while not self._ends.is_set():
            try:
                opening = self._ledger.open(opened())
                try:
                    await opening.durable
                    self.acknowledged.append(opening.record_id)
                finally:
                    self._ledger.close(opening, closed(opening.record_id))
            except AuditUnavailable:
                self.refused += 1
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_restart_under_load_loses_no_acknowledged_record(
    kept: KeptInServer, mode: str
) -> None:
    """`immediate` is a crash: the server recovers from its log alone."""
    async with running(kept, **SOON) as ledger, Load(ledger).running() as load:
        await load.more(50)
        await asyncio.to_thread(kept.the_server.server.restart, mode)
        await load.more(50)
    assert load.refused
    found = outcomes(kept)
    for record_id in load.acknowledged:
        assert found[record_id] == ["request.opened", "complete"]
    never_vanished(kept)


async def test_terminated_backends_lose_nothing(kept: KeptInServer) -> None:
    async with running(kept, **SOON) as ledger, Load(ledger).running() as load:
        for _ in range(5):
            await load.more(10)
            kept.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    found = outcomes(kept)
    assert all(found[one] == ["request.opened", "complete"] for one in load.acknowledged)
    never_vanished(kept)


@pytest.mark.parametrize("cut", Cut)
async def test_connection_lost_at_a_commit_keeps_each_event_once(
    kept: KeptInServer, cut: Cut
) -> None:
    """LATE: the server is told to commit when we have long asked it whether it has."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy.run(kept.the_server.server.port))
        url = f"postgresql://gwanmun_writer@127.0.0.1:{proxy.port}/{kept.the_server.name}"
        ledger = await stack.enter_async_context(
            running(replace(kept, url=url), seal_seconds=60, **SOON | {"heartbeat_seconds": 60})
        )
        before = await record(ledger)
        kept_open = ledger.open(opened())
        await kept_open.durable
        async with asyncio.timeout(30):
            while (await ledger.state()).queued:
                await asyncio.sleep(0.01)
        proxy.arm(cut, late_seconds=1.5)
        in_doubt = ledger.open(opened())
        with pytest.raises(AuditUnavailable):
            await in_doubt.durable
        assert proxy.cuts == 1
        ledger.close(in_doubt, closed(in_doubt.record_id))
        ledger.close(kept_open, closed(kept_open.record_id))
        await until_healthy(ledger, True)
        after = await record(ledger)
    found = outcomes(kept)
    whole = ["request.opened", "complete"]
    assert (found[before], found[kept_open.record_id], found[after]) == (whole, whole, whole)
    assert found[in_doubt.record_id] == (["request.refused"] if cut is Cut.BEFORE else whole)
    never_vanished(kept)


async def test_read_only_server_refuses_requests_and_recovers(kept: KeptInServer) -> None:
    name = kept.the_server.name
    async with running(kept, **SOON) as ledger:
        opening = ledger.open(opened())
        await opening.durable
        kept.strictly(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        kept.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await until_healthy(ledger, False)
        assert (await ledger.state()).trouble == "store"
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
        ledger.close(opening, closed(opening.record_id))
        with kept.superuser() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await until_healthy(ledger, True)
        await record(ledger)
    assert outcomes(kept)[opening.record_id] == ["request.opened", "complete"]
    never_vanished(kept)
