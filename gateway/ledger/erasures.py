"""Erasing a record's sealed content before its time, and erasing again what a backup brought back.

1. The record is listed outside the database; from then on no gateway opens its content. 2. An event
says who asked, and commits to the reason, which is sealed to the same two people; in the event's
transaction the content's rows are deleted, keys and salts with them. If the second step fails, the
list stands, and the next gateway's start or hour deletes the rows. Every proof of the record stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final

from sqlalchemy.engine import Connection

from gateway.domain import Grade
from gateway.errors import AuditUnavailable
from gateway.ledger.content import REASON, ContentSealer
from gateway.ledger.errand import append_alone
from gateway.ledger.events import bounded, new_id
from gateway.ledger.keys import LedgerKeys
from gateway.ledger.writer import Ledger
from gateway.store.content import (
    ContentRow,
    add_content,
    content_of,
    delete_content_of,
    whose_content,
)
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from inference.task import JsonObject, JsonValue

CONTENT_ERASED: Final = "content.erased"
MOST_RECORDS: Final = 100
_WEEK_SECONDS: Final = 7 * 86_400.0


class NoContent(Exception):
    """A record of the request has no content in this agency; the message is its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentErased:
    """The content of some records was erased.

    `officer` is an identifier as the agency knows it, never a name, and `account` the operating
    system's user; both are empty, and so is the reason's commitment, where a gateway erased again
    what was listed already.
    """

    record_id: str
    agency: str
    records: tuple[str, ...]
    officer: str = ""
    account: str = ""
    reason: str = ""

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        actor: JsonValue = None
        if self.officer:
            actor = {
                "sub": bounded(self.officer),
                "agency": bounded(self.agency),
                "client": "gwanmun content erase",
            }
        return {
            "action": CONTENT_ERASED,
            "actor": actor,
            "account": bounded(self.account),
            "cause": "request" if self.officer else "list",
            "records": [*self.records],
            "reason_commitment": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What an officer asks for; `why` is case and reason, `now` in Unix seconds."""

    agency: str
    officer: str
    account: str
    records: tuple[str, ...]
    why: str
    now: float


async def erase(
    database: Database, keys: LedgerKeys, sealer: ContentSealer, wanted: Erasure, *, build: str
) -> ContentErased:
    """Erases; may be repeated, also for records that are listed already.

    Raises:
        NoContent: a record has none, and is not listed.
        WeekKeyMissing: the list cannot be written; nothing was erased yet, what is listed will be.
        StoreUnavailable: it is listed, and may or may not be recorded and deleted: repeat it.
        AuditUnavailable: the reason cannot be sealed; nothing was erased.
    """
    listed = sealer.erasures
    async with database.reading_of(wanted.agency) as connection:
        rows = await content_of(connection, wanted.records, wanted.agency)
    ends = {row.record_id: row.expires_at + _WEEK_SECONDS for row in rows}
    for record_id in wanted.records:
        if record_id not in ends and record_id not in listed:
            raise NoContent(record_id)
    erasure_id = new_id()
    seal = sealer.begin(erasure_id, wanted.agency, Grade.S, wanted.now)
    if seal is None:
        raise NoContent(wanted.records[0])
    reason = seal.seal(REASON, wanted.why)
    listed.add(ends.items(), {row.record_id: row.week for row in rows})
    event = ContentErased(
        record_id=erasure_id,
        agency=wanted.agency,
        records=wanted.records,
        officer=wanted.officer,
        account=wanted.account,
        reason=reason.commitment,
    )
    also = partial(_erase, records=wanted.records, reason=reason.row)
    await append_alone(database, keys, event, build=build, also=also)
    return event


def _erase(connection: Connection, *, records: Sequence[str], reason: ContentRow) -> None:
    delete_content_of(connection, records)
    add_content(connection, [reason])


async def erase_listed(database: Database, ledger: Ledger, sealer: ContentSealer) -> int:
    """Erases again what is listed and stands in the database: it was put back. Returns how much.

    Raises:
        WeekKeyMissing: the list cannot be read.
        StoreUnavailable: it cannot be recorded or deleted now.
    """
    sealer.erasures.forget_before(ledger.now())
    listed = sealer.erasures.record_ids()
    if not listed:
        return 0
    async with database.reading() as connection:
        found = [
            each
            for first in range(0, len(listed), MOST_RECORDS)
            for each in await whose_content(connection, listed[first : first + MOST_RECORDS])
        ]
    for agency, group in groupby(sorted(found), key=lambda each: each[0]):
        records = tuple(record_id for _, record_id in group)
        event = ContentErased(record_id=new_id(), agency=agency, records=records)
        try:
            await ledger.record(event)
        except AuditUnavailable:
            raise StoreUnavailable from None
        await database.transact(partial(delete_content_of, record_ids=records))
    return len(found)
