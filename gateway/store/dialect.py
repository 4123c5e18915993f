"""What differs between databases: how writers take turns, what guards the rows, who may see them.

SQLite and PostgreSQL each have their arm here, and the stores know of neither. Goes in: a
connection inside the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.tables import EVENT, INSERT_ONLY

# Longest wait for another connection's write; far below a request's wait for its record.
BUSY_TIMEOUT_MS = 2_000

# The write-ahead log moves into the database file when it has this many pages (of 4 KiB). The
# commit that does it pays for all: larger means rarer and longer.
CHECKPOINT_PAGES = 2_000

_SHARED = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys = ON",
    # Without it INSERT OR REPLACE deletes rows behind the back of the delete triggers
    # (https://www.sqlite.org/lang_conflict.html, REPLACE).
    "PRAGMA recursive_triggers = ON",
)
# In WAL mode FULL syncs the log at each commit: a commit that returned survives a power cut
# (https://www.sqlite.org/pragma.html#pragma_synchronous).
WRITER_PRAGMAS = (
    *_SHARED,
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # What retention and erasure delete is overwritten, not only forgotten.
    "PRAGMA secure_delete = ON",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
)
READER_PRAGMAS = (*_SHARED, "PRAGMA query_only = ON")


def prepare(engine: Engine, pragmas: tuple[str, ...], begin: str) -> None:
    """Makes an engine set up each new connection, and begin its transactions with `begin`.

    The driver's own BEGIN comes only before the first change, and never before DDL; so it is
    turned off.
    """

    def connected(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


class Tail(NamedTuple):
    """The end of the log as an appending transaction found it.

    `position` is the last one ever given out. `running` says whether the asking writer's row is
    there and has not been ended, by itself or by another replica.
    """

    position: int
    running: bool


# Any number that no other program uses as an advisory lock in this database.
APPENDING: Final = 0x6777_616E_6D75_6E01
MIGRATING: Final = 0x6777_616E_6D75_6E02

_SQLITE_TAIL = text(
    "SELECT coalesce((SELECT CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name = 'event'), 0), "
    "EXISTS (SELECT 1 FROM writer WHERE id = :writer AND ended_at IS NULL)"
)
# The sequence is only a memory of what is committed, for `audit verify` to miss a tail that was cut
# off: it is set to where the log ended when this transaction began, never to what it adds.
_POSTGRES_TAIL = text(
    "SELECT setval('event_tail', greatest((SELECT coalesce(max(position), 0) FROM event), "
    "(SELECT last_value FROM event_tail))), "
    "EXISTS (SELECT 1 FROM writer WHERE id = :writer AND ended_at IS NULL)"
)
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


def begin_append(connection: Connection, writer: str) -> Tail:
    """Waits until no other transaction appends, and keeps the others out until this one has ended.

    Whoever appends, in any process, calls this first. PostgreSQL makes a transaction visible before
    it frees its locks; so positions are given in the order in which events become visible, a reader
    that has seen one position has seen all below it, and when this returns every earlier append has
    either been kept or never will be. SQLite's BEGIN IMMEDIATE has done the same already.
    """
    if is_postgres(connection):
        connection.execute(_LOCK, {"key": APPENDING})
    # A statement of its own: its snapshot has to be taken after the lock.
    query = _POSTGRES_TAIL if is_postgres(connection) else _SQLITE_TAIL
    position, running = connection.execute(query, {"writer": writer}).one()
    return Tail(int(position), bool(running))


def server_time(connection: Connection, here: float) -> float:
    """Unix seconds by the one clock that all writers of this database share.

    That is the server's; SQLite's one process takes its own, `here`.
    """
    if not is_postgres(connection):
        return here
    query = text("SELECT extract(epoch FROM clock_timestamp())")
    return float(connection.execute(query).scalar_one())


def read_as_agency(connection: Connection, agency: str) -> None:
    """Until this transaction ends, row-level security shows this agency's events and no other.

    SQLite has no such second net: there the stores' own conditions are the only one.
    """
    if is_postgres(connection):
        query = text("SELECT set_config('gwanmun.agency', :agency, true)")
        connection.execute(query, {"agency": agency})


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Inserts rows; those whose key is there already are passed over, whatever they say."""
    if rows:
        kind = postgresql if is_postgres(connection) else sqlite
        connection.execute(kind.insert(table).on_conflict_do_nothing(), rows)


def is_postgres(connection: Connection) -> bool:
    """Which of the two it is."""
    return connection.dialect.name == "postgresql"


def guards() -> dict[str, str]:
    """Trigger name → statement that makes SQLite's insert-only tables refuse changes."""
    return {
        f"{table.name}_no_{word.lower()}": (
            f"CREATE TRIGGER {table.name}_no_{word.lower()} BEFORE {word} ON {table.name} "
            f"{_UNPRUNED if (table, word) == (EVENT, 'DELETE') else ''}"
            f"BEGIN SELECT RAISE(ABORT, '{table.name} is insert-only'); END"
        )
        for table in INSERT_ONLY
        for word in ("UPDATE", "DELETE")
    }


def missing_guards(connection: Connection) -> set[str]:
    """The names of what should keep rows from change or from foreign eyes, and is not there."""
    if not is_postgres(connection):
        found = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return set(guards()) - set(connection.execute(found).scalars())
    triggers = {
        f"{table.name}_no_{word}" for table in INSERT_ONLY for word in ("update", "delete")
    } | {f"{table.name}_no_truncate" for table in INSERT_ONLY}
    bodies = {"body": REFUSE_CHANGE, "of_event": REFUSE_UNPRUNED}
    guarded = set(connection.execute(_POSTGRES_GUARDS, bodies).scalars())
    return (triggers - guarded) | (
        set(POLICIES) - set(connection.execute(_POSTGRES_POLICIES).scalars())
    )


# An event may go only where its row in `pruned` stays behind.
_UNPRUNED: Final = "WHEN NOT EXISTS (SELECT 1 FROM pruned WHERE pruned.position = OLD.position) "
REFUSE_UNPRUNED: Final = (
    "BEGIN IF NOT EXISTS (SELECT 1 FROM gwanmun.pruned p WHERE p.position = OLD.position) THEN "
    "RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME "
    "USING ERRCODE = 'restrict_violation'; END IF; RETURN OLD; END"
)
REFUSE_CHANGE: Final = (
    "BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME "
    "USING ERRCODE = 'restrict_violation'; END"
)
POLICIES: Final = (
    "event_read",
    "event_append",
    "event_prune",
    "subject_read",
    "subject_append",
    "subject_delete",
    "content_read",
    "content_append",
    "content_delete",
)
# A trigger counts only while it fires always, and its function is still ours.
_POSTGRES_GUARDS = text(
    "SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
    "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND t.tgenabled = 'A' AND p.prosrc = "
    "CASE t.tgname WHEN 'event_no_delete' THEN :of_event ELSE :body END"
)
_POSTGRES_POLICIES = text(
    "SELECT p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relrowsecurity"
)
