"""Step: audit. Wraps the whole way of a call: one entry, closed on every ending.

Takes the Arrival and the Ledger; fills the call's Entry. The opening record is durable before any
engine is touched: `Entry.open` starts its write and gives the gate that dispatch awaits. How the
block ends is the outcome. Nothing in closing waits, so no cancellation loses it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from gateway.domain import Arrival, Call, Grade, Grant, Outcome, Principal
from gateway.errors import (
    GatewayError,
    Previewed,
    Unauthenticated,
    public_error,
)
from gateway.ledger.beside import Beside
from gateway.ledger.events import RequestClosed, RequestOpened, RequestRefused
from gateway.ledger.queue import Opening
from gateway.ledger.writer import Ledger
from inference.errors import InferenceError
from inference.task import Task, Usage
from redaction.entity import Findings
from redaction.errors import RedactionError
from redaction.mapping import Mapping as SurrogateMapping


class Opened(NamedTuple):
    """What is known when a call is ready for an engine; `task` holds surrogates only.

    What is `beside` the record is kept with it.
    """

    call: Call
    grant: Grant
    grade: Grade
    findings: Findings
    mapping: SurrogateMapping
    task: Task
    beside: Beside


class RestorationCounts(Protocol):
    """What the entry asks of the restore step and of a call that never came so far."""

    @property
    def restored(self) -> Mapping[str, int]: ...  # noqa: D102
    @property
    def blanked(self) -> Mapping[str, int]: ...  # noqa: D102


class _NothingRestored:
    restored: Mapping[str, int] = {}
    blanked: Mapping[str, int] = {}


@dataclass(slots=True)
class Entry:
    """The one mutable thing of a call: what the record and the edge will say about it.

    The edge makes it, the line fills it. `cut_as` is what a cancellation means: whoever cancels
    for another reason than the client's departure sets it first.
    """

    principal: Principal | None = None
    usage: Usage = field(default_factory=Usage)
    opened: Opened | None = None
    restoration: RestorationCounts = field(default_factory=_NothingRestored)
    cut_as: Outcome | None = None
    outcome: Outcome | None = None
    code: str = ""
    reason: str = ""
    _arrival: Arrival | None = None
    _ledger: Ledger | None = None
    _opening: Opening | None = None
    _gate: "asyncio.Future[None] | None" = None

    def open(self, opened: Opened) -> asyncio.Future[None]:
        """Starts the opening record's write; the future given is dispatch's gate.

        Raises:
            AuditUnavailable: there is no place left for a record.
        """
        if self._arrival is None or self._ledger is None or self.principal is None:
            raise RuntimeError("an entry is opened inside audit, after authenticate")
        self.opened = opened
        event = _opening_event(self._arrival, self.principal, opened)
        self._opening = self._ledger.open(event, beside=opened.beside)
        self._gate = self._opening.durable
        if opened.call.preview:
            self._gate = asyncio.ensure_future(_stop_at_the_door(self._gate))
            self._gate.add_done_callback(_retrieve)
        return self._gate


@asynccontextmanager
async def audit(arrival: Arrival, entry: Entry, ledger: Ledger) -> AsyncIterator[None]:
    """Closes the entry on every ending; passes every exception on.

    A call that ends before `Entry.open` is recorded as refused (aggregated where nobody is known),
    every other by a closing record in the place that its opening has reserved.
    """
    entry._arrival, entry._ledger = arrival, ledger
    try:
        yield
        entry.outcome = Outcome.COMPLETE
    except BaseException as ending:
        entry.outcome, entry.code = _outcome(ending, entry)
        entry.reason = ending.reason if isinstance(ending, Unauthenticated) else entry.code
        raise
    finally:
        _close(arrival, entry, ledger)


def _outcome(ending: BaseException, entry: Entry) -> tuple[Outcome, str]:
    """How a call that did not complete has ended, and the stable code of its error."""
    begun = entry.usage.parts > 0
    match ending:
        case Previewed():
            return Outcome.PREVIEWED, ""
        case GatewayError() | RedactionError():
            code = public_error(ending).code
            return (Outcome.ENGINE_DIED if begun else Outcome.REFUSED), code
        case InferenceError():
            code = public_error(ending).code
            return (Outcome.ENGINE_DIED if begun else Outcome.FAILED_BEFORE_FIRST_BYTE), code
        case asyncio.CancelledError() | GeneratorExit():
            left = Outcome.LEFT if begun else Outcome.LEFT_BEFORE_FIRST_BYTE
            return entry.cut_as or left, ""
    return Outcome.INTERNAL_ERROR, public_error(ending).code


def _close(arrival: Arrival, entry: Entry, ledger: Ledger) -> None:
    outcome = entry.outcome or Outcome.INTERNAL_ERROR
    if entry._opening is None or entry.opened is None:
        ledger.refused(
            RequestRefused(
                record_id=arrival.id,
                principal=entry.principal,
                origin=arrival.origin,
                model="",
                code=entry.code or outcome,
                reason=entry.reason or outcome,
            )
        )
        return
    usage, now = entry.usage, asyncio.get_running_loop().time()
    first = None if usage.first_part_at is None else usage.first_part_at - arrival.received_at
    ledger.close(
        entry._opening,
        RequestClosed(
            record_id=arrival.id,
            outcome=outcome,
            code=entry.code,
            usage=usage,
            first_part_seconds=first,
            whole_seconds=now - arrival.received_at,
            restored=dict(entry.restoration.restored),
            blanked=dict(entry.restoration.blanked),
        ),
        beside=entry.opened.beside,
    )


def _opening_event(arrival: Arrival, principal: Principal, opened: Opened) -> RequestOpened:
    call = opened.call
    policy = opened.grant.policy(opened.grade)
    return RequestOpened(
        record_id=arrival.id,
        principal=principal,
        origin=arrival.origin,
        model=opened.grant.model.name,
        claimed_grade=call.claimed_grade,
        input_grade=opened.grade,
        engine_grade=opened.grade,
        policy_version=policy.version,
        detector_version=opened.findings.version,
        counts=opened.findings.counts(),
        values=dict(opened.mapping.summary),
        texts=len(call.fields),
        characters=call.estimate,
        stream=call.stream,
        purpose=call.purpose,
    )


async def _stop_at_the_door(durable: "asyncio.Future[None]") -> None:
    """The gate of a dry run: waits for the record, then lets nothing through."""
    await asyncio.shield(durable)
    raise Previewed


def _retrieve(gate: "asyncio.Future[None]") -> None:
    """A gate that nobody came to await must not complain."""
    if not gate.cancelled():
        gate.exception()
