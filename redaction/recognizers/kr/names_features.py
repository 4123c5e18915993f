"""What the name finder reads of a text: its tokens, and numbers that stand for what is around them.

A token is a run of Hangul, of Latin letters or of Hanja. Every feature is the hash of a substring
(polynomial, modulo 2^32, so that the hash of any substring comes from two prefix sums) or a mask of
word classes out of the dictionary; a hash picks a row of a table of weights. The same code serves
training (training/names) and detection, so that both read a text in the same way. Only arrays: the
cost is a fixed number of array operations, each linear in the text's length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]
Codes = NDArray[np.uint32]
Classes = NDArray[np.uint8]

# Classes of characters.
OTHER, SPACE, DIGIT, HANGUL, LATIN, HAN = range(6)

BORDER = "\0\0\0"
"""Stands around and between joined texts: longer than any feature reaches over a token's edge."""

LONGEST = 8
"""Syllables of one token that a label can cover."""

WINDOW = 3
"""Tokens on each side of one that is judged."""

BEFORE, BEHIND = 6, 10
"""Characters before and from the beginning of a token that is judged."""

# How many hashes describe a token (see `_substrings`), and which lengths the dictionary is asked.
HASHES = 22
PREFIXES = (2, 3, 4, 5, 6)
MASKS = 128  # masks of seven classes, of which code asks for three
PERSON, COMMON, RARE = 1, 2, 32
TOKEN_FEATURES = HASHES + len(PREFIXES) + 1

_BASE = 0x9E3779B1  # odd, so that it has an inverse modulo 2^32 (Knuth's multiplicative hashing)
_INVERSE = pow(_BASE, -1, 1 << 32)
_MIX = np.uint32(0x85EBCA6B)  # MurmurHash3's finaliser, first multiplier
_SALT = np.uint32(0x9E3779B9)
TOKEN_BITS, CHARACTER_BITS, FILTER_BITS = 17, 15, 17
TOKEN_ROWS = (1 << TOKEN_BITS) + len(PREFIXES) * MASKS + 1
CHARACTER_ROWS = (3 << CHARACTER_BITS) + 1
# Rows of `hashes` that the filter reads: a token's own, the next one's, the one's before.
_FILTER_OWN = np.array([0, 2, 3, 4, 7, 8, 9, 10, 12, 13, 15, 16, 17, 18, 19, 21])
_FILTER_NEXT = np.array([0, 2])
_FILTER_LAST = np.array([0, 13])
_MASK_ROWS = (1 << TOKEN_BITS) + np.arange(len(PREFIXES))[:, None] * MASKS
_PARTS = np.arange(3)[:, None] << CHARACTER_BITS
_STEPS = np.arange(1, 7)[:, None]
_LENGTHS = np.array(PREFIXES)[:, None]
LONGEST_BLOCK = 1 << 16
"""Characters that are read at once; a longer text is read in blocks."""


