"""Roles and schema of a real server: what each may do, and what a start refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from keeping import KeptInServer
from parts.postgres import OWNER, READER, WRITER, PostgresDatabase, PostgresServer
from recording import AGENCY, OTHER_AGENCY, record, running
from serve import write_config
from sqlalchemy import text

from gateway.cli import main
from gateway.store.content import ContentRow, add_content
from gateway.store.database import Database
from gateway.store.errors import (
    RightsMissing,
    RoleTooStrong,
    SchemaMismatch,
    ServerUnsafe,
    StoreError,
    TablesChanged,
)
from gateway.store.postgres import threaded_engine
from gateway.store.schema import newest_revision
from gateway.store.server_schema import migrate_server
from gateway.store.subjects import SubjectRow, add_subjects
from gateway.store.tables import INSERT_ONLY, METADATA

TABLES = [table.name for table in INSERT_ONLY]


@pytest.fixture
def database(postgres_server: PostgresServer) -> PostgresDatabase:
    return postgres_server.database()


@contextmanager
def logged_in(database: PostgresDatabase, role: str) -> Iterator[psycopg.Connection[Any]]:
    place = database.place(role)
    with psycopg.connect(
        **place.arguments(),
        password=place.password(),
        options="-c search_path=gwanmun",
        autocommit=True,
    ) as connection:
        yield connection


async def opened(database: PostgresDatabase, folder: Path, role: str = WRITER) -> None:
    secret = database.password_file(role)
    async with Database(folder, database.url(role), password_file=secret):
        pass


async def refusal(database: PostgresDatabase, folder: Path, role: str = WRITER) -> StoreError:
    with pytest.raises(StoreError) as refused:
        await opened(database, folder, role)
    return refused.value


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("words", ["DELETE FROM {}", "UPDATE {} SET {key} = {key}", "TRUNCATE {}"])
def test_writer_can_neither_change_nor_delete_what_is_insert_only(
    database: PostgresDatabase, table: str, words: str
) -> None:
    keys = {
        "event": "position",
        "leaf": "leaf_index",
        "subtree": "number",
        "key_rotation": "number",
        "pruned": "position",
    }
    key = keys.get(table, "size")
    with (
        logged_in(database, WRITER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(words.format(table, key=key))
    if table == "event" and words.startswith("DELETE"):
        return  # test_postgres_pruning: its trigger looks at each row
    # Who holds every right meets the triggers still.
    with database.superuser() as superuser:
        superuser.execute("SET search_path = gwanmun")
        superuser.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation):
            superuser.execute(words.format(table, key=key))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE event DISABLE TRIGGER ALL",
        "DROP TRIGGER event_no_update ON event",
        "ALTER TABLE event DISABLE ROW LEVEL SECURITY",
        "DROP TABLE event",
        "CREATE TABLE gwanmun.another (id int)",
        "CREATE TEMPORARY TABLE event (id int)",
        "UPDATE writer SET key_id = 'other'",
        "DELETE FROM writer",
        "INSERT INTO tree_head VALUES (2, 0, '', '', 0)",
        "DELETE FROM tree_head",
        "UPDATE alembic_version SET version_num = 'x'",
    ],
)
def test_writer_cannot_take_its_bounds_away(database: PostgresDatabase, statement: str) -> None:
    with (
        logged_in(database, WRITER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_reader_reads_records_and_nothing_of_sessions(database: PostgresDatabase) -> None:
    with logged_in(database, READER) as connection:
        for table in (*TABLES, "writer", "tree_head", "event_tail", "alembic_version"):
            connection.execute(f"SELECT * FROM {table}")
        for statement in (
            "SELECT * FROM session",
            "INSERT INTO checkpoint VALUES (1, '', 0, '')",
            "SELECT setval('event_tail', 5)",
            "UPDATE tree_head SET size = 0",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_migrated_tables_are_those_of_the_metadata(database: PostgresDatabase) -> None:
    engine = threaded_engine(database.place(OWNER), ("search_path=gwanmun",), 1)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


async def test_start_refuses_a_database_that_was_not_migrated(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    database = postgres_server.database(migrated=False)
    found = await refusal(database, tmp_path)
    assert isinstance(found, SchemaMismatch)
    assert "gwanmun migrate" in str(found)
    with database.superuser() as connection:
        query = "SELECT count(*) FROM pg_namespace WHERE nspname = 'gwanmun'"
        assert connection.execute(query).fetchone() == (0,)  # nothing was made by the start
    assert migrate_server(database.place(OWNER)) == ("none", newest_revision())
    assert migrate_server(database.place(OWNER)) == (newest_revision(), newest_revision())
    await opened(database, tmp_path)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", SchemaMismatch),
        ("DROP TRIGGER leaf_no_delete ON leaf", TablesChanged),
        ("ALTER TABLE event DISABLE TRIGGER event_no_truncate", TablesChanged),
        ("ALTER TABLE event ENABLE TRIGGER event_no_update", TablesChanged),
        (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RETURN NULL; END'",
            TablesChanged,
        ),
        ("ALTER TABLE event DISABLE ROW LEVEL SECURITY", TablesChanged),
        ("DROP POLICY event_read ON event", TablesChanged),
    ],
)
async def test_start_refuses_a_schema_that_does_not_fit(
    database: PostgresDatabase, tmp_path: Path, statement: str, error: type[StoreError]
) -> None:
    with database.superuser() as connection:
        connection.execute("SET search_path = gwanmun")
        connection.execute(statement)
    assert isinstance(await refusal(database, tmp_path), error)
    with pytest.raises(error):
        migrate_server(database.place(OWNER))


@pytest.mark.parametrize(
    ("given", "taken", "power"),
    [
        ("GRANT UPDATE ON event TO gwanmun_writer", "", "UPDATE event"),
        ("GRANT UPDATE (body) ON event TO gwanmun_writer", "", "UPDATE event"),
        ("GRANT DELETE ON checkpoint TO PUBLIC", "", "DELETE checkpoint"),
        ("GRANT TRUNCATE ON leaf TO gwanmun_writer", "", "TRUNCATE leaf"),
        (
            "GRANT gwanmun_owner TO gwanmun_writer",
            "REVOKE gwanmun_owner FROM gwanmun_writer",
            "OWNER event",
        ),
        (
            "ALTER ROLE gwanmun_writer BYPASSRLS",
            "ALTER ROLE gwanmun_writer NOBYPASSRLS",
            "BYPASSRLS",
        ),
        (
            "ALTER ROLE gwanmun_writer CREATEROLE",
            "ALTER ROLE gwanmun_writer NOCREATEROLE",
            "CREATEROLE",
        ),
    ],
)
async def test_start_refuses_a_role_that_could_change_records_and_names_the_power(
    database: PostgresDatabase, tmp_path: Path, given: str, taken: str, power: str
) -> None:
    with database.superuser() as connection:
        connection.execute("SET search_path = gwanmun")
        connection.execute(given)
        try:
            found = await refusal(database, tmp_path)
        finally:
            if taken:
                connection.execute(taken)
    assert isinstance(found, RoleTooStrong)
    assert power in found.powers
    assert power in str(found)
    migrate_server(database.place(OWNER))  # takes away what it had not given
    await opened(database, tmp_path)


async def test_start_refuses_the_owner_and_a_role_without_rights(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    found = await refusal(database, tmp_path, OWNER)
    assert isinstance(found, RoleTooStrong)
    assert "gwanmun_owner" in str(found)
    assert isinstance(await refusal(database, tmp_path, READER), RightsMissing)
    with database.superuser() as connection:
        connection.execute("REVOKE INSERT ON gwanmun.event FROM gwanmun_writer")
    missing = await refusal(database, tmp_path)
    assert isinstance(missing, RightsMissing)
    assert missing.rights == ("INSERT event",)


async def test_start_refuses_a_server_that_may_lose_what_it_confirmed(
    postgres_server: PostgresServer, database: PostgresDatabase, tmp_path: Path
) -> None:
    with postgres_server.superuser("postgres") as connection:
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("SELECT pg_reload_conf()")
        try:
            while connection.execute("SHOW full_page_writes").fetchone() != ("off",):
                connection.execute("SELECT pg_sleep(0.05)")
            found = await refusal(database, tmp_path)
            assert isinstance(found, ServerUnsafe)
            assert "full_page_writes" in str(found)
        finally:
            connection.execute("ALTER SYSTEM RESET full_page_writes")
            connection.execute("SELECT pg_reload_conf()")


async def test_an_agency_sees_its_own_events_whatever_a_query_asks_for(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    """Row-level security, with no condition in the query: one agency's, all, or none."""
    kept = KeptInServer.of(database, tmp_path)
    async with running(kept) as ledger:
        await record(ledger, AGENCY)
        await record(ledger, OTHER_AGENCY)
        for agency in (AGENCY, OTHER_AGENCY):
            row = SubjectRow(agency, b"t" * 32, "0" * 32, 0.0)
            await ledger._database.transact(partial(add_subjects, rows=[row]))
            sealed = ContentRow(f"{agency:0>32}", "prompt", agency, "", 0.0, b"", b"")
            await ledger._database.transact(partial(add_content, rows=[sealed]))
    query = text("SELECT DISTINCT agency FROM event ORDER BY agency")
    tokens = text("SELECT DISTINCT agency FROM subject ORDER BY agency")
    content = text("SELECT DISTINCT agency FROM content ORDER BY agency")
    async with kept.database() as ours:
        for agency in (AGENCY, OTHER_AGENCY):
            async with ours.reading_of(agency) as connection:
                assert [*(await connection.execute(query)).scalars()] == [agency]
                assert [*(await connection.execute(tokens)).scalars()] == [agency]
                assert [*(await connection.execute(content)).scalars()] == [agency]
        for nobody in ("", "all", "*", "9999999"):
            async with ours.reading_of(nobody) as connection:
                assert [*(await connection.execute(query)).scalars()] == []
                assert [*(await connection.execute(tokens)).scalars()] == []
                assert [*(await connection.execute(content)).scalars()] == []
        async with ours.reading() as connection:
            assert len([*(await connection.execute(query)).scalars()]) == 3
    with logged_in(database, WRITER) as connection:  # a session that has said nothing
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM subject").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM content").fetchone() == (0,)
        assert connection.execute("DELETE FROM subject").rowcount == 0
        assert connection.execute("DELETE FROM content").rowcount == 0
    no_right = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with logged_in(database, READER) as connection, no_right:  # verification needs no tokens
        connection.execute("SELECT count(*) FROM subject")


