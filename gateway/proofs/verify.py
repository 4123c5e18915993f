"""Offline verification of a ledger's database, with nothing but pinned public keys.

The procedure, ending at the first thing that is wrong:

1. Every leaf in order: its number follows the last, its event is there; the event fulfils all of
   `records`; its agency's number follows the agency's last; its entry is what salt, agency, number
   and event make; the tree grows by it.
2. At every size whose checkpoint is kept: it is of this log and signed by a pinned key, and its
   root is the tree's. So every checkpoint is consistent with every other.
3. No leaf stands behind the last checkpoint, no event among the sealed ones lacks a leaf, and the
   tree's head and kept subtrees say the same.
4. Every unsealed event fulfils `records`; no record is open whose writer has ended; and no position
   that the database gave out is missing at the end.

What it cannot see alone: a whole tail, rows and checkpoints and counters, cut off by somebody who
controls the database. A receipt, a kept checkpoint or an outside witness shows that. Nor that an
inner checkpoint was deleted: checkpoints have no numbers of their own, and the later ones sign all
the leaves that it did. Whoever holds it, in a receipt, can still check it against the log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway.proofs.entry import leaf_entry
from gateway.proofs.note import Checkpoint, NoteInvalid, open_note
from gateway.proofs.reader import (
    CheckpointRow,
    EventRow,
    LeafRow,
    LogReader,
    SubtreeRow,
)
from gateway.proofs.records import Broken, Event, Flaw, Problem, Records
from gateway.proofs.tree import EMPTY_ROOT, Frontier, leaf_hash
from gateway.proofs.trust import Trust

_TILE_LEVELS = 8
DATABASE_NAME = "gwanmun.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found. `problem` is None if all that was read is as it must be.

    `root` is hex. `open` counts records not closed yet, `running` the writers that have not ended.
    `witnessed` is always False until outside witnesses exist: whoever prints the report says so.
    """

    origin: str
    size: int
    root: str
    checkpoints: int
    events: int
    unsealed: int
    open: int
    writers: int
    running: int
    problem: Problem | None
    witnessed: Literal[False] = False


def verify_log(path: Path, trust: Trust) -> Report:
    """Verifies a data directory or a database file.

    Raises:
        LogUnreadable: there is no ledger that can be read.
    """
    file = path / DATABASE_NAME if path.is_dir() else path
    with LogReader(file) as reader:
        run = _Run(reader, trust)
        problem = None
        try:
            run.sealed()
            run.unsealed()
        except Broken as broken:
            problem = broken.problem
        return run.report(problem)


