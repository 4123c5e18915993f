import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from gateway.store.data_dir import DataDirectoryLock
from gateway.store.database import Database, database_path
from gateway.store.dialect import guards
from gateway.store.errors import (
    DataDirectoryBusy,
    DataDirectoryUnusable,
    SchemaMismatch,
    StoreUnavailable,
    TablesChanged,
    UnsupportedDatabase,
)
from gateway.store.schema import migrate, newest_revision
from gateway.store.tables import METADATA

HOLDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from gateway.store.data_dir import DataDirectoryLock
with DataDirectoryLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def run(data_dir: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database_path(data_dir))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_migrated_tables_are_those_of_the_metadata(tmp_path: Path) -> None:
    migrate(tmp_path, database_path(tmp_path))
    engine = create_engine(f"sqlite:///{database_path(tmp_path)}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_migrated_database_is_private_guarded_and_in_wal_mode(tmp_path: Path) -> None:
    assert migrate(tmp_path / "data", database_path(tmp_path / "data")) == (
        "none",
        newest_revision(),
    )
    assert migrate(tmp_path / "data", database_path(tmp_path / "data")) == (
        newest_revision(),
        newest_revision(),
    )
    path = database_path(tmp_path / "data")
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        assert {name for (name,) in names} == set(guards())
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE alembic_version SET version_num = '9999'",),
        ("DELETE FROM alembic_version",),
    ],
    ids=["newer", "unknown"],
)
async def test_serving_refuses_a_schema_that_does_not_fit(
    tmp_path: Path, statements: tuple[str, ...]
) -> None:
    migrate(tmp_path, database_path(tmp_path))
    run(tmp_path, *statements)
    with pytest.raises(SchemaMismatch, match="gwanmun migrate"):
        async with Database(tmp_path):
            pass


async def test_missing_guard_is_called_a_change_by_another_hand_and_not_migrated(
    tmp_path: Path,
) -> None:
    migrate(tmp_path, database_path(tmp_path))
    run(tmp_path, "DROP TRIGGER event_no_update")
    with pytest.raises(TablesChanged, match="event_no_update") as refused:
        async with Database(tmp_path):
            pass
    assert "audit verify" in str(refused.value)
    assert "migrate" not in str(refused.value)
    with pytest.raises(TablesChanged, match="changed by another hand"):
        migrate(tmp_path, database_path(tmp_path))


async def test_serving_refuses_a_missing_database_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(SchemaMismatch, match=newest_revision()):
        async with Database(tmp_path):
            pass
    assert not database_path(tmp_path).exists()


async def test_serving_refuses_a_file_that_is_no_database(tmp_path: Path) -> None:
    database_path(tmp_path).write_text("no database" * 1_000)
    with pytest.raises(StoreUnavailable):
        async with Database(tmp_path):
            pass
    with pytest.raises(StoreUnavailable):
        migrate(tmp_path, database_path(tmp_path))


def test_migrate_refuses_a_newer_database(tmp_path: Path) -> None:
    migrate(tmp_path, database_path(tmp_path))
    run(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="9999"):
        migrate(tmp_path, database_path(tmp_path))


@pytest.mark.parametrize(
    "url", ["postgresql://h/d", "sqlite://", "nonsense", "sqlite:///a?mode=memory"]
)
def test_another_database_is_refused_by_name(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnsupportedDatabase, match="SQLite"):
        Database(tmp_path, url)


async def test_one_process_serves_a_data_directory(tmp_path: Path) -> None:
    migrate(tmp_path, database_path(tmp_path))
    async with Database(tmp_path):
        with pytest.raises(DataDirectoryBusy) as busy:
            async with Database(tmp_path):
                pass
        assert busy.value.pid == os.getpid()
        assert str(tmp_path) in str(busy.value)
        with pytest.raises(DataDirectoryBusy):
            migrate(tmp_path, database_path(tmp_path))
    async with Database(tmp_path):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    source = str(Path(__file__).parents[3])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataDirectoryBusy) as busy, DataDirectoryLock(tmp_path):
            pass
        assert busy.value.pid == holder.pid
        holder.kill()
    with DataDirectoryLock(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryUnusable, match="file"), DataDirectoryLock(tmp_path / "file/d"):
        pass
