"""Who may do what in PostgreSQL: giving the roles their rights, and refusing a role with more.

Four roles. The owner makes tables and is used by `gwanmun migrate` alone. The writer serves: of
records it may insert and read, never change or delete. The reader is for `gwanmun audit verify`.
The pruner, which not every installation has, is for `gwanmun audit prune`: it may also leave a row
in `pruned` and delete that event, which the triggers let nobody do otherwise.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.store.errors import (
    RightsMissing,
    RolesMissing,
    RoleTooStrong,
    ServerUnsafe,
    StoreUnavailable,
)
from gateway.store.schema import check
from gateway.store.tables import (
    CHECKPOINT,
    CONTENT,
    EVENT,
    EVENT_TAIL,
    FORWARDING,
    INSERT_ONLY,
    LEAF,
    PRINCIPAL,
    PRUNED,
    SCHEMA,
    SESSION,
    SUBJECT,
    TREE_HEAD,
    WRITER,
)
from gateway.store.why import why

WRITER_ROLE: Final = "gwanmun_writer"
READER_ROLE: Final = "gwanmun_reader"
PRUNER_ROLE: Final = "gwanmun_pruner"
_VERSION: Final = "alembic_version"

# Table → what the writer may do, as GRANT spells it. There is no other right.
_WRITER_RIGHTS: Final = {
    **{table.name: ("SELECT", "INSERT") for table in INSERT_ONLY},
    PRUNED.name: ("SELECT",),
    WRITER.name: ("SELECT", "INSERT", "UPDATE (seen_at, floor, ended_at)"),
    TREE_HEAD.name: ("SELECT", "UPDATE"),
    FORWARDING.name: ("SELECT", "INSERT", "UPDATE"),
    PRINCIPAL.name: ("SELECT", "INSERT", "UPDATE"),
    SESSION.name: ("SELECT", "INSERT", "UPDATE", "DELETE"),
    SUBJECT.name: ("SELECT", "INSERT", "DELETE"),
    CONTENT.name: ("SELECT", "INSERT", "DELETE"),
    _VERSION: ("SELECT",),
}
_PRUNER_RIGHTS: Final = {
    **{table.name: ("SELECT",) for table in (LEAF, CHECKPOINT, FORWARDING)},
    EVENT.name: ("SELECT", "INSERT", "DELETE"),
    PRUNED.name: ("SELECT", "INSERT"),
    WRITER.name: _WRITER_RIGHTS[WRITER.name],
    _VERSION: ("SELECT",),
}
_READER_TABLES: Final = (*(table.name for table in (*INSERT_ONLY, WRITER, TREE_HEAD)), _VERSION)
_NEVER: Final = ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
_UNSAFE: Final = ("fsync", "full_page_writes")


def grant(connection: Connection) -> None:
    """Gives each role exactly its rights, and takes every other right away.

    Raises:
        RolesMissing: one of the two does not exist.
    """
    found = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    missing = tuple(role for role in (WRITER_ROLE, READER_ROLE) if role not in found)
    if missing:
        raise RolesMissing(missing)
    for statement in _grants(prunes=PRUNER_ROLE in found):
        connection.execute(text(statement))


def _grants(*, prunes: bool) -> Iterator[str]:
    given = {WRITER_ROLE: _WRITER_RIGHTS} | ({PRUNER_ROLE: _PRUNER_RIGHTS} if prunes else {})
    roles = ", ".join((*given, READER_ROLE))
    everybody = f"PUBLIC, {roles}"
    yield f"REVOKE ALL ON SCHEMA {SCHEMA} FROM {everybody}"
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        yield f"REVOKE ALL ON ALL {kind} IN SCHEMA {SCHEMA} FROM {everybody}"
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {roles}"
    for role, tables in given.items():
        for table, rights in tables.items():
            yield f"GRANT {', '.join(rights)} ON {SCHEMA}.{table} TO {role}"
        yield f"GRANT SELECT, UPDATE ON SEQUENCE {SCHEMA}.{EVENT_TAIL} TO {role}"
    for table in _READER_TABLES:
        yield f"GRANT SELECT ON {SCHEMA}.{table} TO {READER_ROLE}"
    yield f"GRANT SELECT ON SEQUENCE {SCHEMA}.{EVENT_TAIL} TO {READER_ROLE}"


async def check_server(engine: AsyncEngine, *, prunes: bool = False) -> None:
    """Refuses to serve where a record could be lost, or changed with the gateway's own password.

    1. The server keeps what it confirms. 2. The tables are those that this program knows, with
    their guards. 3. The role can do no more than append to them; one that `prunes` may delete
    events besides. 4. It can do what it must.

    Raises:
        ServerUnsafe, SchemaMismatch, TablesChanged, RoleTooStrong, RightsMissing: in this order.
        StoreUnavailable: the server cannot be read.
    """
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_check_server, prunes)
    except SQLAlchemyError as error:
        raise StoreUnavailable(*why(error)) from None


def _check_server(connection: Connection, prunes: bool) -> None:
    for parameter in _UNSAFE:
        if connection.execute(text(f"SHOW {parameter}")).scalar_one() == "off":
            raise ServerUnsafe(parameter)
    check(connection)
    role = str(connection.execute(text("SELECT current_user")).scalar_one())
    allowed = {f"DELETE {EVENT.name}"} if prunes else set()
    powers = tuple(power for power in _powers(connection) if power not in allowed)
    if powers:
        raise RoleTooStrong(role, powers)
    missing = tuple(_missing(connection, _PRUNER_RIGHTS if prunes else _WRITER_RIGHTS))
    if missing:
        raise RightsMissing(role, missing)


def _powers(connection: Connection) -> Iterator[str]:
    """What the role, or the one that it logged in as, could do to records."""
    attributes = connection.execute(
        text(
            "SELECT bool_or(rolsuper), bool_or(rolbypassrls), bool_or(rolcreaterole) "
            "FROM pg_roles WHERE rolname IN (current_user, session_user)"
        )
    ).one()
    names = ("SUPERUSER", "BYPASSRLS", "CREATEROLE")
    yield from (name for name, held in zip(names, attributes, strict=True) if held)
    for table in INSERT_ONLY:
        owned, *rights = connection.execute(
            text(
                "SELECT bool_or(pg_has_role(u.name, c.relowner, 'MEMBER')), "
                "bool_or(has_any_column_privilege(u.name, c.oid, 'UPDATE')), "
                "bool_or(has_table_privilege(u.name, c.oid, 'DELETE')), "
                "bool_or(has_table_privilege(u.name, c.oid, 'TRUNCATE')), "
                "bool_or(has_table_privilege(u.name, c.oid, 'TRIGGER')) "
                "FROM pg_class c, (VALUES (current_user), (session_user)) AS u (name) "
                "WHERE c.oid = to_regclass(:table)"
            ),
            {"table": f"{SCHEMA}.{table.name}"},
        ).one()
        if owned:
            yield f"OWNER {table.name}"
        yield from (
            f"{name} {table.name}" for name, held in zip(_NEVER, rights, strict=True) if held
        )


def _missing(connection: Connection, wanted: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for table, rights in wanted.items():
        for right in rights:
            word = right.partition(" ")[0]
            held = connection.execute(
                text("SELECT has_any_column_privilege(:table, :right)")
                if word != "DELETE"
                else text("SELECT has_table_privilege(:table, :right)"),
                {"table": f"{SCHEMA}.{table}", "right": word},
            ).scalar_one()
            if not held:
                yield f"{word} {table}"
    sequence = text("SELECT has_sequence_privilege(:name, 'UPDATE')")
    if not connection.execute(sequence, {"name": f"{SCHEMA}.{EVENT_TAIL}"}).scalar_one():
        yield f"UPDATE {EVENT_TAIL}"
