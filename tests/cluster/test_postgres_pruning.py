"""Pruning in a real server: by a role of its own, and no event goes in any other way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest
from exporting import BUILD, beside
from keeping import KeptInServer
from parts.postgres import OWNER, PRUNER, WRITER, PostgresServer
from recording import AGENCY, OTHER_AGENCY, record, running

from gateway.domain import Grade
from gateway.exports.archive import archive_days
from gateway.exports.archive_folder import FolderPlace
from gateway.exports.continuing import OtherHistory, require_same_history
from gateway.ledger.pruning import Keep, Pruner
from gateway.proofs.entry import event_hash
from gateway.proofs.manifest import LastEvent
from gateway.store.database import Database
from gateway.store.errors import RightsMissing, RoleTooStrong, StoreUnavailable

BEGIN, DAY = 1_800_000_000.0, 86_400.0
KEEP = Keep(requests=dict.fromkeys(Grade, 365), refusals=365, inquiries=730, rights=1_095)


@pytest.fixture
def kept(postgres_server: PostgresServer, tmp_path: Path) -> KeptInServer:
    return KeptInServer.of(postgres_server.database(), tmp_path)


@asynccontextmanager
async def pruner(kept: KeptInServer, role: str = PRUNER) -> AsyncIterator[Pruner]:
    found = kept.the_server
    async with Database(
        kept.data_dir,
        found.url(role),
        password_file=found.password_file(role),
        lock=False,
        prunes=role == PRUNER,
    ) as database:
        yield Pruner(
            database=database,
            keys=kept.keys(),
            keep=KEEP,
            account="gwanmun",
            build=BUILD,
            now=BEGIN + 366 * DAY,
        )


async def write(kept: KeptInServer) -> None:
    async with running(kept, clock=lambda: BEGIN) as ledger:
        await record(ledger)
        await record(ledger, OTHER_AGENCY)


async def test_pruner_prunes_beside_a_gateway_and_the_log_verifies(kept: KeptInServer) -> None:
    await write(kept)
    async with running(kept, clock=lambda: BEGIN + 366 * DAY) as ledger:
        async with pruner(kept) as found:
            acts = await found.run()
        await record(ledger)
    assert {(act.agency, act.events) for act in acts} == {(AGENCY, 2), (OTHER_AGENCY, 2)}
    report = kept.verified()
    assert (report.problem, report.pruned, report.prunings) == (None, 4, 2)
    assert kept.ask("SELECT count(*) FROM event WHERE action = 'request.opened'") == [(1,)]


async def test_pruner_compares_the_archive_s_end_with_what_stands_or_was_pruned(
    kept: KeptInServer, tmp_path: Path
) -> None:
    await write(kept)
    folder = tmp_path / "worm"
    folder.mkdir()
    async with beside(kept) as database:
        (day,) = await archive_days(
            database, kept.keys(), FolderPlace(folder), today=date(2027, 1, 16)
        )
    assert day.last is not None
    closed = kept.ask(
        "SELECT position, writer, sequence, body FROM event WHERE action = 'request.closed' LIMIT 1"
    )
    position, writer, sequence, body = closed[0]
    end = LastEvent(writer, sequence, event_hash(bytes(body)).hex())
    async with pruner(kept) as found:
        for _ in range(2):  # before and after it is pruned
            await require_same_history(found.database, day)
            await require_same_history(found.database, replace(day, upto=position, last=end))
            other = replace(day, upto=position, last=end._replace(writer="0" * 32))
            with pytest.raises(OtherHistory):
                await require_same_history(found.database, other)
            await found.run()
    assert kept.ask("SELECT count(*) FROM pruned WHERE position = ?", position) == [(1,)]


async def test_writer_cannot_prune_and_pruner_cannot_serve(kept: KeptInServer) -> None:
    await write(kept)
    async with pruner(kept, WRITER) as found:
        with pytest.raises(StoreUnavailable):
            await found.run()
    assert kept.verified().pruned == 0
    secret = kept.the_server.password_file
    with pytest.raises(RoleTooStrong, match="DELETE event"):
        async with Database(
            kept.data_dir, kept.the_server.url(PRUNER), password_file=secret(PRUNER)
        ):
            pass
    with pytest.raises(RightsMissing, match="DELETE event"):
        async with Database(
            kept.data_dir, kept.the_server.url(WRITER), password_file=secret(WRITER), prunes=True
        ):
            pass
    with pytest.raises(RoleTooStrong, match="OWNER"):
        async with Database(
            kept.data_dir, kept.the_server.url(OWNER), password_file=secret(OWNER), prunes=True
        ):
            pass


async def test_no_event_goes_without_its_row_whoever_asks(kept: KeptInServer) -> None:
    await write(kept)
    with kept.superuser() as superuser:
        superuser.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation):
            superuser.execute("DELETE FROM event")
    place = kept.the_server.place(PRUNER)
    with (
        psycopg.connect(
            **place.arguments(),  # type: ignore[arg-type]
            password=place.password(),
            options="-c search_path=gwanmun -c gwanmun.reads=all",
            autocommit=True,
        ) as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        connection.execute("DELETE FROM event")
