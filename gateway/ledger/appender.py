"""The writer of this process: takes what waits, numbers and signs it, and commits it as a group.

Sequence numbers are given inside the transaction and only counted on once it is durable. A commit
whose end is not known leaves its batch in doubt: before anything else is written, the store is
asked whether it was kept. So no number is ever given twice or left out.

Where several processes share a database, a writer that has been silent for too long is ended by any
other, and what it left open is closed as lost. If it lives after all, it finds that out before it
appends again, and begins anew as another writer.
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
from gateway.ledger.in_force import InForce, first_words
from gateway.ledger.keys import LedgerKeys
from gateway.ledger.queue import Opening, Pending, Queue
from gateway.ledger.refusals import Refusals
from gateway.proofs.entry import SALT_BYTES, event_hash, promise
from gateway.store.content import add_content
from gateway.store.database import Database
from gateway.store.dialect import begin_append, server_time
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
from gateway.store.subjects import add_subjects

MOST_IN_BATCH = 256
_SIGNED_AT_ONCE = 32  # then other tasks get their turn: about a millisecond of work
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How often the writer shows that it lives, and what it calls the time (Unix seconds).

    Another process's writer that was silent for `silence_seconds` is taken for dead.
    """

    heartbeat_seconds: float
    silence_seconds: float = 60.0
    clock: Callable[[], float] = time.time


class _Doubt(NamedTuple):
    """A transaction whose end is not known.

    `sweeps`: it closes what others left open, with rows that it makes itself; then there is no
    batch, and whatever stands behind this writer's last known number is all of it.
    """

    batch: list[Pending]
    rows: list[EventRow]
    sweeps: bool = False


class _Open(NamedTuple):
    """A record that this writer has opened; `opening` is None for none of a request."""

    sequence: int
    agency: str
    opening: Opening | None