class _Run:
    def __init__(self, reader: LogReader, trust: Trust) -> None:
        self._reader = reader
        self._trust = trust
        self._bounds = reader.bounds()
        self._records = Records(trust.writers)
        self._tree = Frontier()
        self._numbers: dict[str, int] = {}
        self._position = 0
        self._unsealed = 0
        self._checkpoints = 0
        self._signed = reader.checkpoints(self._bounds)
        self._next_signed = next(self._signed, None)
        self._kept: dict[int, Iterator[SubtreeRow]] = {}

    def report(self, problem: Problem | None) -> Report:
        return Report(
            origin=self._trust.origin,
            size=self._tree.size,
            root=self._tree.root().hex(),
            checkpoints=self._checkpoints,
            events=self._records.count,
            unsealed=self._unsealed,
            open=self._records.open,
            writers=self._records.writers,
            running=self._records.running,
            problem=problem,
        )

    def sealed(self) -> None:
        """Steps 1 to 3."""
        for leaf, event in self._reader.leaves(self._bounds):
            self._leaf(leaf, event)
            while self._next_signed and self._next_signed.size == self._tree.size:
                self._check_signed(self._next_signed)
        if self._tree.size != self._bounds.checkpoint or self._next_signed:
            detail = f"{self._tree.size} leaves, checkpoint of {self._bounds.checkpoint}"
            flaw = Flaw.LEAF_MISSING if self._next_signed else Flaw.CHECKPOINT
            raise Broken(Problem(flaw=flaw, leaf_index=self._tree.size, detail=detail))
        without = self._reader.without_leaf(self._position)
        if without:
            self._records.feed(without, None)  # it may be wrong in itself
            raise Broken(_problem(Flaw.LEAF_MISSING, without, None))
        self._check_head()

    def unsealed(self) -> None:
        """Step 4."""
        for row in self._reader.unsealed(self._bounds, self._position):
            self._records.feed(row, None)
            self._unsealed += 1
        self._records.finish()
        if self._bounds.position != self._bounds.given:
            detail = f"events end at {self._bounds.position}, but {self._bounds.given} was given"
            raise Broken(Problem(flaw=Flaw.TAIL_MISSING, detail=detail))

    def _leaf(self, leaf: LeafRow, row: EventRow | None) -> None:
        index = self._tree.size
        if leaf.leaf_index != index:
            flaw = Flaw.LEAF_MISSING if _above(leaf.leaf_index, index) else Flaw.LEAF_INDEX
            raise Broken(Problem(flaw=flaw, leaf_index=index, detail=f"found {leaf.leaf_index}"))
        if row is None:
            detail = f"agency {leaf.agency}, number {leaf.agency_number}"
            raise Broken(Problem(flaw=Flaw.EVENT_MISSING, leaf_index=index, detail=detail))
        event = self._records.feed(row, index)
        if event.position <= self._position:
            raise Broken(_problem(Flaw.LEAF_INDEX, row, index, "out of the order of commits"))
        self._position = event.position
        self._check_entry(leaf, event, row)
        for subtree, value in self._tree.append(leaf_hash(_entry(leaf))):
            if subtree.level and subtree.level % _TILE_LEVELS == 0:
                self._check_kept(subtree.level // _TILE_LEVELS, subtree.number, value)

    def _check_entry(self, leaf: LeafRow, event: Event, row: EventRow) -> None:
        index, number = self._tree.size, self._numbers.get(event.agency, 0)
        if leaf.agency != event.agency or leaf.agency_number != number:
            detail = f"expected {number}, found {leaf.agency_number}"
            raise Broken(_problem(Flaw.AGENCY_NUMBER, row, index, detail))
        self._numbers[event.agency] = number + 1
        entry = leaf_entry(
            salt=event.salt, agency=event.agency, agency_number=number, body_hash=event.hash
        )
        if leaf.entry != entry:
            raise Broken(_problem(Flaw.ENTRY, row, index))

    def _check_signed(self, row: CheckpointRow) -> None:
        """A checkpoint at the size that the tree has now."""
        previous = self._checkpoints
        flaw, root = None, self._tree.root()
        try:
            note = row.note if isinstance(row.note, str) else ""
            signed = Checkpoint.parse(open_note(note, self._trust.log))
            if signed.origin != self._trust.origin or signed.size != self._tree.size:
                flaw = Flaw.CHECKPOINT
            elif signed.root != root or row.root != root:
                flaw = Flaw.ROOT
        except NoteInvalid:
            flaw = Flaw.CHECKPOINT
        if flaw:
            detail = f"checkpoint of size {self._tree.size}, after {previous} good ones"
            raise Broken(Problem(flaw=flaw, leaf_index=self._tree.size - 1, detail=detail))
        self._checkpoints += 1
        self._next_signed = next(self._signed, None)

    def _check_kept(self, level: int, number: int, value: bytes) -> None:
        rows = self._kept.setdefault(level, self._reader.subtrees(level))
        kept = next(rows, None)
        if kept != SubtreeRow(level, number, value):
            detail = f"subtree {number} of level {level}"
            raise Broken(Problem(flaw=Flaw.SUBTREE, leaf_index=self._tree.size - 1, detail=detail))

    def _check_head(self) -> None:
        bounds, root = self._bounds, self._tree.root() if self._tree.size else EMPTY_ROOT
        found = (bounds.head_size, bounds.head_root, bounds.head_position)
        if found != (self._tree.size, root, self._position):
            raise Broken(Problem(flaw=Flaw.HEAD, detail="the head differs from the checkpoint"))


def _entry(leaf: LeafRow) -> bytes:
    return leaf.entry if isinstance(leaf.entry, bytes) else b""


def _above(value: object, index: int) -> bool:
    return isinstance(value, int) and value > index


def _problem(flaw: Flaw, row: EventRow | None, index: int | None, detail: str = "") -> Problem:
    named = row.record_id if row and isinstance(row.record_id, str) else ""
    position = row.position if row and isinstance(row.position, int) else None
    return Problem(flaw=flaw, record_id=named, leaf_index=index, position=position, detail=detail)
