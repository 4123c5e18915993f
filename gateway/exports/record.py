"""One event as it leaves: its canonical bytes, its facts, and its record's opening.

Goes in: a stored event. Whatever reads it here never changes the bytes; a value that an event does
not have is empty text or None.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.ledger.events import CLOSED, OPENED
from gateway.proofs.entry import event_hash
from gateway.proofs.reader import EventRow as SignedRow
from gateway.proofs.records import is_authentic
from gateway.proofs.trust import Trust
from gateway.store.database import Database
from gateway.store.events import StoredEvent
from gateway.store.exports import PAGE, Selection, events_of, selected_events
from inference.task import JsonObject, JsonValue

KST: Final = timezone(timedelta(hours=9), "KST")  # 표준시에 관한 법률: UTC+9, no daylight saving


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One event and where it stands; `opening` are the facts of its record's opening, or none.

    An opening is its own: so who asked for a request is known of its closing too. `at` is in Unix
    milliseconds.
    """

    position: int
    writer: str
    sequence: int
    record_id: str
    action: str
    agency: str
    body: bytes
    facts: JsonObject
    opening: JsonObject
    at: int

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical bytes, in hex: what the writer signed and the leaf holds."""
        return event_hash(self.body).hex()

    def text(self, *path: str) -> str:
        """A text of this event, else of its record's opening; empty if neither has it."""
        for facts in (self.facts, self.opening):
            found = value_at(facts, *path)
            if isinstance(found, str):
                return found
        return ""

    def number(self, *path: str) -> int | None:
        """A whole number of this event, else of its record's opening."""
        for facts in (self.facts, self.opening):
            found = value_at(facts, *path)
            if isinstance(found, int) and not isinstance(found, bool):
                return found
        return None

    def values(self, *path: str) -> dict[str, int]:
        """A table of counts by name of this event, else of its record's opening."""
        for facts in (self.facts, self.opening):
            found = value_at(facts, *path)
            if isinstance(found, dict):
                return {name: times for name, times in found.items() if isinstance(times, int)}
        return {}

    def texts(self, *path: str) -> list[str]:
        """A list of texts of this event, else of its record's opening."""
        for facts in (self.facts, self.opening):
            found = value_at(facts, *path)
            if isinstance(found, list):
                return [each for each in found if isinstance(each, str)]
        return []


def value_at(facts: JsonObject, *path: str) -> JsonValue:
    """What stands at a path of names; None if nothing does."""
    found: JsonValue = facts
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


class RecordUnreadable(ValueError):
    """An event was not written by this program; `position` says which."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the event at position {position} is not of this program's form")
        self.position = position


def to_record(stored: StoredEvent, opening: bytes | None = None) -> Record:
    """An event read.

    Raises:
        RecordUnreadable: it was not written by this program.
    """
    event = stored.event
    try:
        facts, begun = json.loads(event.body), json.loads(opening) if opening else {}
        moment = datetime.fromisoformat(str(facts["time"]))
        at = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    except (TypeError, ValueError, LookupError, RecursionError):
        raise RecordUnreadable(stored.position) from None
    if event.action == OPENED:
        begun = facts
    return Record(
        position=stored.position,
        writer=event.writer,
        sequence=event.sequence,
        record_id=event.record_id,
        action=event.action,
        agency=event.agency,
        body=event.body,
        facts=facts,
        opening=begun,
        at=at,
    )


async def read_records(
    connection: AsyncConnection,
    selection: Selection,
    limit: int = PAGE,
    *,
    trust: Trust | None = None,
) -> list[Record]:
    """The selection's first events, at most `limit`, each with its record's opening; with pins,
    as one of their writers has signed it.

    Raises:
        RecordUnreadable: an event was not written by this program.
    """
    events = await selected_events(connection, selection, limit)
    openings = await _openings(connection, events, selection.agency)
    if trust:
        _require_signed([*events, *openings], trust)
    bodies = {each.event.record_id: each.event.body for each in openings}
    return [to_record(each, bodies.get(each.event.record_id)) for each in events]


async def all_records(
    database: Database, selection: Selection, *, trust: Trust | None = None
) -> AsyncIterator[Record]:
    """Every event of one agency's selection; memory holds one page. See `read_records`.

    Raises:
        StoreUnavailable: the database cannot be read.
        RecordUnreadable: an event was not written by this program.
    """
    after = selection.after
    agency = selection.agency
    while True:
        reading = database.reading() if agency is None else database.reading_of(agency)
        async with reading as connection:
            page = await read_records(connection, selection._replace(after=after), trust=trust)
        for each in page:
            yield each
        if len(page) < PAGE:
            return
        after = page[-1].position


async def _openings(
    connection: AsyncConnection, events: Sequence[StoredEvent], agency: str | None
) -> list[StoredEvent]:
    closed = [each.event.record_id for each in events if each.event.action == CLOSED]
    return await events_of(connection, closed, OPENED, agency) if closed else []


def _require_signed(events: Sequence[StoredEvent], trust: Trust) -> None:
    for each in events:
        row = SignedRow(each.position, *each.event)
        if not is_authentic(row, trust.writers.values()):
            raise RecordUnreadable(each.position)