def _tables() -> tuple[Classes, NDArray[np.uint32]]:
    """For each code point of the basic plane its class, and what it is read as."""
    classes = np.zeros(1 << 16, np.uint8)
    for code in (9, 10, 11, 12, 13, 32):
        classes[code] = SPACE
    classes[0x30:0x3A] = DIGIT
    classes[0xAC00:0xD7A4] = HANGUL
    classes[0x41:0x5B] = classes[0x61:0x7B] = classes[0xC0:0x250] = LATIN
    classes[0xD7] = classes[0xF7] = OTHER
    classes[0x4E00:0xA000] = classes[0xF900:0xFB00] = classes[0x3400:0x4DC0] = HAN
    reads = np.arange(1 << 16, dtype=np.uint32)
    reads[0x30:0x3A] = 0x30
    return classes, reads


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of texts that were joined: where each begins and ends in the whole, ascending.

    `text` says which text a token belongs to, `low` and `high` where that begins and ends. `hashes`
    has a column for each token and `HASHES` rows; `masks` the dictionary's answer for each length
    of `PREFIXES`, 0 where the token is shorter. `sums` give the hash of any substring of the whole.
    """

    start: Ints
    end: Ints
    text: Ints
    low: Ints
    high: Ints
    hashes: Codes
    masks: Classes
    sums: Codes

    def __len__(self) -> int:
        return len(self.start)


class Edges(NamedTuple):
    """Where substrings of a text begin and end."""

    left: Ints
    right: Ints


class Reader:
    """Turns text into tokens and features; holds constant arrays only.

    `dictionary` is the static function of training/names/dictionary.py: three cells of it, combined
    by exclusive or, hold a fingerprint and a mask of word classes.
    """

    def __init__(self, dictionary: NDArray[np.uint16]) -> None:
        self._classes, self._reads = _tables()
        exponents = np.full(LONGEST_BLOCK + 64, _BASE, np.uint32)
        exponents[0] = 1
        self._powers = np.cumprod(exponents, dtype=np.uint32)
        exponents[1:] = _INVERSE
        self._inverse = np.cumprod(exponents, dtype=np.uint32)
        self._dictionary = dictionary
        self._third = len(dictionary) // 3
        self._salts = (np.arange(1, 65, dtype=np.uint32) * _SALT)[:, None]

    def read(self, texts: Sequence[str]) -> Tokens:
        """The tokens of texts of together at most `LONGEST_BLOCK` characters, borders included.

        A text's tokens and features do not depend on the texts beside it.
        """
        whole = BORDER + BORDER.join(texts) + BORDER
        raw = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), "<u4")
        codes = np.minimum(raw, 0xFFFF)
        classes = self._classes[codes]
        sums = np.zeros(len(codes) + 1, np.uint32)
        np.cumsum(self._reads[codes] * self._powers[: len(codes)], dtype=np.uint32, out=sums[1:])
        words = np.where(classes >= HANGUL, classes, 0)
        change = np.flatnonzero(words[1:] != words[:-1]) + 1
        start = change[words[change] > 0]
        end = change[words[change - 1] > 0]
        lengths = np.array([len(text) for text in texts], np.intp)
        low = np.cumsum(lengths + len(BORDER)) - lengths
        text = np.searchsorted(low, start, "right") - 1
        edges = self._substrings(codes, classes, start, end)
        hashes = np.empty((HASHES, len(start)), np.uint32)
        hashes[:-1] = self.substring(sums, *edges)
        hashes[-1] = self._shape(codes, classes, start, end)
        masks = self.masks(hashes[2:7], end - start)
        return Tokens(start, end, text, low, low + lengths, hashes, masks, sums)

    def hash(self, word: str) -> np.uint32:
        """The hash of one string of at most `LONGEST_BLOCK` characters."""
        tokens = np.frombuffer(word.encode("utf-32-le"), "<u4")
        read = self._reads[np.minimum(tokens, 0xFFFF)]
        return np.uint32((read * self._powers[: len(read)]).sum(dtype=np.uint32))

    def substring(self, sums: NDArray[np.uint32], start: Ints, end: Ints) -> NDArray[np.uint32]:
        """The hashes of substrings; equal substrings have equal hashes wherever they stand."""
        return (sums[end] - sums[start]) * self._inverse[start]

    def _substrings(self, codes: Codes, classes: Classes, start: Ints, end: Ints) -> Edges:
        """Where the substrings that describe each token begin and end, a row for each."""
        count = len(start)
        left = np.empty((HASHES - 1, count), np.intp)
        right = np.empty((HASHES - 1, count), np.intp)
        left[0:7] = start  # the whole word, then its beginnings of one to six
        right[0] = end
        np.minimum(start + _STEPS, end, out=right[1:7])
        left[7:12] = right[1:6]  # what stands behind one to five
        right[7:15] = end
        np.maximum(end - _STEPS[:3], start, out=left[12:15])  # the last one to three
        left[15] = np.maximum(start - 3, 0)  # the gap before it, and the one behind
        np.maximum(left[15, 1:], end[:-1], out=left[15, 1:])
        right[15] = start
        left[16] = end
        right[16] = np.minimum(end + 3, len(codes))
        np.minimum(right[16, :-1], start[1:], out=right[16, :-1])
        left[17], right[17] = right[1], right[2]  # the second character, the third, both
        left[18], right[18] = right[2], right[3]
        left[19], right[19] = right[1], right[3]
        left[20], right[20] = right[3], right[5]  # what follows a name of three
        return Edges(left, right)

    def _shape(self, codes: Codes, classes: Classes, start: Ints, end: Ints) -> Codes:
        """A number for a token's script, length, capitals and the classes of its neighbours."""
        capital = (codes[start] < 0x5B).astype(np.uint32)
        capital += (codes[end - 1] < 0x5B).astype(np.uint32) * np.uint32(2)
        shape: Codes = classes[start] * np.uint32(4) + capital
        shape = shape * np.uint32(16) + np.minimum(end - start, LONGEST + 1).astype(np.uint32)
        around: Codes = classes[start - 1] * np.uint32(8) + classes[end]
        return np.asarray(shape * np.uint32(64) + around, np.uint32)

    def masks(self, prefixes: Codes, lengths: Ints) -> Classes:
        """The dictionary's masks of beginnings of 2 to 6; 0 if unknown or longer than the token."""
        found = lookup(self._dictionary, prefixes)
        found[lengths < _LENGTHS] = 0
        return found

    def token_rows(self, tokens: Tokens, chosen: Ints) -> Ints:
        """The rows of the token table, `TOKEN_FEATURES` for each chosen token: (features, tokens).

        The table has 2^`TOKEN_BITS` hashed rows, then for each length of `PREFIXES` one for each
        mask, then one that stands for no token.
        """
        hashes = np.empty((HASHES + 1, len(chosen)), np.uint32)
        np.take(tokens.hashes, chosen, axis=1, out=hashes[:HASHES])
        masks = np.take(tokens.masks, chosen, axis=1)
        length = np.minimum(tokens.end[chosen] - tokens.start[chosen], 5).astype(np.uint32)
        pair = masks[0].astype(np.uint32) * np.uint32(MASKS) + masks[1]
        hashes[HASHES] = pair * np.uint32(8) + length
        rows = np.empty((TOKEN_FEATURES, len(chosen)), np.intp)
        rows[: HASHES + 1] = self.hashed(hashes, TOKEN_BITS)
        np.add(masks, _MASK_ROWS, out=rows[HASHES + 1 :])
        return rows

    def character_rows(self, tokens: Tokens, at: Ints) -> Ints:
        """Three rows of the character table for each position: it, it and the next, and all three.

        Shape (3, positions). The table has a third of its hashed rows for each; one more stands for
        no character.
        """
        left = np.stack([at, at, at - 1])
        right = np.stack([at + 1, at + 2, at + 2])
        rows = self.hashed(self.substring(tokens.sums, left, right), CHARACTER_BITS)
        rows += _PARTS
        return rows

    def filter_rows(self, tokens: Tokens) -> Ints:
        """The rows of the filter's table: a token's features, then its neighbours'.

        Shape (features, tokens). Neighbours count only within a text.
        """
        own, count = len(_FILTER_OWN) + len(PREFIXES), len(tokens)
        behind = own + len(_FILTER_NEXT)
        hashes = np.zeros((behind + len(_FILTER_LAST), count), np.uint32)
        np.take(tokens.hashes, _FILTER_OWN, axis=0, out=hashes[: len(_FILTER_OWN)])
        hashes[len(_FILTER_OWN) : own] = tokens.masks
        follows = tokens.text[1:] == tokens.text[:-1]
        np.multiply(tokens.hashes[_FILTER_NEXT, 1:], follows, out=hashes[own:behind, :-1])
        np.multiply(tokens.hashes[_FILTER_LAST, :-1], follows, out=hashes[behind:, 1:])
        return self.hashed(hashes, FILTER_BITS)

    def hashed(self, hashes: Codes, bits: int) -> Ints:
        """Rows of a table of 2^bits: a hash for each, each row of them salted by its number."""
        mixed = hashes + self._salts[: len(hashes)]
        mixed *= _MIX
        mixed ^= mixed >> np.uint32(15)
        mixed *= _SALT
        mixed >>= np.uint32(32 - bits)
        return mixed.astype(np.intp)


