"""Events whose retention has ended: found, and deleted with what has to stay of each.

Every function runs inside the caller's transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.errors import StoreUnavailable
from gateway.store.tables import CHECKPOINT, EVENT, LEAF, PRUNED


class SealedEvent(NamedTuple):
    """A sealed event with its leaf; the columns' meaning stands in tables."""

    position: int
    writer: str
    sequence: int
    record_id: str
    action: str
    agency: str
    body: bytes
    salt: bytes
    leaf_index: int
    agency_number: int
    entry: bytes


async def size_before(connection: AsyncConnection, at: float) -> int:
    """How many leaves were sealed before a time (Unix seconds).

    A clock that once ran ahead keeps events for longer, one that was put back lets none go earlier.
    """
    since = select(func.min(CHECKPOINT.c.size)).where(CHECKPOINT.c.sealed_at >= at)
    first = (await connection.execute(since)).scalar_one()
    query = select(func.max(CHECKPOINT.c.size))
    before = query if first is None else query.where(CHECKPOINT.c.size < first)
    return int((await connection.execute(before)).scalar_one() or 0)


async def position_before(connection: AsyncConnection, size: int) -> int:
    """The position of the last of the first `size` leaves; 0 if there is none."""
    query = select(LEAF.c.position).where(LEAF.c.leaf_index == size - 1)
    return int((await connection.execute(query)).scalar_one_or_none() or 0)


async def sealed_events(
    connection: AsyncConnection, *, after: int, upto: int, limit: int
) -> list[SealedEvent]:
    """The next sealed events behind a position, up to another, in the order of commits."""
    query = _SEALED.where(EVENT.c.position > after, EVENT.c.position <= upto)
    rows = await connection.execute(query.order_by(EVENT.c.position).limit(limit))
    return [SealedEvent(**row) for row in rows.mappings()]


async def sealed_of_records(
    connection: AsyncConnection, record_ids: Sequence[str], action: str
) -> dict[str, SealedEvent]:
    """Record id → its sealed event of one action."""
    query = _SEALED.where(EVENT.c.record_id.in_(record_ids), EVENT.c.action == action)
    rows = await connection.execute(query)
    return {row["record_id"]: SealedEvent(**row) for row in rows.mappings()}


def prune(connection: Connection, events: Sequence[SealedEvent], act: str) -> None:
    """Deletes events and leaves a row of each, which names the act that tells of it.

    Raises:
        StoreUnavailable: one of them is not there any more.
        IntegrityError: somebody has pruned one of them meanwhile.
    """
    rows = [
        {
            "position": event.position,
            "writer": event.writer,
            "sequence": event.sequence,
            "action": event.action,
            "act": act,
        }
        for event in events
    ]
    connection.execute(insert(PRUNED), rows)
    gone = delete(EVENT).where(EVENT.c.position.in_([event.position for event in events]))
    if connection.execute(gone).rowcount != len(events):
        raise StoreUnavailable


_SEALED = select(
    EVENT.c.position,
    EVENT.c.writer,
    EVENT.c.sequence,
    EVENT.c.record_id,
    EVENT.c.action,
    EVENT.c.agency,
    EVENT.c.body,
    EVENT.c.salt,
    LEAF.c.leaf_index,
    LEAF.c.agency_number,
    LEAF.c.entry,
).join(LEAF, LEAF.c.position == EVENT.c.position)