class _Found(NamedTuple):
    """This writer as the store knows it."""

    running: bool
    last: int


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
        self._doubt: _Doubt | None = None
        self._doubt_since = 0.0
        self._open: dict[str, _Open] = {}
        self._build = ""
        self._in_force: InForce | None = None
        self._begun = False
        self._wake = asyncio.Event()
        self._stopping = False
        self._next_beat = 0.0

    @property
    def unwritten(self) -> int:
        """Events that wait, or whose commit is not known to have ended well."""
        return len(self._queue) + (len(self._doubt.batch) if self._doubt else 0)

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

    async def start(self, build: str, in_force: InForce | None = None) -> None:
        """Writes this writer's first events, and closes what vanished writers left open.

        Raises:
            StoreUnavailable: the database cannot be written.
        """
        self._build, self._in_force = build, in_force
        await self._begin()

    async def _begin(self) -> None:
        """If the end of this transaction is not known, the next try is another writer's."""
        self.id = new_id()
        self._next = await self._database.transact(self._start)
        self.appended += self._next
        self._begun = self.healthy = True

    def _start(self, connection: Connection) -> int:
        tail = begin_append(connection, self.id)
        now = server_time(connection, self._timing.clock())
        started = WriterStarted(
            record_id=self.id,
            key_id=self._keys.writer_id,
            build=self._build,
            schema=newest_revision(),
            previous=last_event(connection),
        )
        applied = first_words(connection, self._in_force) if self._in_force else ()
        events: list[Event] = [started, *applied, *self._end_silent(connection, now)]
        start_writer(connection, self.id, key_id=self._keys.writer_id, at=now)
        rows = [self._sign(self.pending(event), at) for at, event in enumerate(events)]
        append_events(connection, tail, rows)
        return len(rows)

    def _end_silent(self, connection: Connection, now: float) -> list[Event]:
        """Ends the writers that are dead, and gives the events that say so."""
        events: list[Event] = []
        for writer in self._silent(connection, now):
            events += _lost(connection, writer)
            end_writer(connection, writer.id, at=now)
        return events

    def _silent(self, connection: Connection, now: float) -> list[UnendedWriter]:
        """Who holds a database alone knows that every other writer is dead."""
        since = now - self._timing.silence_seconds if self._database.shared else None
        found = unended_writers(connection, silent_since=since)
        return [writer for writer in found if writer.id != self.id]

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
                    beats = asyncio.get_running_loop().time() >= self._next_beat
                    await self._write(self._queue.take(MOST_IN_BATCH))
                    if beats and self._database.shared and self.healthy:
                        await self._sweep()
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
            RequestLost(record_id=record_id, agency=opened.agency, writer=self.id)
            for record_id, opened in self._open.items()
        ]
        events += self.refusals.flush(self._timing.clock())
        events.append(WriterStopped(record_id=new_id()))
        return [self.pending(event) for event in events]

    async def _write(self, batch: list[Pending], *, ends: bool = False) -> None:
        loop_now = asyncio.get_running_loop().time()
        if not batch and loop_now < self._next_beat:
            return
        rows = await self._sign_all(batch)
        floor = self._beat() if loop_now >= self._next_beat else None
        self._doubt, self._doubt_since = _Doubt(batch, rows), loop_now

        def write(connection: Connection) -> bool:
            tail = begin_append(connection, self.id)
            if not tail.running:
                return False
            append_events(connection, tail, rows)
            for pending in batch:
                add_subjects(connection, pending.subjects)
                add_content(connection, pending.content)
            if floor is not None:
                now = server_time(connection, self._timing.clock())
                touch_writer(connection, self.id, at=now, floor=floor)
            if ends:
                now = server_time(connection, self._timing.clock())
                end_writer(connection, self.id, at=now)
            return True

        if await self._database.transact(write):
            self._landed()
        else:
            self._not_landed()
            self._ended_by_another()

    async def _sweep(self) -> None:
        """Closes what writers left open that are dead. Any living one may do it, and one does."""
        self._doubt = _Doubt([], [], sweeps=True)
        self._doubt_since = asyncio.get_running_loop().time()

        def write(connection: Connection) -> int:
            now = server_time(connection, self._timing.clock())
            if not self._silent(connection, now):
                return 0
            tail = begin_append(connection, self.id)
            if not tail.running:
                return 0  # the next write finds it out, too
            events = self._end_silent(connection, now)  # asked again, now that we are alone
            rows = [
                self._sign(self.pending(event), at) for at, event in enumerate(events, self._next)
            ]
            append_events(connection, tail, rows)
            return len(rows)

        written = await self._database.transact(write)
        self._doubt = None
        self._next += written
        self.appended += written

    def _beat(self) -> int:
        """A sign of life is given now: the sequence number from which on records may be open."""
        self._next_beat = asyncio.get_running_loop().time() + self._timing.heartbeat_seconds
        return next((opened.sequence for opened in self._open.values()), self._next)

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
            self._keys.writing_key.sign(message),
        )

    def _landed(self) -> None:
        """The batch in doubt is durable."""
        batch, rows, _ = self._doubt or _Doubt([], [])
        self._doubt = None
        for pending, row in zip(batch, rows, strict=True):
            if row.action == OPENED:
                self._open[row.record_id] = _Open(row.sequence, row.agency, pending.opening)
            elif row.action == CLOSED:
                self._open.pop(row.record_id, None)
        self._next += len(rows)
        self.appended += len(rows)
        self._queue.written(batch)

    def _not_landed(self) -> None:
        """The batch in doubt was certainly not kept."""
        batch = self._doubt.batch if self._doubt else []
        self._doubt = None
        self._queue.give_back(batch)

    def _ended_by_another(self) -> None:
        """We were taken for dead: what was open has been closed as lost, and is not ours to close.

        Running streams go on; their records say `lost`. The next recovery begins a new writer.
        """
        self._queue.lose([opened.opening for opened in self._open.values() if opened.opening])
        self._open.clear()
        self._begun = self.healthy = False

    def _fail(self) -> None:
        self.healthy = False
        self._queue.fail_openings(self._doubt.batch if self._doubt else [])

    async def _recover(self) -> None:
        """Writes a sign of life, and settles what is in doubt.

        `begin_append` waits for whatever the store may still be doing with the last transaction.

        Raises:
            StoreUnavailable: still away, or what is there now is not what this writer wrote.
        """
        if not self._begun:
            await self._begin()
            return
        floor = self._beat()

        def write(connection: Connection) -> _Found:
            tail = begin_append(connection, self.id)
            if tail.running:
                now = server_time(connection, self._timing.clock())
                touch_writer(connection, self.id, at=now, floor=floor)
            return _Found(tail.running, last_sequence(connection, self.id))

        found = await self._database.transact(write)
        self._settle(found.last)
        if found.running:
            self.healthy = True
        else:
            self._ended_by_another()

    def _settle(self, last: int) -> None:
        """What stands in the store says whether the transaction in doubt was kept."""
        doubt = self._doubt or _Doubt([], [])
        if doubt.sweeps and last >= self._next - 1:
            self.appended += last + 1 - self._next
            self._next, self._doubt = last + 1, None
        elif last == self._next + len(doubt.rows) - 1:
            self._landed()
        elif last == self._next - 1:
            self._not_landed()
        else:
            raise StoreUnavailable


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
