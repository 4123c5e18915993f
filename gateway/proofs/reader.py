"""What a verification reads of a ledger, and the reader of a SQLite file.

Read-only, in pieces, whatever stands in it. The reader of a PostgreSQL server is gateway.store's:
here only the standard library is needed.

Rows of the insert-only tables are read up to bounds taken at the start, so that a running gateway
neither waits nor confuses. Nothing that is read is believed: a value of the wrong type comes back
as it is, and the verifier names its record.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote

_PIECE = 1_000
_SEALED = """
    SELECT l.leaf_index, l.position, l.agency, l.agency_number, l.entry,
           e.position, e.writer, e.sequence, e.record_id, e.action, e.agency,
           e.body, e.salt, e.signature, p.writer, p.sequence, p.action, p.act
    FROM leaf l LEFT JOIN event e ON e.position = l.position
    LEFT JOIN pruned p ON p.position = l.position"""
_LEAVES = _SEALED + " WHERE l.leaf_index > ? AND l.leaf_index < ? ORDER BY l.leaf_index LIMIT ?"
_OF_AGENCY = (
    _SEALED + " WHERE l.agency = ? AND l.agency_number > ? AND l.leaf_index < ? "
    "ORDER BY l.agency_number LIMIT ?"
)
_ENTRIES = """
    SELECT leaf_index, entry FROM leaf WHERE leaf_index > ? AND leaf_index < ?
    ORDER BY leaf_index LIMIT ?"""
_UNSEALED = """
    SELECT position, writer, sequence, record_id, action, agency, body, salt, signature
    FROM event WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"""
_LAST = """
    SELECT position, writer, sequence, record_id, action, agency, body, salt, signature
    FROM event ORDER BY position DESC LIMIT ?"""
_WITHOUT_LEAF = """
    SELECT position, writer, sequence, record_id, action, agency, body, salt, signature
    FROM event WHERE position <= ?
    AND NOT EXISTS (SELECT 1 FROM leaf WHERE leaf.position = event.position)
    ORDER BY position LIMIT 1"""
_PRUNED_BEHIND = "SELECT record_id FROM event WHERE position > ? AND action = 'records.pruned'"
_CHECKPOINTS = """
    SELECT size, root, note FROM checkpoint WHERE size > ? AND size <= ? ORDER BY size LIMIT ?"""
_SUBTREES = """
    SELECT number, level, hash FROM subtree WHERE number > ? AND level = ?
    ORDER BY number LIMIT ?"""
_COSIGNATURES = """
    SELECT size, witness, line FROM cosignature WHERE (size, witness) > (?, ?) AND size <= ?
    ORDER BY size, witness LIMIT ?"""
_COSIGNED = """
    SELECT size FROM cosignature WHERE size <= ? GROUP BY size HAVING count(*) >= ?
    ORDER BY size DESC LIMIT ?"""
_HEADS = """
    SELECT size, agency, leaves, note FROM agency_head WHERE (size, agency) > (?, ?) AND size <= ?
    ORDER BY size, agency LIMIT ?"""
_LAST_HEAD = """
    SELECT size, agency, leaves, note FROM agency_head WHERE agency = ? AND size <= ?
    ORDER BY size DESC LIMIT 1"""
_ROTATIONS = "SELECT number, note FROM key_rotation ORDER BY number"
_BUSY_SECONDS = 5.0
_LEAST = -(2**63)


class LogUnreadable(Exception):
    """The file is missing, is not a ledger's, or cannot be read."""


class EventRow(NamedTuple):
    """One event as it is stored."""

    position: object
    writer: object
    sequence: object
    record_id: object
    action: object
    agency: object
    body: object
    salt: object
    signature: object


class PrunedRow(NamedTuple):
    """What is left of a pruned event, as it is stored."""

    writer: object
    sequence: object
    action: object
    act: object


class LeafRow(NamedTuple):
    """One leaf as it is stored."""

    leaf_index: object
    position: object
    agency: object
    agency_number: object
    entry: object


class SealedRow(NamedTuple):
    """A leaf, and the event behind it or what is left of that; each None if it is not there."""

    leaf: LeafRow
    event: EventRow | None
    pruned: PrunedRow | None


