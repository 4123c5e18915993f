"""What waits to be written: bounded places, and the life of an opening. No input, no output.

An opening takes two places, its own and that of its closing; so a closing always has one. Refusals
have a small bound of their own and never take the place of a request.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from gateway.errors import AuditUnavailable
from gateway.store.content import ContentRow
from gateway.store.subjects import SubjectRow


class Stage(Enum):
    """How far an opening has come."""

    WAITING = "waiting"
    TAKEN = "taken"  # in a transaction that may or may not have been kept
    WRITTEN = "written"
    DROPPED = "dropped"  # certainly never written; its closing is not written either
    LOST = "lost"  # written, and closed as lost by another; its own closing is not written


GONE = (Stage.DROPPED, Stage.LOST)


@dataclass(slots=True, eq=False)
class Opening:
    """A record that is being opened. `durable` resolves once it is, or with AuditUnavailable.

    Whoever got one must hand it to `Ledger.close` exactly once, also if `durable` has failed.
    `on_drop` is called once, when it is certain that it will never be written. An event that
    nothing follows takes one of the `places`, a record that will be closed two.
    """

    record_id: str
    agency: str
    durable: "asyncio.Future[None]"
    stage: Stage = Stage.WAITING
    closing: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    on_drop: Callable[[], None] | None = field(default=None, repr=False)
    places: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """One event on its way; `opening` is the record that it opens or closes, if it does.

    `subjects` and `content` are written with it, in its transaction, or not at all.
    """

    record_id: str
    action: str
    agency: str
    body: bytes = field(repr=False)
    opening: Opening | None = None
    opens: bool = False
    subjects: Sequence[SubjectRow] = field(default=(), repr=False)
    content: Sequence[ContentRow] = field(default=(), repr=False)


class Queue:
    """The waiting events, oldest first; `on_change` is called whenever there is more to write."""

    def __init__(self, places: int, refusals: int, on_change: Callable[[], None]) -> None:
        self._free = places
        self._refusal_places = refusals
        self._on_change = on_change
        self._waiting: dict[int, Pending] = {}
        self._tickets: dict[Opening, int] = {}
        self._next = 0
        self._refusals: deque[Pending] = deque()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._refusals)

    def put_opening(self, pending: Pending, opening: Opening) -> None:
        """Takes the opening's places.

        Raises:
            AuditUnavailable: so many are not left.
        """
        if self._free < opening.places:
            raise AuditUnavailable
        self._free -= opening.places
        self._tickets[opening] = self._put(pending)

    def put_closing(self, pending: Pending) -> None:
        """Takes the place that its opening has reserved."""
        self._put(pending)

    def put_refusal(self, pending: Pending) -> bool:
        """False if refusals have no place left."""
        if len(self._refusals) >= self._refusal_places:
            return False
        self._refusals.append(pending)
        self._on_change()
        return True

    def take(self, most: int) -> list[Pending]:
        """The next events to write, requests first; closings of what is gone fall away."""
        taken: list[Pending] = []
        for ticket in list(islice(self._waiting, most)):
            pending = self._waiting.pop(ticket)
            opening = pending.opening
            if opening and opening.stage in GONE:
                continue
            if opening and pending.opens:
                opening.stage = Stage.TAKEN
                del self._tickets[opening]
            taken.append(pending)
        while self._refusals and len(taken) < most:
            taken.append(self._refusals.popleft())
        return taken

    def give_back(self, batch: list[Pending]) -> None:
        """Puts events that were certainly not written to the front again, but no openings."""
        kept = {}
        for pending in batch:
            if pending.opening and pending.opens:
                self._drop(pending.opening)
            else:
                kept[self._ticket()] = pending
        self._waiting = kept | self._waiting

    def lose(self, openings: list[Opening]) -> None:
        """Somebody else has closed these records: their closings need no place any more."""
        for opening in openings:
            opening.stage = Stage.LOST
            self._free += 1

    def written(self, batch: list[Pending]) -> None:
        """Frees the places of events that are durable, and resolves their openings."""
        for pending in batch:
            opening = pending.opening
            if opening is None:
                continue
            self._free += 1
            if pending.opens:
                opening.stage = Stage.WRITTEN
                _stop(opening)
                if not opening.durable.done():
                    opening.durable.set_result(None)

    def expire(self, opening: Opening) -> None:
        """Fails an opening whose caller has waited long enough; unless taken, it is dropped."""
        ticket = self._tickets.pop(opening, None)
        if ticket is not None:
            del self._waiting[ticket]
            self._drop(opening)
        _fail(opening)

    def fail_openings(self, batch: list[Pending]) -> None:
        """The store is away: every opening that waits is dropped, those of the batch only fail."""
        for opening in list(self._tickets):
            self.expire(opening)
        for pending in batch:
            if pending.opening and pending.opens:
                _fail(pending.opening)

    def _drop(self, opening: Opening) -> None:
        opening.stage = Stage.DROPPED
        self._free += opening.places
        _fail(opening)
        if opening.on_drop:
            opening.on_drop()

    def _put(self, pending: Pending) -> int:
        ticket = self._ticket()
        self._waiting[ticket] = pending
        self._on_change()
        return ticket

    def _ticket(self) -> int:
        self._next += 1
        return self._next


def _fail(opening: Opening) -> None:
    _stop(opening)
    if not opening.durable.done():
        opening.durable.set_exception(AuditUnavailable())
        opening.durable.exception()  # it may be that nobody awaits it


def _stop(opening: Opening) -> None:
    if opening.timer:
        opening.timer.cancel()
        opening.timer = None
