"""What one event must fulfil, alone and behind those before it: the checks that need no tree.

A writer's life is checked in the order of the log: its first event says that it started and with
which key, its numbers have no gap, and nothing follows its end. Every opened record is closed once,
after it was opened, and before its writer's end.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.proofs.entry import SALT_BYTES, event_hash, is_canonical, promise
from gateway.proofs.reader import EventRow

Body: TypeAlias = dict[str, object]


class Flaw(StrEnum):
    """What is wrong; a closed set of words."""

    MALFORMED = "malformed"
    NOT_CANONICAL = "not_canonical"
    COLUMNS_DIFFER = "columns_differ"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    SEQUENCE = "sequence"
    WRITER_LIFE = "writer_life"
    PREVIOUS_MISSING = "previous_missing"
    CLOSED_UNOPENED = "closed_unopened"
    OPENED_TWICE = "opened_twice"
    NEVER_CLOSED = "never_closed"
    EVENT_MISSING = "event_missing"
    LEAF_MISSING = "leaf_missing"
    LEAF_INDEX = "leaf_index"
    AGENCY_NUMBER = "agency_number"
    ENTRY = "entry"
    ROOT = "root"
    CHECKPOINT = "checkpoint"
    SUBTREE = "subtree"
    HEAD = "head"
    ROTATION = "rotation"
    COSIGNATURE = "cosignature"
    AGENCY_HEAD = "agency_head"
    AGENCY_COUNT = "agency_count"
    TILE = "tile"
    TILE_MISSING = "tile_missing"
    TAIL_MISSING = "tail_missing"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The first thing that is wrong: what, and where it was met.

    `record_id` is "" where no event tells it. `leaf_index` is None for events without a leaf.
    """

    flaw: Flaw
    record_id: str = ""
    leaf_index: int | None = None
    position: int | None = None
    detail: str = ""


class Broken(Exception):
    """Ends a verification: carries the first problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.flaw)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Event:
    """An event whose columns have their types; its body is read."""

    position: int
    writer: str
    sequence: int
    record_id: str
    action: str
    agency: str
    body: bytes
    salt: bytes
    signature: bytes
    facts: Body = field(repr=False)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the body."""
        return event_hash(self.body)


@dataclass(slots=True)
class _Writer:
    key: Ed25519PublicKey
    last: int
    ended: bool = False


@dataclass(slots=True)
class _Open:
    writer: str
    leaf_index: int | None
    position: int


class Records:
    """Feed it every event in the log's order; it raises Broken at the first that is wrong.

    Memory grows with the records open at once and the number of writers, not with the log.
    """

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self.count = 0
        self._keys = keys
        self._writers: dict[str, _Writer] = {}
        self._open: dict[str, _Open] = {}

    @property
    def open(self) -> int:
        """Records that are opened and not closed."""
        return len(self._open)

    @property
    def writers(self) -> int:
        """Writers met so far."""
        return len(self._writers)

    @property
    def running(self) -> int:
        """Writers that have not ended; 1 at most on a database of one process."""
        return sum(not writer.ended for writer in self._writers.values())

    def feed(
        self,
        row: EventRow,
        leaf_index: int | None,
        *,
        holds_under: Ed25519PublicKey | None = None,
    ) -> Event:
        """Checks one event; returns it read. Its signature is known to hold under that key."""
        event = _read(row, leaf_index)
        try:
            self._check_writer(event, holds_under)
            self._check_record(event, leaf_index)
        except Broken as broken:
            raise Broken(_placed(broken.problem, event, leaf_index)) from None
        self.count += 1
        return event

    def pass_over(self, writer: str, sequence: int, leaf_index: int) -> None:
        """One number of a writer whose event was pruned: it, too, follows the number before it."""
        known = self._writers.get(writer)
        if known is None or known.ended or sequence != known.last + 1:
            detail = f"a pruned event with the number {sequence}"
            raise Broken(Problem(flaw=Flaw.SEQUENCE, leaf_index=leaf_index, detail=detail))
        known.last = sequence

    def finish(self) -> None:
        """After the last event: no record is open whose writer has ended."""
        for record_id, opened in self._open.items():
            if self._writers[opened.writer].ended:
                raise Broken(
                    Problem(
                        flaw=Flaw.NEVER_CLOSED,
                        record_id=record_id,
                        leaf_index=opened.leaf_index,
                        position=opened.position,
                    )
                )

    def _check_writer(self, event: Event, holds_under: Ed25519PublicKey | None) -> None:
        writer = self._writers.get(event.writer)
        if writer is None:
            writer = self._started(event)
        if writer.key is not holds_under:
            _check_signature(event, writer.key)
        if event.sequence != writer.last + 1:
            raise _broken(Flaw.SEQUENCE, f"expected {writer.last + 1}, found {event.sequence}")
        if writer.ended:
            raise _broken(Flaw.WRITER_LIFE, "an event of a writer that had ended")
        if event.action == "writer.started" and writer.last >= 0:
            raise _broken(Flaw.WRITER_LIFE, "started twice")
        writer.last = event.sequence
        self._writers[event.writer] = writer
        if event.action == "writer.started":
            self._check_previous(event)
        elif event.action == "writer.stopped":
            writer.ended = True
        elif event.action == "writer.lost":
            self._lost(event)

    def _started(self, event: Event) -> _Writer:
        """The first event met of a writer names the key of all of them."""
        if event.action != "writer.started":
            raise _broken(Flaw.SEQUENCE, "the writer's first event is missing")
        if event.record_id != event.writer:
            raise _broken(Flaw.WRITER_LIFE, "it names another writer")
        key = self._keys.get(str(event.facts.get("key_id")))
        if key is None:
            raise _broken(Flaw.UNKNOWN_KEY, "its key is not pinned")
        return _Writer(key, -1)

    def _check_previous(self, event: Event) -> None:
        """What stood before a writer's start must still stand before it."""
        previous = event.facts.get("previous")
        if not isinstance(previous, dict):
            if len(self._writers) > 1:
                raise _broken(Flaw.WRITER_LIFE, "it says that nothing stood before it")
            return
        before = self._writers.get(str(previous.get("writer")))
        last = previous.get("sequence")
        if before is None or not isinstance(last, int) or before.last < last:
            raise _broken(Flaw.PREVIOUS_MISSING, f"events up to {last} stood before it")

    def _lost(self, event: Event) -> None:
        lost = self._writers.get(str(event.facts.get("writer")))
        if lost is None or lost.ended:
            raise _broken(Flaw.WRITER_LIFE, "it names a writer that was not running")
        if lost.last != event.facts.get("last_sequence"):
            raise _broken(Flaw.PREVIOUS_MISSING, "the lost writer's last events are missing")
        lost.ended = True

    def _check_record(self, event: Event, leaf_index: int | None) -> None:
        if event.action == "request.opened":
            if event.record_id in self._open:
                raise _broken(Flaw.OPENED_TWICE, "")
            self._open[event.record_id] = _Open(event.writer, leaf_index, event.position)
        elif event.action == "request.closed" and not self._open.pop(event.record_id, None):
            raise _broken(Flaw.CLOSED_UNOPENED, "")


