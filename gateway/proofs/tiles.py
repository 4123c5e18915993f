"""The tree as static files (c2sp.org/tlog-tiles): their names, their bytes, a folder of them.

A tile holds up to 256 neighbouring hashes of one level, levels being eight apart; an entry bundle
holds the 256 entries below a tile of level 0, each behind its length in 2 bytes (big endian).
Nothing in them is about anyone: an entry is a salted hash (`entry`).
"""

import re
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from gateway.proofs.reader import LogUnreadable
from gateway.proofs.tree import HASH_BYTES, Frontier, leaf_hash

WIDTH: Final = 256
LEVELS: Final = 8  # of the tree, between the hashes of one tile and of the tile above
ENTRIES: Final = -1  # the "level" of entry bundles, below the tiles of level 0
CHECKPOINT: Final = "checkpoint"
ROTATIONS: Final = "rotations"  # ours beside the specification's: how the log's keys changed

_HIGHEST_LEVEL = 63
_LENGTH_BYTES = 2
_MOST_BYTES = 1 << 20  # of one file: a tile has 8 KiB, a full bundle of ours 9
_PLACE = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


class Tile(NamedTuple):
    """Which tile or bundle: its level, its number from the left, and how many items it has."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its address below the log's: `tile/0/x001/x234/067.p/12`."""
        digits = f"{self.number:d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        place = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{place}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @property
    def first_leaf(self) -> int:
        """The first leaf that stands below it."""
        return self.number << LEVELS * (max(self.level, 0) + 1)

    def stands_in(self, size: int) -> bool:
        """Whether a tree of so many leaves has all its items."""
        below = size >> LEVELS * max(self.level, 0)
        return self.number * WIDTH + self.width <= below


def parse_path(path: str) -> Tile | None:
    """The tile of an address in its one spelling, or None."""
    found = _PLACE.fullmatch(path)
    if not found:
        return None
    level = ENTRIES if found[1] == "entries" else int(found[1])
    number = int(found[2].replace("x", "").replace("/", ""))
    tile = Tile(level, number, int(found[3] or WIDTH))
    return tile if level <= _HIGHEST_LEVEL and tile.path == path else None


def bundle(entries: list[bytes]) -> bytes:
    """The bytes of an entry bundle."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def entries_of(data: bytes, width: int) -> list[bytes] | None:
    """The entries of a bundle that has exactly so many, or None."""
    found, at = [], 0
    while at < len(data):
        end = at + _LENGTH_BYTES + int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        found.append(data[at + _LENGTH_BYTES : end])
        at = end
    return found if at == len(data) and len(found) == width else None


def first_items(tile: Tile, full: bytes) -> bytes | None:
    """What a partial tile holds, cut from the full one; None if that is not one."""
    if tile.level != ENTRIES:
        return full[: tile.width * HASH_BYTES] if len(full) == WIDTH * HASH_BYTES else None
    entries = entries_of(full, WIDTH)
    return None if entries is None else bundle(entries[: tile.width])


class Tiling:
    """A growing tree that hands out its tiles; memory is one tile of each level."""

    def __init__(self) -> None:
        self.tree = Frontier()
        self._entries: list[bytes] = []
        self._hashes: list[list[bytes]] = [[]]
        self._done: list[int] = [0]

    def append(self, entry: bytes) -> list[tuple[Tile, bytes]]:
        """Adds a leaf; returns the full tiles that it completes, the bundle first."""
        full = []
        self._entries.append(entry)
        if len(self._entries) == WIDTH:
            full.append((Tile(ENTRIES, self._done[0]), bundle(self._entries)))
            self._entries = []
        for subtree, value in self.tree.append(leaf_hash(entry)):
            level, between = divmod(subtree.level, LEVELS)
            if between == 0:
                full += self._add(level, value)
        return full

    def _add(self, level: int, value: bytes) -> list[tuple[Tile, bytes]]:
        if level == len(self._hashes):
            self._hashes.append([])
            self._done.append(0)
        self._hashes[level].append(value)
        if len(self._hashes[level]) < WIDTH:
            return []
        whole = (Tile(level, self._done[level]), b"".join(self._hashes[level]))
        self._hashes[level] = []
        self._done[level] += 1
        return [whole]

    def partial(self) -> list[tuple[Tile, bytes]]:
        """The partial tiles at the right edge, the bundle first."""
        found = []
        if self._entries:
            found.append((Tile(ENTRIES, self._done[0], len(self._entries)), bundle(self._entries)))
        return found + [
            (Tile(level, self._done[level], len(hashes)), b"".join(hashes))
            for level, hashes in enumerate(self._hashes)
            if hashes
        ]


class TileSource(Protocol):
    """Where the files of a log are read from: a folder, or a server."""

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None if there is no such file.

        Raises:
            LogUnreadable: it cannot be known.
        """


class TileFolder:
    """A folder with `checkpoint` and `tile/…`; a TileSource."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None if there is no such file.

        Raises:
            LogUnreadable: it cannot be read, or is far too long.
        """
        try:
            with (self._folder / path).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError:
            raise LogUnreadable(f"{path} cannot be read") from None
        if len(data) > _MOST_BYTES:
            raise LogUnreadable(f"{path} is too long")
        return data


def is_tile_folder(path: Path) -> bool:
    """Whether a folder holds a log's tiles, not a ledger's database."""
    return (path / CHECKPOINT).is_file()
