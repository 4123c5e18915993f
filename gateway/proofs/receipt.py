"""Offline verification of one receipt: alone, and against a log that it may accuse.

What a receipt proves alone is that a pinned writer has promised these events, and that the sealed
ones stand in a tree whose head a pinned key has signed. Its record id, subject and actions are what
it says; only the log's events show that they belong to the promises.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature

from gateway.proofs.entry import event_hash, leaf_entry, promise
from gateway.proofs.note import Checkpoint, NoteInvalid
from gateway.proofs.reader import Bounds, EventRow, LeafRow, LogReader
from gateway.proofs.spelling import bytes_of
from gateway.proofs.tree import EMPTY_ROOT, Frontier, inclusion_holds, leaf_hash
from gateway.proofs.trust import Trust

FORMAT = "gwanmun/receipt/v1"

_Number: TypeAlias = tuple[object, object]  # a writer and a number of its sequence


class ReceiptInvalid(Exception):
    """The receipt proves nothing; the message is the word for the part of it that fails."""


class Promised(NamedTuple):
    """A promise that a pinned writer has signed; without leaf and entry before it is sealed."""

    action: str
    writer: str
    sequence: int
    event_hash: bytes
    leaf_index: int | None
    entry: bytes = b""
    salt: bytes = b""


class Proven(NamedTuple):
    """A receipt that holds; `checkpoint` is the signed tree head that its leaves stand under."""

    record_id: str
    agency: str
    promises: tuple[Promised, ...]
    checkpoint: Checkpoint | None

    @property
    def sealed(self) -> int:
        """How many promises have a leaf."""
        return sum(each.leaf_index is not None for each in self.promises)


class Standing(StrEnum):
    """What became of a promised event in the log; a closed set of words."""

    STANDS = "stands"
    UNSEALED = "unsealed"  # it stands and waits for its leaf, as it did in the receipt
    REMOVED = "removed"  # no event has its number: the receipt proves that it was taken away
    CHANGED = "changed"  # another event has its number
    PRUNED = "pruned"  # its retention has ended; its leaf stands, and is the promised event's
    MOVED = "moved"  # its leaf is not where the receipt proves it
    OTHER_RECORD = "other_record"  # the promised event is not of the record that the receipt names
    UNSEEN = "unseen"  # tiles alone cannot show a promise that was not sealed yet


KEPT = (Standing.STANDS, Standing.UNSEALED, Standing.PRUNED, Standing.UNSEEN)


class Found(NamedTuple):
    """What a log says to a receipt; `standings` in the order of its promises.

    `checkpoint` is False if the log has not grown out of the tree that the receipt's checkpoint
    signed, and None without one.
    """

    standings: tuple[Standing, ...]
    checkpoint: bool | None

    @property
    def kept(self) -> bool:
        """Whether all that the receipt proves still stands."""
        return self.checkpoint is not False and all(each in KEPT for each in self.standings)


def verify_receipt(receipt: Mapping[str, object], trust: Trust) -> Proven:
    """Checks every promise of a receipt (parsed JSON).

    1. The checkpoint, if there is one, is of this log and signed by a pinned key. 2. Each promise
    is signed by a pinned writer. 3. Each sealed promise's entry is made of what was promised, and
    its path leads to the checkpoint's root.

    Raises:
        ReceiptInvalid: anything does not hold or does not have its form.
    """
    try:
        if receipt["format"] != FORMAT:
            raise ReceiptInvalid("format")
        checkpoint = _checkpoint(receipt["checkpoint"], trust)
        promises = receipt["promises"]
        if not isinstance(promises, list | tuple) or not promises:
            raise ReceiptInvalid("promises")
        record_id, agency = receipt["record_id"], receipt["agency"]
        if not isinstance(record_id, str) or not isinstance(agency, str):
            raise ReceiptInvalid("form")
        proven = tuple(_promise(each, agency, checkpoint, trust) for each in promises)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ReceiptInvalid("form") from None
    return Proven(record_id, agency, proven, checkpoint)


def find_promised(reader: LogReader, proven: Proven) -> Found:
    """Looks for what a receipt proves in a log, whose own truth `verify` shows.

    Raises:
        LogUnreadable: the log cannot be read.
    """
    bounds = reader.bounds()
    wanted: dict[_Number, Promised] = {each[1:3]: each for each in proven.promises}
    met: dict[_Number, Standing] = {}
    tree, checkpoint = Frontier(), proven.checkpoint
    kept = None if checkpoint is None else checkpoint == _head(checkpoint, tree)
    for leaf, row, pruned in reader.leaves(bounds):
        if row and (promised := wanted.get(_number_of(row))):
            met[_number_of(row)] = _standing(row, tree.size, promised, proven)
        elif pruned and (promised := wanted.get((pruned.writer, pruned.sequence))):
            met[pruned.writer, pruned.sequence] = _pruned(leaf, promised, proven)
        tree.append(leaf_hash(leaf.entry if isinstance(leaf.entry, bytes) else b""))
        if checkpoint and tree.size == checkpoint.size:
            kept = checkpoint == _head(checkpoint, tree)
    for row in _behind(reader, bounds):
        if promised := wanted.get(_number_of(row)):
            met[_number_of(row)] = _standing(row, None, promised, proven)
    standings = (met.get(each[1:3], Standing.REMOVED) for each in proven.promises)
    return Found(tuple(standings), kept)


def find_leaves(entries: Iterator[bytes], proven: Proven) -> Found:
    """Looks for the leaves that a receipt proves among a log's entries, read to their end.

    The entries' own truth is for their giver to show.
    """
    wanted = {each.leaf_index: each for each in proven.promises if each.leaf_index is not None}
    met: dict[int | None, Standing] = {None: Standing.UNSEEN}
    tree, checkpoint = Frontier(), proven.checkpoint
    kept = None if checkpoint is None else checkpoint == _head(checkpoint, tree)
    for index, entry in enumerate(entries):
        if promised := wanted.get(index):
            met[index] = Standing.STANDS if entry == promised.entry else Standing.CHANGED
        tree.append(leaf_hash(entry))
        if checkpoint and tree.size == checkpoint.size:
            kept = checkpoint == _head(checkpoint, tree)
    standings = (met.get(each.leaf_index, Standing.REMOVED) for each in proven.promises)
    return Found(tuple(standings), kept)


def _head(checkpoint: Checkpoint, tree: Frontier) -> Checkpoint:
    root = tree.root() if tree.size else EMPTY_ROOT
    return Checkpoint(checkpoint.origin, tree.size, root)


def _behind(reader: LogReader, bounds: Bounds) -> Iterator[EventRow]:
    sealed = bounds.sealed if isinstance(bounds.sealed, int) else 0
    return reader.unsealed(bounds, sealed)


def _number_of(row: EventRow) -> _Number:
    return row.writer, row.sequence


def _standing(row: EventRow, leaf: int | None, promised: Promised, proven: Proven) -> Standing:
    if not isinstance(row.body, bytes) or event_hash(row.body) != promised.event_hash:
        return Standing.CHANGED
    if (row.record_id, row.action) != (proven.record_id, promised.action):
        return Standing.OTHER_RECORD
    if promised.leaf_index is not None and promised.leaf_index != leaf:
        return Standing.MOVED
    return Standing.UNSEALED if leaf is None else Standing.STANDS


def _pruned(leaf: LeafRow, promised: Promised, proven: Proven) -> Standing:
    """Only the promised event, with its salt, makes the entry that is left of it."""
    try:
        entry = leaf_entry(
            salt=promised.salt,
            agency=proven.agency,
            agency_number=_number(leaf.agency_number),
            body_hash=promised.event_hash,
        )
    except (ReceiptInvalid, ValueError):
        return Standing.CHANGED
    if leaf.entry != entry:
        return Standing.CHANGED
    moved = promised.leaf_index not in (None, leaf.leaf_index)
    return Standing.MOVED if moved else Standing.PRUNED


def _checkpoint(note: object, trust: Trust) -> Checkpoint | None:
    if note is None:
        return None
    if not isinstance(note, str):
        raise ReceiptInvalid("checkpoint")
    try:
        found = Checkpoint.parse(trust.open(note).text)
    except NoteInvalid:
        raise ReceiptInvalid("checkpoint") from None
    if found.origin != trust.origin:
        raise ReceiptInvalid("checkpoint")
    return found


def _promise(
    given: Mapping[str, object], agency: str, checkpoint: Checkpoint | None, trust: Trust
) -> Promised:
    body_hash, salt = bytes_of(given["event_hash"]), bytes_of(given["salt"])
    # One spelling: an event that stands must not seem removed because its writer's id was respelt.
    writer = bytes.fromhex(str(given["writer"])).hex()
    sequence = _number(given["sequence"])
    message = promise(writer, sequence, agency=agency, salt=salt, body_hash=body_hash)
    key = trust.writers.get(str(given["key_id"]))
    if key is None:
        raise ReceiptInvalid("key")
    try:
        key.verify(bytes_of(given["signature"]), message)
    except InvalidSignature:
        raise ReceiptInvalid("signature") from None
    promised = Promised(str(given["action"]), writer, sequence, body_hash, None, salt=salt)
    sealed = given["sealed"]
    if sealed is None:
        return promised
    if checkpoint is None or not isinstance(sealed, Mapping):
        raise ReceiptInvalid("sealed")
    number, index = _number(sealed["agency_number"]), _number(sealed["leaf_index"])
    entry = leaf_entry(salt=salt, agency=agency, agency_number=number, body_hash=body_hash)
    if bytes_of(sealed["entry"]) != entry:
        raise ReceiptInvalid("entry")
    path = [bytes_of(hash_) for hash_ in sealed["path"]]
    leaf = leaf_hash(entry)
    if not inclusion_holds(leaf, index, checkpoint.size, path=path, root=checkpoint.root):
        raise ReceiptInvalid("inclusion")
    return promised._replace(leaf_index=index, entry=entry)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ReceiptInvalid("form")
    return value
