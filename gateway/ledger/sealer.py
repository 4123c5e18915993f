"""The sealer: gives each event its leaf and its agency's number, and signs the tree's head.

Leaves are computed from a snapshot and written with a compare-and-set on (size, root), so a second
sealer can do no harm: one of the two changes nothing and reads again. A head that no pinned key has
signed, that is smaller than one it knows, or that has not grown out of that one, is never built
upon; what it knows outlives the process and stands outside the database (`sealed_state`). Where
another process seals, the sealer of this one only looks: it checks each new head, and counts what
is not sealed yet.

From time to time it signs for every agency how many of the leaves are its own (`proofs.agency`).
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.ledger.key_files import KeyStoreAway
from gateway.ledger.keys import LedgerKeys
from gateway.ledger.paths import path
from gateway.ledger.sealed_state import SealedState
from gateway.ledger.signing import Signing
from gateway.ledger.witnesses import Witnesses
from gateway.proofs.agency import AgencyHead
from gateway.proofs.entry import event_hash, leaf_entry
from gateway.proofs.note import Checkpoint, NoteInvalid
from gateway.proofs.tiles import LEVELS
from gateway.proofs.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_holds,
    consistency_ranges,
    leaf_hash,
)
from gateway.store.cosignatures import (
    AgencyHeadRow,
    RotationRow,
    add_agency_heads,
    add_rotations,
    agency_tails,
    last_heads_size,
    last_rotation,
)
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
_WITNESS_SECONDS = 6.0  # for all of them together, at the start and at the end
_TURN = 64  # leaves hashed before other tasks get their turn


class SealingRefused(Exception):
    """The tree's head, or an event behind it, is not one that this sealer may build upon."""

    def __init__(self, korean: str = "", english: str = "") -> None:
        super().__init__(
            f"{korean or '기록부의 머리값이 서명과 다릅니다'}. `gwanmun audit verify`를 실행하고 "
            "보안담당자에게 알리십시오.\n"
            f"{english or 'The tree head of the ledger is not what its key has signed'}. Run "
            "`gwanmun audit verify` and tell the security officer."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """Seconds between two runs, whether this process seals or looks, and the time (Unix).

    `head_seconds` is the time between two signings of agencies' heads.
    """

    seal_seconds: float
    seals: bool = True
    head_seconds: float = 3_600.0
    state_file: Path | None = None
    clock: Callable[[], float] = time.time


class _Sealed(NamedTuple):
    head: TreeHead
    leaves: list[LeafRow]
    complete: list[SubtreeRow]
    numbers: dict[str, int]


class Sealer:
    """The sealer of one process; its `run` is a task that ends after `stop`.

    `size`, `root` and `sealed_at` (Unix seconds, None before the first checkpoint) are those of the
    last checkpoint known. `sound` is False once sealing has been refused; only a new start, after
    somebody has looked, tries again. `reached` is False while the last run could not read or write
    the store, `keys_away` True while keys that are held elsewhere do not sign. `written` says how
    many events this process has appended; `witnesses` are asked if there are any, and closed by who
    gave them.
    """

    def __init__(
        self,
        database: Database,
        keys: LedgerKeys,
        sealing: Sealing,
        *,
        witnesses: Witnesses | None = None,
        written: Callable[[], int] = lambda: 0,
    ) -> None:
        self.size = 0
        self.root = EMPTY_ROOT
        self.sealed_at: float | None = None
        self.sound = self.reached = True
        self._database = database
        self._keys = keys
        self._pins = keys.pins
        self._sealing = sealing
        self._signing = Signing(keys.origin, keys.sealer)
        self._state = SealedState(sealing.state_file)
        self._recalled = False
        self._heads_at = -math.inf
        self._witnesses = witnesses
        self._written = written
        self._behind = self._noted = 0
        self._note = ""
        self._head: TreeHead | None = None
        self._numbers: dict[str, int] = {}
        self._stopping = asyncio.Event()

    @property
    def unsealed(self) -> int:
        """Events without a leaf: those of the last look, and what this process wrote since."""
        return self._behind + self._written() - self._noted

    @property
    def witnessed_size(self) -> int:
        """How far a quorum of outside witnesses has signed."""
        witnessed = self._witnesses.witnessed if self._witnesses else None
        return witnessed.size if witnessed else 0

    @property
    def keys_away(self) -> bool:
        """An alarm: keys that are held elsewhere did not sign the last time."""
        return self._signing.away

    @property
    def witnesses_stale(self) -> bool:
        """An alarm: the log has grown for too long without a quorum."""
        return self._witnesses.stale if self._witnesses else False

    async def look(self) -> None:
        """Reads and checks the tree's head, and counts what is not sealed yet.

        Raises:
            SealingRefused: the head is not one that may be built upon.
            StateUnusable: what is remembered outside the database cannot be trusted.
            StoreUnavailable: the database cannot be read, or what it says not be remembered.
        """
        self._recall()
        noted = self._written()
        async with self._database.reading() as connection:
            head = await self._checked_head(connection)
            behind = await count_after(connection, head.position)
        self._head, self._numbers = head, {}
        self._behind, self._noted = behind, noted
        await self._state.write(self._note)

    def _recall(self) -> None:
        if self._recalled:
            return
        known = self._state.read(self._pins)
        if known and known.size > self.size:
            self.size, self.root = known.size, known.root
        self._recalled = True

    def stop(self) -> None:
        """Lets the task seal what is there, and end."""
        self._stopping.set()

    async def run(self) -> None:
        """Seals until stopped, through failures of the store.

        Witnesses are asked once before the first seal: one that knows more stops it. From then on
        they are asked beside it, and a last time at the end.
        """
        await self._ask()
        asking = asyncio.create_task(self._witnesses.run()) if self._witnesses else None
        try:
            await self._seal_on()
        finally:
            if asking:
                asking.cancel()
        if self.sound:
            await self._ask()

    async def _seal_on(self) -> None:
        stopping = False
        while self.sound and not stopping:
            stopping = await self._paused()
            try:
                self._check_witnesses()
                await self._once()
                await self._sign_heads(now=stopping)
                self.reached = True
            except KeyStoreAway:  # told by `keys_away`
                self._head, self.reached = None, True
            except StoreUnavailable:
                self._head, self.reached = None, False
            except SealingRefused:
                self.sound = False

    async def _ask(self) -> None:
        if self._witnesses:
            with suppress(TimeoutError, StoreUnavailable):
                async with asyncio.timeout(_WITNESS_SECONDS):
                    await self._witnesses.ask()

    def _check_witnesses(self) -> None:
        differs = self._witnesses.differs if self._witnesses else None
        if differs:
            raise SealingRefused(
                f"외부 확인자 {differs.witness}이(가) 이 데이터베이스에 없는 기록부에 서명했습니다",
                f"The witness {differs.witness} has signed what this database does not hold",
            )

    async def _once(self) -> None:
        if not self._sealing.seals:
            await self.look()
            return
        full = True
        while full:
            full = await self.seal() == MOST_AT_ONCE

    async def _paused(self) -> bool:
        try:
            async with asyncio.timeout(self._sealing.seal_seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def seal(self) -> int:
        """Seals the next events; returns how many, at most MOST_AT_ONCE.

        Raises:
            SealingRefused: the head is not one that may be built upon.
            StoreUnavailable: nothing is known to be sealed or remembered; the next call reads
                the head anew.
            KeyStoreAway: the keys are held elsewhere and did not sign; nothing was sealed.
        """
        noted = self._written()
        known, self._head = self._head, None
        async with self._database.reading() as connection:
            head = known
            if head is None or self._database.shared:  # somebody else may have sealed meanwhile
                head = await self._checked_head(connection)
            if head != known:
                self._numbers = {}
            events = await events_after(connection, head.position, MOST_AT_ONCE)
            behind = await count_after(connection, head.position)
            sealed = await self._leaves(connection, head, events) if events else None
        self._behind, self._noted = behind, noted
        if sealed is None:
            self._head = head
            return 0
        checkpoint = await self._checkpoint(sealed.head)
        rotations = [RotationRow(*row) for row in enumerate(self._pins.rotations, 1)]

        def write(connection: Connection) -> bool:
            if not replace_head(connection, head, sealed.head):
                return False
            add_leaves(connection, sealed.leaves, sealed.complete)
            add_rotations(connection, rotations)
            add_checkpoint(connection, checkpoint)
            return True

        if not await self._database.transact(write):
            return 0
        self._behind -= len(events)
        self._head, self._numbers = sealed.head, self._numbers | sealed.numbers
        self._remember(checkpoint)
        await self._state.write(self._note)
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
                SubtreeRow(subtree.level // LEVELS, subtree.number, value)
                for subtree, value in frontier.append(leaf_hash(entry))
                if subtree.level and subtree.level % LEVELS == 0
            ]
            if len(leaves) % _TURN == 0:
                await asyncio.sleep(0)
        last = events[-1].position
        new = TreeHead(frontier.size, frontier.root(), frontier.hashes(), last)
        return _Sealed(new, leaves, complete, numbers)

    async def _checkpoint(self, head: TreeHead) -> CheckpointRow:
        text = Checkpoint(self._keys.origin, head.size, head.root).text()
        note = await self._signing.note(text)
        return CheckpointRow(head.size, head.root, self._sealing.clock(), note)

    async def _sign_heads(self, *, now: bool) -> None:
        """Signs for every agency what its leaves are at the newest checkpoint, once it is time."""
        loop = asyncio.get_running_loop()  # its time never goes backwards
        due = loop.time() - self._heads_at >= self._sealing.head_seconds
        if not self._sealing.seals or not (due or now):
            return
        async with self._database.reading() as connection:
            head = await self._checked_head(connection)
            known = await last_heads_size(connection)
            if head.size == known:
                self._heads_at = loop.time()
                return
            tails = await agency_tails(connection, head.size, known_size=known)
        rows = []
        checkpoint = Checkpoint(self._keys.origin, head.size, head.root)
        for agency, leaves, entry in tails:
            text = AgencyHead(checkpoint, agency, leaves, entry).text()
            note = await self._signing.note(text)
            rows.append(AgencyHeadRow(head.size, agency, leaves, note))
            if len(rows) % _TURN == 0:
                await asyncio.sleep(0)
        await self._database.transact(lambda connection: add_agency_heads(connection, rows))
        self._heads_at = loop.time()

    async def _checked_head(self, connection: AsyncConnection) -> TreeHead:
        """1. Our keys are the newest. 2. The head is the last checkpoint's. 3. A pinned key signed
        it. 4. It has grown out of the one that is known.
        """
        if await last_rotation(connection) > len(self._pins.rotations):
            raise SealingRefused(
                "기록부의 봉인 키가 이 프로세스의 공개 키 파일보다 새롭습니다",
                "The sealer's keys in the ledger are newer than the pins of this process",
            )
        head = await read_head(connection)
        newest = await last_checkpoint(connection)
        if newest is None:
            if head != TreeHead(0, EMPTY_ROOT, b"", 0):
                raise SealingRefused
            if self.size:
                raise _older()
            return head
        try:
            signed = Checkpoint.parse(self._pins.open(newest.note).text)
            root = Frontier(head.size, head.frontier).root()
        except (NoteInvalid, ValueError):
            raise SealingRefused from None
        if signed != Checkpoint(self._keys.origin, head.size, head.root) or root != head.root:
            raise SealingRefused
        if head.size < self.size:
            raise _older()
        if (head.size, head.root) != (self.size, self.root):
            await self._check_grown(connection, head)
        self._remember(newest)
        return head

    async def _check_grown(self, connection: AsyncConnection, head: TreeHead) -> None:
        hashes = await path(connection, consistency_ranges(self.size, head.size))
        if not consistency_holds(self.size, self.root, head.size, head.root, path=hashes):
            raise SealingRefused(
                "기록부가 이미 봉인한 것에서 이어지지 않습니다",
                "The ledger has not grown out of what was sealed",
            )

    def _remember(self, checkpoint: CheckpointRow) -> None:
        self.size, self.root = checkpoint.size, checkpoint.root
        self.sealed_at, self._note = checkpoint.sealed_at, checkpoint.note


def _older() -> SealingRefused:
    return SealingRefused(
        "데이터베이스가 이미 봉인한 것보다 오래되었습니다 (되돌렸거나 끝이 잘렸음)",
        "The database is older than what was sealed (put back, or cut off)",
    )


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
