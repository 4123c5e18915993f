"""A consistent copy of a SQLite ledger beside a running gateway, without browser sessions."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from gateway.store.errors import StoreUnavailable


def snapshot(source: Path, target: Path) -> str:
    """Copies the database into a new file; returns its schema's revision.

    Writers go on meanwhile: it is one read of SQLite's online backup.

    Raises:
        StoreUnavailable: it cannot be read, or the copy not be written.
    """
    try:
        with (
            closing(sqlite3.connect(_address(source, "rw"), uri=True)) as found,
            closing(sqlite3.connect(_address(target, "rwc"), uri=True)) as copy,
        ):
            found.backup(copy)
            copy.execute("PRAGMA secure_delete = ON")
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("DELETE FROM session")
            copy.commit()
            (revision,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(revision)
    except (sqlite3.Error, TypeError):
        raise StoreUnavailable from None


def gather(path: Path) -> None:
    """Brings all of a database that nobody uses into its one file, durably.

    Raises:
        StoreUnavailable: somebody uses it, or it cannot be written.
    """
    try:
        with closing(sqlite3.connect(_address(path, "rw"), uri=True)) as found:
            (busy, *_) = found.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        with path.open("rb") as file:
            os.fsync(file.fileno())
    except (sqlite3.Error, OSError):
        raise StoreUnavailable from None
    if busy:
        raise StoreUnavailable


def _address(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
