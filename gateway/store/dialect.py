"""What differs between databases: how a connection is prepared, and how rows are kept from change.

SQLite is the one that exists today. A second database adds its arm here, and nowhere else.
"""

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.tables import INSERT_ONLY

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


def guards() -> dict[str, str]:
    """Trigger name → statement that makes the insert-only tables refuse changes and deletions."""
    return {
        f"{table.name}_no_{word.lower()}": (
            f"CREATE TRIGGER {table.name}_no_{word.lower()} BEFORE {word} ON {table.name} "
            f"BEGIN SELECT RAISE(ABORT, '{table.name} is insert-only'); END"
        )
        for table in INSERT_ONLY
        for word in ("UPDATE", "DELETE")
    }
