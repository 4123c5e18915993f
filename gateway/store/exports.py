"""Events as they leave the house: of one agency or of all, in the order of commits, in pages.

Every function runs inside the caller's transaction; a page is a transaction of its own, so that a
long export keeps no snapshot from which the database would have to preserve old rows.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.events import EventRow, StoredEvent
from gateway.store.tables import EVENT, PRUNED

PAGE = 500


class Place(NamedTuple):
    """Whose event stands at a position; `body` is None if it was pruned."""

    writer: str
    sequence: int
    body: bytes | None


class Selection(NamedTuple):
    """Which events: of one agency or of all (None), behind `after` and up to `upto` (positions),
    of some actions or of all (empty).
    """

    agency: str | None
    after: int
    upto: int
    actions: tuple[str, ...] = ()


async def last_position(connection: AsyncConnection) -> int:
    """The last event's place in the order of commits; 0 without any.

    Of whatever the connection may see: one agency's last, where row-level security shows no other.
    """
    found = (await connection.execute(select(func.max(EVENT.c.position)))).scalar_one()
    return 0 if found is None else int(found)


async def place_at(connection: AsyncConnection, position: int) -> Place | None:
    """What stands at a position, or stood there until its retention ended; None if nothing did."""
    event = select(EVENT.c.writer, EVENT.c.sequence, EVENT.c.body)
    found = (await connection.execute(event.where(EVENT.c.position == position))).one_or_none()
    if found is not None:
        return Place(*found)
    pruned = select(PRUNED.c.writer, PRUNED.c.sequence).where(PRUNED.c.position == position)
    left = (await connection.execute(pruned)).one_or_none()
    return None if left is None else Place(*left, None)


async def selected_events(
    connection: AsyncConnection, selection: Selection, limit: int = PAGE
) -> list[StoredEvent]:
    """The selection's first events, at most `limit`."""
    query = select(EVENT).where(
        EVENT.c.position > selection.after, EVENT.c.position <= selection.upto
    )
    if selection.agency is not None:
        query = query.where(EVENT.c.agency == selection.agency)
    if selection.actions:
        query = query.where(EVENT.c.action.in_(selection.actions))
    rows = (await connection.execute(query.order_by(EVENT.c.position).limit(limit))).all()
    return [StoredEvent(row[0], EventRow(*row[1:])) for row in rows]


async def events_of(
    connection: AsyncConnection, record_ids: Sequence[str], action: str, agency: str | None
) -> list[StoredEvent]:
    """These records' events of one action."""
    query = select(EVENT).where(EVENT.c.record_id.in_(record_ids), EVENT.c.action == action)
    if agency is not None:
        query = query.where(EVENT.c.agency == agency)
    rows = (await connection.execute(query)).all()
    return [StoredEvent(row[0], EventRow(*row[1:])) for row in rows]
