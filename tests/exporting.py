"""Exports for tests: events as records without a database, and exports beside a running ledger."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from keeping import Kept
from recording import AGENCY, ORIGIN, closed, opened, person, refused

from gateway.exports.event import ExportMade
from gateway.exports.formats import Format
from gateway.exports.make import Made, Order, make_export
from gateway.exports.record import Record, to_record
from gateway.ledger.commitment import commit
from gateway.ledger.erasures import ContentErased
from gateway.ledger.events import (
    AuthRefused,
    Event,
    RefusedNetwork,
    RequestLost,
    WriterLost,
    WriterStarted,
    WriterStopped,
    canonical,
)
from gateway.ledger.inquiries import (
    REVEAL_APPROVED,
    REVEAL_OPENED,
    AuditQueried,
    RevealRequested,
    RevealStep,
)
from gateway.ledger.pruning import RecordsPruned, Rule
from gateway.ledger.restored import DatabaseRestored
from gateway.proofs.note import Checkpoint
from gateway.store.database import Database
from gateway.store.events import EventRow, StoredEvent

AT = 1_800_000_000.1239  # 2027-01-15T08:00:00.123Z, 17:00 in Korea
BUILD = "0.1.0"


def made(**changes: Any) -> ExportMade:
    facts: dict[str, Any] = {
        "record_id": "0" * 32,
        "agency": AGENCY,
        "officer": "officer-7",
        "account": "gwanmun",
        "format": "csv",
        "begin": None,
        "end": AT,
        "actions": (),
        "positions": (0, 12),
        "records": 3,
        "size_bytes": 100,
        "sha256": "a" * 64,
        "reason": "b" * 64,
    }
    return ExportMade(**facts | changes)


def events_of_ends() -> dict[str, Event]:
    """What tells that something is no more."""
    return {
        "content.erased": ContentErased(
            record_id="0" * 32,
            agency=AGENCY,
            records=("1" * 32,),
            officer="officer-7",
            account="gwanmun",
            reason="c" * 64,
        ),
        "records.pruned": RecordsPruned(
            record_id="0" * 32,
            agency=AGENCY,
            account="gwanmun",
            events=2,
            first_leaf=1,
            last_leaf=2,
            digest="d" * 64,
            rules={"request.S": Rule(730, AT, 5)},
        ),
        "database.restored": DatabaseRestored(
            record_id="0" * 32,
            account="gwanmun",
            size=5,
            root="e" * 64,
            made="2026-11-27T00:00:00.000Z",
            manifest="f" * 64,
            remembered=Checkpoint("log", 7, b"r" * 32),
            erased=1,
        ),
    }


def every_event() -> dict[str, Event]:
    opening = opened()
    return {
        "opened": opening,
        "closed": closed(opening.record_id, agency=AGENCY),
        "lost": RequestLost(record_id="0" * 32, agency=AGENCY, writer="1" * 32),
        "refused": refused(opening.principal),
        "refused by a stranger": refused(),
        "auth refused": AuthRefused(
            record_id="0" * 32,
            minute_at=AT,
            networks=(RefusedNetwork("expired", "192.0.2.0/24", 3),),
        ),
        "started": WriterStarted(
            record_id="0" * 32, key_id="k", build="1.0", schema="0001", previous=("1" * 32, 7)
        ),
        "stopped": WriterStopped(record_id="0" * 32),
        "writer lost": WriterLost(record_id="0" * 32, writer="1" * 32, last_sequence=9, closed=2),
        "exported": made(),
        "looked up": AuditQueried(
            record_id="0" * 32,
            principal=person(),
            origin=ORIGIN,
            kinds=("KR_PHONE",),
            since=AT,
            until=AT,
            found=2,
            statute="",
            reason=commit(b"why"),
        ),
        "reveal requested": RevealRequested(
            record_id="0" * 32,
            principal=person(),
            origin=ORIGIN,
            records=("1" * 32,),
            expires_at=AT,
            reason="c" * 64,
        ),
        **{
            action: RevealStep(
                action=action,
                record_id="0" * 32,
                principal=person(),
                origin=ORIGIN,
                records=("1" * 32,),
            )
            for action in (REVEAL_APPROVED, REVEAL_OPENED)
        },
        **events_of_ends(),
    }


def as_record(event: Event, *, opening: Event | None = None, position: int = 5) -> Record:
    action, agency, body = canonical(event, AT)
    row = EventRow("2" * 32, 4, event.record_id, action, agency, body, b"s" * 32, b"g" * 64)
    return to_record(StoredEvent(position, row), canonical(opening, AT).body if opening else None)


def order(form: Format = Format.JSON_LINES, **changes: Any) -> Order:
    facts: dict[str, Any] = {
        "agency": AGENCY,
        "officer": "officer-7",
        "reason": "정기 점검 2027-1",
        "format": form,
        "begin": None,
        "end": None,
        "actions": (),
    }
    return Order(**facts | changes)


@asynccontextmanager
async def beside(kept: Kept) -> AsyncIterator[Database]:
    """The database for a command, while a gateway may be running on it."""
    url, password = getattr(kept, "url", ""), getattr(kept, "password_file", None)
    async with Database(kept.data_dir, url, password_file=password, lock=False) as database:
        yield database


async def export(kept: Kept, wanted: Order, path: Path) -> Made:
    async with beside(kept) as database:
        return await make_export(database, kept.keys(), wanted, path, build=BUILD)


async def wait_for_events(kept: Kept, action: str, count: int) -> None:
    """Closings are written behind the answer."""
    async with asyncio.timeout(10):
        query = "SELECT count(*) FROM event WHERE action = ?"
        while kept.ask(query, action) != [(count,)]:
            await asyncio.sleep(0.01)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
