"""A real server put back by its own tools: what is older is noticed, and accepted only in words."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest
import typer
from click.testing import Result
from keeping import KeptInServer
from parts.postgres import OWNER, PostgresServer
from recording import AGENCY, record, running
from sealing import Pair, handle, rows, until_written
from serve import write_config
from typer.testing import CliRunner

from gateway.commands.restore import restore
from gateway.ledger.sealer import SealingRefused

RESTORE = typer.Typer()
RESTORE.command()(restore)


@pytest.fixture
def kept(postgres_server: PostgresServer, tmp_path: Path) -> KeptInServer:
    return KeptInServer.of(postgres_server.database(), tmp_path / "data")


def write(kept: KeptInServer) -> None:
    async def written() -> None:
        async with running(kept) as ledger:
            await record(ledger)

    asyncio.run(written())


def tool(kept: KeptInServer, program: str, *words: str) -> None:
    """PostgreSQL's own programs, as the owner, as docs/backup.md tells it."""
    found = kept.the_server
    to = ("-h", "127.0.0.1", "-p", str(found.server.port), "-U", OWNER, "-d", found.name)
    password = found.password_file(OWNER).read_text().strip()
    done = subprocess.run(
        [str(found.server.bin / program), *to, *words],
        env={**os.environ, "PGPASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def dump(kept: KeptInServer, file: Path) -> None:
    tool(kept, "pg_dump", "-Fc", "--exclude-table-data=gwanmun.session", "-f", str(file))


def put_back(kept: KeptInServer, file: Path) -> None:
    tool(kept, "pg_restore", "--clean", "--if-exists", "--single-transaction", str(file))


def command(kept: KeptInServer, folder: Path, *words: str, weeks: Path | None = None) -> Result:
    content = {"key_dir": str(folder / "public"), "week_key_dir": str(weeks)} if weeks else {}
    store = {"data_dir": str(kept.data_dir), **kept.the_server.settings()}
    config = write_config(
        folder, "http://127.0.0.1:1", "http://127.0.0.1:2", store=store, content=content
    )
    return CliRunner().invoke(RESTORE, [*words, "--config", str(config)])


def test_older_server_is_refused_until_the_officer_accepts_it(
    kept: KeptInServer, tmp_path: Path
) -> None:
    write(kept)
    dump(kept, tmp_path / "dump")
    write(kept)
    remembered = kept.verified().size
    put_back(kept, tmp_path / "dump")
    assert kept.verified().problem is None, "alone, an older state is a whole one"
    with pytest.raises(SealingRefused, match="older"):
        write(kept)
    done = command(kept, tmp_path)
    assert (done.exit_code, "--accept-older" in done.output) == (1, True)
    assert command(kept, tmp_path, "--check", "--accept-older").exit_code == 0
    with pytest.raises(SealingRefused, match="older"):
        write(kept)
    done = command(kept, tmp_path, "--accept-older")
    assert done.exit_code == 0, done.output
    write(kept)
    ((body,),) = kept.ask("SELECT body FROM event WHERE action = 'database.restored'")
    told = json.loads(body)
    assert (told["older"], told["remembered"]["size"], told["backup"]) == (True, remembered, None)
    assert kept.verified().problem is None


def test_same_state_put_back_needs_no_word_and_loses_what_was_erased(
    kept: KeptInServer, tmp_path: Path
) -> None:
    pair, weeks = Pair.made(), tmp_path / "weeks"
    pair.publish(tmp_path / "public" / AGENCY)
    sealer = pair.sealer(weeks, AGENCY)

    async def written() -> str:
        async with running(kept) as ledger:
            record_id = await handle(ledger, sealer)
            await until_written(kept, 2)
            return record_id

    record_id = asyncio.run(written())
    dump(kept, tmp_path / "dump")
    sealer.erasures.add([(record_id, 4e9)])
    put_back(kept, tmp_path / "dump")
    assert len(rows(kept)) == 2
    done = command(kept, tmp_path, weeks=weeks)
    assert done.exit_code == 0, done.output
    assert rows(kept) == []
    write(kept)
    assert kept.verified().problem is None


def test_changed_server_is_named_and_nothing_accepted(kept: KeptInServer, tmp_path: Path) -> None:
    write(kept)
    kept.tamper("UPDATE event SET body = body || '\\x20'::bytea WHERE action = 'request.closed'")
    done = command(kept, tmp_path, "--accept-older")
    assert (done.exit_code, "broken" in done.output) == (1, True)
    assert kept.ask("SELECT count(*) FROM event WHERE action = 'database.restored'") == [(0,)]
