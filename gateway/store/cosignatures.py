"""What is signed beside the checkpoints: by witnesses, by older keys of the log, for one agency.

Every function runs inside the caller's transaction: those that write in the writer's thread
(`Database.transact`), the others on the event loop. A row that is there already stays as it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import desc, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.dialect import insert_new
from gateway.store.leaves import CheckpointRow
from gateway.store.tables import AGENCY_HEAD, CHECKPOINT, COSIGNATURE, KEY_ROTATION, LEAF


class CosignatureRow(NamedTuple):
    """One witness's signature line over one checkpoint; the columns' meaning stands in tables."""

    size: int
    witness: str
    signed_at: int
    line: str


class AgencyHeadRow(NamedTuple):
    """One agency's head at one checkpoint; the columns' meaning stands in tables."""

    size: int
    agency: str
    leaves: int
    note: str


class AgencyTail(NamedTuple):
    """An agency's leaves: how many, and the last one's entry."""

    agency: str
    leaves: int
    entry: bytes


class RotationRow(NamedTuple):
    """One change of the log's keys."""

    number: int
    note: str


def add_cosignatures(connection: Connection, rows: Sequence[CosignatureRow]) -> None:
    """Keeps what witnesses have signed."""
    insert_new(connection, COSIGNATURE, [row._asdict() for row in rows])


def add_rotations(connection: Connection, rows: Sequence[RotationRow]) -> None:
    """Keeps how the log's keys followed each other."""
    insert_new(connection, KEY_ROTATION, [row._asdict() for row in rows])


def add_agency_heads(connection: Connection, rows: Sequence[AgencyHeadRow]) -> None:
    """Keeps agencies' heads."""
    insert_new(connection, AGENCY_HEAD, [row._asdict() for row in rows])


async def cosignatures_at(connection: AsyncConnection, size: int) -> list[CosignatureRow]:
    """What witnesses have signed of the checkpoint of one size."""
    query = select(COSIGNATURE).where(COSIGNATURE.c.size == size)
    rows = await connection.execute(query.order_by(COSIGNATURE.c.signed_at, COSIGNATURE.c.witness))
    return [CosignatureRow(*row) for row in rows]


async def last_cosigned_sizes(connection: AsyncConnection) -> dict[str, int]:
    """Witness → the largest checkpoint of which its signature is kept."""
    query = select(COSIGNATURE.c.witness, func.max(COSIGNATURE.c.size))
    rows = await connection.execute(query.group_by(COSIGNATURE.c.witness))
    return {witness: int(size) for witness, size in rows}


async def newest_cosigned(
    connection: AsyncConnection, *, above: int, witnesses: int, limit: int
) -> list[CheckpointRow]:
    """The newest checkpoints above a size that so many witnesses have signed, newest first."""
    sizes = (
        select(COSIGNATURE.c.size)
        .where(COSIGNATURE.c.size > above)
        .group_by(COSIGNATURE.c.size)
        .having(func.count() >= witnesses)
        .order_by(desc(COSIGNATURE.c.size))
        .limit(limit)
    )
    query = select(CHECKPOINT).where(CHECKPOINT.c.size.in_(sizes.scalar_subquery()))
    rows = await connection.execute(query.order_by(desc(CHECKPOINT.c.size)))
    return [CheckpointRow(*row) for row in rows]


async def first_checkpoint_after(connection: AsyncConnection, size: int) -> CheckpointRow | None:
    """The oldest checkpoint of a larger tree, if there is one."""
    query = select(CHECKPOINT).where(CHECKPOINT.c.size > size).order_by(CHECKPOINT.c.size).limit(1)
    row = (await connection.execute(query)).first()
    return CheckpointRow(*row) if row else None


async def checkpoint_at(connection: AsyncConnection, size: int) -> CheckpointRow | None:
    """The checkpoint of one size, if there is one."""
    row = (await connection.execute(select(CHECKPOINT).where(CHECKPOINT.c.size == size))).first()
    return CheckpointRow(*row) if row else None


async def last_rotation(connection: AsyncConnection) -> int:
    """How often the log's keys have changed."""
    found = (await connection.execute(select(func.max(KEY_ROTATION.c.number)))).scalar_one()
    return int(found or 0)


async def last_heads_size(connection: AsyncConnection) -> int:
    """The checkpoint for which agencies' heads were last signed; 0 if none was."""
    found = (await connection.execute(select(func.max(AGENCY_HEAD.c.size)))).scalar_one()
    return int(found or 0)


async def agency_tails(
    connection: AsyncConnection, size: int, *, known_size: int
) -> list[AgencyTail]:
    """Every agency's tail among the first `size` leaves.

    `known_size` is the checkpoint of the last heads: which agencies there are is read from these
    and the leaves since then, so that not the whole table is.
    """
    known = select(AGENCY_HEAD.c.agency).where(AGENCY_HEAD.c.size == known_size)
    newer = select(LEAF.c.agency).where(LEAF.c.leaf_index >= known_size, LEAF.c.leaf_index < size)
    tails = []
    for agency in sorted(set((await connection.execute(known.union(newer))).scalars())):
        query = (
            select(LEAF.c.agency_number, LEAF.c.entry)
            .where(LEAF.c.agency == agency, LEAF.c.leaf_index < size)
            .order_by(desc(LEAF.c.agency_number))
            .limit(1)
        )
        number, entry = (await connection.execute(query)).one()
        tails.append(AgencyTail(agency, number + 1, entry))
    return tails
