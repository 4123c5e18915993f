"""What is signed of a growing tree: checkpoints, witnesses' cosignatures and agencies' heads.

Feed it the tree after every leaf; it raises Broken at the first row that says something else.
Memory is one size's rows and one tail for each agency.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol, TypeVar

from gateway.proofs.agency import open_head
from gateway.proofs.note import Checkpoint, NoteInvalid
from gateway.proofs.policy import Policy
from gateway.proofs.reader import Bounds, CheckpointRow, HeadRow, LogReader
from gateway.proofs.records import Broken, Flaw, Problem
from gateway.proofs.rotation import RotationInvalid
from gateway.proofs.tree import Frontier
from gateway.proofs.trust import Trust
from gateway.proofs.witnessed import Witnessed, cosigned, quorum


class Tail(NamedTuple):
    """An agency's leaves so far: how many, and the last one's entry."""

    leaves: int
    entry: bytes


class _Sized(Protocol):
    @property
    def size(self) -> object: ...


_LOOKED_AT = 64  # checkpoints with enough cosignatures, among which a quorum's is sought
Row = TypeVar("Row", bound=_Sized)


def followed(reader: LogReader, trust: Trust) -> Trust:
    """The pins, with the log's own account of how its keys changed.

    Raises:
        Broken: the account does not follow from the pins.
    """
    try:
        return trust.followed(reader.rotations())
    except RotationInvalid as error:
        raise Broken(Problem(flaw=Flaw.ROTATION, detail=str(error))) from None


def known_keys(reader: LogReader, trust: Trust) -> Trust:
    """As `followed`; the pins alone if the account is wrong, which the log's verification tells."""
    try:
        return followed(reader, trust)
    except Broken:
        return trust


def newest_quorum(reader: LogReader, most: int, policy: Policy | None) -> Witnessed | None:
    """The newest quorum of a policy on a checkpoint of at most so many leaves.

    A row that is not what it has to be counts as none: a verification names it in its place.

    Raises:
        LogUnreadable: it cannot be read.
    """
    if policy is None or not policy.least:
        return None
    for size in reader.cosigned_sizes(most, policy.least, _LOOKED_AT):
        row = reader.checkpoint_at(size)
        lines = "".join(str(each.line) for each in reader.cosignatures_at(size))
        with suppress(NoteInvalid):
            found = quorum(size, cosigned(str(row.note), lines, policy), policy) if row else None
            if found:
                return found
    return None


class SignedHeads:
    """The signed rows of a ledger, met in the order of sizes.

    `checkpoints` and `heads` count those that were right; `witnessed` is the last quorum.
    """

    def __init__(
        self, reader: LogReader, bounds: Bounds, trust: Trust, policy: Policy | None
    ) -> None:
        self.checkpoints = self.heads = self._last = 0
        self.witnessed: Witnessed | None = None
        self._bounds = bounds
        self._trust = trust
        self._policy = policy
        self._generation = 0
        self._rotated = len(reader.rotations())
        self._checkpoints = _Rows(reader.checkpoints(bounds))
        self._cosignatures = _Rows(reader.cosignatures(bounds))
        self._heads = _Rows(reader.heads(bounds))

    @property
    def pending(self) -> bool:
        """Whether a checkpoint is left of a size that was not met."""
        return self._checkpoints.next is not None

    def check(self, tree: Frontier, tails: Mapping[str, Tail]) -> None:
        """Everything that is signed of the size that the tree has now.

        Raises:
            Broken: a row is not what it has to be.
        """
        size = tree.size
        if self._checkpoints.size == size:
            root = tree.root()
            for row in self._checkpoints.of(size):
                self._checkpoint(row, Checkpoint(self._trust.origin, size, root))
            for head in self._heads.of(size):
                self._head(head, Checkpoint(self._trust.origin, size, root), tails)

    def finish(self) -> None:
        """After the last leaf: nothing is signed of a size that has no checkpoint, and the newest
        keys have signed the last one: a rotation is kept together with their first.

        Raises:
            Broken: a row is left.
        """
        bounds = self._bounds
        for flaw, size, largest in (
            (Flaw.COSIGNATURE, self._cosignatures.size, bounds.cosigned),
            (Flaw.AGENCY_HEAD, self._heads.size, bounds.headed),
        ):
            if size is not None or not _within(largest, bounds.checkpoint):
                found = largest if size is None else size
                raise _broken(flaw, found, "of a size without a checkpoint")

        if self.checkpoints and self._generation < self._rotated:
            raise _broken(Flaw.CHECKPOINT, self._last, "the last is signed by a replaced key")

    def _checkpoint(self, row: CheckpointRow, expected: Checkpoint) -> None:
        note = row.note if isinstance(row.note, str) else ""
        flaw: Flaw | None = None
        detail = f"checkpoint of size {expected.size}, after {self.checkpoints} good ones"
        try:
            opened = self._trust.open(note)
            found = Checkpoint.parse(opened.text)
            generation = self._trust.generation(signed.key for signed in opened.signatures)
            if (found.origin, found.size) != (expected.origin, expected.size):
                flaw = Flaw.CHECKPOINT
            elif found.root != expected.root or row.root != expected.root:
                flaw = Flaw.ROOT
            elif generation < self._generation:
                flaw, detail = Flaw.CHECKPOINT, f"{detail}: signed by a replaced key"
            self._generation = max(self._generation, generation)
        except NoteInvalid:
            flaw = Flaw.CHECKPOINT
        if flaw:
            raise _broken(flaw, expected.size, detail)
        self.checkpoints += 1
        self._last = expected.size
        self._witnesses(note, expected.size)

    def _witnesses(self, note: str, size: int) -> None:
        lines = [row.line for row in self._cosignatures.of(size)]
        if not all(isinstance(line, str) for line in lines):
            raise _broken(Flaw.COSIGNATURE, size, "a column of a wrong type")
        if self._policy is None:
            return
        try:
            signatures = cosigned(note, "".join(map(str, lines)), self._policy)
        except NoteInvalid as error:
            raise _broken(Flaw.COSIGNATURE, size, str(error)) from None
        self.witnessed = quorum(size, signatures, self._policy) or self.witnessed

    def _head(self, row: HeadRow, checkpoint: Checkpoint, tails: Mapping[str, Tail]) -> None:
        try:
            head = open_head(row.note, self._trust)
        except NoteInvalid as error:
            raise _broken(Flaw.AGENCY_HEAD, checkpoint.size, str(error)) from None
        told = Tail(head.leaves, head.last_entry)
        right = head.checkpoint == checkpoint and (head.agency, head.leaves) == row[1:3]
        if not right or tails.get(head.agency) != told:
            detail = f"agency {row.agency} of size {checkpoint.size}"
            raise _broken(Flaw.AGENCY_HEAD, checkpoint.size, detail)
        self.heads += 1


class _Rows(Iterator[Row]):
    """Rows by rising size, of which one is looked at ahead."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.next = next(rows, None)

    def __next__(self) -> Row:
        row, self.next = self.next, next(self._rows, None)
        if row is None:
            raise StopIteration
        return row

    @property
    def size(self) -> object:
        """The next row's size."""
        return self.next.size if self.next is not None else None

    def of(self, size: int) -> Iterator[Row]:
        """The next rows, as long as they are of this size."""
        while self.next is not None and self.next.size == size:
            yield next(self)


def _within(size: object, largest: int) -> bool:
    return isinstance(size, int) and size <= largest


def _broken(flaw: Flaw, size: object, detail: str) -> Broken:
    last = size - 1 if isinstance(size, int) else None
    return Broken(Problem(flaw=flaw, leaf_index=last, detail=detail))
