"""What the ledger records: one frozen, versioned type per action, and its canonical bytes.

In go the pipeline's own types, out comes plain JSON of a closed shape. Never in an event: a prompt,
an original, a surrogate's mapping, a person's name, free text of people, or words of an engine.
Durations are whole milliseconds, times ISO 8601 in UTC with milliseconds, grades their letters.
"""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from gateway.domain import Grade, Outcome, PeerOrigin, Principal
from gateway.os_clock import ClockState
from gateway.proofs import entry
from inference.task import JsonObject, JsonValue, Usage

PLATFORM = ""  # the agency label of events that belong to no agency; no agency has this code

_VERSION = 1
_LARGEST = 2**53 - 1  # the largest integer that JSON carries everywhere (RFC 8785 section 3.2.2.3)
_LONGEST = 256
# A caller's own request id only in the forms that hold nothing else: a UUID (RFC 9562 section 4) or
# a trace id (W3C Trace Context section 3.2.2.3). A free word could be somebody's number.
_CALLER_ID = re.compile(r"[0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}\1){3}[0-9a-fA-F]{12}")
_ENGINE_NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,128}")

OPENED = "request.opened"
CLOSED = "request.closed"
REFUSED = "request.refused"
AUTH_REFUSED = "auth.refused"
WRITER_STARTED = "writer.started"
WRITER_STOPPED = "writer.stopped"
WRITER_LOST = "writer.lost"
LOG_FULL = "log.full"


