"""Sealed content: what of a record's texts is kept, encrypted, outside the events.

Every function runs inside the caller's transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.tables import CONTENT

_AT_ONCE = 500


class ContentRow(NamedTuple):
    """One sealed text of one record; the columns' meaning stands in tables."""

    record_id: str
    part: str
    agency: str
    week: str
    expires_at: float
    key: bytes
    body: bytes


def add_content(connection: Connection, rows: Sequence[ContentRow]) -> None:
    """Adds sealed texts; each part of a record once."""
    if rows:
        connection.execute(insert(CONTENT), [row._asdict() for row in rows])


async def content_of(
    connection: AsyncConnection, record_ids: Sequence[str], agency: str
) -> list[ContentRow]:
    """All sealed texts of some records of one agency, the prompt before the answer."""
    query = select(CONTENT).where(CONTENT.c.record_id.in_(record_ids), CONTENT.c.agency == agency)
    rows = await connection.execute(query.order_by(CONTENT.c.record_id, CONTENT.c.part.desc()))
    return [ContentRow(*row) for row in rows.all()]


async def whose_content(
    connection: AsyncConnection, record_ids: Sequence[str]
) -> list[tuple[str, str]]:
    """Agency and record id of those records that have content."""
    query = select(CONTENT.c.agency, CONTENT.c.record_id).where(CONTENT.c.record_id.in_(record_ids))
    rows = await connection.execute(query.distinct())
    return [(row.agency, row.record_id) for row in rows]


def delete_content_of(connection: Connection, record_ids: Sequence[str]) -> None:
    """Deletes all sealed texts of some records, with their keys."""
    connection.execute(delete(CONTENT).where(CONTENT.c.record_id.in_(record_ids)))


def delete_content(connection: Connection, before: float) -> bool:
    """Deletes some of what has expired before this time (Unix seconds).

    Returns whether there may be more.
    """
    expired = select(CONTENT.c.record_id).where(CONTENT.c.expires_at < before).limit(_AT_ONCE)
    ids = list(connection.execute(expired).scalars())
    chosen = CONTENT.c.record_id.in_(ids)
    connection.execute(delete(CONTENT).where(chosen, CONTENT.c.expires_at < before))
    return len(ids) == _AT_ONCE
