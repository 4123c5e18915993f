"""The ledger as the rest of the gateway sees it: open, close, refuse, and read back.

No record, no answer: `open` reserves the place of the closing too, and its `durable` resolves only
once the record is on disk. Closing never waits and never fails. Nothing here knows what a request
said: see events for what is recorded.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from types import TracebackType
from typing import Self

from gateway.errors import AuditUnavailable, public_error
from gateway.ledger.appender import Appender, Timing
from gateway.ledger.events import RequestClosed, RequestOpened, RequestRefused
from gateway.ledger.keys import LedgerKeys
from gateway.ledger.queue import Opening, Queue, Stage
from gateway.ledger.receipts import Receipt, RecordView, read_receipt, read_recent
from gateway.ledger.sealer import Sealer
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable

REFUSAL_PLACES = 256
_DISK_SECONDS = 0.5  # how long a look at the free disk is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOptions:
    """Bounds and waits of the write path; the settings of the same names explain them.

    `drain_seconds` bounds a clean shutdown. `clock` gives Unix seconds.
    """

    queue_places: int = 4_096
    durable_seconds: float = 5.0
    seal_seconds: float = 1.0
    unsealed_limit: int = 100_000
    disk_reserve_bytes: int = 64 * 1024 * 1024
    drain_seconds: float = 10.0
    heartbeat_seconds: float = 10.0
    build: str = ""
    clock: Callable[[], float] = time.time


class Trouble(StrEnum):
    """Why no record is opened; where several hold, the first of SEALING_REFUSED, DISK, STORE."""

    NONE = ""
    SEALING_REFUSED = "sealing_refused"  # a security incident: somebody must look
    DISK = "disk"  # less is free than the reserve
    STORE = "store"  # the database cannot be written, or a commit hangs
    BACKLOG = "backlog"  # more is unsealed than allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """How the ledger is; `root` in hex, `sealed_at` in Unix seconds.

    `healthy` is False while no record can be written, or sealing was refused, and `trouble` says
    why; it is NONE also before the ledger runs and after.
    """

    size: int
    root: str
    sealed_at: float | None
    unsealed: int
    queued: int
    healthy: bool
    trouble: Trouble


class Ledger:
    """An async context manager with one writer task and one sealer task.

    Raises:
        StoreUnavailable: on entering, when the database cannot be written.
        SealingRefused: on entering, when the tree's head is not what our key has signed.
    """

    def __init__(self, options: LedgerOptions, database: Database, keys: LedgerKeys) -> None:
        timing = Timing(heartbeat_seconds=options.heartbeat_seconds, clock=options.clock)
        self._options = options
        self._database = database
        self._keys = keys
        self._queue = Queue(options.queue_places, REFUSAL_PLACES, self._wake)
        self._appender = Appender(database, keys, self._queue, timing)
        self._sealer = Sealer(
            database, keys, seal_seconds=options.seal_seconds, clock=options.clock
        )
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._accepts = False
        self._unsealed_before = self._size_before = 0
        self._disk_checked_at = 0.0
        self._disk_trouble = Trouble.NONE

    async def __aenter__(self) -> Self:
        self._unsealed_before = await self._sealer.start()
        self._size_before = self._sealer.size
        await self._appender.start(self._options.build)
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

    def open(self, event: RequestOpened) -> Opening:
        """Starts the write of an opening record, and reserves its closing's place.

        `durable` of what is returned resolves once the record is durable, and fails with
        AuditUnavailable when it is not in time. Call from the event loop's thread.

        Raises:
            AuditUnavailable: no place, no disk, too much unsealed, or the store is away.
        """
        if not self._can_open():
            raise AuditUnavailable
        loop = asyncio.get_running_loop()
        opening = Opening(
            event.record_id,
            event.agency,
            loop.create_future(),
            on_drop=partial(self._dropped, event),
        )
        pending = self._appender.pending(event)
        self._queue.put_opening(replace(pending, opening=opening, opens=True), opening)
        opening.timer = loop.call_later(self._options.durable_seconds, self._queue.expire, opening)
        return opening

    def close(self, opening: Opening, event: RequestClosed) -> None:
        """Puts the closing into its reserved place; never waits, never fails, counts once."""
        if opening.closing or opening.stage is Stage.DROPPED:
            return
        opening.closing = True
        pending = self._appender.pending(replace(event, agency=opening.agency))
        self._queue.put_closing(replace(pending, opening=opening))

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
                self._database, record_id, agency, key_id=self._keys.writer_id
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

    async def state(self) -> LedgerState:
        """How the ledger is, from memory: it answers also while the store is away."""
        return LedgerState(
            size=self._sealer.size,
            root=self._sealer.root.hex(),
            sealed_at=self._sealer.sealed_at,
            unsealed=self._unsealed(),
            queued=self._appender.unwritten,
            healthy=self._can_open(),
            trouble=self._trouble(),
        )

    def _wake(self) -> None:
        self._appender.wake()

    def _unsealed(self) -> int:
        sealed = self._sealer.size - self._size_before
        return self._unsealed_before + self._appender.appended - sealed

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
        if self._unsealed() > self._options.unsealed_limit:
            return Trouble.BACKLOG
        return Trouble.NONE

    def _look_at_disk(self) -> Trouble:
        now = asyncio.get_running_loop().time()
        if now - self._disk_checked_at >= _DISK_SECONDS:
            self._disk_checked_at = now
            try:
                enough = self._database.free_bytes() >= self._options.disk_reserve_bytes
                self._disk_trouble = Trouble.NONE if enough else Trouble.DISK
            except StoreUnavailable:
                self._disk_trouble = Trouble.STORE
        return self._disk_trouble


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, StoreUnavailable):
        await task
