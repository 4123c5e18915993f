"""The schema's version: bringing a database to this program's, and refusing any other.

`migrate` is the only thing that creates or changes tables. Serving only checks.
"""

from pathlib import Path
from typing import NamedTuple

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.data_dir import DataDirectoryLock
from gateway.store.dialect import WRITER_PRAGMAS, missing_guards, prepare
from gateway.store.errors import SchemaMismatch, StoreUnavailable, TablesChanged

_NOTHING = "none"


class Migrated(NamedTuple):
    """The schema's revision before and after; equal when there was nothing to do."""

    before: str
    after: str


def migrate(data_dir: Path, path: Path) -> Migrated:
    """Creates or upgrades the SQLite file at `path`; holds the data directory's lock meanwhile.

    Raises:
        DataDirectoryBusy: a process serves it now.
        SchemaMismatch: it is newer than this program.
        TablesChanged: its guards were taken away.
        StoreUnavailable: it cannot be read or written.
    """
    with DataDirectoryLock(data_dir):
        engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
        prepare(engine, WRITER_PRAGMAS, "BEGIN IMMEDIATE")
        try:
            _make_private(path)
            with engine.begin() as connection:
                return bring_up(connection)
        except (SQLAlchemyError, OSError):
            raise StoreUnavailable from None
        finally:
            engine.dispose()


def bring_up(connection: Connection) -> Migrated:
    """Creates or upgrades the tables inside the caller's transaction.

    Raises:
        SchemaMismatch: they are newer than this program.
        TablesChanged: their guards were taken away.
    """
    before = _revision(connection)
    _upgrade(connection, before)
    check(connection)
    return Migrated(before, _revision(connection))


def newest_revision() -> str:
    """The revision that this program knows."""
    return _scripts().get_current_head() or _NOTHING


async def check_file(engine: AsyncEngine, path: Path) -> None:
    """Refuses tables that this program does not know, in the SQLite file at `path`.

    Raises:
        SchemaMismatch: missing, older or newer tables.
        TablesChanged: their guards were taken away.
        StoreUnavailable: the database cannot be read.
    """
    _require(path)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(check)
    except SQLAlchemyError:
        raise StoreUnavailable from None


def check(connection: Connection) -> None:
    """Refuses tables that this program does not know.

    Raises:
        SchemaMismatch: missing, older or newer tables.
        TablesChanged: their guards were taken away.
    """
    found, expected = _revision(connection), newest_revision()
    if found != expected:
        raise SchemaMismatch(found, expected)
    missing = missing_guards(connection)
    if missing:
        raise TablesChanged(min(missing))


def _require(path: Path) -> None:
    if not path.exists():
        raise SchemaMismatch(_NOTHING, newest_revision())


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection, before: str) -> None:
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    if before not in {_NOTHING, *(script.revision for script in scripts.walk_revisions())}:
        raise SchemaMismatch(before, newest_revision())

    def steps(revision: object, _context: MigrationContext) -> list[RevisionStep]:
        return scripts._upgrade_revs("head", revision)  # type: ignore[arg-type]

    environment = EnvironmentContext(config, scripts, fn=steps)
    with environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or _NOTHING