def test_commands_migrate_and_refuse_with_plain_words(
    postgres_server: PostgresServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    database = postgres_server.database(migrated=False)
    nowhere = "http://127.0.0.1:9"

    def command(name: str, **store: str) -> tuple[object, str]:
        tree = {"data_dir": str(tmp_path / "data"), **database.settings(), **store}
        server = {"port": 0, "internal_port": 0}
        config = write_config(tmp_path, nowhere, nowhere, store=tree, server=server)
        with pytest.raises(SystemExit) as ended:
            main([name, "--config", str(config)])
        told = capfd.readouterr()
        return ended.value.code, told.out + told.err

    code, told = command("serve")
    assert code == 2
    assert "gwanmun migrate" in told
    code, told = command("migrate", owner_password_file=str(database.password_file(READER)))
    assert code == 2
    assert "비밀번호가 틀리거나 없습니다" in told
    code, told = command("migrate", owner_url="")
    assert code == 2
    assert "store.owner_url" in told
    newest = newest_revision()
    assert command("migrate") == (0, f"구조를 맞추었습니다: none → {newest}\n")
    assert command("migrate") == (0, f"이미 최신 구조입니다: {newest}\n")
    too_strong = {"database_url": database.url(OWNER)}
    too_strong["password_file"] = str(database.password_file(OWNER))
    code, told = command("doctor", **too_strong)
    assert code == 1
    assert "문제  PostgreSQL" in told
    assert "권한이 지나칩니다 (OWNER event" in told