class Event(Protocol):
    """What every event can say of itself."""

    @property
    def record_id(self) -> str:
        """The record that it belongs to, 32 hex digits."""

    @property
    def agency(self) -> str:
        """The agency whose record it is, or PLATFORM."""

    def facts(self) -> JsonObject:
        """`action` and all that only this action has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOpened:
    """A request that is about to reach an engine, or would have (purpose "preview"), or whose
    redacted texts are about to be answered (purpose "redaction", without a model).

    `counts` are occurrences and `values` distinct values per entity name; `characters` are code
    points of all its `texts`. The ledger fills in the rest: `content`, which commits to the prompt
    where that is kept sealed, the gateway's version and how its machine's clock was.
    """

    record_id: str
    principal: Principal
    origin: PeerOrigin
    model: str
    claimed_grade: Grade | None
    input_grade: Grade
    engine_grade: Grade
    policy_version: str
    detector_version: str
    counts: Mapping[str, int]
    values: Mapping[str, int]
    texts: int
    characters: int
    stream: bool
    purpose: str = "inference"
    content: str = ""
    build: str = ""
    clock: ClockState | None = None

    @property
    def agency(self) -> str:
        """The caller's agency."""
        return self.principal.agency

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        claimed = None if self.claimed_grade is None else self.claimed_grade.name
        return {
            "action": OPENED,
            "actor": actor_facts(self.principal),
            "origin": origin_facts(self.origin),
            "purpose": bounded(self.purpose),
            "model": bounded(self.model),
            "grade": {
                "claimed": claimed,
                "input": self.input_grade.name,
                "engine": self.engine_grade.name,
            },
            "policy": bounded(self.policy_version),
            "detector": bounded(self.detector_version),
            "found": {"occurrences": _counts(self.counts), "values": _counts(self.values)},
            "texts": bounded_count(self.texts),
            "characters": bounded_count(self.characters),
            "stream": self.stream,
            "build": bounded(self.build),
            "clock": _clock(self.clock),
            **_content(self.content),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestClosed:
    """How an opened request ended. `restored` counts by reason, `blanked` by entity name.

    The ledger fills in `agency`, from the opening, and `content`, which commits to the answer where
    that is kept sealed.
    """

    record_id: str
    outcome: Outcome
    code: str
    usage: Usage
    first_part_seconds: float | None
    whole_seconds: float
    restored: Mapping[str, int]
    blanked: Mapping[str, int]
    agency: str = PLATFORM
    content: str = ""

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        first, tokens = self.first_part_seconds, self.usage.tokens
        named = _ENGINE_NAME.fullmatch(self.usage.engine_model)
        return {
            "action": CLOSED,
            "outcome": self.outcome.value,
            "code": bounded(self.code),
            "attempts": [bounded(replica) for replica in self.usage.attempts],
            "engine_model": self.usage.engine_model if named else "",
            "parts": bounded_count(self.usage.parts),
            "tokens": {
                "input": bounded_count(tokens.input),
                "output": bounded_count(tokens.output),
                "cached": bounded_count(tokens.cached),
                "reasoning": bounded_count(tokens.reasoning),
            },
            "duration_ms": {
                "queued": _milliseconds(self.usage.queued_seconds),
                "first_part": None if first is None else _milliseconds(first),
                "whole": _milliseconds(self.whole_seconds),
            },
            "restored": _counts(self.restored),
            "blanked": _counts(self.blanked),
            **_content(self.content),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLost:
    """The closing of a request whose writer vanished: how it ended is not known."""

    record_id: str
    agency: str
    writer: str

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {"action": CLOSED, "outcome": Outcome.LOST.value, "code": "", "writer": self.writer}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused:
    """A request that was refused before it was opened.

    Without a principal it only counts in AuthRefused. `count` is above 1 where one principal was
    refused for the same reason again within a minute; the event then stands for all of them.
    """

    record_id: str
    principal: Principal | None
    origin: PeerOrigin
    model: str
    code: str
    reason: str
    count: int = 1

    @property
    def agency(self) -> str:
        """The caller's agency, once somebody is known."""
        return self.principal.agency if self.principal else PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": REFUSED,
            "actor": actor_facts(self.principal) if self.principal else None,
            "origin": origin_facts(self.origin),
            "model": bounded(self.model),
            "code": bounded(self.code),
            "reason": bounded(self.reason),
            "count": bounded_count(self.count),
        }


class RefusedNetwork(NamedTuple):
    """How often one reason met one network (/24 or /64, or "other") within a minute."""

    reason: str
    network: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRefused:
    """All refusals of one minute in which nobody was known, in one event.

    `minute_at` is in Unix seconds. `dropped` counts further refusals, known callers' included, for
    which there was no place since the last such event.
    """

    record_id: str
    minute_at: float
    networks: tuple[RefusedNetwork, ...]
    dropped: int = 0
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": AUTH_REFUSED,
            "minute": iso_time(self.minute_at),
            "refused": [
                {
                    "reason": bounded(reason),
                    "network": bounded(network),
                    "count": bounded_count(times),
                }
                for reason, network, times in self.networks
            ],
            "dropped": bounded_count(self.dropped),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterStarted:
    """The first event of a writer. `record_id` is the writer's own id.

    `previous` is the writer and sequence number of the last event that stood before it, so that
    an end that was cut off between two writers is found.
    """

    record_id: str
    key_id: str
    build: str
    schema: str
    previous: tuple[str, int] | None
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        previous: JsonValue = None
        if self.previous:
            previous = {"writer": self.previous[0], "sequence": self.previous[1]}
        return {
            "action": WRITER_STARTED,
            "key_id": self.key_id,
            "build": bounded(self.build),
            "schema": bounded(self.schema),
            "previous": previous,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterStopped:
    """The last event of a writer that ended in order: every record that it opened is closed."""

    record_id: str
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {"action": WRITER_STOPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLost:
    """Another writer that vanished; its `closed` open records were closed as lost before this."""

    record_id: str
    writer: str
    last_sequence: int
    closed: int
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": WRITER_LOST,
            "writer": self.writer,
            "last_sequence": bounded_count(self.last_sequence),
            "closed": bounded_count(self.closed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFull:
    """For a time no record was opened, since the ledger had no room left; told when it had again.

    `cause` is "disk" (less was free than the reserve) or "backlog" (too much was unsealed), both
    times are Unix seconds, and `refused` counts what was refused meanwhile for this reason.
    """

    record_id: str
    cause: str
    since: float
    until: float
    refused: int
    agency: str = PLATFORM

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        return {
            "action": LOG_FULL,
            "cause": bounded(self.cause),
            "from": iso_time(self.since),
            "until": iso_time(self.until),
            "refused": bounded_count(self.refused),
        }


class Canonical(NamedTuple):
    """An event's action and agency, and its canonical JSON (RFC 8785)."""

    action: str
    agency: str
    body: bytes


def canonical(event: Event, at: float) -> Canonical:
    """What is hashed, signed and kept of an event; `at` is its time in Unix seconds."""
    facts, agency = event.facts(), bounded(event.agency)
    shared: JsonObject = {
        "version": _VERSION,
        "id": event.record_id,
        "time": iso_time(at),
        "agency": agency,
    }
    return Canonical(str(facts["action"]), agency, entry.canonical(shared | facts))


def iso_time(at: float) -> str:
    """Unix seconds as ISO 8601 in UTC with milliseconds."""
    moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def new_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7) as 32 hex digits: sorts by the time it was made."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high, low = random >> 68, random & (2**62 - 1)
    return f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"


def actor_facts(principal: Principal) -> JsonObject:
    """Who acted, as events tell it: ids and roles, no name."""
    roles: list[JsonValue] = [*sorted(role.value for role in principal.roles)]
    return {
        "sub": bounded(principal.subject),
        "agency": bounded(principal.agency),
        "department": bounded(principal.department),
        "roles": roles,
        "acr": bounded(principal.acr),
        "client": bounded(principal.client),
    }


def origin_facts(origin: PeerOrigin) -> JsonObject:
    """From where, as events tell it."""
    caller = origin.caller_request_id
    return {
        "address": bounded(origin.address),
        "surface": bounded(origin.surface),
        "caller_request_id": caller if _CALLER_ID.fullmatch(caller) else "",
    }


def bounded(value: str) -> str:
    """Bounded, and valid Unicode: a token's JSON may hold half a surrogate pair."""
    return value[:_LONGEST].encode("utf-8", "replace").decode()


def bounded_count(value: int) -> int:
    """A number within what JSON carries: an engine may report any number."""
    return max(0, min(value, _LARGEST))


def _counts(values: Mapping[str, int]) -> JsonObject:
    return {bounded(name): bounded_count(value) for name, value in values.items()}


def _content(commitment: str) -> JsonObject:
    """Only where content is kept."""
    return {"content": commitment} if commitment else {}


def _clock(clock: ClockState | None) -> JsonObject | None:
    if clock is None:
        return None
    return {
        "synchronised": clock.synchronised,
        "offset_us": max(-_LARGEST, min(clock.offset_us, _LARGEST)),
        "error_us": bounded_count(clock.error_us),
    }


def _milliseconds(seconds: float) -> int:
    # Not a number compares as neither: it becomes 0.
    return round(seconds * 1_000) if 0 <= seconds < _LARGEST / 1_000 else 0
