"""The event table and the writers' rows: what is appended, and what is found again.

Every function runs inside the caller's transaction: those of the writer in its thread
(`Database.transact`), those that only read on the event loop.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import desc, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.dialect import Tail
from gateway.store.tables import EVENT, PRUNED, WRITER


class EventRow(NamedTuple):
    """One event, ready to be appended; the columns' meaning stands in tables."""

    writer: str
    sequence: int
    record_id: str
    action: str
    agency: str
    body: bytes
    salt: bytes
    signature: bytes


class StoredEvent(NamedTuple):
    """One event as it was appended, with its place in the order of commits."""

    position: int
    event: EventRow


class OpenRecord(NamedTuple):
    """A record that was opened and never closed."""

    record_id: str
    agency: str


class UnendedWriter(NamedTuple):
    """A writer that neither stopped nor was declared lost; `floor` is explained in tables."""

    id: str
    floor: int


def append_events(connection: Connection, tail: Tail, rows: Sequence[EventRow]) -> None:
    """Appends the rows in their order behind the tail that `begin_append` gave."""
    if rows:
        numbered = enumerate(rows, tail.position + 1)
        values = [{"position": position, **row._asdict()} for position, row in numbered]
        connection.execute(insert(EVENT), values)


def last_sequence(connection: Connection, writer: str) -> int:
    """The writer's last sequence number, of an event that is kept or was pruned, or -1."""
    lasts = [
        connection.execute(
            select(func.max(table.c.sequence)).where(table.c.writer == writer)
        ).scalar_one()
        for table in (EVENT, PRUNED)
    ]
    return max((int(last) for last in lasts if last is not None), default=-1)


def last_event(connection: Connection) -> tuple[str, int] | None:
    """Writer and sequence number of the last event of all, if there is one."""
    query = select(EVENT.c.writer, EVENT.c.sequence).order_by(desc(EVENT.c.position)).limit(1)
    found = connection.execute(query).first()
    return (found.writer, found.sequence) if found else None


def last_body(connection: Connection, *, agency: str, action: str) -> bytes | None:
    """The body of one agency's last event of an action, if there is one."""
    query = select(EVENT.c.body).where(EVENT.c.agency == agency, EVENT.c.action == action)
    newest = query.order_by(desc(EVENT.c.position)).limit(1)
    found = connection.execute(newest).scalar_one_or_none()
    return None if found is None else bytes(found)


def start_writer(connection: Connection, writer: str, *, key_id: str, at: float) -> None:
    """Adds a writer's row; `at` is in Unix seconds."""
    values = {"id": writer, "key_id": key_id, "started_at": at, "seen_at": at, "floor": 0}
    connection.execute(insert(WRITER).values(values))


def touch_writer(connection: Connection, writer: str, *, at: float, floor: int) -> None:
    """Says that the writer lives, and from which sequence number on records may be open."""
    change = update(WRITER).where(WRITER.c.id == writer).values(seen_at=at, floor=floor)
    connection.execute(change)


def end_writer(connection: Connection, writer: str, *, at: float) -> None:
    """Says that the writer writes no more."""
    connection.execute(update(WRITER).where(WRITER.c.id == writer).values(ended_at=at))


def unended_writers(
    connection: Connection, *, silent_since: float | None = None
) -> list[UnendedWriter]:
    """All writers that may have left records open, oldest first.

    With a time (Unix seconds) only those that have shown no sign of life since then.
    """
    query = select(WRITER.c.id, WRITER.c.floor).where(WRITER.c.ended_at.is_(None))
    if silent_since is not None:
        query = query.where(WRITER.c.seen_at <= silent_since)
    rows = connection.execute(query.order_by(WRITER.c.started_at))
    return [UnendedWriter(*row) for row in rows]


def open_records(
    connection: Connection, writer: UnendedWriter, *, opened: str, closed: str
) -> list[OpenRecord]:
    """What the writer opened and nobody closed; `opened` and `closed` are the actions' names."""
    closing = EVENT.alias("closing")
    is_closed = (
        select(closing.c.position)
        .where(closing.c.record_id == EVENT.c.record_id, closing.c.action == closed)
        .exists()
    )
    query = select(EVENT.c.record_id, EVENT.c.agency).where(
        EVENT.c.writer == writer.id,
        EVENT.c.sequence >= writer.floor,
        EVENT.c.action == opened,
        ~is_closed,
    )
    rows = connection.execute(query.order_by(EVENT.c.sequence))
    return [OpenRecord(*row) for row in rows]


async def events_after(connection: AsyncConnection, position: int, limit: int) -> list[StoredEvent]:
    """The next events in the order of commits."""
    query = select(EVENT).where(EVENT.c.position > position).order_by(EVENT.c.position)
    return _stored((await connection.execute(query.limit(limit))).all())


async def count_after(connection: AsyncConnection, position: int) -> int:
    """How many events stand behind a position; positions have no gaps."""
    last = (await connection.execute(select(func.max(EVENT.c.position)))).scalar_one()
    return max(0, int(last or 0) - position)


async def events_of_records(
    connection: AsyncConnection, record_ids: Sequence[str], agency: str
) -> list[StoredEvent]:
    """All events of some records of one agency, in the order of commits."""
    query = select(EVENT).where(EVENT.c.record_id.in_(record_ids), EVENT.c.agency == agency)
    return _stored((await connection.execute(query.order_by(EVENT.c.position))).all())


async def last_events(
    connection: AsyncConnection, agency: str, *, actions: Sequence[str], limit: int
) -> list[StoredEvent]:
    """One agency's last events of some actions, newest first."""
    query = select(EVENT).where(EVENT.c.agency == agency, EVENT.c.action.in_(actions))
    newest = query.order_by(desc(EVENT.c.position)).limit(limit)
    return _stored((await connection.execute(newest)).all())


def _stored(rows: Sequence[Sequence[object]]) -> list[StoredEvent]:
    return [StoredEvent(row[0], EventRow(*row[1:])) for row in rows]  # type: ignore[arg-type]
