"""Offline verification of a ledger's database, with nothing but pinned public keys.

The procedure, ending at the first thing that is wrong:

1. Every leaf in order: its number follows the last, its event is there; the event fulfils all of
   `records`; its agency's number follows the agency's last; its entry is what salt, agency, number
   and event make; the tree grows by it. An event may be gone where a signed act of pruning tells
   exactly that (`pruned`).
2. At every size whose checkpoint is kept: it is of this log, signed by a pinned key or one that
   followed (and by no older one than those before it), and its root is the tree's. So every
   checkpoint is consistent with every other. Cosignatures of the policy's witnesses are right; and
   what is signed for an agency is how many of the leaves are its own, and the last of them.
3. No leaf stands behind the last checkpoint, no event among the sealed ones lacks a leaf, and the
   tree's head and kept subtrees say the same.
4. Every unsealed event fulfils `records`; no record is open whose writer has ended; and no position
   that the database gave out is missing at the end.

What it cannot see alone: a whole tail, rows and checkpoints and counters, cut off by somebody who
controls the database. A receipt or an outside witness shows that: the report says how far a quorum
of the policy's witnesses has seen the log, and who has a later cosignature of theirs, or asks them,
knows the end that is missing. Nor that an
inner checkpoint was deleted: checkpoints have no numbers of their own, and the later ones sign all
the leaves that it did. Whoever holds it, in a receipt, can still check it against the log.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.proofs.ahead import judged
from gateway.proofs.entry import leaf_entry
from gateway.proofs.policy import Policy
from gateway.proofs.pruned import Acts, before_its_time, pruned_leaf, too_early
from gateway.proofs.reader import (
    Bounds,
    EventRow,
    FileReader,
    LeafRow,
    LogReader,
    LogUnreadable,
    SealedRow,
    SubtreeRow,
)
from gateway.proofs.records import Broken, Event, Flaw, Problem, Records
from gateway.proofs.signed import SignedHeads, Tail, followed, newest_quorum
from gateway.proofs.tiles import LEVELS
from gateway.proofs.tree import EMPTY_ROOT, Frontier, leaf_hash
from gateway.proofs.trust import Trust

DATABASE_NAME = "gwanmun.db"
_LONG = 20_000  # leaves; fewer are read before further processes have started


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found. `problem` is None if all that was read is as it must be.

    `root` is hex. `open` counts records not closed yet, `running` the writers that have not ended,
    `heads` what was signed for agencies; `pruned` the events whose retention has ended, as
    `prunings` acts have told. `witnessed` says whether a quorum of outside witnesses has
    signed a checkpoint: of `witnessed_size` leaves, since `witnessed_at` (Unix seconds), by these
    administrations.
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
    heads: int
    pruned: int
    prunings: int
    problem: Problem | None
    witnessed: bool
    witnessed_size: int
    witnessed_at: int | None
    witnesses: tuple[str, ...]


def verify_log(
    path: Path, trust: Trust, policy: Policy | None = None, *, processes: int = 1
) -> Report:
    """Verifies a data directory or a database file; see `verify`.

    Raises:
        LogUnreadable: there is no ledger that can be read.
    """
    with FileReader(database_file(path)) as reader:
        return verify(reader, trust, policy, processes=processes)


def verify(
    reader: LogReader, trust: Trust, policy: Policy | None = None, *, processes: int = 1
) -> Report:
    """Verifies what a reader gives; without a policy it counts as unwitnessed.

    Of a long log the signatures are checked by so many further processes.

    Raises:
        LogUnreadable: it cannot be read.
    """
    problem = None
    bounds = reader.bounds()
    try:
        trust = followed(reader, trust)
    except Broken as broken:
        problem = broken.problem
    run = _Run(reader, bounds, trust, policy)
    try:
        if problem is None:
            run.sealed(processes if bounds.leaves >= _LONG else 1)
            run.unsealed()
    except Broken as broken:
        problem = broken.problem
    return run.report(problem)


def database_file(path: Path) -> Path:
    """The file of a data directory, or the file itself."""
    return path / DATABASE_NAME if path.is_dir() else path


class _Run:
    def __init__(
        self, reader: LogReader, bounds: Bounds, trust: Trust, policy: Policy | None
    ) -> None:
        self._reader = reader
        self._trust = trust
        self._policy = policy
        self._bounds = bounds
        self._records = Records(trust.writers)
        self._acts = Acts()
        self._unseen: list[tuple[Event, int]] = []  # acts that no quorum has seen so far
        self._tree = Frontier()
        self._tails: dict[str, Tail] = {}
        self._position = 0
        self._unsealed = 0
        self._signed = SignedHeads(reader, bounds, trust, policy)
        self._kept: dict[int, Iterator[SubtreeRow]] = {}

    def report(self, problem: Problem | None) -> Report:
        witnessed = self._signed.witnessed if problem is None else None
        return Report(
            origin=self._trust.origin,
            size=self._tree.size,
            root=self._tree.root().hex(),
            checkpoints=self._signed.checkpoints,
            events=self._records.count,
            unsealed=self._unsealed,
            open=self._records.open,
            writers=self._records.writers,
            running=self._records.running,
            heads=self._signed.heads,
            pruned=self._acts.events,
            prunings=self._acts.acts,
            problem=problem,
            witnessed=witnessed is not None,
            witnessed_size=witnessed.size if witnessed else 0,
            witnessed_at=witnessed.signed_at if witnessed else None,
            witnesses=witnessed.administrations if witnessed else (),
        )

    def sealed(self, processes: int) -> None:
        """Steps 1 to 3."""
        rows = self._reader.leaves(self._bounds)
        for row, key in judged(rows, self._trust.writers, processes=processes):
            self._leaf(row, key)
            self._signed.check(self._tree, self._tails)
            self._check_seen()
        if self._tree.size != self._bounds.checkpoint or self._signed.pending:
            detail = f"{self._tree.size} leaves, checkpoint of {self._bounds.checkpoint}"
            flaw = Flaw.LEAF_MISSING if self._signed.pending else Flaw.CHECKPOINT
            raise Broken(Problem(flaw=flaw, leaf_index=self._tree.size, detail=detail))
        self._signed.finish()
        without = self._reader.without_leaf(self._position)
        if without:
            self._records.feed(without, None)  # it may be wrong in itself
            raise Broken(_problem(Flaw.LEAF_MISSING, without, None))
        self._check_head()

    def unsealed(self) -> None:
        """Step 4."""
        for row in self._reader.unsealed(self._bounds, self._position):
            self._act(self._records.feed(row, None), None)
            self._unsealed += 1
        untold = self._acts.untold
        if untold and untold <= self._reader.prunings_behind(self._bounds.position):
            raise LogUnreadable("records were pruned meanwhile; verify again")
        self._acts.finish()
        self._records.finish()
        if self._bounds.position != self._bounds.given:
            detail = f"events end at {self._bounds.position}, but {self._bounds.given} was given"
            raise Broken(Problem(flaw=Flaw.TAIL_MISSING, detail=detail))

    def _leaf(self, sealed: SealedRow, key: Ed25519PublicKey | None) -> None:
        leaf, row, pruned = sealed
        index = self._tree.size
        if leaf.leaf_index != index:
            flaw = Flaw.LEAF_MISSING if _above(leaf.leaf_index, index) else Flaw.LEAF_INDEX
            raise Broken(Problem(flaw=flaw, leaf_index=index, detail=f"found {leaf.leaf_index}"))
        if row is None and pruned is None:
            detail = f"agency {leaf.agency}, number {leaf.agency_number}"
            raise Broken(Problem(flaw=Flaw.EVENT_MISSING, leaf_index=index, detail=detail))
        position = leaf.position if row is None else row.position
        if not _above(position, self._position):
            raise Broken(_problem(Flaw.LEAF_INDEX, row, index, "out of the order of commits"))
        if row is None or pruned is not None:
            self._pruned(sealed)
        else:
            event = self._records.feed(row, index, holds_under=key)
            self._act(event, index)
            self._check_number(leaf, event.agency, row)
            self._check_entry(leaf, event, row)
        assert isinstance(position, int)  # noqa: S101 it is above a number
        self._position = position
        for subtree, value in self._tree.append(leaf_hash(_entry(leaf))):
            if subtree.level and subtree.level % LEVELS == 0:
                self._check_kept(subtree.level // LEVELS, subtree.number, value)

    def _act(self, event: Event, index: int | None) -> None:
        """An act of pruning tells what is gone, and no quorum saw that it went too early."""
        rules = self._acts.told(event, index)
        if rules and index is not None and self._policy:
            self._unseen.append((event, index))
        for rule in rules:
            seen = newest_quorum(self._reader, rule.size - 1, self._policy)
            if seen:
                too_early(event, index, rule, seen)

    def _check_seen(self) -> None:
        """The first quorum that has seen an act did not see it before its time."""
        seen = self._signed.witnessed
        if self._unseen and seen and seen.size == self._tree.size:
            for event, index in self._unseen:
                before_its_time(event, index, seen)
            self._unseen.clear()

    def _pruned(self, sealed: SealedRow) -> None:
        """A leaf without its event: what is left of that is told in an act."""
        index = self._tree.size
        if sealed.event is not None or sealed.pruned is None:
            raise Broken(_problem(Flaw.PRUNED, sealed.event, index, "it stands and is called gone"))
        found = pruned_leaf(sealed.leaf, sealed.pruned)
        self._records.pass_over(found.writer, found.sequence, index)
        agency = str(sealed.leaf.agency)
        self._check_number(sealed.leaf, agency, None)
        self._acts.met(found, agency, str(sealed.pruned.act))
        self._tails[agency] = Tail(found.agency_number + 1, found.entry)

    def _check_number(self, leaf: LeafRow, agency: str, row: EventRow | None) -> None:
        tail = self._tails.get(agency)
        number = tail.leaves if tail else 0
        if leaf.agency != agency or leaf.agency_number != number:
            detail = f"expected {number}, found {leaf.agency_number}"
            raise Broken(_problem(Flaw.AGENCY_NUMBER, row, self._tree.size, detail))

    def _check_entry(self, leaf: LeafRow, event: Event, row: EventRow) -> None:
        tail = self._tails.get(event.agency)
        number = tail.leaves if tail else 0
        entry = leaf_entry(
            salt=event.salt, agency=event.agency, agency_number=number, body_hash=event.hash
        )
        if leaf.entry != entry:
            raise Broken(_problem(Flaw.ENTRY, row, self._tree.size))
        self._tails[event.agency] = Tail(number + 1, entry)

    def _check_kept(self, level: int, number: int, value: bytes) -> None:
        rows = self._kept.setdefault(level, self._reader.subtrees(level))
        kept = next(rows, None)
        if kept != SubtreeRow(level, number, value):
            detail = f"subtree {number} of level {level}"
            raise Broken(Problem(flaw=Flaw.SUBTREE, leaf_index=self._tree.size - 1, detail=detail))

    def _check_head(self) -> None:
        bounds, root = self._bounds, self._tree.root() if self._tree.size else EMPTY_ROOT
        found = (bounds.head_size, bounds.head_root, bounds.head_position, bounds.head_frontier)
        if found != (self._tree.size, root, self._position, self._tree.hashes()):
            raise Broken(Problem(flaw=Flaw.HEAD, detail="the head differs from the checkpoint"))


def _entry(leaf: LeafRow) -> bytes:
    return leaf.entry if isinstance(leaf.entry, bytes) else b""


def _above(value: object, index: int) -> bool:
    return isinstance(value, int) and value > index


def _problem(flaw: Flaw, row: EventRow | None, index: int | None, detail: str = "") -> Problem:
    named = row.record_id if row and isinstance(row.record_id, str) else ""
    position = row.position if row and isinstance(row.position, int) else None
    return Problem(flaw=flaw, record_id=named, leaf_index=index, position=position, detail=detail)