class CheckpointRow(NamedTuple):
    """One checkpoint as it is stored."""

    size: object
    root: object
    note: object


class CosignatureRow(NamedTuple):
    """One witness's signature line as it is stored."""

    size: object
    witness: object
    line: object


class HeadRow(NamedTuple):
    """One agency's head as it is stored."""

    size: object
    agency: object
    leaves: object
    note: object


class SubtreeRow(NamedTuple):
    """One kept subtree hash as it is stored."""

    level: object
    number: object
    hash: object


class Bounds(NamedTuple):
    """Up to where this run reads, taken in one snapshot at its start.

    `leaves` and `position` are the last leaf's number plus one and the last event's position,
    `checkpoint` the largest signed size. `sealed` is the position behind the last leaf. `given` is
    the last position that the database has ever given out: deleting rows does not change it unless
    the deleter thought of it. `cosigned` and `headed` are the largest sizes that a witness or an
    agency's head was kept for. These and the head's columns are as stored.
    """

    checkpoint: int
    leaves: int
    position: int
    given: int
    sealed: object
    head_size: object
    head_root: object
    head_position: object
    head_frontier: object
    cosigned: object
    headed: object


class LogReader(ABC):
    """One ledger, wherever it is kept. Every method raises LogUnreadable if it cannot be read.

    The methods give rows in a fixed order and in pieces: memory does not grow with the log.
    """

    @abstractmethod
    def bounds(self) -> Bounds:
        """What to read in this run."""

    @abstractmethod
    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """All rows of a query whose values are marked by `?`."""

    def leaves(self, bounds: Bounds) -> Iterator[SealedRow]:
        """All leaves in order, each with what stands behind it."""
        for row in self._pieces(_LEAVES, bounds.leaves):
            yield _sealed(row)

    def entries(self, size: int) -> Iterator[object]:
        """The entries of the first `size` leaves in order, as far as they are there."""
        for _, entry in self._pieces(_ENTRIES, size):
            yield entry

    def leaves_of(self, agency: str, size: int) -> Iterator[SealedRow]:
        """One agency's leaves among the first `size`, by their agency's number."""
        last: object = _LEAST
        while rows := self._rows(_OF_AGENCY, agency, last, size, _PIECE):
            yield from map(_sealed, rows)
            last = rows[-1][3]

    def unsealed(self, bounds: Bounds, sealed: int) -> Iterator[EventRow]:
        """The events behind the last leaf's position, in the order of commits."""
        for row in self._pieces(_UNSEALED, bounds.position, sealed):
            yield EventRow(*row)

    def last_events(self, limit: int) -> list[EventRow]:
        """The last events, newest first."""
        return [EventRow(*row) for row in self._rows(_LAST, limit)]

    def without_leaf(self, sealed: int) -> EventRow | None:
        """The first event that stands among the sealed ones and has no leaf."""
        rows = self._rows(_WITHOUT_LEAF, sealed)
        return EventRow(*rows[0]) if rows else None

    def prunings_behind(self, position: int) -> set[object]:
        """The record ids of the acts of pruning behind a position."""
        return {name for (name,) in self._rows(_PRUNED_BEHIND, position)}

    def checkpoints(self, bounds: Bounds) -> Iterator[CheckpointRow]:
        """All signed tree heads, smallest first."""
        for row in self._pieces(_CHECKPOINTS, bounds.checkpoint):
            yield CheckpointRow(*row)

    def checkpoint_at(self, size: int) -> CheckpointRow | None:
        """The signed tree head of one size."""
        rows = self._rows(_CHECKPOINTS, size - 1, size, 1)
        return CheckpointRow(*rows[0]) if rows else None

    def cosignatures(self, bounds: Bounds) -> Iterator[CosignatureRow]:
        """What witnesses have signed, by the checkpoint's size."""
        for row in self._pairs(_COSIGNATURES, bounds.checkpoint):
            yield CosignatureRow(*row)

    def cosignatures_at(self, size: int) -> list[CosignatureRow]:
        """What witnesses have signed of the checkpoint of one size."""
        return [CosignatureRow(*row) for row in self._rows(_COSIGNATURES, size, "", size, _PIECE)]

    def cosigned_sizes(self, most: int, witnesses: int, limit: int) -> list[int]:
        """The largest checkpoints up to a size that so many witnesses signed, newest first."""
        rows = self._rows(_COSIGNED, most, witnesses, limit)
        return [size for (size,) in rows if isinstance(size, int)]

    def heads(self, bounds: Bounds) -> Iterator[HeadRow]:
        """All agencies' heads, by the checkpoint's size."""
        for row in self._pairs(_HEADS, bounds.checkpoint):
            yield HeadRow(*row)

    def last_head(self, agency: str, bounds: Bounds) -> HeadRow | None:
        """The newest head of one agency."""
        rows = self._rows(_LAST_HEAD, agency, bounds.checkpoint)
        return HeadRow(*rows[0]) if rows else None

    def rotations(self) -> list[object]:
        """The notes by which the log's keys followed each other; None for one out of its place."""
        rows = enumerate(self._rows(_ROTATIONS), 1)
        return [note if number == place else None for place, (number, note) in rows]

    def subtrees(self, level: int) -> Iterator[SubtreeRow]:
        """The kept hashes of one level, from the left."""
        for number, kept, value in self._pieces(_SUBTREES, level):
            yield SubtreeRow(kept, number, value)

    def _pieces(self, query: str, bound: int, start: int = _LEAST) -> Iterator[tuple[object, ...]]:
        """Rows by rising first column, which is a key."""
        last: object = start
        while rows := self._rows(query, last, bound, _PIECE):
            yield from rows
            last = rows[-1][0]

    def _pairs(self, query: str, bound: int) -> Iterator[tuple[object, ...]]:
        """Rows by their first two columns, a number and a text, which are a key together."""
        last: tuple[object, ...] = (_LEAST, "")
        while rows := self._rows(query, *last, bound, _PIECE):
            yield from rows
            last = rows[-1][:2]


