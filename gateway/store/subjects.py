"""The index of who was handled: tokens of identifiers, with the records that held them.

Every function runs inside the caller's transaction: adding and deleting in the writer's thread,
finding on the event loop.
"""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.dialect import insert_new
from gateway.store.tables import SUBJECT

AT_ONCE = 1_000  # rows of one statement; a request with more of them goes on in the next
_SLICE_SECONDS = 3_600.0


class SubjectRow(NamedTuple):
    """One identifier of one record, as a token; `at` is in Unix seconds."""

    agency: str
    token: bytes
    record_id: str
    at: float


class Handled(NamedTuple):
    """A record that held one of the tokens that were asked for."""

    record_id: str
    token: bytes
    at: float


def add_subjects(connection: Connection, rows: Sequence[SubjectRow]) -> None:
    """Adds rows of any number; one that is there already stays as it is."""
    left = iter(rows)
    while chunk := [row._asdict() for row in islice(left, AT_ONCE)]:
        insert_new(connection, SUBJECT, chunk)


async def records_with(
    connection: AsyncConnection,
    agency: str,
    tokens: Sequence[bytes],
    *,
    since: float,
    until: float,
    limit: int,
) -> list[Handled]:
    """One agency's records with any of these tokens, newest first; `until` (Unix seconds) excluded.

    A record comes once for each of the tokens that it held.
    """
    query = select(SUBJECT.c.record_id, SUBJECT.c.token, SUBJECT.c.at).where(
        SUBJECT.c.agency == agency,
        SUBJECT.c.token.in_(tokens),
        SUBJECT.c.at >= since,
        SUBJECT.c.at < until,
    )
    newest = query.order_by(SUBJECT.c.at.desc(), SUBJECT.c.record_id).limit(limit)
    rows = (await connection.execute(newest)).all()
    return [Handled(row.record_id, bytes(row.token), row.at) for row in rows]


def delete_subjects(connection: Connection, before: float) -> bool:
    """Deletes an hour's worth of what is older than `before` (Unix seconds), the oldest first.

    Returns whether there is more: a long backlog must not make one long transaction.
    """
    oldest = connection.execute(select(func.min(SUBJECT.c.at))).scalar_one()
    if oldest is None or oldest >= before:
        return False
    upto = min(before, float(oldest) + _SLICE_SECONDS)
    connection.execute(delete(SUBJECT).where(SUBJECT.c.at < upto))
    return upto < before
