"""Verification of a log's tiles, from a folder or a server, with nothing but pinned keys.

The procedure, ending at the first thing that is wrong:

1. The log's account of its keys follows those that are pinned; its checkpoint is signed by one of
   them all.
2. Every entry bundle in order: it has its entries, each of the form that says nothing; their hashes
   are those of the tile of level 0, and the tree grows by them. Every tile above holds the hashes
   that the tree makes.
3. The tree's root is the checkpoint's.
4. The cosignatures of the policy's witnesses are right, and are a quorum or not.

So every bit of every file is checked. What it cannot see: what the entries stand for, which only
the events say, and whether there is a newer checkpoint, for which witnesses are asked.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.proofs.entry import is_entry
from gateway.proofs.note import Checkpoint, NoteInvalid
from gateway.proofs.policy import Policy
from gateway.proofs.reader import LogUnreadable
from gateway.proofs.records import Broken, Flaw, Problem
from gateway.proofs.rotation import RotationInvalid
from gateway.proofs.tiles import (
    CHECKPOINT,
    ENTRIES,
    ROTATIONS,
    WIDTH,
    Tile,
    TileSource,
    Tiling,
    entries_of,
    first_items,
)
from gateway.proofs.trust import Trust
from gateway.proofs.witnessed import Witnessed, cosigned, quorum


@dataclass(frozen=True, slots=True, kw_only=True)
class TileReport:
    """What was found; `root` is hex, `files` counts bundles and tiles, `witnesses` are
    administrations and `witnessed_at` is in Unix seconds, None without a quorum.
    """

    origin: str
    size: int
    root: str
    files: int
    problem: Problem | None
    witnessed: bool
    witnessed_size: int
    witnessed_at: int | None
    witnesses: tuple[str, ...]


def rotations_file(rotations: Sequence[str]) -> bytes:
    """The file beside the tiles that says how the log's keys changed: a JSON array of notes."""
    return json.dumps(list(rotations), ensure_ascii=False, indent=1).encode() + b"\n"


def verify_tiles(source: TileSource, trust: Trust, policy: Policy | None = None) -> TileReport:
    """Verifies all tiles.

    Raises:
        LogUnreadable: they cannot be read, or there is no checkpoint.
    """
    run = TileRun(source, trust, policy)
    for _ in run.entries():
        pass
    return run.report()


class TileRun:
    """One verification that hands out the entries as it goes.

    Read `entries` to its end, then ask for the report: what was wrong ended the entries early.

    Raises:
        LogUnreadable: at once, without a checkpoint.
    """

    def __init__(self, source: TileSource, trust: Trust, policy: Policy | None = None) -> None:
        self._source = source
        self._trust = trust
        self._policy = policy
        self._tiling = Tiling()
        self._files = 0
        self._problem: Problem | None = None
        self._witnessed: Witnessed | None = None
        note = source.read(CHECKPOINT)
        if note is None:
            raise LogUnreadable("no checkpoint")
        self._note = note.decode(errors="replace")

    def entries(self) -> Iterator[bytes]:
        """Every entry in order, each after its bundle was checked against its tile."""
        try:
            checkpoint = self._checkpoint()
            yield from self._walk(checkpoint.size)
            for tile, data in self._tiling.partial():
                self._compare(tile, data)
            if self._tiling.tree.root() != checkpoint.root:
                raise _broken(Flaw.ROOT, checkpoint.size - 1, "")
        except Broken as broken:
            self._problem = broken.problem

    @property
    def known_keys(self) -> Trust:
        """The pins, with the log's own account of its keys unless that is wrong: `report` tells."""
        try:
            return self._followed()
        except Broken:
            return self._trust

    def report(self) -> TileReport:
        """What was found."""
        tree, witnessed = self._tiling.tree, self._witnessed
        found = witnessed if self._problem is None else None
        return TileReport(
            origin=self._trust.origin,
            size=tree.size,
            root=tree.root().hex(),
            files=self._files,
            problem=self._problem,
            witnessed=found is not None,
            witnessed_size=found.size if found else 0,
            witnessed_at=found.signed_at if found else None,
            witnesses=found.administrations if found else (),
        )

    def _checkpoint(self) -> Checkpoint:
        trust = self._followed()
        try:
            opened = trust.open(self._note)
            found = Checkpoint.parse(opened.text)
            signatures = cosigned(self._note, "", self._policy) if self._policy else ()
        except NoteInvalid as error:
            raise _broken(Flaw.CHECKPOINT, None, str(error)) from None
        if found.origin != trust.origin:
            raise _broken(Flaw.CHECKPOINT, None, "another log's")
        if self._policy:
            self._witnessed = quorum(found.size, signatures, self._policy)
        return found

    def _followed(self) -> Trust:
        raw = self._source.read(ROTATIONS)
        if not raw:
            return self._trust
        try:
            notes = json.loads(raw)
            return self._trust.followed(notes if isinstance(notes, list) else [notes])
        except (ValueError, RecursionError, RotationInvalid) as error:
            raise _broken(Flaw.ROTATION, None, str(error)) from None

    def _walk(self, size: int) -> Iterator[bytes]:
        for number in range(-(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            bundle = Tile(ENTRIES, number, width)
            entries = entries_of(self._read(bundle), width)
            if entries is None:
                raise _broken(Flaw.TILE, bundle.first_leaf, bundle.path)
            for at, entry in enumerate(entries):
                if not is_entry(entry):
                    raise _broken(Flaw.ENTRY, bundle.first_leaf + at, "not an entry of this form")
            full = [found for entry in entries for found in self._tiling.append(entry)]
            self._files += 1
            for tile, data in full:
                self._compare(tile, data)
            yield from entries

    def _compare(self, tile: Tile, data: bytes) -> None:
        if tile.level == ENTRIES:
            return  # read above: the tree is made of it
        if self._read(tile) != data:
            raise _broken(Flaw.TILE, tile.first_leaf, tile.path)
        self._files += 1

    def _read(self, tile: Tile) -> bytes:
        """A partial tile may have gone once the full one is there."""
        data = self._source.read(tile.path)
        if data is None and tile.width < WIDTH:  # a partial one may go once the full one is there
            full = self._source.read(tile._replace(width=WIDTH).path)
            data = None if full is None else first_items(tile, full)
        if data is None:
            raise _broken(Flaw.TILE_MISSING, tile.first_leaf, tile.path)
        return data


def _broken(flaw: Flaw, leaf_index: int | None, detail: str) -> Broken:
    return Broken(Problem(flaw=flaw, leaf_index=leaf_index, detail=detail))
