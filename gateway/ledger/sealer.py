"""The sealer: gives each event its leaf and its agency's number, and signs the tree's head.

Leaves are computed from a snapshot and written with a compare-and-set on (size, root), so a second
sealer can do no harm: one of the two changes nothing and reads again. A head that this sealer's own
key has not signed, or that is smaller than one it knows, is never built upon.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.ledger.keys import LedgerKeys
from gateway.proofs.entry import event_hash, leaf_entry
from gateway.proofs.note import Checkpoint, NoteInvalid, open_note, sign_note
from gateway.proofs.tree import EMPTY_ROOT, Frontier, leaf_hash
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.events import EventRow, StoredEvent, count_after, events_after
from gateway.store.leaves import (
    CheckpointRow,
    LeafRow,
    SubtreeRow,
    TreeHead,
    add_checkpoint,
    add_leaves,
    last_checkpoint,
    next_agency_number,
    read_head,
    replace_head,
)

MOST_AT_ONCE = 512
TILE_LEVELS = 8  # subtrees are kept at every eighth level, as C2SP's tiles cut the tree
_TURN = 64  # leaves hashed before other tasks get their turn


class SealingRefused(Exception):
    """The tree's head, or an event behind it, is not one that this sealer may build upon."""

    def __init__(self) -> None:
        super().__init__(
            "기록부의 머리값이 서명과 다릅니다. `gwanmun audit verify`를 실행하고 "
            "보안담당자에게 알리십시오.\n"
            "The ledger's tree head is not what its key has signed. Run `gwanmun audit verify` "
            "and tell the security officer."
        )


class _Sealed(NamedTuple):
    head: TreeHead
    leaves: list[LeafRow]
    complete: list[SubtreeRow]
    numbers: dict[str, int]


class Sealer:
    """The sealer of one process; its `run` is a task that ends after `stop`.

    `size`, `root` and `sealed_at` (Unix seconds, None before the first checkpoint) are those of the
    last checkpoint known. `sound` is False once sealing has been refused; only a new start, after
    somebody has looked, tries again.
    """

    def __init__(
        self,
        database: Database,
        keys: LedgerKeys,
        *,
        seal_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.size = 0
        self.root = EMPTY_ROOT
        self.sealed_at: float | None = None
        self.sound = True
        self._database = database
        self._keys = keys
        self._trusted = keys.trust().log
        self._seal_seconds = seal_seconds
        self._clock = clock
        self._head: TreeHead | None = None
        self._numbers: dict[str, int] = {}
        self._stopping = asyncio.Event()

    async def start(self) -> int:
        """Reads and checks the tree's head; returns how many events are not sealed yet.

        Raises:
            SealingRefused: the head is not one that may be built upon.
            StoreUnavailable: the database cannot be read.
        """
        async with self._database.reading() as connection:
            self._head = await self._checked_head(connection)
            return await count_after(connection, self._head.position)

    def stop(self) -> None:
        """Lets the task seal what is there, and end."""
        self._stopping.set()

    async def run(self) -> None:
        """Seals until stopped, through failures of the store."""
        stopping = False
        while self.sound and not stopping:
            stopping = await self._paused()
            try:
                full = True
                while full:
                    full = await self.seal() == MOST_AT_ONCE
            except StoreUnavailable:
                self._head = None
            except SealingRefused:
                self.sound = False

    async def _paused(self) -> bool:
        try:
            async with asyncio.timeout(self._seal_seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def seal(self) -> int:
        """Seals the next events; returns how many, at most MOST_AT_ONCE.

        Raises:
            SealingRefused: the head is not one that may be built upon.
            StoreUnavailable: nothing is known to be sealed; the next call reads the head anew.
        """
        head, self._head = self._head, None
        async with self._database.reading() as connection:
            if head is None:
                head, self._numbers = await self._checked_head(connection), {}
            events = await events_after(connection, head.position, MOST_AT_ONCE)
            sealed = await self._leaves(connection, head, events) if events else None
        if sealed is None:
            self._head = head
            return 0
        checkpoint = self._checkpoint(sealed.head)

        def write(connection: Connection) -> bool:
            if not replace_head(connection, head, sealed.head):
                return False
            add_leaves(connection, sealed.leaves, sealed.complete)
            add_checkpoint(connection, checkpoint)
            return True

        if not await self._database.transact(write):
            return 0
        self._head, self._numbers = sealed.head, self._numbers | sealed.numbers
        self._remember(checkpoint)
        return len(events)

    async def _leaves(
        self, connection: AsyncConnection, head: TreeHead, events: Sequence[StoredEvent]
    ) -> _Sealed:
        frontier = Frontier(head.size, head.frontier)
        numbers = {}
        for agency in {stored.event.agency for stored in events}:
            known = self._numbers.get(agency)
            numbers[agency] = (
                await next_agency_number(connection, agency) if known is None else known
            )
        leaves, complete = [], []
        for position, event in events:
            number = numbers[event.agency]
            entry = _entry(event, number)
            leaves.append(LeafRow(frontier.size, position, event.agency, number, entry))
            numbers[event.agency] = number + 1
            complete += [
                SubtreeRow(subtree.level // TILE_LEVELS, subtree.number, value)
                for subtree, value in frontier.append(leaf_hash(entry))
                if subtree.level and subtree.level % TILE_LEVELS == 0
            ]
            if len(leaves) % _TURN == 0:
                await asyncio.sleep(0)
        last = events[-1].position
        new = TreeHead(frontier.size, frontier.root(), frontier.hashes(), last)
        return _Sealed(new, leaves, complete, numbers)

    def _checkpoint(self, head: TreeHead) -> CheckpointRow:
        text = Checkpoint(self._keys.origin, head.size, head.root).text()
        note = sign_note(text, self._keys.origin, self._keys.sealer)
        return CheckpointRow(head.size, head.root, self._clock(), note)

    async def _checked_head(self, connection: AsyncConnection) -> TreeHead:
        """1. The head is that of the last checkpoint. 2. Our key signed it. 3. It only grew."""
        head = await read_head(connection)
        newest = await last_checkpoint(connection)
        if newest is None:
            if head != TreeHead(0, EMPTY_ROOT, b"", 0) or self.size:
                raise SealingRefused
            return head
        try:
            signed = Checkpoint.parse(open_note(newest.note, self._trusted))
            root = Frontier(head.size, head.frontier).root()
        except (NoteInvalid, ValueError):
            raise SealingRefused from None
        if signed != Checkpoint(self._keys.origin, head.size, head.root) or root != head.root:
            raise SealingRefused
        if head.size < self.size or (head.size == self.size and head.root != self.root):
            raise SealingRefused
        self._remember(newest)
        return head

    def _remember(self, checkpoint: CheckpointRow) -> None:
        self.size, self.root = checkpoint.size, checkpoint.root
        self.sealed_at = checkpoint.sealed_at


def _entry(event: EventRow, number: int) -> bytes:
    try:
        return leaf_entry(
            salt=event.salt,
            agency=event.agency,
            agency_number=number,
            body_hash=event_hash(event.body),
        )
    except (ValueError, TypeError):  # the row was not written by us: let somebody look first
        raise SealingRefused from None
