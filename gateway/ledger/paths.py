"""The hashes that proofs are made of, read from the tree's tables."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.proofs.tiles import LEVELS
from gateway.proofs.tree import Range, Subtree, join, leaf_hash, subtrees
from gateway.store.leaves import entries, subtree_hashes


async def path(connection: AsyncConnection, ranges: Sequence[Range]) -> tuple[bytes, ...]:
    """The hash of each range of leaves."""
    return tuple([await _range_hash(connection, part) for part in ranges])


async def _range_hash(connection: AsyncConnection, part: Range) -> bytes:
    return join([await _subtree_hash(connection, subtree) for subtree in subtrees(part)])


async def _subtree_hash(connection: AsyncConnection, subtree: Subtree) -> bytes:
    """From the nearest level below whose hashes are kept: at most 128 of them."""
    tile, above = divmod(subtree.level, LEVELS)
    start, end = subtree.number << above, (subtree.number + 1) << above
    return _complete(await tile_hashes(connection, tile, start=start, end=end))


async def tile_hashes(
    connection: AsyncConnection, level: int, *, start: int, end: int
) -> list[bytes]:
    """The hashes of the subtrees of 256^level leaves with these numbers, `end` not included."""
    if level:
        return await subtree_hashes(connection, level, start=start, end=end)
    return [leaf_hash(entry) for entry in await entries(connection, start, end)]


def _complete(hashes: Sequence[bytes]) -> bytes:
    """The root of a power of two of neighbouring hashes."""
    size = len(hashes)
    if size == 1:
        return hashes[0]
    return join([_complete(hashes[: size // 2]), _complete(hashes[size // 2 :])])
