"""The database of one process: short reading and writing transactions, and nothing that lasts.

Writers take turns inside the process, so that none of them waits in SQLite's own polling. The file
is never created here (migrate does that), and a commit only counts if the file that took it still
stands in its place: SQLite itself would go on writing into a deleted one.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.data_dir import DataDirectoryLock
from gateway.store.dialect import READER_PRAGMAS, WRITER_PRAGMAS, prepare
from gateway.store.errors import StoreUnavailable, UnsupportedDatabase
from gateway.store.schema import check_schema

FILE_NAME = "gwanmun.db"
_READERS = 4
_POOL_TIMEOUT_SECONDS = 5.0
_IDENTITY = "identity"

Result = TypeVar("Result")


def database_path(data_dir: Path, url: str = "") -> Path:
    """Where the SQLite file stands.

    Raises:
        UnsupportedDatabase: the URL names another database, or none that lasts.
    """
    if not url:
        return data_dir / FILE_NAME
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnsupportedDatabase from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.query:
        raise UnsupportedDatabase
    return Path(parsed.database)


class Database:
    """An async context manager that holds the data directory's lock and the connections.

    Raises:
        DataDirectoryBusy: on entering, when another process serves the directory.
        SchemaMismatch: on entering, when the tables are missing, older or newer.
        TablesChanged: on entering, when their guards were taken away.
        UnsupportedDatabase: at once, for a URL that is not SQLite's.
    """

    def __init__(self, data_dir: Path, url: str = "") -> None:
        self.data_dir = data_dir
        self.path = database_path(data_dir, url).absolute()
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._writer = _engine(self.path, WRITER_PRAGMAS, "BEGIN IMMEDIATE", 1)
        self._reader = _engine(self.path, READER_PRAGMAS, "BEGIN", _READERS)
        self._threaded = _threaded_engine(self.path)
        self._thread = ThreadPoolExecutor(1, "store writer")

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(DataDirectoryLock(self.data_dir))
            stack.push_async_callback(self._reader.dispose)
            stack.push_async_callback(self._writer.dispose)
            stack.callback(self._thread.shutdown)
            stack.callback(self._threaded.dispose)
            await check_schema(self._reader, self.path)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that holds the write lock from its start; durable when this returns.

        Raises:
            StoreUnavailable: it is not known to be durable; it may or may not have been kept.
        """
        async with self._turn, self._transaction(self._writer) as connection:
            yield connection

    async def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Runs `work` in one writing transaction; durable when this returns.

        All of it runs in one go in a thread of its own: a commit that passes from thread to thread
        for each statement takes three times as long.

        Raises:
            StoreUnavailable: it is not known to be durable; it may or may not have been kept.
        """
        loop = asyncio.get_running_loop()
        async with self._turn:
            return await loop.run_in_executor(self._thread, self._transact, work)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        try:
            with self._threaded.connect() as connection:
                try:
                    opened = connection.connection.info[_IDENTITY]
                    _require_same(self.path, opened)
                    with connection.begin():
                        result = work(connection)
                    _require_same(self.path, opened)
                except (SQLAlchemyError, OSError, StoreUnavailable):
                    connection.invalidate()
                    raise
                return result
        except (SQLAlchemyError, OSError):
            raise StoreUnavailable from None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot of what is committed.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        async with self._transaction(self._reader) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """After any failure the connection is thrown away, and the next use opens a new one."""
        try:
            async with engine.connect() as connection:
                try:
                    opened = (await connection.get_raw_connection()).info[_IDENTITY]
                    _require_same(self.path, opened)
                    async with connection.begin():
                        yield connection
                    _require_same(self.path, opened)
                except (SQLAlchemyError, OSError, StoreUnavailable):
                    await connection.invalidate()
                    raise
        except (SQLAlchemyError, OSError):
            raise StoreUnavailable from None

    def free_bytes(self) -> int:
        """Free disk where the database stands, in bytes.

        Raises:
            StoreUnavailable: its directory is gone.
        """
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            raise StoreUnavailable from None
        return disk.f_bavail * disk.f_frsize


def _require_same(path: Path, opened: tuple[int, int]) -> None:
    if _identity(path) != opened:
        raise StoreUnavailable


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _engine(path: Path, pragmas: tuple[str, ...], begin: str, size: int) -> AsyncEngine:
    engine = create_async_engine(
        _url(path, "sqlite+aiosqlite"),
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
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
        pool_timeout=_POOL_TIMEOUT_SECONDS,
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
