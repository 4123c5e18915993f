"""A real server that dies, with another state in its place: an older copy, or an empty database.

What has been sealed is remembered outside the database, so both are noticed by whoever was running
and by whoever starts, and nothing is signed over them.
"""

import asyncio
import dataclasses
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from keeping import KeptInServer
from parts.postgres import PostgresServer, binaries
from recording import AGENCY, opened, record, running

from gateway.errors import AuditUnavailable
from gateway.ledger.sealer import SealingRefused
from gateway.ledger.writer import Ledger
from gateway.proofs.receipt import Standing, find_promised, verify_receipt
from gateway.proofs.trust import Trust

SOURCE = Path(__file__).parents[2]
SOON = {
    "heartbeat_seconds": 0.2,
    "durable_seconds": 5.0,
    "silence_seconds": 1.0,
    "drain_seconds": 1.0,
}
SEALER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from gateway.ledger.keys import open_keys
from gateway.ledger.sealer import Sealer, Sealing, SealingRefused
from gateway.store.errors import StoreUnavailable
from keeping import kept_by

async def main():
    kept, keys = kept_by(sys.argv[1]), open_keys(Path(sys.argv[2]))
    sealing = Sealing(seal_seconds=0.01, state_file=kept.data_dir / "sealed")
    async with kept.database() as database:
        sealer = Sealer(database, keys, sealing)
        await sealer.look()
        running = asyncio.create_task(sealer.run())
        while not running.done():
            print(sealer.size, flush=True)
            await asyncio.sleep(0.02)
        print("sound" if sealer.sound else "refused", flush=True)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One of our own: its death is nobody else's."""
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with PostgresServer.run(folder) as found:
        yield found


@pytest.fixture
def kept(server: PostgresServer, tmp_path: Path) -> KeptInServer:
    return KeptInServer.of(server.database(), tmp_path / "one")


async def until_sealed(ledger: Ledger) -> int:
    async with asyncio.timeout(30):
        while (await ledger.state()).unsealed:
            await asyncio.sleep(0.01)
    return (await ledger.state()).size


async def until_trouble(ledger: Ledger, trouble: str) -> None:
    async with asyncio.timeout(60):
        while (await ledger.state()).trouble != trouble:
            await asyncio.sleep(0.02)


def signed(kept: KeptInServer) -> list[tuple[int, str]]:
    return kept.ask("SELECT size, note FROM checkpoint ORDER BY size")


async def refused_to_start(kept: KeptInServer) -> str:
    with pytest.raises(SealingRefused) as refused:
        async with running(kept, **SOON):
            pass
    return str(refused.value)


async def test_older_copy_is_refused_by_who_runs_and_who_starts_and_nothing_is_signed_on_it(
    server: PostgresServer, kept: KeptInServer
) -> None:
    async with running(kept, **SOON) as ledger:
        await record(ledger)
        await until_sealed(ledger)
        older = await asyncio.to_thread(server.copy, "older")
        for _ in range(3):
            await record(ledger)
        await until_sealed(ledger)
        await asyncio.to_thread(server.fail_over, older)
        before = signed(kept)
        await until_trouble(ledger, "sealing_refused")
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
    told = await refused_to_start(kept)
    assert "older than what was sealed" in told
    assert "gwanmun audit verify" in told
    assert "보안담당자" in told
    assert signed(kept) == before


async def test_empty_database_is_refused_by_who_runs_and_who_starts(
    server: PostgresServer, kept: KeptInServer
) -> None:
    async with running(kept, **SOON) as ledger:
        await record(ledger)
        await until_sealed(ledger)
        emptied(server, kept)
        await until_trouble(ledger, "sealing_refused")
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
    assert "older than what was sealed" in await refused_to_start(kept)
    assert signed(kept) == []
    assert kept.ask("SELECT count(*) FROM event") == [(0,)]


def emptied(server: PostgresServer, kept: KeptInServer) -> None:
    """A database of this version's tables, without a row, under the same name."""
    name, empty = kept.the_server.name, server.database().name
    with server.superuser("postgres") as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"ALTER DATABASE {empty} RENAME TO {name}")


