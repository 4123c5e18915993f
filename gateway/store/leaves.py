"""The tree's tables: leaves, complete subtrees, signed checkpoints, and the one mutable head.

Every function runs inside the caller's transaction: those that write in the writer's thread
(`Database.transact`), the others on the event loop.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import desc, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.tables import CHECKPOINT, LEAF, SUBTREE, TREE_HEAD

_ONLY = 1  # the id of the head's one row


class TreeHead(NamedTuple):
    """Size and root of the tree, what appending needs, and the last sealed event's position."""

    size: int
    root: bytes
    frontier: bytes
    position: int


class LeafRow(NamedTuple):
    """One leaf; the columns' meaning stands in tables."""

    leaf_index: int
    position: int
    agency: str
    agency_number: int
    entry: bytes


class SubtreeRow(NamedTuple):
    """The hash of one complete subtree of 256^level leaves."""

    level: int
    number: int
    hash: bytes


class CheckpointRow(NamedTuple):
    """One signed tree head; `sealed_at` is in Unix seconds and not signed."""

    size: int
    root: bytes
    sealed_at: float
    note: str


async def read_head(connection: AsyncConnection) -> TreeHead:
    """The tree's head."""
    columns = (TREE_HEAD.c.size, TREE_HEAD.c.root, TREE_HEAD.c.frontier, TREE_HEAD.c.position)
    row = (await connection.execute(select(*columns).where(TREE_HEAD.c.id == _ONLY))).one()
    return TreeHead(*row)


def replace_head(connection: Connection, old: TreeHead, new: TreeHead) -> bool:
    """Compare-and-set on (size, root); False, and nothing changed, if the head is another."""
    change = (
        update(TREE_HEAD)
        .where(TREE_HEAD.c.id == _ONLY, TREE_HEAD.c.size == old.size, TREE_HEAD.c.root == old.root)
        .values(new._asdict())
    )
    return connection.execute(change).rowcount == 1


def add_leaves(
    connection: Connection, leaves: Sequence[LeafRow], complete: Sequence[SubtreeRow]
) -> None:
    """Appends leaves, and the subtrees that they complete."""
    connection.execute(insert(LEAF), [leaf._asdict() for leaf in leaves])
    if complete:
        connection.execute(insert(SUBTREE), [row._asdict() for row in complete])


def add_checkpoint(connection: Connection, row: CheckpointRow) -> None:
    """Keeps a signed tree head."""
    connection.execute(insert(CHECKPOINT).values(row._asdict()))


async def last_checkpoint(connection: AsyncConnection) -> CheckpointRow | None:
    """The newest signed tree head, if there is one."""
    query = select(CHECKPOINT).order_by(desc(CHECKPOINT.c.size)).limit(1)
    row = (await connection.execute(query)).first()
    return CheckpointRow(*row) if row else None


async def next_agency_number(connection: AsyncConnection, agency: str) -> int:
    """The number that the agency's next leaf gets; the first is 0."""
    query = select(func.max(LEAF.c.agency_number)).where(LEAF.c.agency == agency)
    found = (await connection.execute(query)).scalar_one()
    return 0 if found is None else int(found) + 1


async def leaves_at(connection: AsyncConnection, positions: Sequence[int]) -> dict[int, LeafRow]:
    """Event position → its leaf, for those events that have one."""
    rows = await connection.execute(select(LEAF).where(LEAF.c.position.in_(positions)))
    return {row.position: LeafRow(*row) for row in rows}


async def entries(connection: AsyncConnection, start: int, end: int) -> list[bytes]:
    """The entries of the leaves from `start` up to, not including, `end`."""
    query = select(LEAF.c.entry).where(LEAF.c.leaf_index >= start, LEAF.c.leaf_index < end)
    return list((await connection.execute(query.order_by(LEAF.c.leaf_index))).scalars())


async def subtree_hashes(
    connection: AsyncConnection, level: int, *, start: int, end: int
) -> list[bytes]:
    """The hashes of the subtrees of 256^level leaves with these numbers, `end` not included."""
    query = select(SUBTREE.c.hash).where(
        SUBTREE.c.level == level, SUBTREE.c.number >= start, SUBTREE.c.number < end
    )
    return list((await connection.execute(query.order_by(SUBTREE.c.number))).scalars())
