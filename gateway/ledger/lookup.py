"""An officer's look-up of a person: bounded in number, given a reason, and recorded before told.

Goes in: an identifier that somebody typed, a time and a reason. Comes out: the records of the
officer's agency that held it, once the event of the look-up is durable.
"""

import asyncio
import json
from dataclasses import dataclass, field

from gateway.domain import PeerOrigin, Principal
from gateway.errors import AuditUnavailable, LimitExceeded
from gateway.ledger.commitment import Commitment, commit
from gateway.ledger.events import iso_time, new_id
from gateway.ledger.inquiries import AUDIT_QUERIED, AuditQueried
from gateway.ledger.subjects import RESIDENT, Found, SubjectIndex
from gateway.ledger.writer import Ledger
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailable
from gateway.store.events import last_events

_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an officer asks; `since` and `until` (excluded) in Unix seconds."""

    principal: Principal
    origin: PeerOrigin
    identifier: str = field(repr=False)
    reason: str = field(repr=False)
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The records, newest first, and what proves later which reason was given."""

    query_id: str
    kinds: tuple[str, ...]
    found: tuple[Found, ...]
    reason: Commitment


@dataclass(frozen=True, slots=True)
class Lookup:
    """Answers questions of one installation's officers, one at a time in each process."""

    database: Database
    ledger: Ledger
    index: SubjectIndex
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def ask(self, question: Question) -> Answered:
        """The answer, once its event is durable.

        Raises:
            LimitExceeded: the agency's look-ups of the last 24 hours are used up.
            AuditUnavailable: the index cannot be read, or the event not be written.
        """
        agency, rules = question.principal.agency, self.index.rules
        async with self._turn:
            try:
                await self._check_quota(agency)
                found = await self.index.find(
                    self.database,
                    agency,
                    question.identifier,
                    since=question.since,
                    until=question.until,
                )
            except StoreUnavailable:
                raise AuditUnavailable from None
            event = AuditQueried(
                record_id=new_id(),
                principal=question.principal,
                origin=question.origin,
                kinds=rules.kinds,
                since=question.since,
                until=question.until,
                found=len(found),
                statute=rules.resident_statute if RESIDENT in rules.kinds else "",
                reason=commit(question.reason.encode("utf-8")),
            )
            await self.ledger.record(event)
        return Answered(event.record_id, rules.kinds, tuple(found), event.reason)

    async def _check_quota(self, agency: str) -> None:
        """By the events themselves: the same for all gateways, and after a restart."""
        most, now = self.index.rules.queries_per_day, self.ledger.now()
        async with self.database.reading_of(agency) as connection:
            asked = await last_events(connection, agency, actions=(AUDIT_QUERIED,), limit=most)
        since = iso_time(now - _DAY_SECONDS)
        recent = [stored for stored in asked if json.loads(stored.event.body)["time"] > since]
        if len(recent) >= most:
            raise LimitExceeded(retry_after_seconds=_DAY_SECONDS / most)
