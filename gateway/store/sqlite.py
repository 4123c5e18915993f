"""SQLite: one file, one process. Its connections, and the file that they must still belong to.

The file is never created here (migrate does that), and a commit only counts if the file that took
it still stands in its place: SQLite itself would go on writing into a deleted one.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.dialect import READER_PRAGMAS, WRITER_PRAGMAS, prepare
from gateway.store.errors import StoreUnavailable
from gateway.store.schema import check_file
from gateway.store.tables import POOL_TIMEOUT_SECONDS

_READERS = 4
_IDENTITY = "identity"


class SqliteDriver:
    """The connections of one process to its file; the writers among them take turns."""

    takes_turns = True
    shared = False
    threads = 1

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.writer = _engine(self.path, WRITER_PRAGMAS, "BEGIN IMMEDIATE", 1)
        self.reader = _engine(self.path, READER_PRAGMAS, "BEGIN", _READERS)
        self.officer = self.reader
        self.threaded = _threaded_engine(self.path)

    async def check(self) -> None:
        """Refuses tables that this program does not know; see `check_file`."""
        await check_file(self.reader, self.path)

    def require_same(self, info: dict[Any, Any]) -> None:
        """The file that a connection was opened on is still the one at its path.

        Raises:
            StoreUnavailable: it is not.
            OSError: nothing is there.
        """
        if _identity(self.path) != info[_IDENTITY]:
            raise StoreUnavailable

    def free_bytes(self) -> int | None:
        """Free disk where the file stands.

        Raises:
            StoreUnavailable: its directory is gone.
        """
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            raise StoreUnavailable from None
        return disk.f_bavail * disk.f_frsize


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _engine(path: Path, pragmas: tuple[str, ...], begin: str, size: int) -> AsyncEngine:
    engine = create_async_engine(
        _url(path, "sqlite+aiosqlite"),
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        hide_parameters=True,
    )
    _remember_identity(engine.sync_engine, path)
    prepare(engine.sync_engine, pragmas, begin)
    return engine


def _threaded_engine(path: Path) -> Engine:
    engine = create_engine(
        _url(path, "sqlite"),
        pool_size=1,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_reset_on_return=None,  # each of its transactions has ended, or its connection is gone
        hide_parameters=True,
    )
    _remember_identity(engine, path)
    prepare(engine, WRITER_PRAGMAS, "BEGIN IMMEDIATE")
    return engine


def _url(path: Path, driver: str) -> URL:
    # mode=rw: a file that is missing is an error, never a new empty database.
    file = f"file:{quote(str(path))}"
    return URL.create(driver, database=file, query={"mode": "rw", "uri": "true"})


def _remember_identity(engine: Engine, path: Path) -> None:
    def connected(_connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info[_IDENTITY] = _identity(path)

    event.listen(engine, "connect", connected)