def windows(tokens: Tokens, chosen: Ints) -> Ints:
    """For each chosen token itself and its neighbours; len(tokens) where its text has none."""
    near = chosen[:, None] + np.arange(-WINDOW, WINDOW + 1)
    near[(near < 0) | (near >= len(tokens))] = len(tokens)
    own = tokens.text[chosen]
    text = np.append(tokens.text, -1)
    near[text[near] != own[:, None]] = len(tokens)
    return near


def surroundings(tokens: Tokens, chosen: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """For each chosen token the positions around its beginning, and which are outside its text.

    Both have the shape (tokens, BEFORE + 1 + BEHIND).
    """
    at = tokens.start[chosen][:, None] + np.arange(-BEFORE, BEHIND + 1)
    own = tokens.text[chosen]
    outside = (at < tokens.low[own][:, None]) | (at >= tokens.high[own][:, None])
    at[outside] = 0
    return at, outside


def lookup(dictionary: NDArray[np.uint16], keys: NDArray[np.uint32]) -> Classes:
    """The masks of keys in a static function; 0 for nearly all keys that it does not hold.

    The function is an exclusive-or filter with values (Graf and Lemire 2020, "Xor filters: faster
    and smaller than Bloom and cuckoo filters", section 3): one cell in each third, together
    nine bits of fingerprint and seven of mask. One unknown key in 512 is taken for a known one.
    """
    third = len(dictionary) // 3
    first, second, last, prints = cells(keys, third)
    value = dictionary[first] ^ dictionary[second] ^ dictionary[last]
    known = (value >> np.uint16(7)) == prints
    return np.where(known, value & np.uint16(MASKS - 1), np.uint16(0)).astype(np.uint8)


def cells(
    keys: NDArray[np.uint32], third: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.uint16]]:
    """The three cells of each key, and its fingerprint of nine bits."""
    mixed = keys.astype(np.uint64) * np.uint64(0x9FB21C651E98DF25)  # from rrmxmx (P. Evensen 2018)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0x9FB21C651E98DF25)
    size = np.uint64(third)
    ones = np.uint64((1 << 21) - 1)
    first = ((mixed & ones) * size) >> np.uint64(21)
    second = (((mixed >> np.uint64(21)) & ones) * size) >> np.uint64(21)
    last = ((mixed >> np.uint64(42)) * size) >> np.uint64(22)
    prints = ((mixed >> np.uint64(11)) ^ (mixed >> np.uint64(33))) & np.uint64(511)
    return (
        first.astype(np.intp),
        second.astype(np.intp) + third,
        last.astype(np.intp) + 2 * third,
        prints.astype(np.uint16),
    )
