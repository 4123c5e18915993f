"""Events of looking into records: who asked about somebody or revealed content, and why.

Never in an event: the identifier that was asked for, its token, or the words of a reason or case,
only a commitment to them.
"""

from dataclasses import dataclass

from gateway.domain import PeerOrigin, Principal
from gateway.ledger.commitment import Commitment
from gateway.ledger.events import actor_facts, bounded, bounded_count, iso_time, origin_facts
from inference.task import JsonObject

AUDIT_QUERIED = "audit.queried"
REVEAL_REQUESTED = "content.reveal.requested"
REVEAL_APPROVED = "content.reveal.approved"
REVEAL_OPENED = "content.reveal.opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQueried:
    """An officer has asked which of the agency's records handled somebody.

    `kinds` are entity names that the identifier was looked up as; `since` and `until` are Unix
    seconds. `statute` is the law that lets 주민등록번호 be among them, empty if it is not.
    """

    record_id: str
    principal: Principal
    origin: PeerOrigin
    kinds: tuple[str, ...]
    since: float
    until: float
    found: int
    statute: str
    reason: Commitment

    @property
    def agency(self) -> str:
        """The officer's agency."""
        return self.principal.agency

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": AUDIT_QUERIED,
            "actor": actor_facts(self.principal),
            "origin": origin_facts(self.origin),
            "query": "subject",
            "kinds": [*self.kinds],
            "from": iso_time(self.since),
            "until": iso_time(self.until),
            "found": bounded_count(self.found),
            "statute": bounded(self.statute),
            "reason_commitment": self.reason.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealRequested:
    """An officer asks for the content of some records, until `expires_at` (Unix seconds).

    `reason` commits to case and reason together, in the form in which they are sealed.
    """

    record_id: str
    principal: Principal
    origin: PeerOrigin
    records: tuple[str, ...]
    expires_at: float
    reason: str

    @property
    def agency(self) -> str:
        """The officer's agency."""
        return self.principal.agency

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": REVEAL_REQUESTED,
            "actor": actor_facts(self.principal),
            "origin": origin_facts(self.origin),
            "records": [*self.records],
            "expires": iso_time(self.expires_at),
            "reason_commitment": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealStep:
    """The CPO has approved a request, or the officer has opened it; `record_id` is the request's.

    `action` is REVEAL_APPROVED or REVEAL_OPENED.
    """

    action: str
    record_id: str
    principal: Principal
    origin: PeerOrigin
    records: tuple[str, ...]

    @property
    def agency(self) -> str:
        """The agency of both."""
        return self.principal.agency

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": self.action,
            "actor": actor_facts(self.principal),
            "origin": origin_facts(self.origin),
            "records": [*self.records],
        }
