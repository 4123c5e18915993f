"""The Merkle tree of RFC 6962 section 2.1: hashes, inclusion proofs, and how they are checked.

Proofs are described as ranges of leaves whose hashes make them up, so that whoever stores the
hashes decides how they are fetched. The checks follow RFC 9162 sections 2.1.3.2 and 2.1.4.2.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Subtree(NamedTuple):
    """A complete subtree of 2^level leaves, the `number`-th of its size from the left."""

    level: int
    number: int


class Range(NamedTuple):
    """The leaves from `start` up to, not including, `end`: never empty."""

    start: int
    end: int


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A growing tree reduced to its complete subtrees, largest first: all that appending needs.

    Raises:
        ValueError: `hashes` is not what a tree of `size` leaves has.
    """

    def __init__(self, size: int = 0, hashes: bytes = b"") -> None:
        if size < 0 or len(hashes) != HASH_BYTES * size.bit_count():
            raise ValueError("hashes do not fit the size")
        self.size = size
        self._hashes = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]

    def append(self, leaf: bytes) -> list[tuple[Subtree, bytes]]:
        """Adds a leaf's hash; returns the subtrees that it completes, smallest first."""
        level, number, node = 0, self.size, leaf
        completed = [(Subtree(level, number), node)]
        while number & 1:
            node = node_hash(self._hashes.pop(), node)
            level, number = level + 1, number >> 1
            completed.append((Subtree(level, number), node))
        self._hashes.append(node)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The root of the tree so far."""
        return join(self._hashes) if self._hashes else EMPTY_ROOT

    def hashes(self) -> bytes:
        """What the constructor takes to go on from here."""
        return b"".join(self._hashes)


def join(hashes: Sequence[bytes]) -> bytes:
    """The node above neighbouring complete subtrees, given largest first."""
    node = hashes[-1]
    for left in reversed(hashes[:-1]):
        node = node_hash(left, node)
    return node


def subtrees(part: Range) -> list[Subtree]:
    """The complete subtrees that make up a range that a proof names, in the order `join` takes."""
    found, start = [], part.start
    while start < part.end:
        level = (part.end - start).bit_length() - 1
        found.append(Subtree(level, start >> level))
        start += 1 << level
    return found


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges whose hashes prove leaf `index` in a tree of `size` leaves, leaf's side first.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    return list(reversed(list(_path(index, Range(0, size)))))


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The ranges whose hashes prove that a tree of `new` leaves has grown out of its first `old`.

    In the order of RFC 6962 section 2.1.2; empty where nothing is to prove (old is 0 or new).

    Raises:
        ValueError: the tree has shrunk.
    """
    if not 0 <= old <= new:
        raise ValueError("a tree does not shrink")
    found: list[Range] = []
    part, whole = Range(0, new), True
    while 0 < old < part.end:
        middle = part.start + _left_size(part.end - part.start)
        if old <= middle:
            found.append(Range(middle, part.end))
            part = Range(part.start, middle)
        else:
            found.append(Range(part.start, middle))
            part, whole = Range(middle, part.end), False
    if not whole:
        found.append(part)
    return found[::-1]


def _path(index: int, part: Range) -> Iterator[Range]:
    while part.end - part.start > 1:
        middle = part.start + _left_size(part.end - part.start)
        left, right = Range(part.start, middle), Range(middle, part.end)
        if index < middle:
            yield right
            part = left
        else:
            yield left
            part = right


def _left_size(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_holds(
    leaf: bytes, index: int, size: int, *, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether `path` proves that the leaf with this hash stands at `index` under `root`."""
    if not 0 <= index < size:
        return False
    at, last, node = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(hash_, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, hash_)
        at, last = at >> 1, last >> 1
    return last == 0 and node == root


def consistency_holds(
    old: int, old_root: bytes, new: int, new_root: bytes, *, path: Sequence[bytes]
) -> bool:
    """Whether `path` proves that the tree with the new root has grown out of that with the old."""
    if not 0 <= old <= new:
        return False
    if old in (0, new):
        known = EMPTY_ROOT if old == 0 else new_root
        return not path and old_root == known and (new > 0 or new_root == EMPTY_ROOT)
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not hashes:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(hash_, before), node_hash(hash_, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, hash_)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