def is_authentic(row: EventRow, keys: Iterable[Ed25519PublicKey]) -> bool:
    """Whether one event, looked at alone, is as a writer with one of these keys has signed it.

    Its columns have to repeat what its body says. Whether an event is missing this does not tell.
    """
    try:
        event = _read(row, None)
    except Broken:
        return False
    for key in keys:
        with suppress(Broken):
            _check_signature(event, key)
            return True
    return False


def _broken(flaw: Flaw, detail: str) -> Broken:
    return Broken(Problem(flaw=flaw, detail=detail))


def _placed(problem: Problem, event: Event, leaf_index: int | None) -> Problem:
    return Problem(
        flaw=problem.flaw,
        record_id=event.record_id,
        leaf_index=leaf_index,
        position=event.position,
        detail=problem.detail,
    )


def _read(row: EventRow, leaf_index: int | None) -> Event:
    """Types, canonical form, and that the columns repeat what the body says."""

    def wrong(flaw: Flaw, detail: str) -> Broken:
        named = row.record_id if isinstance(row.record_id, str) else ""
        position = row.position if isinstance(row.position, int) else None
        return Broken(
            Problem(
                flaw=flaw,
                record_id=named,
                leaf_index=leaf_index,
                position=position,
                detail=detail,
            )
        )

    texts = (row.writer, row.record_id, row.action, row.agency)
    blobs = (row.body, row.salt, row.signature)
    whole = isinstance(row.position, int) and isinstance(row.sequence, int)
    if not whole or not all(isinstance(text, str) for text in texts):
        raise wrong(Flaw.MALFORMED, "a column of a wrong type")
    if not all(isinstance(blob, bytes) for blob in blobs):
        raise wrong(Flaw.MALFORMED, "a column of a wrong type")
    try:
        facts = json.loads(row.body)  # type: ignore[arg-type]
    except (ValueError, RecursionError):
        raise wrong(Flaw.NOT_CANONICAL, "not JSON") from None
    event = Event(*row, facts=facts)  # type: ignore[arg-type]
    if not isinstance(facts, dict) or not is_canonical(facts, event.body):
        raise wrong(Flaw.NOT_CANONICAL, "")
    said = (facts.get("id"), facts.get("action"), facts.get("agency"))
    if said != (event.record_id, event.action, event.agency):
        raise wrong(Flaw.COLUMNS_DIFFER, "")
    return event


def _check_signature(event: Event, key: Ed25519PublicKey) -> None:
    try:
        message = promise(
            event.writer,
            event.sequence,
            agency=event.agency,
            salt=event.salt,
            body_hash=event.hash,
        )
        key.verify(event.signature, message)
    except (InvalidSignature, ValueError, UnicodeEncodeError):
        salted = "" if len(event.salt) == SALT_BYTES else "salt of a wrong length"
        raise _broken(Flaw.SIGNATURE, salted) from None
