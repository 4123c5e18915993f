"""The log as others read it: `checkpoint`, `tile/…` and `rotations` (c2sp.org/tlog-tiles).

Goes in: an address below `/log/`. Comes out: bytes that hold nothing about anyone, for whoever
asks. Few are read at a time, and full tiles are remembered, so that many who ask take nothing from
those who write.
"""

import asyncio
from collections import OrderedDict
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.ledger.paths import tile_hashes
from gateway.proofs.note import NoteInvalid
from gateway.proofs.policy import Policy
from gateway.proofs.tiles import CHECKPOINT, ENTRIES, ROTATIONS, WIDTH, Tile, bundle, parse_path
from gateway.proofs.trust import Trust
from gateway.proofs.verify_tiles import rotations_file
from gateway.proofs.witnessed import Witnessed, cosigned, quorum, whole_note
from gateway.store.cosignatures import cosignatures_at, newest_cosigned
from gateway.store.database import Database
from gateway.store.leaves import CheckpointRow, entries, last_checkpoint

_AT_ONCE: Final = 2
_REMEMBERED: Final = 256  # tiles of up to 9 KiB
_LOOKED_AT: Final = 64  # checkpoints with enough cosignatures, among which a quorum's is sought


class LogFile(NamedTuple):
    """One file's bytes; `lasting` if it will never change."""

    content: bytes
    media_type: str
    lasting: bool


class Newest(NamedTuple):
    """A checkpoint with all cosignatures known, and the quorum among them if there is one."""

    checkpoint: CheckpointRow
    note: str
    witnessed: Witnessed | None


class LogFiles:
    """The files of one log.

    With a policy that wants witnesses, `checkpoint` is the newest that a quorum has signed, once
    there is one; else simply the newest.
    """

    def __init__(self, database: Database, pins: Trust, policy: Policy | None = None) -> None:
        self._database = database
        self._pins = pins
        self._policy = policy
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._witnessed: Newest | None = None
        self._known: OrderedDict[Tile, bytes] = OrderedDict()

    async def read(self, path: str) -> LogFile | None:
        """The file of an address; None if there is none.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        if path == ROTATIONS:
            content = rotations_file(self._pins.rotations)
            return LogFile(content, "application/json", lasting=False)
        if path == CHECKPOINT:
            note = await self._checkpoint()
            return LogFile(note, "text/plain; charset=utf-8", lasting=False) if note else None
        tile = parse_path(path)
        content = await self._tile(tile) if tile else b""
        return LogFile(content, "application/octet-stream", lasting=True) if content else None

    async def _checkpoint(self) -> bytes:
        async with self._turn, self._database.reading() as connection:
            if self._policy:
                size = self._witnessed.checkpoint.size if self._witnessed else 0
                newer = await newest_witnessed(connection, self._policy, above=size)
                self._witnessed = newer or self._witnessed
            if self._witnessed:
                return self._witnessed.note.encode()
            newest = await last_checkpoint(connection)
            if newest is None:
                return b""
            return (await _with_cosignatures(connection, newest, self._policy)).note.encode()

    async def _tile(self, tile: Tile) -> bytes:
        """A tile's bytes; none if the signed tree does not have all of it."""
        known = self._known.get(tile)
        if known is not None:
            self._known.move_to_end(tile)
            return known
        async with self._turn, self._database.reading() as connection:
            newest = await last_checkpoint(connection)
            if newest is None or not tile.stands_in(newest.size):
                return b""
            content = await _read_tile(connection, tile)
        if tile.width == WIDTH:
            self._known[tile] = content
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return content


async def newest_witnessed(
    connection: AsyncConnection, policy: Policy, *, above: int = 0
) -> Newest | None:
    """The newest checkpoint above a size that a quorum of the policy's witnesses has signed."""
    if not policy.least:
        return None
    for checkpoint in await newest_cosigned(
        connection, above=above, witnesses=policy.least, limit=_LOOKED_AT
    ):
        found = await _with_cosignatures(connection, checkpoint, policy)
        if found.witnessed:
            return found
    return None


async def _with_cosignatures(
    connection: AsyncConnection, checkpoint: CheckpointRow, policy: Policy | None
) -> Newest:
    rows = await cosignatures_at(connection, checkpoint.size)
    note = whole_note(checkpoint.note, [row.line for row in rows])
    if policy is None:
        return Newest(checkpoint, note, None)
    try:
        signatures = cosigned(note, "", policy)
    except NoteInvalid:  # a row was changed by another hand, which a verification names
        return Newest(checkpoint, checkpoint.note, None)
    return Newest(checkpoint, note, quorum(checkpoint.size, signatures, policy))


async def _read_tile(connection: AsyncConnection, tile: Tile) -> bytes:
    start = tile.number * WIDTH
    if tile.level == ENTRIES:
        return bundle(await entries(connection, start, start + tile.width))
    end = start + tile.width
    return b"".join(await tile_hashes(connection, tile.level, start=start, end=end))
