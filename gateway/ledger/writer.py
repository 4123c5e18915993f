"""The ledger as the rest of the gateway sees it: open, close, refuse, and read back.

No record, no answer: `open` reserves the place of the closing too, and its `durable` resolves only
once the record is on disk. Closing never waits and never fails. Nothing here knows what a request
said: see events for what is recorded.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from gateway.errors import AuditUnavailable, public_error
from gateway.ledger.appender import Appender, Timing
from gateway.ledger.beside import Beside
from gateway.ledger.events import (
    Event,
    LogFull,
    RequestClosed,
    RequestOpened,
    RequestRefused,
    new_id,
)
from gateway.ledger.in_force import InForce
from gateway.ledger.keys import LedgerKeys
from gateway.ledger.log_files import LogFile, LogFiles
from gateway.ledger.queue import GONE, Opening, Pending, Queue
from gateway.ledger.receipts import Receipt, RecordView, read_receipt, read_recent
from gateway.ledger.sealer import Sealer, Sealing
from gateway.ledger.witnesses import Witnesses
from gateway.os_clock import OsClock
from gateway.proofs.reader import EventRow as SignedRow
from gateway.proofs.records import is_authentic
from gateway.store.content import ContentRow
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.events import StoredEvent

REFUSAL_PLACES = 256
NOTHING = Beside()
_DISK_SECONDS = 0.5  # how long a look at the free disk is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOptions:
    """Bounds and waits of the write path; the settings of the same names explain them.

    `seals` is False where a process of its own seals. `drain_seconds` bounds a clean shutdown.
    `silence_seconds` is how long another process's writer may be silent before it counts as dead.
    `in_force` is told at the start, where there is a gateway that works by it.
    `clock` gives Unix seconds.
    """

    queue_places: int = 4_096
    durable_seconds: float = 5.0
    seals: bool = True
    seal_seconds: float = 1.0
    unsealed_limit: int = 100_000
    disk_reserve_bytes: int = 64 * 1024 * 1024
    drain_seconds: float = 10.0
    heartbeat_seconds: float = 10.0
    silence_seconds: float = 60.0
    sealed_file: Path | None = None
    agency_head_seconds: float = 3_600.0
    build: str = ""
    in_force: InForce | None = None
    clock: Callable[[], float] = time.time


class Trouble(StrEnum):
    """Why no record is opened; where several hold, the first of SEALING_REFUSED, DISK, STORE."""

    NONE = ""
    SEALING_REFUSED = "sealing_refused"  # a security incident: somebody must look
    DISK = "disk"  # less is free than the reserve
    STORE = "store"  # the database cannot be written, or a commit hangs
    BACKLOG = "backlog"  # more is unsealed than allowed


NO_ROOM = frozenset({Trouble.DISK, Trouble.BACKLOG})


class _Full(NamedTuple):
    """Since when (Unix seconds) and why there is no room, and what was refused meanwhile."""

    cause: Trouble
    since: float
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """How the ledger is; `root` in hex, `sealed_at` in Unix seconds.

    `healthy` is False while no record can be written, or sealing was refused, and `trouble` says
    why; it is NONE also before the ledger runs and after. `witnessed_size` is how far a quorum of
    outside witnesses has signed; `witnesses_stale` is an alarm that it should be further, and
    `keys_away` one that keys which are held elsewhere do not sign.
    """

    size: int
    root: str
    sealed_at: float | None
    unsealed: int
    queued: int
    healthy: bool
    trouble: Trouble
    witnessed_size: int
    witnesses_stale: bool
    keys_away: bool


class Ledger:
    """An async context manager with one writer task and one sealer task.

    Raises:
        StoreUnavailable: on entering, when the database cannot be written.
        SealingRefused: on entering, when the tree's head is not what our key has signed.
        StateUnusable: on entering, when what is remembered of it elsewhere cannot be trusted.
    """

    def __init__(
        self,
        options: LedgerOptions,
        database: Database,
        keys: LedgerKeys,
        witnesses: Witnesses | None = None,
    ) -> None:
        timing = Timing(
            heartbeat_seconds=options.heartbeat_seconds,
            silence_seconds=options.silence_seconds,
            clock=options.clock,
        )
        self._options = options
        self._database = database
        self._keys = keys
        self._queue = Queue(options.queue_places, REFUSAL_PLACES, self._wake)
        self._appender = Appender(database, keys, self._queue, timing)
        self._sealer = Sealer(
            database,
            keys,
            Sealing(
                seal_seconds=options.seal_seconds,
                seals=options.seals,
                head_seconds=options.agency_head_seconds,
                state_file=options.sealed_file,
                clock=options.clock,
            ),
            witnesses=witnesses,
            written=lambda: self._appender.appended,
        )
        self._policy = witnesses.policy if witnesses else None
        self._files = LogFiles(database, keys.pins, self._policy)
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._accepts = False
        self._disk_checked_at = 0.0
        self._disk_trouble = Trouble.NONE
        self._full: _Full | None = None
        self._clock = OsClock()

    async def __aenter__(self) -> Self:
        await self._sealer.look()
        await self._appender.start(self._options.build, self._options.in_force)
        self._tasks = (
            asyncio.create_task(self._appender.run(), name="ledger writer"),
            asyncio.create_task(self._sealer.run(), name="ledger sealer"),
        )
        self._accepts = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Writes what waits, then seals it; what cannot be written in time will be `lost`."""
        self._accepts = False
        async with AsyncExitStack() as stack:
            for task in self._tasks:
                stack.push_async_callback(_ended, task)
            writer, sealer = self._tasks
            with suppress(TimeoutError, StoreUnavailable):
                async with asyncio.timeout(self._options.drain_seconds):
                    self._appender.stop()
                    await writer
                    self._sealer.stop()
                    await sealer

    def open(self, event: RequestOpened, *, beside: Beside = NOTHING) -> Opening:
        """Starts the write of an opening record, and reserves its closing's place.

        What is `beside` it is written with it or not at all. `durable` of what is returned resolves
        once the record is durable, and fails with AuditUnavailable when it is not in time. Call
        from the event loop's thread.

        Raises:
            AuditUnavailable: no place, no disk, too much unsealed, or the store is away.
        """
        self._require_room()
        opening = Opening(
            event.record_id,
            event.agency,
            asyncio.get_running_loop().create_future(),
            on_drop=partial(self._dropped, event),
        )
        prompt = beside.prompt
        event = replace(
            event,
            content=prompt.commitment if prompt else "",
            build=self._options.build,
            clock=self._clock.state(),
        )
        pending = replace(
            self._appender.pending(event),
            subjects=beside.subjects,
            content=(prompt.row,) if prompt else (),
        )
        self._put(opening, pending)
        return opening

    def now(self) -> float:
        """The time of events, in Unix seconds."""
        return self._options.clock()

    def is_authentic(self, stored: StoredEvent) -> bool:
        """Whether an event stands as one of this installation's writers has signed it."""
        row = SignedRow(stored.position, *stored.event)
        return is_authentic(row, self._keys.pins.writers.values())

    async def record(self, event: Event, *, content: Sequence[ContentRow] = ()) -> None:
        """Writes an event that belongs to no request, and what is sealed beside it.

        Both are durable when this returns.

        Raises:
            AuditUnavailable: it is not known to be; it may or may not have been kept.
        """
        self._require_room()
        durable = asyncio.get_running_loop().create_future()
        opening = Opening(event.record_id, event.agency, durable, places=1)
        self._put(opening, replace(self._appender.pending(event), content=content))
        await durable

    def _put(self, opening: Opening, pending: Pending) -> None:
        self._queue.put_opening(replace(pending, opening=opening, opens=True), opening)
        loop = asyncio.get_running_loop()
        opening.timer = loop.call_later(self._options.durable_seconds, self._queue.expire, opening)

    def close(self, opening: Opening, event: RequestClosed, *, beside: Beside = NOTHING) -> None:
        """Puts the closing into its reserved place; never waits, never fails, counts once."""
        if opening.closing or opening.stage in GONE:
            return
        opening.closing = True
        answer = beside.sealed_answer()
        commitment = answer.commitment if answer else ""
        closed = replace(event, agency=opening.agency, content=commitment)
        content = (answer.row,) if answer else ()
        pending = replace(self._appender.pending(closed), opening=opening, content=content)
        self._queue.put_closing(pending)

    def refused(self, event: RequestRefused) -> None:
        """Counts a refusal, and writes it if it is the first of its kind; never waits or fails."""
        refusals, now = self._appender.refusals, self._options.clock()
        self._appender.end_minute(now)
        single = refusals.add(event, now)
        if single and not self._queue.put_refusal(self._appender.pending(single)):
            refusals.drop()

    def _dropped(self, event: RequestOpened) -> None:
        """A record that was never written is told as the refusal that its caller was given."""
        code = public_error(AuditUnavailable()).code
        self.refused(
            RequestRefused(
                record_id=event.record_id,
                principal=event.principal,
                origin=event.origin,
                model="",
                code=code,
                reason=code,
            )
        )

    async def receipt(self, record_id: str, agency: str) -> Receipt | None:
        """The receipt of one record of this agency; None if it has no such record.

        Raises:
            AuditUnavailable: the records cannot be read now.
        """
        try:
            return await read_receipt(
                self._database,
                record_id,
                agency,
                key_id=self._keys.writer_id,
                policy=self._policy,
            )
        except StoreUnavailable:
            raise AuditUnavailable from None

    async def recent(self, agency: str, limit: int) -> list[RecordView]:
        """This agency's last records, newest first.

        Raises:
            AuditUnavailable: the records cannot be read now.
        """
        try:
            return await read_recent(self._database, agency, limit)
        except StoreUnavailable:
            raise AuditUnavailable from None

    async def log_file(self, path: str) -> LogFile | None:
        """A file of the public log by its address below `/log/`; None if there is none.

        Raises:
            AuditUnavailable: the records cannot be read now.
        """
        try:
            return await self._files.read(path)
        except StoreUnavailable:
            raise AuditUnavailable from None

    async def state(self) -> LedgerState:
        """How the ledger is, from memory: it answers also while the store is away."""
        return LedgerState(
            size=self._sealer.size,
            root=self._sealer.root.hex(),
            sealed_at=self._sealer.sealed_at,
            unsealed=self._sealer.unsealed,
            queued=self._appender.unwritten,
            healthy=self._can_open(),
            trouble=self._trouble(),
            witnessed_size=self._sealer.witnessed_size,
            witnesses_stale=self._sealer.witnesses_stale,
            keys_away=self._sealer.keys_away,
        )

    def _wake(self) -> None:
        self._appender.wake()

    def _require_room(self) -> None:
        """Tells of a time without room as soon as there is some again.

        Raises:
            AuditUnavailable: no record can be opened.
        """
        trouble = self._trouble()
        if trouble in NO_ROOM:
            full = self._full or _Full(trouble, self._options.clock(), 0)
            self._full = full._replace(refused=full.refused + 1)
        if trouble or not self._accepts:
            raise AuditUnavailable
        if self._full and self._queue.put_refusal(self._appender.pending(self._told(self._full))):
            self._full = None

    def _told(self, full: "_Full") -> LogFull:
        return LogFull(
            record_id=new_id(),
            cause=full.cause.value,
            since=full.since,
            until=self._options.clock(),
            refused=full.refused,
        )

    def _can_open(self) -> bool:
        return self._accepts and self._trouble() is Trouble.NONE

    def _trouble(self) -> Trouble:
        if not self._accepts:
            return Trouble.NONE
        if not self._sealer.sound:
            return Trouble.SEALING_REFUSED
        disk = self._look_at_disk()
        if disk:
            return disk
        hangs = self._appender.busy_seconds() > self._options.durable_seconds
        if hangs or not self._appender.healthy or any(task.done() for task in self._tasks):
            return Trouble.STORE
        if self._sealer.unsealed > self._options.unsealed_limit:
            return Trouble.BACKLOG
        return Trouble.NONE

    def _look_at_disk(self) -> Trouble:
        now = asyncio.get_running_loop().time()
        if now - self._disk_checked_at >= _DISK_SECONDS:
            self._disk_checked_at = now
            try:
                free = self._database.free_bytes()
                scarce = free is not None and free < self._options.disk_reserve_bytes
                self._disk_trouble = Trouble.DISK if scarce else Trouble.NONE
            except StoreUnavailable:
                self._disk_trouble = Trouble.STORE
        return self._disk_trouble


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, StoreUnavailable):
        await task
