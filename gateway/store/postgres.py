"""PostgreSQL: many processes, one database. The connections of one of them.

Every connection says itself what it depends on, whatever the server's or the role's defaults are: a
commit that returned is on disk, nothing waits for ever, and a session that stops talking in the
midst of a transaction loses it and the locks that others wait for.
"""

from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.place import PostgresPlace
from gateway.store.rights import check_server
from gateway.store.tables import POOL_TIMEOUT_SECONDS, SCHEMA

_URL = "postgresql+psycopg://"
# A peer that froze while it held the lock for appending loses it before others stop waiting for it,
# and both before a request has waited `ledger.durable_seconds` for its record.
IDLE_SECONDS = 3
LOCK_SECONDS = 4
_STATEMENT_SECONDS = 10
_READERS, _OFFICERS, _WRITERS, _THREADS = 4, 2, 2, 2

# Row-level security shows no event to a connection that has not said whose it reads; see dialect.
ALL_AGENCIES = ("gwanmun.reads=all",)
_SAFE = (
    f"search_path={SCHEMA}",
    "timezone=UTC",
    f"statement_timeout={_STATEMENT_SECONDS}s",
    f"lock_timeout={LOCK_SECONDS}s",
    f"idle_in_transaction_session_timeout={IDLE_SECONDS}s",
)
_DURABLE = (*_SAFE, *ALL_AGENCIES, "synchronous_commit=on")
_READ_ONLY = (*_SAFE, "default_transaction_read_only=on")


class PostgresDriver:
    """The connections of one process: at most ten, whatever the load."""

    takes_turns = False
    shared = True
    threads = _THREADS

    def __init__(self, place: PostgresPlace, *, prunes: bool = False) -> None:
        self._prunes = prunes
        reads = "REPEATABLE READ"
        self.writer = _engine(place, _DURABLE, _WRITERS)
        self.reader = _engine(place, (*_READ_ONLY, *ALL_AGENCIES), _READERS, isolation=reads)
        self.officer = _engine(place, _READ_ONLY, _OFFICERS, isolation=reads)
        self.threaded = threaded_engine(place, _DURABLE, _THREADS)

    async def check(self) -> None:
        """Refuses a server, a schema or a role that does not fit; see `check_server`."""
        await check_server(self.writer, prunes=self._prunes)

    def require_same(self, info: dict[Any, Any]) -> None:
        """A connection leads to one server for as long as it lives."""

    def free_bytes(self) -> int | None:
        """Not known: the disk is another machine's, which fails the commit when it is full."""
        return None


def threaded_engine(place: PostgresPlace, options: tuple[str, ...], size: int) -> Engine:
    """An engine for threads, whose connections begin with these options of the server."""
    engine = create_engine(
        _URL,
        connect_args=_arguments(place, options),
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        isolation_level="READ COMMITTED",
        use_native_hstore=False,
        hide_parameters=True,
    )
    _give_password(engine, place)
    return engine


def _engine(
    place: PostgresPlace,
    options: tuple[str, ...],
    size: int,
    *,
    isolation: str = "READ COMMITTED",
) -> AsyncEngine:
    engine = create_async_engine(
        _URL,
        connect_args=_arguments(place, options),
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,  # after the server's restart nobody has to meet a dead connection
        isolation_level=isolation,
        use_native_hstore=False,
        hide_parameters=True,
    )
    _give_password(engine.sync_engine, place)
    return engine


def _arguments(place: PostgresPlace, options: tuple[str, ...]) -> dict[str, str | int]:
    return {**place.arguments(), "options": " ".join(f"-c {option}" for option in options)}


def _give_password(engine: Engine, place: PostgresPlace) -> None:
    """Reads it for each connection; it stands in no URL and in no engine."""

    def connecting(
        _dialect: Dialect,
        _record: ConnectionPoolEntry,
        _arguments: tuple[Any, ...],
        parameters: dict[str, Any],
    ) -> DBAPIConnection | None:
        password = place.password()
        if password is not None:
            parameters["password"] = password
        return None

    event.listen(engine, "do_connect", connecting)
