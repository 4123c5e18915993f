"""Whether an agency holds all of its records: its export against the sealer's word and the tree.

The sealer gives each agency's leaves gap-free numbers, and signs from time to time for every agency
how many there are and which is the last (an agency head, a signed note):

    gwanmun/agency-head/v1
    <the log's origin line>
    <size of the tree>
    <its root, base64>
    <the agency's label, as a JSON string>
    <how many of its leaves are the agency's>
    <entry of the last of them, base64>

An export is JSON Lines in the order of the agency's numbers. The first line is a header, each other
one record with what opens its leaf; the event's bytes are its canonical JSON (RFC 8785):

    {"format": "gwanmun/agency-records/v1", "origin": …, "agency": …, "head": "<note>"}
    {"agency_number": 0, "leaf_index": 17, "event": {…}, "salt": "<base64>",
     "writer": "<hex>", "sequence": 5, "signature": "<base64>"}

Of a record whose retention has ended only what is left stands there, and a later record of the
agency, the act, tells of it (`pruned`):

    {"agency_number": 0, "leaf_index": 17, "pruned": "<the act's record id>", "action": …,
     "writer": "<hex>", "sequence": 5, "entry": "<base64>"}

Numbers without a gap up to the count that the head names, each in the tree, and the last one being
the head's: no record of the agency is missing, unless the sealer has counted falsely. That shows
against the whole database (`verify`), and against any receipt with a number that the head denies.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.proofs.entry import canonical, event_hash, leaf_entry, promise
from gateway.proofs.note import Checkpoint, NoteInvalid
from gateway.proofs.pruned import Acts, PrunedLeaf, pruned_leaf
from gateway.proofs.reader import EventRow, LeafRow, PrunedRow
from gateway.proofs.records import Broken, Event, Flaw, Problem
from gateway.proofs.spelling import bytes_of
from gateway.proofs.tree import Frontier, leaf_hash
from gateway.proofs.trust import Trust

_HEAD_FORMAT = "gwanmun/agency-head/v1"
_FORMAT = "gwanmun/agency-records/v1"


class AgencyHead(NamedTuple):
    """What the sealer signs for one agency at one checkpoint; at least one leaf is its own."""

    checkpoint: Checkpoint
    agency: str
    leaves: int
    last_entry: bytes

    def text(self) -> str:
        """The note's text."""
        label = json.dumps(self.agency, ensure_ascii=False)
        last = base64.b64encode(self.last_entry).decode()
        return f"{_HEAD_FORMAT}\n{self.checkpoint.text()}{label}\n{self.leaves}\n{last}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text of an opened note.

        Raises:
            NoteInvalid: it is not a head's text in its one spelling.
        """
        lines = text.split("\n")
        if len(lines) != 8 or lines[0] != _HEAD_FORMAT:
            raise NoteInvalid("not an agency head")
        try:
            label, leaves = json.loads(lines[4]), int(lines[5])
            last = base64.b64decode(lines[6], validate=True)
        except (ValueError, binascii.Error):
            raise NoteInvalid("not an agency head") from None
        checkpoint = Checkpoint.parse("\n".join((*lines[1:4], "")))
        head = cls(checkpoint, label, leaves, last)
        if not isinstance(label, str) or leaves <= 0 or head.text() != text:
            raise NoteInvalid("not an agency head")
        return head


def open_head(note: object, trust: Trust) -> AgencyHead:
    """An agency's head, once a pinned key of this log has signed it.

    Raises:
        NoteInvalid: it is none.
    """
    head = AgencyHead.parse(trust.open(note).text)
    if head.checkpoint.origin != trust.origin:
        raise NoteInvalid("another log's")
    return head


def header_line(origin: str, agency: str, head: str) -> str:
    """An export's first line."""
    header = {"format": _FORMAT, "origin": origin, "agency": agency, "head": head}
    return json.dumps(header, ensure_ascii=False) + "\n"


