"""The database of one process: short reading and writing transactions, and nothing that lasts.

The same on SQLite and on PostgreSQL; what differs stands in their drivers and in dialect. No
transaction is ever left open while something else is waited for.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.store.data_dir import DataDirectoryLock
from gateway.store.dialect import read_as_agency
from gateway.store.errors import StoreUnavailable
from gateway.store.place import PostgresPlace, database_path, find_place
from gateway.store.postgres import PostgresDriver
from gateway.store.sqlite import SqliteDriver

__all__ = ["Database", "database_path"]

Result = TypeVar("Result")


class Driver(Protocol):
    """What a kind of database brings: its connections, and what only it knows of them."""

    takes_turns: bool
    shared: bool
    threads: int
    writer: AsyncEngine
    reader: AsyncEngine
    officer: AsyncEngine
    threaded: Engine

    async def check(self) -> None:
        """Raises a StoreError if this program may not work on the database."""

    def require_same(self, info: dict[Any, Any]) -> None:
        """Raises StoreUnavailable if a connection's transaction would not count any more."""

    def free_bytes(self) -> int | None:
        """Free disk where the database stands, in bytes; None if nobody here knows."""


class Database:
    """An async context manager that holds the data directory's lock and the connections.

    `shared` says that other processes may write to the same database. One that `prunes` logs in
    with the role that may, which serves nothing else.

    Raises:
        DataDirectoryBusy: on entering, when another process serves the directory.
        SchemaMismatch: on entering, when the tables are missing, older or newer.
        TablesChanged: on entering, when their guards were taken away.
        RoleTooStrong, RightsMissing, ServerUnsafe: on entering, of a PostgreSQL server.
        UnsupportedDatabase: at once, for a URL that is of no known kind.
    """

    def __init__(
        self,
        data_dir: Path,
        url: str = "",
        *,
        password_file: Path | None = None,
        ca_file: Path | None = None,
        lock: bool = True,
        prunes: bool = False,
    ) -> None:
        self.data_dir = data_dir
        place = find_place(data_dir, url, password_file=password_file, ca_file=ca_file)
        self._driver: Driver = (
            PostgresDriver(place, prunes=prunes)
            if isinstance(place, PostgresPlace)
            else SqliteDriver(place.path)
        )
        self.shared = self._driver.shared
        self._locks = lock
        self._turn: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self._driver.takes_turns else nullcontext()
        )
        self._stack = AsyncExitStack()
        self._threads = ThreadPoolExecutor(self._driver.threads, "store writer")

    async def __aenter__(self) -> Self:
        driver = self._driver
        async with AsyncExitStack() as stack:
            if self._locks:
                stack.enter_context(DataDirectoryLock(self.data_dir))
            for engine in {driver.reader, driver.writer, driver.officer}:
                stack.push_async_callback(engine.dispose)
            stack.callback(driver.threaded.dispose)
            stack.callback(self._threads.shutdown)
            await driver.check()
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
        """One transaction that may write; durable when this returns.

        On SQLite it holds the write lock from its start.

        Raises:
            StoreUnavailable: it is not known to be durable; it may or may not have been kept.
        """
        async with self._turn, self._transaction(self._driver.writer) as connection:
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
            return await loop.run_in_executor(self._threads, self._transact, work)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        try:
            with self._driver.threaded.connect() as connection:
                try:
                    opened = connection.connection.info
                    self._driver.require_same(opened)
                    with connection.begin():
                        result = work(connection)
                    self._driver.require_same(opened)
                except (SQLAlchemyError, OSError, StoreUnavailable):
                    connection.invalidate()
                    raise
                return result
        except (SQLAlchemyError, OSError):
            raise StoreUnavailable from None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot of what is committed, of all agencies.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        async with self._transaction(self._driver.reader) as connection:
            yield connection

    @asynccontextmanager
    async def reading_of(self, agency: str) -> AsyncIterator[AsyncConnection]:
        """One snapshot in which PostgreSQL itself shows the events of one agency alone.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        async with self._transaction(self._driver.officer) as connection:
            await connection.run_sync(read_as_agency, agency)
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """After any failure the connection is thrown away, and the next use opens a new one."""
        try:
            async with engine.connect() as connection:
                try:
                    opened = (await connection.get_raw_connection()).info
                    self._driver.require_same(opened)
                    async with connection.begin():
                        yield connection
                    self._driver.require_same(opened)
                except (SQLAlchemyError, OSError, StoreUnavailable):
                    await connection.invalidate()
                    raise
        except (SQLAlchemyError, OSError):
            raise StoreUnavailable from None

    def free_bytes(self) -> int | None:
        """Free disk where the database stands, in bytes; None if it is another machine's.

        Raises:
            StoreUnavailable: its directory is gone.
        """
        return self._driver.free_bytes()