async def test_copy_that_lacks_only_what_was_not_sealed_is_never_written_by_who_wrote_that(
    server: PostgresServer, kept: KeptInServer
) -> None:
    """The writer that was promised more finds its own records gone, and writes no more."""
    async with running(kept, seal_seconds=60, **SOON) as ledger:
        await record(ledger)
        older = await asyncio.to_thread(server.copy, "behind")
        await record(ledger)
        await asyncio.to_thread(server.fail_over, older)
        before = kept.ask("SELECT max(position) FROM event")
        await until_trouble(ledger, "store")
        await asyncio.sleep(1)
        with pytest.raises(AuditUnavailable):
            ledger.open(opened())
        assert kept.ask("SELECT max(position) FROM event") == before


async def test_who_starts_on_a_copy_that_lacks_only_what_was_not_sealed_is_shown_it_by_a_receipt(
    server: PostgresServer, kept: KeptInServer
) -> None:
    """The limit that docs/limits.md states: in the database nothing tells of what it never had."""
    async with running(kept, seal_seconds=60, **SOON) as ledger:
        await record(ledger)
        await asyncio.sleep(0.2)
        behind = await asyncio.to_thread(server.copy, "unsealed")
        receipt = await ledger.receipt(await record(ledger), AGENCY)
        assert receipt is not None
        await asyncio.to_thread(server.fail_over, behind)
    async with running(kept, **SOON | {"silence_seconds": 0.0}) as ledger:
        await record(ledger)
        assert (await ledger.state()).healthy
    report = kept.verified()
    assert (report.problem, report.unsealed) == (None, 0)
    proven = verify_receipt(dataclasses.asdict(receipt), Trust.read(kept.trust_file))
    with kept.reader() as reader:
        found = find_promised(reader, proven)
    assert set(found.standings) == {Standing.REMOVED}


@contextmanager
def another_sealer(kept: KeptInServer, data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """A sealer of its own process, with a memory of its own; it has looked when this gives it."""
    spec = kept.beside(data_dir).spec
    arguments = [sys.executable, "-c", SEALER, spec, str(kept.data_dir)]
    with subprocess.Popen(
        [*arguments, str(SOURCE), str(SOURCE / "tests")], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline()
            yield other
        finally:
            other.kill()


def read_until(other: "subprocess.Popen[str]", word: str) -> None:
    """Reads on until it says this, or a size as large."""
    assert other.stdout is not None
    for line in other.stdout:
        said = line.strip()
        if said == word or (said.isdigit() and word.isdigit() and int(said) >= int(word)):
            return
    raise AssertionError(f"it never said {word}")


async def test_sealer_stopped_across_a_failover_that_lost_nothing_goes_on_with_the_other(
    server: PostgresServer, kept: KeptInServer, tmp_path: Path
) -> None:
    async with running(kept, seal_seconds=0.02, **SOON) as ledger:
        await record(ledger)
        with another_sealer(kept, tmp_path / "other") as other:
            other.send_signal(signal.SIGSTOP)
            await asyncio.to_thread(server.restart, "immediate")
            for _ in range(5):
                await recorded_again(ledger)
            size = await until_sealed(ledger)
            other.send_signal(signal.SIGCONT)
            await asyncio.to_thread(read_until, other, str(size))
            await record(ledger)
            await until_sealed(ledger)
            assert (await ledger.state()).healthy
    report = kept.verified()
    assert (report.problem, report.unsealed, report.open) == (None, 0, 0)


async def test_sealer_stopped_across_a_failover_to_an_older_copy_signs_nothing_more(
    server: PostgresServer, kept: KeptInServer, tmp_path: Path
) -> None:
    """A has sealed what the copy lacks, and stands still; B, who never saw it, goes on the copy."""
    async with running(kept, seals=False, **SOON) as ledger:
        await record(ledger)
        older = await asyncio.to_thread(server.copy, "before-a")
        await record(ledger)
        with another_sealer(kept, tmp_path / "a") as a:
            await asyncio.to_thread(read_until, a, "5")
            a.send_signal(signal.SIGSTOP)
            await asyncio.to_thread(server.fail_over, older)
            b = kept.beside(tmp_path / "b")
            async with running(b, seal_seconds=0.02, **SOON) as second:
                for _ in range(3):
                    await record(second)
                await until_sealed(second)
                before = signed(kept)
                a.send_signal(signal.SIGCONT)
                await asyncio.to_thread(read_until, a, "refused")
                assert signed(kept) == before
    assert kept.verified().problem is None


async def recorded_again(ledger: Ledger) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(AuditUnavailable):
                await record(ledger)
                return
            await asyncio.sleep(0.02)