def record_line(leaf: LeafRow, event: EventRow) -> str:
    """An export's line of one record.

    Raises:
        ValueError: the event is not one that could be verified.
    """
    body, salt, signature = event.body, event.salt, event.signature
    if not (isinstance(body, bytes) and isinstance(salt, bytes) and isinstance(signature, bytes)):
        raise ValueError("a column of a wrong type")
    record = {
        "agency_number": leaf.agency_number,
        "leaf_index": leaf.leaf_index,
        "event": json.loads(body),
        "salt": base64.b64encode(salt).decode(),
        "writer": event.writer,
        "sequence": event.sequence,
        "signature": base64.b64encode(signature).decode(),
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def pruned_line(leaf: LeafRow, row: PrunedRow) -> str:
    """An export's line of a record that was pruned.

    Raises:
        ValueError: what is left of it could not be verified.
    """
    try:
        found = pruned_leaf(leaf, row)
    except Broken:
        raise ValueError("a column of a wrong type") from None
    record = {
        "agency_number": found.agency_number,
        "leaf_index": found.leaf_index,
        "pruned": row.act,
        "action": found.action,
        "writer": found.writer,
        "sequence": found.sequence,
        "entry": base64.b64encode(found.entry).decode(),
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyReport:
    """What was found of an export: `records` numbers from `first` on, of which the head covers
    `covered` and `pruned` are gone by retention; `size` and `root` (hex) are the tree's that the
    head was signed for.

    It is whole if there is no problem and `first` is 0; an export that begins later is whole from
    there on.
    """

    origin: str
    agency: str
    size: int
    root: str
    first: int
    records: int
    covered: int
    pruned: int
    problem: Problem | None


def verify_agency(lines: Iterator[str], entries: Iterator[bytes], trust: Trust) -> AgencyReport:
    """Checks an export's lines against a log's entries, all of them, in their order.

    The entries' own truth is for their giver to show: what it raises passes through.
    """
    run = _Run(trust)
    problem = None
    try:
        run.header(next(lines, ""))
        run.records(lines, entries)
    except Broken as broken:
        problem = broken.problem
    return run.report(problem)


class _Record(NamedTuple):
    number: int
    leaf_index: int
    record_id: str
    entry: bytes


class _Run:
    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._head: AgencyHead | None = None
        self._agency = ""
        self._first = self._count = self._covered = 0
        self._last: _Record | None = None
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._acts = Acts()
        self._tree = Frontier()
        self._root_seen = False

    def report(self, problem: Problem | None) -> AgencyReport:
        checkpoint = self._head.checkpoint if self._head else None
        return AgencyReport(
            origin=self._trust.origin,
            agency=self._agency,
            size=checkpoint.size if checkpoint else 0,
            root=checkpoint.root.hex() if checkpoint else "",
            first=self._first,
            records=self._count,
            covered=self._covered,
            pruned=self._acts.events,
            problem=problem,
        )

    def header(self, line: str) -> None:
        facts = _object(line)
        self._agency = str(facts.get("agency"))
        if facts.get("format") != _FORMAT or facts.get("origin") != self._trust.origin:
            raise _broken(Flaw.MALFORMED, "not an export of this log")
        try:
            self._head = open_head(facts.get("head"), self._trust)
        except NoteInvalid as error:
            raise _broken(Flaw.AGENCY_HEAD, str(error)) from None
        if self._head.agency != self._agency:
            raise _broken(Flaw.AGENCY_HEAD, "another agency's")

    def records(self, lines: Iterator[str], entries: Iterator[bytes]) -> None:
        """Walks both in step: the records' leaves rise as their numbers do."""
        head = self._head
        assert head is not None  # noqa: S101 `header` came first
        record = self._next(lines)
        for index, entry in enumerate(entries):
            if record and record.leaf_index == index:
                if record.entry != entry:
                    raise _broken(Flaw.ENTRY, "", record)
                self._check_against(head, record)
                record = self._next(lines)
            self._tree.append(leaf_hash(entry))
            if self._tree.size == head.checkpoint.size:
                self._root_seen = self._tree.root() == head.checkpoint.root
        if record:
            raise _broken(Flaw.LEAF_MISSING, f"the log has {self._tree.size} leaves", record)
        if not self._root_seen:
            detail = f"the log of {self._tree.size} leaves is not what the head was signed for"
            raise _broken(Flaw.ROOT, detail)
        self._check_count(head)
        self._acts.finish()

    def _next(self, lines: Iterator[str]) -> _Record | None:
        line = next(lines, None)
        if line is None:
            return None
        facts = _object(line)
        record = self._read_pruned(facts) if "pruned" in facts else self._read(facts)
        if self._last is None:
            self._first = record.number
        elif record.number != self._last.number + 1:
            detail = f"expected {self._last.number + 1}, found {record.number}"
            raise _broken(Flaw.AGENCY_NUMBER, detail, record)
        elif record.leaf_index <= self._last.leaf_index:
            raise _broken(Flaw.LEAF_INDEX, "out of order", record)
        self._last = record
        self._count += 1
        return record

    def _read(self, facts: Mapping[str, Any]) -> _Record:
        event = facts.get("event")
        named = str(event.get("id", "")) if isinstance(event, dict) else ""
        unread = _Record(-1, -1, named, b"")
        try:
            number, index = _number(facts["agency_number"]), _number(facts["leaf_index"])
            writer, sequence = str(facts["writer"]), _number(facts["sequence"])
            salt, signature = bytes_of(facts["salt"]), bytes_of(facts["signature"])
            body = canonical(event)
            record = _Record(
                number,
                index,
                named,
                leaf_entry(
                    salt=salt,
                    agency=self._agency,
                    agency_number=number,
                    body_hash=event_hash(body),
                ),
            )
            message = promise(
                writer, sequence, agency=self._agency, salt=salt, body_hash=event_hash(body)
            )
        except (KeyError, TypeError, ValueError, RecursionError):
            raise _broken(Flaw.MALFORMED, f"line {self._count + 2}", unread) from None
        if not isinstance(event, dict) or event.get("agency") != self._agency:
            raise _broken(Flaw.COLUMNS_DIFFER, "another agency's event", record)
        self._check_signature(writer, signature, message, record)
        row = (0, writer, sequence, named, str(event.get("action")), self._agency, body, salt)
        self._acts.told(Event(*row, signature, facts=event), index)
        return record

    def _read_pruned(self, facts: Mapping[str, Any]) -> _Record:
        unread = _Record(-1, -1, "", b"")
        try:
            number, index = _number(facts["agency_number"]), _number(facts["leaf_index"])
            writer, action = str(facts["writer"]), str(facts["action"])
            entry = base64.b64decode(facts["entry"], validate=True)
            left = PrunedLeaf(index, number, writer, _number(facts["sequence"]), action, entry)
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise _broken(Flaw.MALFORMED, f"line {self._count + 2}", unread) from None
        self._acts.met(left, self._agency, str(facts["pruned"]))
        return _Record(number, index, "", entry)

    def _check_signature(
        self, writer: str, signature: bytes, message: bytes, record: _Record
    ) -> None:
        """The key that signed a writer's first record here has to sign all of them."""
        known = self._keys.get(writer)
        for key in (known,) if known else self._trust.writers.values():
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            self._keys[writer] = key
            return
        raise _broken(Flaw.SIGNATURE, "", record)

    def _check_against(self, head: AgencyHead, record: _Record) -> None:
        """A record stands under the head if, and only if, its number does."""
        if (record.leaf_index < head.checkpoint.size) != (record.number < head.leaves):
            detail = f"the head counts {head.leaves} in {head.checkpoint.size} leaves"
            raise _broken(Flaw.AGENCY_COUNT, detail, record)
        if record.number < head.leaves:
            self._covered += 1
        if record.number == head.leaves - 1 and record.entry != head.last_entry:
            raise _broken(Flaw.AGENCY_HEAD, "its last entry is another", record)

    def _check_count(self, head: AgencyHead) -> None:
        if self._last is None or self._last.number < head.leaves - 1:
            found = self._last.number if self._last else None
            detail = f"the last is {found}, the head counts up to {head.leaves - 1}"
            raise _broken(Flaw.AGENCY_COUNT, detail, self._last)


def _object(line: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _broken(Flaw.MALFORMED, "a line that is no JSON object")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number")
    return value


def _broken(flaw: Flaw, detail: str, record: _Record | None = None) -> Broken:
    if record is None or record.leaf_index < 0:
        named = record.record_id if record else ""
        return Broken(Problem(flaw=flaw, record_id=named, detail=detail))
    return Broken(
        Problem(
            flaw=flaw,
            record_id=record.record_id,
            leaf_index=record.leaf_index,
            detail=detail,
        )
    )
