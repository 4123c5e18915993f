"""A real server whose disk fails: at each write of its log and its files, one after the other.

The server is a real one of its own, with the faults of parts/faults.py below it. On a failed write
of its log it stops itself (PANIC) and recovers; on another it refuses the transaction.
"""

import asyncio
import errno
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from keeping import KeptInServer
from parts.faults import Faults
from parts.postgres import PostgresServer, binaries
from recording import running
from whole_records import Handling, Secrets, check_whole

from gateway.errors import AuditUnavailable
from gateway.ledger.content import ContentSealer
from gateway.ledger.writer import Ledger

WRITES = 60  # far more than a record's, its seal's and a recovery's
SOON = {"heartbeat_seconds": 0.1, "durable_seconds": 3.0}


@pytest.fixture(scope="module")
def faulty(faulty_library: Path) -> Iterator[tuple[PostgresServer, Faults]]:
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with PostgresServer.run(folder) as server:
        library = server.folder / "faults.so"  # where the server's own user may read it
        shutil.copyfile(faulty_library, library)
        faults = Faults(server.folder / "plan")
        server.environ = faults.environ(library, server.folder / "data")
        server.restart()
        yield server, faults
        faults.heal()


async def recorded(ledger: Ledger, sealer: ContentSealer) -> str:
    handling = Handling(ledger, sealer)
    try:
        return await handling.begin()
    finally:
        handling.end()


async def recorded_again(ledger: Ledger, sealer: ContentSealer) -> str:
    """As soon as it goes again, by itself."""
    async with asyncio.timeout(60):
        while True:
            with suppress(AuditUnavailable):
                return await recorded(ledger, sealer)
            await asyncio.sleep(0.02)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full disk", "bad disk"])
@pytest.mark.parametrize("stride", [10, pytest.param(1, marks=pytest.mark.slow)])
async def test_whichever_write_of_the_server_fails_nothing_acknowledged_is_lost(
    faulty: tuple[PostgresServer, Faults], tmp_path: Path, error: int, stride: int
) -> None:
    server, faults = faulty
    kept, secrets = KeptInServer.of(server.database(), tmp_path), Secrets.made(tmp_path / "secrets")
    sealer, acknowledged, refused = secrets.sealer(), [], 0
    async with running(kept, **SOON) as ledger:
        for number in range(1, WRITES, stride):
            faults.fail(number, error, calls=1)
            while not faults.failed:
                try:
                    acknowledged.append(await recorded(ledger, sealer))
                except AuditUnavailable:
                    refused += 1
                    await asyncio.sleep(0.01)
            acknowledged.append(await recorded_again(ledger, sealer))
    faults.heal()
    report = kept.verified()
    assert (report.problem, report.open, report.unsealed) == (None, 0, 0)
    check_whole(kept, secrets, acknowledged)
    assert refused


async def test_dead_disk_is_not_healthy_and_all_is_there_after_the_servers_restart(
    faulty: tuple[PostgresServer, Faults], tmp_path: Path
) -> None:
    server, faults = faulty
    kept, secrets = KeptInServer.of(server.database(), tmp_path), Secrets.made(tmp_path / "secrets")
    sealer = secrets.sealer()
    async with running(kept, **SOON) as ledger:
        acknowledged = [await recorded(ledger, sealer) for _ in range(3)]
        faults.fail(1, errno.EIO)
        with pytest.raises(AuditUnavailable):
            await recorded(ledger, sealer)
        state = await ledger.state()
        assert (state.healthy, state.trouble) == (False, "store")
        faults.heal()
        with suppress(AssertionError):  # it may have given up by itself
            await asyncio.to_thread(server.stop, "immediate")
        await asyncio.to_thread(server.start)
        acknowledged.append(await recorded_again(ledger, sealer))
    assert kept.verified().problem is None
    check_whole(kept, secrets, acknowledged)


async def test_slow_server_refuses_in_time_and_loses_nothing(
    faulty: tuple[PostgresServer, Faults], tmp_path: Path
) -> None:
    server, faults = faulty
    kept, secrets = KeptInServer.of(server.database(), tmp_path), Secrets.made(tmp_path / "secrets")
    sealer = secrets.sealer()
    async with running(kept, **SOON | {"durable_seconds": 0.5}) as ledger:
        acknowledged = [await recorded(ledger, sealer)]
        faults.slow(4.0)
        asked = [asyncio.create_task(recorded(ledger, sealer)) for _ in range(50)]
        async with asyncio.timeout(3.0):
            answers = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, AuditUnavailable) for answer in answers)
        assert not (await ledger.state()).healthy
        faults.slow(0)
        acknowledged.append(await recorded_again(ledger, sealer))
    report = kept.verified()
    assert (report.problem, report.open, report.unsealed) == (None, 0, 0)
    check_whole(kept, secrets, acknowledged)
