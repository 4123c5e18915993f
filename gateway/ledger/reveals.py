"""Revealing sealed content, the gateway's side: an act of two people, each step of it an event.

1. An officer requests records of the agency, for a case and a reason, until a time.
2. The CPO, who is another person, approves: is given what the CPO's key opens, and nothing else.
3. The same officer opens, in time: is given the encrypted texts, for which the officers' key and
   what the CPO has handed over are needed.

What was done so far stands in the events alone, so that every gateway knows it, and only in those
that carry a writer's signature: a row that somebody put into the database approves nothing. Nothing
is given before its event is durable. A gateway never sees a private key or an opened text.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from gateway.domain import Grade, PeerOrigin, Principal
from gateway.errors import AuditUnavailable, NotFound, RecordsUntrusted, RevealRefused
from gateway.ledger.content import REASON, ContentSealer
from gateway.ledger.events import CLOSED, OPENED, new_id
from gateway.ledger.inquiries import (
    REVEAL_APPROVED,
    REVEAL_OPENED,
    REVEAL_REQUESTED,
    RevealRequested,
    RevealStep,
)
from gateway.ledger.jwe import CannotOpen
from gateway.ledger.week_keys import WeekKeyMissing
from gateway.ledger.writer import Ledger
from gateway.store.content import ContentRow, content_of
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.events import events_of_records

_COMMITTED = {OPENED: ("prompt", "content"), CLOSED: ("answer", "content")}


def why_text(case: str, reason: str) -> str:
    """Case and reason as they are sealed and committed to."""
    return json.dumps({"case": case, "reason": reason}, ensure_ascii=False)


class Requested(NamedTuple):
    """A request that was written, until when it holds (Unix seconds), and the reason's salt."""

    request_id: str
    expires_at: float
    salt: bytes


class Approval(NamedTuple):
    """What the CPO's key opens, by record, and what the request's event says."""

    wrapped: dict[str, str]
    expires_at: float
    reason: str


class Part(NamedTuple):
    """One encrypted text, and the commitment that stands in its record's event."""

    row: ContentRow
    commitment: str


class _Request(NamedTuple):
    records: tuple[str, ...]
    expires_at: float
    requested_by: str
    approved: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Reveals:
    """One installation's requests. Methods take who acts, and from where."""

    database: Database
    ledger: Ledger
    sealer: ContentSealer

    async def request(
        self,
        who: Principal,
        origin: PeerOrigin,
        records: Sequence[str],
        *,
        why: str,
        seconds: float,
    ) -> Requested:
        """Asks for some records; `why` is case and reason, which are sealed and committed to.

        Raises:
            NotFound: one of the records has no content, or not in this agency.
            AuditUnavailable: it cannot be recorded.
        """
        kept = await self._content(records, who.agency)
        if {row.record_id for row in kept} != set(records):
            raise NotFound
        request_id, now = new_id(), self.ledger.now()
        seal = self.sealer.begin(request_id, who.agency, Grade.S, now)
        if seal is None:
            raise NotFound
        reason = seal.seal(REASON, why)
        event = RevealRequested(
            record_id=request_id,
            principal=who,
            origin=origin,
            records=tuple(records),
            expires_at=now + seconds,
            reason=reason.commitment,
        )
        await self.ledger.record(event, content=[reason.row])
        return Requested(request_id, event.expires_at, reason.salt)

    async def approve(self, who: Principal, origin: PeerOrigin, request_id: str) -> Approval:
        """What the CPO's key opens of each record.

        Raises:
            NotFound: there is no such request in this agency, or its content is no more.
            RevealRefused: by the person who asked, or too late.
            RecordsUntrusted: an event that this rests on is not as it was signed.
            AuditUnavailable: it cannot be recorded, or the store not be read.
        """
        request = await self._request(request_id, who.agency)
        if who.subject == request.requested_by or self.ledger.now() >= request.expires_at:
            raise RevealRefused
        rows = await self._content(request.records, who.agency)
        try:
            wrapped = {row.record_id: self.sealer.outer(row) for row in rows}
        except CannotOpen:
            raise NotFound from None
        if not set(request.records) <= wrapped.keys():
            raise NotFound
        await self._step(REVEAL_APPROVED, who, origin, request_id, request.records)
        return Approval(wrapped, request.expires_at, request.reason)

    async def open(self, who: Principal, origin: PeerOrigin, request_id: str) -> list[Part]:
        """The encrypted texts of an approved request.

        Raises:
            NotFound: there is no such request in this agency, or its content is no more.
            RevealRefused: not approved, not by the person who asked, or too late.
            RecordsUntrusted: an event that this rests on is not as it was signed.
            AuditUnavailable: it cannot be recorded, or the store not be read.
        """
        request = await self._request(request_id, who.agency)
        late = self.ledger.now() >= request.expires_at
        if late or not request.approved or who.subject != request.requested_by:
            raise RevealRefused
        rows = await self._content(request.records, who.agency)
        committed = await self._commitments(request.records, who.agency)
        parts = [Part(row, committed.get((row.record_id, row.part), "")) for row in rows]
        if {part.row.record_id for part in parts} != set(request.records):
            raise NotFound
        await self._step(REVEAL_OPENED, who, origin, request_id, request.records)
        return parts

    async def _step(
        self,
        action: str,
        who: Principal,
        origin: PeerOrigin,
        request_id: str,
        records: tuple[str, ...],
    ) -> None:
        await self.ledger.record(
            RevealStep(
                action=action,
                record_id=request_id,
                principal=who,
                origin=origin,
                records=records,
            )
        )

    async def _request(self, request_id: str, agency: str) -> _Request:
        """A request as its events tell it."""
        bodies = [
            body
            for body in await self._bodies([request_id], agency)
            if body["action"] in (REVEAL_REQUESTED, REVEAL_APPROVED)
        ]
        asked = next((body for body in bodies if body["action"] == REVEAL_REQUESTED), None)
        if asked is None:
            raise NotFound
        return _Request(
            records=tuple(asked["records"]),
            expires_at=datetime.fromisoformat(asked["expires"]).timestamp(),
            requested_by=asked["actor"]["sub"],
            approved=any(body["action"] == REVEAL_APPROVED for body in bodies),
            reason=asked["reason_commitment"],
        )

    async def _commitments(self, records: Sequence[str], agency: str) -> dict[tuple[str, str], str]:
        found = {}
        for body in await self._bodies(records, agency):
            part, name = _COMMITTED.get(body["action"], ("", ""))
            if part and body.get(name):
                found[body["id"], part] = body[name]
        return found

    async def _bodies(self, record_ids: Sequence[str], agency: str) -> list[dict[str, Any]]:
        try:
            async with self.database.reading_of(agency) as connection:
                stored = await events_of_records(connection, record_ids, agency)
        except StoreUnavailable:
            raise AuditUnavailable from None
        if not all(map(self.ledger.is_authentic, stored)):
            raise RecordsUntrusted
        return [json.loads(each.event.body) for each in stored]

    async def _content(self, record_ids: Sequence[str], agency: str) -> list[ContentRow]:
        """What is kept and was not erased: a backup may have brought back what was."""
        try:
            async with self.database.reading_of(agency) as connection:
                rows = await content_of(connection, record_ids, agency)
            return [row for row in rows if row.record_id not in self.sealer.erasures]
        except (StoreUnavailable, WeekKeyMissing):
            raise AuditUnavailable from None
