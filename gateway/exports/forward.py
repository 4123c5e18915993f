"""Forwarding: every event to one destination, at least once, behind the requests' backs.

One process at a time holds a destination's cursor in the database, reads the events behind it in
the order of commits, hands over a batch, and moves the cursor once the batch was taken. A process
that dies in between sends the batch again, whichever process that is. Where the destination cannot
confirm (syslog), a broken connection puts the batch before in doubt too, and both are sent again.

A failure is an alarm and never an outage: the metric rises, the log says it once, and the next try
comes later and later. Memory holds one batch.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy.engine import Connection

from gateway.exports.destinations import Destination
from gateway.exports.record import Record, RecordUnreadable, read_records
from gateway.ledger.events import new_id
from gateway.outward.http import OutwardFailed
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.exports import Selection, last_position
from gateway.store.forwarding import hold_cursor, move_cursor, read_cursor
from gateway.telemetry import Log, Metrics

_HOLD_SECONDS: Final = 30.0
_ENDLESS: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """How much at once, and how long between two looks and after failures (seconds).

    `alone` says that no other process can forward from this database. `clock` gives Unix seconds.
    """

    batch_events: int = 100
    look_seconds: float = 1.0
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    alone: bool = False
    clock: Callable[[], float] = time.time


class _Held(NamedTuple):
    held: bool
    position: int


class Forwarder:
    """One destination; its `run` is a task that ends when it is cancelled."""

    def __init__(
        self,
        database: Database,
        destination: Destination,
        options: Forwarding,
        metrics: Metrics,
        log: Log,
    ) -> None:
        self._database = database
        self._destination = destination
        self._options = options
        self._metrics = metrics
        self._log = log
        self._holder = new_id()
        self._held_until = 0.0
        self._cursor = 0
        self._previous: int | None = None  # where the batch began that was sent last
        self._again: int | None = None  # from where on everything is in doubt
        self._failing = ""

    async def run(self) -> None:
        """Forwards until cancelled, through every failure of the store and the destination."""
        pause = self._options.first_pause_seconds
        try:
            while True:
                try:
                    sent = await self._turn()
                    self._tell("")
                    pause = self._options.first_pause_seconds
                    if sent < self._options.batch_events:
                        await asyncio.sleep(self._options.look_seconds)
                except (OutwardFailed, StoreUnavailable, RecordUnreadable) as error:
                    self._tell(_reason(error), position=getattr(error, "position", None))
                    # Spread, so that many gateways do not come back to a server in one moment.
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
                    pause = min(pause * 2, self._options.longest_pause_seconds)
        finally:
            self._destination.close()

    async def _turn(self) -> int:
        """Sends the next batch, if this process is the one that does; returns how many events."""
        held = await self._hold()
        start = self._cursor if self._again is None else min(self._cursor, self._again)
        async with self._database.reading() as connection:
            last = await last_position(connection)
            selection = Selection(None, start, _ENDLESS)
            records = await read_records(connection, selection, self._options.batch_events)
        self._show_lag(last, records)
        if not held or not records:
            return 0
        await self._send(records, start)
        end = records[-1].position
        if end > self._cursor:
            await self._move(end)
        self._previous, self._again = start, end if end < self._cursor else None
        self._metrics.forwarded.labels(self._destination.name).inc(len(records))
        self._show_lag(last, [])
        return len(records)

    async def _hold(self) -> bool:
        """Whether this process forwards; asked anew only when half of the time is over."""
        now = asyncio.get_running_loop().time()
        if now < self._held_until - _HOLD_SECONDS / 2:
            return True

        def hold(connection: Connection) -> _Held:
            name = self._destination.name
            here = None if self._options.alone else self._options.clock()
            held = hold_cursor(connection, name, self._holder, here=here, seconds=_HOLD_SECONDS)
            return _Held(held, read_cursor(connection, name))

        held, self._cursor = await self._database.transact(hold)
        self._held_until = now + _HOLD_SECONDS if held else 0.0
        return held

    async def _send(self, records: Sequence[Record], start: int) -> None:
        try:
            await self._destination.send(records)
        except OutwardFailed:
            if not self._destination.confirms:
                self._again = start if self._previous is None else min(self._previous, start)
            raise

    async def _move(self, end: int) -> None:
        def move(connection: Connection) -> bool:
            return move_cursor(connection, self._destination.name, self._holder, end)

        if await self._database.transact(move):
            self._cursor = end
        else:
            self._held_until = 0.0  # another process has taken over: the next look asks for where

    def _show_lag(self, last: int, waiting: Sequence[Record]) -> None:
        name = self._destination.name
        self._metrics.forward_lag_events.labels(name).set(max(0, last - self._cursor))
        behind = self._options.clock() - waiting[0].at / 1_000 if waiting else 0.0
        self._metrics.forward_lag_seconds.labels(name).set(max(0.0, behind))

    def _tell(self, reason: str, *, position: int | None = None) -> None:
        """The metric always, the log once per change; `position` names an unreadable event."""
        name = self._destination.name
        self._metrics.forward_failing.labels(name).set(bool(reason))
        if reason == self._failing:
            return
        self._failing = reason
        if reason:
            where = {} if position is None else {"position": position}
            self._log.error("forward.failing", destination=name, reason=reason, **where)
        else:
            self._log.info("forward.working", destination=name)


def _reason(error: Exception) -> str:
    """A closed word: what the other side did, or which of our own parts fails."""
    if isinstance(error, OutwardFailed):
        return error.reason
    return "store" if isinstance(error, StoreUnavailable) else "unreadable_record"
