"""The tree against the definitions of RFC 6962 section 2.1, and every mutation of every proof."""

import hashlib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proofs.tree import (
    Frontier,
    Range,
    inclusion_holds,
    inclusion_ranges,
    join,
    leaf_hash,
    subtrees,
)

LARGEST = 200
LEAVES = [leaf_hash(bytes([number])) for number in range(LARGEST + 1)]


def definition(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + definition(leaves[:k]) + definition(leaves[k:])).digest()


def path_definition(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962, word for word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*path_definition(index, leaves[:k]), definition(leaves[k:])]
    return [*path_definition(index - k, leaves[k:]), definition(leaves[:k])]


ROOTS = [definition(LEAVES[:size]) for size in range(LARGEST + 1)]


def hashes(ranges: Sequence[Range]) -> list[bytes]:
    """The ranges' hashes, each joined from its complete subtrees."""
    found = []
    for part in ranges:
        pieces = [
            definition(LEAVES[number << level : (number + 1) << level])
            for level, number in subtrees(part)
        ]
        found.append(join(pieces))
    return found


def mutations(path: list[bytes]) -> list[list[bytes]]:
    wrong = [path[:-1], path[1:], [*path, LEAVES[0]], [LEAVES[0], *path], path[::-1]]
    for at, value in enumerate(path):
        flipped = bytes([value[0] ^ 1]) + value[1:]
        wrong += [[*path[:at], flipped, *path[at + 1 :]], [*path[:at], *path[at + 1 :]]]
    return [one for one in wrong if one != path]


def test_frontier_has_the_defined_root_at_every_size_and_goes_on_from_its_hashes() -> None:
    grown, frontier = Frontier(), Frontier()
    for size, leaf in enumerate(LEAVES):
        frontier = Frontier(frontier.size, frontier.hashes())
        assert frontier.root() == grown.root() == ROOTS[size]
        frontier.append(leaf)
        grown.append(leaf)


def test_frontier_names_every_completed_subtree_once() -> None:
    frontier, seen = Frontier(), {}
    for leaf in LEAVES:
        for subtree, value in frontier.append(leaf):
            assert subtree not in seen
            seen[subtree] = value
    for (level, number), value in seen.items():
        assert value == definition(LEAVES[number << level : (number + 1) << level])
    assert len(seen) == sum(len(LEAVES) >> level for level in range(9))


@pytest.mark.parametrize(("size", "data"), [(1, b""), (0, bytes(32)), (3, bytes(32)), (-1, b"")])
def test_frontier_refuses_hashes_of_another_size(size: int, data: bytes) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Frontier(size, data)


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_inclusion_holds_for_every_leaf_and_only_there(size: int) -> None:
    root = ROOTS[size]
    for index in range(size):
        path = hashes(inclusion_ranges(index, size))
        assert inclusion_holds(LEAVES[index], index, size, path=path, root=root)
        assert not inclusion_holds(LEAVES[index + 1], index, size, path=path, root=root)
        assert not inclusion_holds(LEAVES[index], index + 1, size, path=path, root=root)
        assert not inclusion_holds(LEAVES[index], index, size, path=path, root=ROOTS[size - 1])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 11, 16, 31, 64, 100, 127, 200])
def test_inclusion_path_is_the_defined_one_and_every_mutation_fails(size: int) -> None:
    for index in range(size):
        path = hashes(inclusion_ranges(index, size))
        assert path == path_definition(index, LEAVES[:size])
        for wrong in mutations(path):
            assert not inclusion_holds(LEAVES[index], index, size, path=wrong, root=ROOTS[size])


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_inclusion_of_a_leaf_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_ranges(index, 5)
    assert not inclusion_holds(LEAVES[0], index, 5, path=[], root=ROOTS[5])


@given(st.integers(0, 2**40), st.integers(1, 2**40))
def test_ranges_of_huge_trees_cover_all_other_leaves(index: int, more: int) -> None:
    size = index + more
    parts = [*inclusion_ranges(index, size), Range(index, index + 1)]
    parts.sort()
    assert parts[0].start == 0
    assert parts[-1].end == size
    assert all(left.end == right.start for left, right in itertools.pairwise(parts))
    assert len(parts) <= 42
