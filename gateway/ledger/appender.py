"""The one writer: takes what waits, numbers and signs it, and commits it as a group.

Sequence numbers are given inside the transaction and only counted on once it is durable. A commit
whose end is not known leaves its batch in doubt: before anything else is written, the store is
asked whether it was kept. So no number is ever given twice or left out.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.engine import Connection

from gateway.ledger.events import (
    CLOSED,
    OPENED,
    Event,
    RequestLost,
    RequestRefused,
    WriterLost,
    WriterStarted,
    WriterStopped,
    canonical,
    new_id,
)
from gateway.ledger.keys import LedgerKeys
from gateway.ledger.queue import Pending, Queue
from gateway.ledger.refusals import Refusals
from gateway.proofs.entry import SALT_BYTES, event_hash, promise
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.events import (
    EventRow,
    UnendedWriter,
    append_events,
    end_writer,
    last_event,
    last_sequence,
    open_records,
    start_writer,
    touch_writer,
    unended_writers,
)
from gateway.store.schema import newest_revision

MOST_IN_BATCH = 256
_SIGNED_AT_ONCE = 32  # then other tasks get their turn: about a millisecond of work
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How often the writer shows that it lives (seconds), and what it calls the time (Unix)."""

    heartbeat_seconds: float
    clock: Callable[[], float] = time.time


class _Beat(NamedTuple):
    """A sign of life: when, and from which sequence number on records may be open."""

    at: float
    floor: int


