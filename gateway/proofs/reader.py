"""Reads a ledger's SQLite file for verification: read-only, in pieces, whatever stands in it.

Rows of the insert-only tables are read up to bounds taken at the start, so that a running gateway
neither waits nor confuses. Nothing that is read is believed: a value of the wrong type comes back
as it is, and the verifier names its record.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote

_PIECE = 1_000
_LEAVES = """
    SELECT l.leaf_index, l.position, l.agency, l.agency_number, l.entry,
           e.position, e.writer, e.sequence, e.record_id, e.action, e.agency,
           e.body, e.salt, e.signature
    FROM leaf l LEFT JOIN event e ON e.position = l.position
    WHERE l.leaf_index > ? AND l.leaf_index < ? ORDER BY l.leaf_index LIMIT ?"""
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


class LeafRow(NamedTuple):
    """One leaf as it is stored."""

    leaf_index: object
    position: object
    agency: object
    agency_number: object
    entry: object


class CheckpointRow(NamedTuple):
    """One checkpoint as it is stored."""

    size: object
    root: object
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
    the deleter thought of it. The head's columns are as stored.
    """

    checkpoint: int
    leaves: int
    position: int
    given: int
    sealed: object
    head_size: object
    head_root: object
    head_position: object


class LogReader:
    """A context manager over one database file.

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
            "(SELECT size FROM tree_head), (SELECT root FROM tree_head), "
            "(SELECT position FROM tree_head)"
        )[0]
        # The first four are row ids and a cast: SQLite itself makes them numbers.
        return Bounds(*row)  # type: ignore[arg-type]

    def leaves(self, bounds: Bounds) -> Iterator[tuple[LeafRow, EventRow | None]]:
        """All leaves in order, each with the event behind it if there is one."""
        for row in self._pieces(_LEAVES, bounds.leaves):
            event = None if row[5] is None else EventRow(*row[5:])
            yield LeafRow(*row[:5]), event

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

    def checkpoints(self, bounds: Bounds) -> Iterator[CheckpointRow]:
        """All signed tree heads, smallest first."""
        query = (
            "SELECT size, root, note FROM checkpoint "
            "WHERE size > ? AND size <= ? ORDER BY size LIMIT ?"
        )
        for row in self._pieces(query, bounds.checkpoint):
            yield CheckpointRow(*row)

    def subtrees(self, level: int) -> Iterator[SubtreeRow]:
        """The kept hashes of one level, from the left."""
        query = (
            "SELECT number, level, hash FROM subtree "
            "WHERE number > ? AND level = ? ORDER BY number LIMIT ?"
        )
        for number, kept, value in self._pieces(query, level):
            yield SubtreeRow(kept, number, value)

    def _pieces(self, query: str, bound: int, start: int = _LEAST) -> Iterator[tuple[object, ...]]:
        """Rows by rising first column, which is an INTEGER PRIMARY KEY and so always a number."""
        last: object = start
        while rows := self._rows(query, last, bound, _PIECE):
            yield from rows
            last = rows[-1][0]

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
