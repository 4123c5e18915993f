"""Where tests keep a ledger: a SQLite file, or a database of a real PostgreSQL server.

One suite runs on both: a test takes `kept` and says nothing of which it is.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest
from parts.postgres import OWNER, READER, PostgresDatabase

from gateway.ledger.keys import LedgerKeys, open_keys
from gateway.proofs.policy import Policy
from gateway.proofs.trust import Trust
from gateway.proofs.verify import Report, verify, verify_log
from gateway.store.database import Database, database_path
from gateway.store.dialect import APPENDING, BUSY_TIMEOUT_MS, guards
from gateway.store.log_reader import ServerReader
from gateway.store.place import PostgresPlace
from gateway.store.postgres import LOCK_SECONDS
from gateway.store.schema import migrate
from gateway.store.tables import INSERT_ONLY

Statement: TypeAlias = str | tuple[str, tuple[object, ...]]


@dataclass
class KeptInFile:
    """A data directory with its SQLite file."""

    data_dir: Path
    kind = "sqlite"
    # How long a write waits for another's before the store counts as away.
    patience_seconds = BUSY_TIMEOUT_MS / 1_000
    refused = sqlite3.IntegrityError

    @property
    def trust_file(self) -> Path:
        return self.data_dir / "trust.json"

    @property
    def words(self) -> list[str]:
        """The words by which the commands find it."""
        return [str(self.data_dir)]

    @property
    def spec(self) -> str:
        """For another process, to be read by `kept_by`."""
        return json.dumps({"data_dir": str(self.data_dir)})

    def prepare(self) -> None:
        migrate(self.data_dir, database_path(self.data_dir))

    def database(self) -> Database:
        return Database(self.data_dir)

    def keys(self) -> LedgerKeys:
        return open_keys(self.data_dir)

    def verified(self, trust: Trust | None = None, policy: Policy | None = None) -> Report:
        return verify_log(self.data_dir, trust or Trust.read(self.trust_file), policy)

    def size_bytes(self) -> int:
        return database_path(self.data_dir).stat().st_size

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        uri = f"file:{database_path(self.data_dir)}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def tamper(self, *statements: Statement) -> None:
        with closing(sqlite3.connect(database_path(self.data_dir))) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            for name in guards():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in map(_whole, statements):
                connection.execute(*statement)
            for guard in guards().values():
                connection.execute(guard)

    def forget_behind(self, position: int) -> Statement:
        """What makes the database forget that it has given out later positions."""
        return "UPDATE sqlite_sequence SET seq = ? WHERE name = 'event'", (position,)

    def strictly(self, statement: str) -> None:
        """Runs a statement as whoever holds every right, with the guards in place."""
        with closing(sqlite3.connect(database_path(self.data_dir))) as connection, connection:
            connection.execute(statement)

    @contextmanager
    def hold_writes(self) -> Iterator[None]:
        """Another program holds the lock for writing: to us the store is away."""
        path = database_path(self.data_dir)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")


@dataclass
class KeptInServer:
    """A database of a real server, and the data directory of the process that works on it.

    `keys_in` is the data directory whose keys are used, if not its own.
    """

    data_dir: Path
    url: str
    password_file: Path
    server: PostgresDatabase | None = field(default=None, repr=False)
    keys_in: Path | None = None
    kind = "postgresql"
    patience_seconds = float(LOCK_SECONDS)
    refused = psycopg.errors.RestrictViolation

    @classmethod
    def of(cls, found: PostgresDatabase, data_dir: Path) -> "KeptInServer":
        return cls(data_dir, found.url(), found.password_file(), found)

    def beside(self, data_dir: Path) -> "KeptInServer":
        """The same ledger for another process, with the same keys."""
        return KeptInServer(data_dir, self.url, self.password_file, self.server, self._key_home)

    @property
    def _key_home(self) -> Path:
        return self.keys_in or self.data_dir

    @property
    def trust_file(self) -> Path:
        return self._key_home / "trust.json"

    @property
    def words(self) -> list[str]:
        found = self.the_server
        secret, trust = found.password_file(READER), self.trust_file
        return [found.url(READER), "--password-file", str(secret), "--trust", str(trust)]

    @property
    def spec(self) -> str:
        spec = {"data_dir": self.data_dir, "url": self.url, "password_file": self.password_file}
        return json.dumps(spec, default=str)

    @property
    def the_server(self) -> PostgresDatabase:
        assert self.server is not None, "only where the test runs itself"
        return self.server

    def prepare(self) -> None:
        """It is made migrated."""

    def database(self) -> Database:
        return Database(self.data_dir, self.url, password_file=self.password_file)

    def keys(self) -> LedgerKeys:
        return open_keys(self._key_home)

    def verified(self, trust: Trust | None = None, policy: Policy | None = None) -> Report:
        with self.reader() as reader:
            return verify(reader, trust or Trust.read(self.trust_file), policy)

    def reader(self, role: str = READER) -> ServerReader:
        place = self.the_server.place(role)
        assert isinstance(place, PostgresPlace)
        return ServerReader(place)

    def size_bytes(self) -> int:
        return int(self.ask("SELECT pg_database_size(current_database())")[0][0])

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.superuser() as connection:
            return connection.execute(_marked(query, values), values or None).fetchall()

    def tamper(self, *statements: Statement) -> None:
        with self.superuser() as connection, connection.transaction():
            for table in INSERT_ONLY:
                connection.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")
            for query, values in map(_whole, statements):
                connection.execute(_marked(query, values), values or None)
            for table in INSERT_ONLY:
                for word in ("update", "delete", "truncate"):
                    guard = f"{table.name}_no_{word}"
                    connection.execute(f"ALTER TABLE {table.name} ENABLE ALWAYS TRIGGER {guard}")

    def forget_behind(self, position: int) -> Statement:
        return "SELECT setval('event_tail', ?)", (position,)

    def strictly(self, statement: str) -> None:
        with self.superuser() as connection:
            connection.execute(statement)

    @contextmanager
    def hold_writes(self) -> Iterator[None]:
        with self.superuser() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [APPENDING])
            yield

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection[Any]]:
        with self.the_server.superuser() as connection:
            connection.execute("SET search_path = gwanmun")
            yield connection

    def owner(self) -> PostgresPlace:
        return self.the_server.place(OWNER)


Kept: TypeAlias = KeptInFile | KeptInServer


def kept_by(spec: str) -> Kept:
    """What `spec` of another process's Kept says."""
    facts = json.loads(spec)
    if "url" not in facts:
        return KeptInFile(Path(facts["data_dir"]))
    return KeptInServer(Path(facts["data_dir"]), facts["url"], Path(facts["password_file"]))


def keep(place: "Path | Kept") -> Kept:
    """A bare path is a data directory with a SQLite file."""
    return KeptInFile(place) if isinstance(place, Path) else place


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.cluster)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """A ledger's place on each of the two databases."""
    if request.param == "sqlite":
        return KeptInFile(tmp_path)
    return KeptInServer.of(request.getfixturevalue("postgres_server").database(), tmp_path)


def _whole(statement: Statement) -> tuple[str, tuple[object, ...]]:
    return (statement, ()) if isinstance(statement, str) else statement


def _marked(query: str, values: tuple[object, ...]) -> str:
    """The question marks of one driver as the other spells them."""
    return query.replace("%", "%%").replace("?", "%s") if values else query
