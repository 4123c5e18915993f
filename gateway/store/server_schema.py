"""Migrating a PostgreSQL database, as its owner: `gwanmun migrate`, and nobody else."""

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.store.dialect import MIGRATING
from gateway.store.errors import StoreUnavailable
from gateway.store.place import PostgresPlace
from gateway.store.postgres import threaded_engine
from gateway.store.rights import grant
from gateway.store.schema import Migrated, bring_up
from gateway.store.tables import SCHEMA
from gateway.store.why import why

# A table may be in use: its users have a minute to end, and then the migration gives up unharmed.
_PATIENT = (f"search_path={SCHEMA}", "lock_timeout=60s")


def migrate_server(place: PostgresPlace) -> Migrated:
    """Creates or upgrades the tables and sets the roles' rights, all or nothing.

    Of two that run at once the second waits and finds nothing to do.

    Raises:
        SchemaMismatch: the schema is newer than this program.
        TablesChanged: its guards were taken away.
        RolesMissing: the writer's or the reader's role does not exist.
        StoreUnavailable: the server is away, or refuses what its owner has to do.
    """
    engine = threaded_engine(place, _PATIENT, 1)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
            _make_schema(connection)
            done = bring_up(connection)
            grant(connection)
            return done
    except SQLAlchemyError as error:
        raise StoreUnavailable(*why(error)) from None
    finally:
        engine.dispose()


def _make_schema(connection: Connection) -> None:
    """Asks first: CREATE … IF NOT EXISTS wants the right to create it also where it stands."""
    query = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
    if connection.execute(query, {"name": SCHEMA}).first() is None:
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