def _sealed(row: tuple[object, ...]) -> SealedRow:
    event = None if row[5] is None else EventRow(*row[5:14])
    return SealedRow(LeafRow(*row[:5]), event, None if row[14] is None else PrunedRow(*row[14:]))


class FileReader(LogReader):
    """A context manager over one SQLite file.

    Raises:
        LogUnreadable: on entering and from every method.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        if not self._path.is_file():
            raise LogUnreadable("no such file")
        self._connection = self._connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def bounds(self) -> Bounds:
        """What to read in this run."""
        row = self._rows(
            "SELECT (SELECT coalesce(max(size), 0) FROM checkpoint), "
            "(SELECT coalesce(max(leaf_index) + 1, 0) FROM leaf), "
            "(SELECT coalesce(max(position), 0) FROM event), "
            "(SELECT coalesce(max(CAST(seq AS INTEGER)), 0) FROM sqlite_sequence "
            "WHERE name = 'event'), "
            "coalesce((SELECT position FROM leaf ORDER BY leaf_index DESC LIMIT 1), 0), "
            "(SELECT size FROM tree_head WHERE id = 1), (SELECT root FROM tree_head WHERE id = 1), "
            "(SELECT position FROM tree_head WHERE id = 1), "
            "(SELECT frontier FROM tree_head WHERE id = 1), "
            "(SELECT coalesce(max(size), 0) FROM cosignature), "
            "(SELECT coalesce(max(size), 0) FROM agency_head)"
        )[0]
        # The first four are row ids and a cast: SQLite itself makes them numbers.
        return Bounds(*row)  # type: ignore[arg-type]

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except (sqlite3.Error, OverflowError):
            raise LogUnreadable("not a readable ledger") from None

    def _connect(self) -> sqlite3.Connection:
        name = quote(str(self._path.absolute()))
        # A database on read-only media has no -wal file beside it and may be read as it lies.
        last = f"{self._path}-wal"
        modes = ("mode=ro",) if Path(last).exists() else ("mode=ro", "mode=ro&immutable=1")
        for mode in modes:
            connection = sqlite3.connect(f"file:{name}?{mode}", uri=True, timeout=_BUSY_SECONDS)
            # Text that is not UTF-8 comes back as bytes, to be named as wrong instead of raised.
            connection.text_factory = _text
            try:
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            except sqlite3.Error:
                connection.close()
            else:
                return connection
        raise LogUnreadable("not a readable SQLite file")


def _text(raw: bytes) -> object:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
