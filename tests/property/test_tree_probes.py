"""Every inclusion and consistency case of trees to 64 leaves, and every way to corrupt one.

The ways are those of the public probes of transparency-dev/merkle (proof/verify_test.go): other
indexes, sizes and roots, and proofs with hashes added, left out, doubled, moved or changed in one
bit.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tree import LEAVES, ROOTS, definition, hashes

from gateway.proofs.tree import (
    EMPTY_ROOT,
    consistency_holds,
    consistency_ranges,
    inclusion_holds,
    inclusion_ranges,
)

LARGEST = 64
EMPTY = b""


class Inclusion(NamedTuple):
    leaf: bytes
    index: int
    size: int
    path: list[bytes]
    root: bytes

    def holds(self) -> bool:
        return inclusion_holds(self.leaf, self.index, self.size, path=self.path, root=self.root)


class Consistency(NamedTuple):
    old: int
    old_root: bytes
    new: int
    new_root: bytes
    path: list[bytes]

    def holds(self) -> bool:
        return consistency_holds(self.old, self.old_root, self.new, self.new_root, path=self.path)


def proof_definition(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2, word for word."""
    if old == len(leaves):
        return [] if whole else [definition(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if old <= k:
        return [*proof_definition(old, leaves[:k], whole), definition(leaves[k:])]
    return [*proof_definition(old - k, leaves[k:], False), definition(leaves[:k])]


def corrupted_paths(path: list[bytes], roots: Sequence[bytes]) -> Iterator[list[bytes]]:
    for extra in (EMPTY, *roots):
        yield [*path, extra]
        yield [extra, *path]
    if path:
        yield []
        yield path[:-1]
        yield path[1:]
        yield path[::-1] if path != path[::-1] else [*path, path[0]]
        yield [*path, path[-1]]
        yield [path[0], *path]
    for at, value in enumerate(path):
        yield [*path[:at], *path[at + 1 :]]
        yield [*path[:at], EMPTY, *path[at + 1 :]]
        yield [*path[:at], value[:-1], *path[at + 1 :]]
        for bit in (0, 7, 131, 255):
            flipped = bytearray(value)
            flipped[bit // 8] ^= 1 << bit % 8
            yield [*path[:at], bytes(flipped), *path[at + 1 :]]


def wrong_inclusions(right: Inclusion) -> Iterator[Inclusion]:
    leaf, index, size, path, root = right
    for other in {index - 1, index + 1, index ^ 2, index * 2, -index - 1} - {index}:
        yield right._replace(index=other)
    for other in {size * 2, size // 2, size - 1, 0, -size} - {size}:
        # Another size is told apart only where it gives the path another shape.
        if not 0 <= index < other or inclusion_ranges(index, other) != inclusion_ranges(
            index, size
        ):
            yield right._replace(size=other, root=ROOTS[other] if 0 <= other < size else root)
    for wrong in (EMPTY, root if root != leaf else EMPTY, LEAVES[size]):
        yield right._replace(leaf=wrong)
    for wrong in (EMPTY, EMPTY_ROOT, ROOTS[size - 1], ROOTS[size + 1]):
        yield right._replace(root=wrong)
    for wrong_path in corrupted_paths(path, (leaf, root)):
        yield right._replace(path=wrong_path)


def wrong_consistencies(right: Consistency) -> Iterator[Consistency]:
    old, old_root, new, new_root, path = right
    for wrong in (EMPTY, EMPTY_ROOT, ROOTS[old - 1], ROOTS[old + 1], b"\x01" * 32):
        if wrong != old_root:
            yield right._replace(old_root=wrong)
    for wrong in (EMPTY, EMPTY_ROOT, ROOTS[new - 1], ROOTS[new + 1], b"\x01" * 32):
        if wrong != new_root:
            yield right._replace(new_root=wrong)
    if old_root != new_root:
        yield right._replace(old_root=new_root, new_root=old_root)
        yield right._replace(old=new, new=old)
    for other in {old - 1, old + 1, old ^ 2, -old} - {old}:
        root = ROOTS[other] if 0 <= other <= new else old_root
        if consistency_shape(other, new) != consistency_shape(old, new):
            yield right._replace(old=other, old_root=root)
    yield right._replace(new=old - 1)
    for wrong_path in corrupted_paths(path, (old_root, new_root)):
        yield right._replace(path=wrong_path)


def consistency_shape(old: int, new: int) -> object:
    if not 0 <= old <= new:
        return None
    return old & (old - 1) == 0, old in (0, new), consistency_ranges(old, new)


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_corrupted_inclusion_proof_fails(size: int) -> None:
    for index in range(size):
        path = hashes(inclusion_ranges(index, size))
        right = Inclusion(LEAVES[index], index, size, path, ROOTS[size])
        assert right.holds()
        for wrong in wrong_inclusions(right):
            assert not wrong.holds(), (right, wrong)


@pytest.mark.parametrize("new", range(1, LARGEST + 1))
def test_every_consistency_proof_is_the_defined_one_and_every_corrupted_one_fails(
    new: int,
) -> None:
    for old in range(1, new + 1):
        path = hashes(consistency_ranges(old, new))
        assert path == proof_definition(old, LEAVES[:new])
        right = Consistency(old, ROOTS[old], new, ROOTS[new], path)
        assert right.holds()
        for wrong in wrong_consistencies(right):
            assert not wrong.holds(), (right, wrong)


@pytest.mark.parametrize("new", range(LARGEST + 1))
def test_every_tree_has_grown_out_of_the_empty_one_without_a_proof(new: int) -> None:
    assert consistency_ranges(0, new) == []
    assert consistency_holds(0, EMPTY_ROOT, new, ROOTS[new], path=[])
    assert not consistency_holds(0, EMPTY_ROOT, new, ROOTS[new], path=[ROOTS[new]])
    assert not consistency_holds(0, ROOTS[1], new, ROOTS[new], path=[])


@pytest.mark.parametrize(("old", "new"), [(1, 0), (5, 4), (-1, 3)])
def test_a_tree_that_shrank_has_no_proof(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="shrink"):
        consistency_ranges(old, new)
    assert not consistency_holds(old, ROOTS[1], new, ROOTS[1], path=[])


@given(st.integers(1, 2**61), st.integers(0, 2**61))
def test_proofs_of_huge_trees_stay_within_63_hashes(old: int, more: int) -> None:
    """The bound of c2sp.org/tlog-witness on what a request may hold; enough for 2**62 leaves."""
    ranges = consistency_ranges(old, old + more)
    assert len(ranges) <= 63
    assert all(part.start < part.end <= old + more for part in ranges)
