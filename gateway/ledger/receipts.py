"""What an agency may read of its own records: receipts with proofs, and the last records.

Every function asks for one agency and answers from its rows alone; PostgreSQL itself shows it no
other agency's. Events without an agency belong to the platform and are nobody's to ask for here.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.ledger.events import CLOSED, OPENED, PLATFORM, REFUSED
from gateway.ledger.log_files import newest_witnessed
from gateway.ledger.paths import path
from gateway.proofs.entry import event_hash
from gateway.proofs.policy import Policy
from gateway.proofs.tree import inclusion_ranges
from gateway.store.database import Database
from gateway.store.events import StoredEvent, events_of_records, last_events
from gateway.store.leaves import (
    CheckpointRow,
    LeafRow,
    last_checkpoint,
    leaves_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """Where an event's leaf stands in the tree of the receipt's checkpoint; hashes in base64."""

    leaf_index: int
    agency_number: int
    entry: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The writer's signed word that it keeps this event; `sealed` once it has a leaf.

    Hashes, salt and signature are base64; `gateway.proofs.entry` says what is signed.
    """

    action: str
    event_hash: str
    salt: str
    writer: str
    sequence: int
    key_id: str
    signature: str
    sealed: Inclusion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the caller of a request may keep: a promise lacking its leaf later proves removal.

    `checkpoint` is the signed note that all inclusions refer to, or None before the first seal.
    """

    format: str
    record_id: str
    agency: str
    subject: str
    promises: tuple[Promise, ...]
    checkpoint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One record as its agency's officer sees it. Times are ISO 8601 in UTC.

    `outcome` is "" while the request runs. `found` counts occurrences per entity name. `count` is
    above 1 where one refusal stands for several. `sealed` says that all its events have leaves.
    """

    record_id: str
    time: str
    subject: str
    department: str
    client: str
    address: str
    surface: str
    purpose: str
    model: str
    claimed_grade: str
    input_grade: str
    engine_grade: str
    found: Mapping[str, int]
    restored: Mapping[str, int]
    blanked: Mapping[str, int]
    outcome: str
    code: str
    characters: int
    input_tokens: int
    output_tokens: int
    attempts: tuple[str, ...]
    first_part_ms: int | None
    whole_ms: int | None
    count: int
    sealed: bool


async def read_receipt(
    database: Database, record_id: str, agency: str, *, key_id: str, policy: Policy | None = None
) -> Receipt | None:
    """The receipt of one record of this agency; None if it has no such record.

    Its checkpoint is the newest that a quorum of the policy's witnesses has signed, if that covers
    all of the record's leaves, and else the newest of all.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    if agency == PLATFORM:
        return None
    async with database.reading_of(agency) as connection:
        events = await events_of_records(connection, [record_id], agency)
        if not events:
            return None
        leaves = await leaves_at(connection, [stored.position for stored in events])
        checkpoint = await _checkpoint(connection, leaves, policy)
        promises = []
        for stored in events:
            sealed = None
            leaf = leaves.get(stored.position)
            if leaf and checkpoint:
                sealed = await _inclusion(connection, leaf, checkpoint)
            promises.append(_promise(stored, key_id, sealed))
    actor = json.loads(events[0].event.body).get("actor") or {}
    return Receipt(
        format="gwanmun/receipt/v1",
        record_id=record_id,
        agency=agency,
        subject=actor.get("sub", ""),
        promises=tuple(promises),
        checkpoint=checkpoint.note if checkpoint else None,
    )


async def _checkpoint(
    connection: AsyncConnection, leaves: Mapping[int, LeafRow], policy: Policy | None
) -> CheckpointRow | None:
    if policy and leaves:
        last = max(leaf.leaf_index for leaf in leaves.values())
        witnessed = await newest_witnessed(connection, policy, above=last)
        if witnessed:
            return witnessed.checkpoint._replace(note=witnessed.note)
    return await last_checkpoint(connection)


async def read_recent(database: Database, agency: str, limit: int) -> list[RecordView]:
    """This agency's last records, newest first.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    if agency == PLATFORM or limit <= 0:
        return []
    async with database.reading_of(agency) as connection:
        begun = await last_events(connection, agency, actions=(OPENED, REFUSED), limit=limit)
        ids = [stored.event.record_id for stored in begun]
        every = await events_of_records(connection, ids, agency) if ids else []
        leaves = await leaves_at(connection, [stored.position for stored in every])
    closed = {s.event.record_id: s for s in every if s.event.action == CLOSED}
    return [_view(stored, closed.get(stored.event.record_id), leaves) for stored in begun]


def _promise(stored: StoredEvent, key_id: str, sealed: Inclusion | None) -> Promise:
    event = stored.event
    return Promise(
        action=event.action,
        event_hash=_base64(event_hash(event.body)),
        salt=_base64(event.salt),
        writer=event.writer,
        sequence=event.sequence,
        key_id=key_id,
        signature=_base64(event.signature),
        sealed=sealed,
    )


async def _inclusion(
    connection: AsyncConnection, leaf: LeafRow, checkpoint: CheckpointRow
) -> Inclusion:
    hashes = await path(connection, inclusion_ranges(leaf.leaf_index, checkpoint.size))
    return Inclusion(
        leaf_index=leaf.leaf_index,
        agency_number=leaf.agency_number,
        entry=_base64(leaf.entry),
        path=tuple(_base64(hash_) for hash_ in hashes),
    )


def _view(
    begun: StoredEvent, closed: StoredEvent | None, leaves: Mapping[int, LeafRow]
) -> RecordView:
    body: dict[str, Any] = json.loads(begun.event.body)
    end: dict[str, Any] = json.loads(closed.event.body) if closed else {}
    actor, origin, grade = body.get("actor") or {}, body["origin"], body.get("grade") or {}
    tokens, times = end.get("tokens") or {}, end.get("duration_ms") or {}
    refused = begun.event.action == REFUSED
    sealed = begun.position in leaves and (closed is None or closed.position in leaves)
    return RecordView(
        record_id=begun.event.record_id,
        time=body["time"],
        subject=actor.get("sub", ""),
        department=actor.get("department", ""),
        client=actor.get("client", ""),
        address=origin["address"],
        surface=origin["surface"],
        purpose=body.get("purpose", ""),
        model=body["model"],
        claimed_grade=grade.get("claimed") or "",
        input_grade=grade.get("input", ""),
        engine_grade=grade.get("engine", ""),
        found=(body.get("found") or {}).get("occurrences") or {},
        restored=end.get("restored") or {},
        blanked=end.get("blanked") or {},
        outcome="refused" if refused else end.get("outcome", ""),
        code=body["code"] if refused else end.get("code", ""),
        characters=body.get("characters", 0),
        input_tokens=tokens.get("input", 0),
        output_tokens=tokens.get("output", 0),
        attempts=tuple(end.get("attempts") or ()),
        first_part_ms=times.get("first_part"),
        whole_ms=times.get("whole"),
        count=body.get("count", 1),
        sealed=sealed,
    )


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
