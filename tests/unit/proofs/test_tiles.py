"""Names and bytes of tiles against c2sp.org/tlog-tiles."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proofs.reader import LogUnreadable
from gateway.proofs.tiles import (
    ENTRIES,
    Tile,
    TileFolder,
    Tiling,
    bundle,
    entries_of,
    parse_path,
)
from gateway.proofs.tree import leaf_hash


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 1234067), "tile/1/x001/x234/067"),
        (Tile(0, 999, 1), "tile/0/999.p/1"),
        (Tile(0, 1000, 255), "tile/0/x001/000.p/255"),
        (Tile(63, 5), "tile/63/005"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_path_is_the_specified_one(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p",
        "tile/-1/000",
        "tile/entries",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/x001/x001/x001/x001/x001/x001/000",
    ],
)
def test_any_other_path_names_no_tile(path: str) -> None:
    assert parse_path(path) is None


@given(st.integers(ENTRIES, 63), st.integers(0, 10**18 - 1), st.integers(1, 256))
def test_path_reads_back(level: int, number: int, width: int) -> None:
    tile = Tile(level, number, width)
    assert parse_path(tile.path) == tile


def test_bundle_has_each_entry_behind_its_length() -> None:
    assert bundle([b"ab", b"", b"c"]) == b"\x00\x02ab\x00\x00\x00\x01c"
    assert entries_of(b"\x00\x02ab\x00\x00\x00\x01c", 3) == [b"ab", b"", b"c"]


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\x00\x01a\x00", b"\x00\x01a" * 3]
)
def test_bundle_of_another_form_or_length_is_none(data: bytes) -> None:
    assert entries_of(data, 2) is None


def test_a_tree_of_70000_has_the_tiles_of_the_specifications_example() -> None:
    """273 full tiles and one of 112 at level 0, a full one and 17 at level 1, one at level 2."""
    tiling, full = Tiling(), []
    for number in range(70_000):
        full += [tile for tile, _ in tiling.append(b"%d" % number)]
    assert [tile for tile, _ in tiling.partial()] == [
        Tile(ENTRIES, 273, 112),
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert len(full) == len(set(full)) == 273 * 2 + 1
    assert all(tile.stands_in(70_000) for tile in full)
    assert all(tile.stands_in(70_000) for tile, _ in tiling.partial())
    assert not any(tile.stands_in(69_887) for tile, _ in tiling.partial() if tile.level < 1)


def test_a_tree_of_256_has_a_full_tile_and_a_partial_one_above() -> None:
    tiling = Tiling()
    entries = [b"%d" % number for number in range(256)]
    completed = [found for entry in entries for found in tiling.append(entry)]
    assert completed == [
        (Tile(ENTRIES, 0), bundle(entries)),
        (Tile(0, 0), b"".join(map(leaf_hash, entries))),
    ]
    level = list(map(leaf_hash, entries))
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    assert tiling.partial() == [(Tile(1, 0, 1), level[0])]
    assert tiling.tree.root() == level[0]


def test_folder_gives_bytes_none_or_says_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(b"here")
    (tmp_path / "tile").mkdir()
    (tmp_path / "long").write_bytes(bytes((1 << 20) + 1))
    folder = TileFolder(tmp_path)
    assert folder.read("checkpoint") == b"here"
    assert folder.read("tile/0/000") is None
    for path in ("tile", "long"):
        with pytest.raises(LogUnreadable):
            folder.read(path)
