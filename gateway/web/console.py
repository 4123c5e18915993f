"""The console's routes: an agency's last records, one record's receipt, and the log's state.

Needs no script. An officer sees the records of the own agency and of no other: the ledger is asked
with the agency of the session, never with one that a request names.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from gateway.domain import Permission
from gateway.errors import NotFound
from gateway.ledger.receipts import Promise, Receipt, RecordView
from gateway.ledger.writer import LedgerState
from gateway.web.rendering import Visitor
from gateway.web.site import Site
from gateway.web.words import (
    ACTIONS,
    SURFACES,
    Words,
    entity_label,
    grade_words,
    outcome_words,
)

RECORDS_SHOWN = 100
RECORD_ID = re.compile(r"[0-9a-f]{32}")
HEALTHY = Words("정상", "good", "기록과 봉인이 이어지고 있습니다.")
UNHEALTHY = Words("기록 불가", "bad", "기록할 수 없어 새 요청을 받지 않습니다.")
SEALED = Words("봉인됨", "good", "기록이 봉인되어, 고치거나 지우면 드러납니다.")
UNSEALED = Words("봉인 대기", "warn", "기록은 저장되었고, 곧 봉인됩니다.")


class RecordLine(NamedTuple):
    """One record as a line of the table.

    `engine_grade` is empty where nothing was on its way to a model. `found` holds Korean labels and
    occurrences; `times` is above 1 where one refusal stands for several.
    """

    at: datetime
    subject: str
    department: str
    model: str
    surface: str
    input_grade: str
    engine_grade: str
    found: Sequence[tuple[str, int]]
    outcome: Words
    code: str
    input_tokens: int | None
    output_tokens: int | None
    whole_seconds: float | None
    sealed: bool
    record_id: str
    times: int


class LogLine(NamedTuple):
    """The log's state in one line of cards; `size` is written with separators."""

    health: Words
    size: str
    root: str
    sealed_at: datetime | None
    unsealed: int


class PromiseLine(NamedTuple):
    """One event of a record: what happened, its number with the writer, its place in the log."""

    action: str
    sequence: int
    hash: str
    leaf_index: int | None


class Console:
    """Handlers for officers, and for whoever holds the id of a record of one's own."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def records(self, request: Request) -> Response:
        """The agency's last records and the log's state."""
        visitor = await self._site.require(request, Permission.RECORDS_READ)
        ledger = self._site.ledger
        records = await ledger.recent(visitor.principal.agency, RECORDS_SHOWN)
        return self._site.renderer.page(
            "console.html",
            visitor=visitor,
            lines=[record_line(record) for record in records],
            log=log_line(await ledger.state()),
            shown=RECORDS_SHOWN,
        )

    async def record(self, request: Request) -> Response:
        """One record's receipt: of the own agency for an officer, of one's own for anyone else."""
        visitor = await self._site.require(request, Permission.RECEIPTS_READ)
        record_id = request.path_params["record_id"]
        if not RECORD_ID.fullmatch(record_id):
            raise NotFound
        receipt = await self._site.ledger.receipt(record_id, visitor.principal.agency)
        if receipt is None or not _may_see(visitor, receipt):
            raise NotFound
        promises = [_promise_line(promise) for promise in receipt.promises]
        return self._site.renderer.page(
            "record.html",
            visitor=visitor,
            receipt=receipt,
            promises=promises,
            seal=SEALED if all(p.leaf_index is not None for p in promises) else UNSEALED,
        )


def record_line(record: RecordView) -> RecordLine:
    """A record with Korean words."""
    running = not record.outcome
    no_tokens = running or record.input_tokens + record.output_tokens == 0
    return RecordLine(
        at=datetime.fromisoformat(record.time),
        subject=record.subject,
        department=record.department,
        model=record.model,
        surface=SURFACES.get(record.surface, record.surface),
        input_grade=grade_words(record.input_grade),
        engine_grade=grade_words(record.engine_grade) if record.engine_grade else "",
        found=[(entity_label(entity), count) for entity, count in record.found.items()],
        outcome=outcome_words(record.outcome),
        code=record.code,
        input_tokens=None if no_tokens else record.input_tokens,
        output_tokens=None if no_tokens else record.output_tokens,
        whole_seconds=None if record.whole_ms is None else record.whole_ms / 1000,
        sealed=record.sealed,
        record_id=record.record_id,
        times=record.count,
    )


def log_line(state: LedgerState) -> LogLine:
    """The ledger's state with Korean words."""
    sealed_at = None if state.sealed_at is None else datetime.fromtimestamp(state.sealed_at, UTC)
    return LogLine(
        health=HEALTHY if state.healthy else UNHEALTHY,
        size=f"{state.size:,}",
        root=state.root,
        sealed_at=sealed_at,
        unsealed=state.unsealed,
    )


def _may_see(visitor: Visitor, receipt: Receipt) -> bool:
    return visitor.may_read_records or receipt.subject == visitor.principal.subject


def _promise_line(promise: Promise) -> PromiseLine:
    return PromiseLine(
        action=ACTIONS.get(promise.action, promise.action),
        sequence=promise.sequence,
        hash=promise.event_hash,
        leaf_index=None if promise.sealed is None else promise.sealed.leaf_index,
    )