class Appender:
    """The writer of one process; its `run` is a task that ends after `stop`."""

    def __init__(self, database: Database, keys: LedgerKeys, queue: Queue, timing: Timing) -> None:
        self.id = new_id()
        self.appended = 0
        self.healthy = False
        self.refusals = Refusals()
        self._database = database
        self._keys = keys
        self._queue = queue
        self._timing = timing
        self._next = 0
        self._doubt: tuple[list[Pending], list[EventRow]] | None = None
        self._doubt_since = 0.0
        self._open: dict[str, int] = {}
        self._agencies: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._next_beat = 0.0

    @property
    def unwritten(self) -> int:
        """Events that wait, or whose commit is not known to have ended well."""
        return len(self._queue) + (len(self._doubt[0]) if self._doubt else 0)

    def busy_seconds(self) -> float:
        """For how long the commit that runs now has been running."""
        return asyncio.get_running_loop().time() - self._doubt_since if self._doubt else 0.0

    def wake(self) -> None:
        """Tells the task that there is something to write."""
        self._wake.set()

    def stop(self) -> None:
        """Lets the task write all that waits, close what is open, and end."""
        self._stopping = True
        self._wake.set()

    async def start(self, build: str) -> None:
        """Writes this writer's first event, and closes what vanished writers left open.

        Raises:
            StoreUnavailable: the database cannot be written.
        """
        self._next = self.appended = await self._database.transact(self._start(build))
        self.healthy = True

    def _start(self, build: str) -> Callable[[Connection], int]:
        now = self._timing.clock()

        def write(connection: Connection) -> int:
            started = WriterStarted(
                record_id=self.id,
                key_id=self._keys.writer_id,
                build=build,
                schema=newest_revision(),
                previous=last_event(connection),
            )
            events: list[Event] = [started]
            for writer in unended_writers(connection):
                events += _lost(connection, writer)
                end_writer(connection, writer.id, at=now)
            start_writer(connection, self.id, key_id=self._keys.writer_id, at=now)
            rows = [self._sign(self.pending(event), at) for at, event in enumerate(events)]
            append_events(connection, rows)
            return len(rows)

        return write

    def pending(self, event: Event) -> Pending:
        """An event as it waits; its time is now."""
        action, agency, body = canonical(event, self._timing.clock())
        return Pending(event.record_id, action, agency, body)

    async def run(self) -> None:
        """Writes until stopped, through every failure of the store."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping or self._queue or self._doubt:
            try:
                if self.healthy:
                    await self._wait()
                    self.end_minute(self._timing.clock())
                    await self._write(self._queue.take(MOST_IN_BATCH))
                else:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                    await self._recover()
                    pause = _FIRST_PAUSE_SECONDS
            except StoreUnavailable:
                self._fail()
        await self._write(self._last_words(), ends=True)

    async def _wait(self) -> None:
        """Until there is something to write or a sign of life is due."""
        if self._queue or self._stopping:
            return
        self._wake.clear()
        delay = self._next_beat - asyncio.get_running_loop().time()
        if delay > 0:
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                return

    def end_minute(self, now: float) -> None:
        """Queues what a minute of refusals came to, once it has ended; `now` in Unix seconds."""
        for event in self.refusals.ended(now):
            if not self._queue.put_refusal(self.pending(event)):
                self.refusals.drop(event.count if isinstance(event, RequestRefused) else 1)

    def _last_words(self) -> list[Pending]:
        """Whatever nobody has closed by now is lost, and the last refusals are counted."""
        events: list[Event] = [
            RequestLost(record_id=record_id, agency=self._agencies[record_id], writer=self.id)
            for record_id in self._open
        ]
        events += self.refusals.flush(self._timing.clock())
        events.append(WriterStopped(record_id=new_id()))
        return [self.pending(event) for event in events]

    async def _write(self, batch: list[Pending], *, ends: bool = False) -> None:
        loop_now = asyncio.get_running_loop().time()
        if not batch and loop_now < self._next_beat:
            return
        rows = await self._sign_all(batch)
        beat = self._beat() if loop_now >= self._next_beat else None
        ended_at = self._timing.clock() if ends else None
        self._doubt, self._doubt_since = (batch, rows), loop_now

        def write(connection: Connection) -> None:
            append_events(connection, rows)
            if beat:
                touch_writer(connection, self.id, at=beat.at, floor=beat.floor)
            if ended_at is not None:
                end_writer(connection, self.id, at=ended_at)

        await self._database.transact(write)
        self._landed()

    def _beat(self) -> _Beat:
        self._next_beat = asyncio.get_running_loop().time() + self._timing.heartbeat_seconds
        floor = next(iter(self._open.values()), self._next)
        return _Beat(self._timing.clock(), floor)

    async def _sign_all(self, batch: Sequence[Pending]) -> list[EventRow]:
        rows = []
        for number, event in enumerate(batch, self._next):
            rows.append(self._sign(event, number))
            if len(rows) % _SIGNED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return rows

    def _sign(self, event: Pending, number: int) -> EventRow:
        salt = os.urandom(SALT_BYTES)
        message = promise(
            self.id, number, agency=event.agency, salt=salt, body_hash=event_hash(event.body)
        )
        return EventRow(
            self.id,
            number,
            event.record_id,
            event.action,
            event.agency,
            event.body,
            salt,
            self._keys.writer.sign(message),
        )

    def _landed(self) -> None:
        """The batch in doubt is durable."""
        batch, rows = self._doubt or ([], [])
        self._doubt = None
        for row in rows:
            if row.action == OPENED:
                self._open[row.record_id] = row.sequence
                self._agencies[row.record_id] = row.agency
            elif row.action == CLOSED:
                self._open.pop(row.record_id, None)
                self._agencies.pop(row.record_id, None)
        self._next += len(rows)
        self.appended += len(rows)
        self._queue.written(batch)

    def _fail(self) -> None:
        self.healthy = False
        self._queue.fail_openings(self._doubt[0] if self._doubt else [])

    async def _recover(self) -> None:
        """Writes a sign of life, and settles the batch in doubt.

        Raises:
            StoreUnavailable: still away, or what is there now is not what this writer wrote.
        """
        beat = self._beat()

        def write(connection: Connection) -> int:
            touch_writer(connection, self.id, at=beat.at, floor=beat.floor)
            return last_sequence(connection, self.id)

        last = await self._database.transact(write)
        batch, rows = self._doubt or ([], [])
        if last == self._next + len(rows) - 1:
            self._landed()
        elif last == self._next - 1:
            self._doubt = None
            self._queue.give_back(batch)
        else:
            raise StoreUnavailable
        self.healthy = True


def _lost(connection: Connection, writer: UnendedWriter) -> list[Event]:
    """What a vanished writer left open is closed, and its own end is told."""
    records = open_records(connection, writer, opened=OPENED, closed=CLOSED)
    events: list[Event] = [
        RequestLost(record_id=record.record_id, agency=record.agency, writer=writer.id)
        for record in records
    ]
    last = last_sequence(connection, writer.id)
    events.append(
        WriterLost(record_id=new_id(), writer=writer.id, last_sequence=last, closed=len(records))
    )
    return events
