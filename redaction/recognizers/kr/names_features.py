"""What the name finder reads of a text: its tokens, and numbers that stand for what is around them.

A token is a run of Hangul, of Latin letters or of Hanja. Every feature is the hash of a substring
(polynomial, modulo 2^32, so that the hash of any substring comes from two prefix sums) or a mask of
word classes out of the dictionary; a hash picks a row of a table of weights. The same code serves
training (training/names) and detection, so that both read a text in the same way. Only arrays: the
cost is a fixed number of array operations, each linear in the text's length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.intp]
Codes = NDArray[np.uint32]
Classes = NDArray[np.uint8]

# Classes of characters.
OTHER, SPACE, DIGIT, HANGUL, LATIN, HAN = range(6)

LONGEST = 8
"""Syllables of one token that a label can cover."""

WINDOW = 3
"""Tokens on each side of one that is judged."""

BEFORE, BEHIND = 6, 10
"""Characters before and from the beginning of a token that is judged."""

AROUND = np.arange(-BEFORE, BEHIND + 1)
"""The same, relative to the beginning."""

BORDER = "\0" * (BEFORE + BEHIND)
"""Stands around and between joined texts: no feature of a token reaches beyond it."""

# How many hashes describe a token (see `_LEFT`), and which lengths the dictionary is asked.
HASHES = 22
PREFIXES = (2, 3, 4, 5, 6)
MASKS = 128  # masks of seven classes, of which code asks for four
PERSON, COMMON, PLACE, RARE = 1, 2, 4, 32
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
_FILTER_NEXT = slice(0, 3, 2)
_FILTER_LAST = slice(0, 14, 13)
_MASK_ROWS = (1 << TOKEN_BITS) + np.arange(len(PREFIXES))[:, None] * MASKS
_PARTS = np.arange(3)[:, None] << CHARACTER_BITS
# Beside a character: where it and what is read with it begin and end.
_BESIDE = np.array([-1, 0, 1, 2])[:, None]
_FROM, _TO = np.array([1, 1, 0]), np.array([2, 3, 3])
_STEPS = np.arange(7)[:, None]
_LENGTHS = np.array(PREFIXES)[:, None]
_NEAR = np.arange(-WINDOW, WINDOW + 1)
# Where the substrings that describe a token may begin or end, a row for each (see `_places`).
_START, _END, _LAST, _GAP, _AHEAD, _GAP_BEHIND = 0, 7, 8, 11, 12, 13
_PLACES = 14
_BEFORE_START = np.array([[3], [1]])
# The substrings: the word and its beginnings of one to six; what stands behind one to five; the
# last one to three; the gaps before and behind it; the second character, the third, both; what
# follows a name of three.
_LEFT = np.array([*[_START] * 7, 1, 2, 3, 4, 5, 8, 9, 10, _GAP, _END, 1, 2, 1, 3])
_RIGHT = np.array([_END, 1, 2, 3, 4, 5, 6, *[_END] * 8, _START, _GAP_BEHIND, 2, 3, 3, 5])
_EDGES = np.array([_START, _LAST, _AHEAD, _END])
_CAPITAL = 8  # a bit of a character's kind, beside its class
_KINDS = 16
_EDGE_ROWS = np.arange(len(_EDGES), dtype=np.uint8)[:, None] * _KINDS
_MIXER = 0x9FB21C651E98DF25  # of rrmxmx (P. Evensen 2018)
_ALL = (1 << 64) - 1
_THIRDS = np.arange(3)[:, None]
# Which bits of a mixed key, from which on and how many, say where its cell in each third is.
_FIELDS = ((0, 21), (21, 21), (42, 22))
_SHIFTS, _BITS = np.array(_FIELDS, np.uint64).T[:, :, None]
_FIELD = (np.uint64(1) << _BITS) - np.uint64(1)
LONGEST_BLOCK = 1 << 16
"""Characters that are read at once; a longer text is read in blocks."""


def _tables() -> tuple[Classes, Codes]:
    """For each code point of the basic plane its kind, and what it is read as."""
    classes = np.zeros(1 << 16, np.uint8)
    for code in (9, 10, 11, 12, 13, 32):
        classes[code] = SPACE
    classes[0x30:0x3A] = DIGIT
    classes[0xAC00:0xD7A4] = HANGUL
    classes[0x41:0x5B] = classes[0x61:0x7B] = classes[0xC0:0x250] = LATIN
    classes[0xD7] = classes[0xF7] = OTHER
    classes[0x4E00:0xA000] = classes[0xF900:0xFB00] = classes[0x3400:0x4DC0] = HAN
    classes[:0x5B] += _CAPITAL
    reads = np.arange(1 << 16, dtype=np.uint32)
    reads[0x30:0x3A] = 0x30
    return classes, reads


def _shapes() -> Codes:
    """What the kinds of `_EDGES` add to the number of a token's shape, a row for each of them."""
    kinds = np.arange(_KINDS, dtype=np.uint32)
    classes, capital = kinds % _CAPITAL, kinds // _CAPITAL
    first, last = (classes * 4 + capital) << 10, (capital * 2) << 10
    return np.concatenate([first, last, classes * 8, classes])


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

    def outside(self, places: Ints) -> NDArray[np.bool_]:
        """Which places of the whole are in no text."""
        text = self.low.searchsorted(places, "right") - 1
        return (text < 0) | (places >= self.high.take(text))


class Reader:
    """Turns text into tokens and features; holds constant arrays only.

    `dictionary` is the static function of training/names/dictionary.py: three cells of it, combined
    by exclusive or, hold a fingerprint and a mask of word classes.
    """

    def __init__(self, dictionary: NDArray[np.uint16]) -> None:
        self._kinds, self._reads = _tables()
        classes = self._kinds % _CAPITAL
        self._words = np.where(classes >= HANGUL, classes, OTHER)
        self._shapes = _shapes()
        exponents = np.full(LONGEST_BLOCK + 64, _BASE, np.uint32)
        exponents[0] = 1
        self._powers = np.cumprod(exponents, dtype=np.uint32)
        exponents[1:] = _INVERSE
        self._inverse = np.cumprod(exponents, dtype=np.uint32)
        self._dictionary = dictionary
        self._salts = (np.arange(1, 65, dtype=np.uint32) * _SALT)[:, None]

    def read(self, texts: Sequence[str]) -> Tokens:
        """The tokens of texts of together at most `LONGEST_BLOCK` characters, borders included.

        A text's tokens and features do not depend on the texts beside it.
        """
        whole = BORDER + BORDER.join(texts) + BORDER
        raw = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), "<u4")
        codes = np.minimum(raw, 0xFFFF).astype(np.intp)
        sums = np.empty(len(codes) + 1, np.uint32)
        sums[0] = 0
        np.multiply(self._reads.take(codes), self._powers[: len(codes)], out=sums[1:])
        np.add.accumulate(sums, out=sums)
        words = self._words.take(codes)
        change = np.flatnonzero(words[1:] != words[:-1])
        end = change[words.take(change) > 0] + 1
        change += 1
        start = change[words.take(change) > 0]
        lengths = [len(text) for text in texts]
        high = np.array([*accumulate(len(BORDER) + length for length in lengths)], np.intp)
        low = high - np.array(lengths, np.intp)
        text = low.searchsorted(start, "right") - 1
        places = _places(start, end)
        hashes = np.empty((HASHES, len(start)), np.uint32)
        read, inverse = sums.take(places), self._inverse.take(places)
        np.subtract(read.take(_RIGHT, 0), read.take(_LEFT, 0), out=hashes[:-1])
        hashes[:-1] *= inverse.take(_LEFT, 0)
        length = end - start
        hashes[-1] = self._shape(codes.take(places.take(_EDGES, 0)), length)
        masks = self.masks(hashes[2:7], length)
        return Tokens(start, end, text, low, high, hashes, masks, sums)

    def hash(self, word: str) -> np.uint32:
        """The hash of one string of at most `LONGEST_BLOCK` characters."""
        tokens = np.frombuffer(word.encode("utf-32-le"), "<u4")
        read = self._reads[np.minimum(tokens, 0xFFFF)]
        return np.uint32((read * self._powers[: len(read)]).sum(dtype=np.uint32))

    def mask(self, word: str) -> int:
        """The dictionary's mask of one string; 0 if it is unknown.

        As `lookup` says of its hash, but without arrays: of one string they take much longer.
        """
        key = 0
        for char in reversed(word):
            key = (key * _BASE + int(self._reads[min(ord(char), 0xFFFF)])) & 0xFFFFFFFF
        mixed = key * _MIXER & _ALL
        mixed = (mixed ^ mixed >> 32) * _MIXER & _ALL
        third, value = len(self._dictionary) // 3, ((mixed >> 11 ^ mixed >> 33) & 511) << 7
        for part, (shift, bits) in enumerate(_FIELDS):
            field = mixed >> shift & (1 << bits) - 1
            value ^= self._dictionary.item(part * third + (field * third >> bits))
        return value if value < MASKS else 0

    def _shape(self, codes: Ints, length: Ints) -> Codes:
        """A number for tokens' script, length, capitals and the classes of their neighbours."""
        kinds = self._kinds.take(codes) + _EDGE_ROWS
        shape = np.add.reduce(self._shapes.take(kinds), 0, dtype=np.uint32)
        shape += np.minimum(length, LONGEST + 1).astype(np.uint32) << np.uint32(6)
        return np.asarray(shape)

    def masks(self, prefixes: Codes, lengths: Ints) -> Classes:
        """The dictionary's masks of beginnings of 2 to 6; 0 if unknown or longer than the token."""
        whole = lengths >= _LENGTHS
        found = lookup(self._dictionary, prefixes * whole)  # all others ask for one and the same
        found *= whole
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
        read = tokens.sums.take(at + _BESIDE)
        hashes = read.take(_TO, 0)
        hashes -= read.take(_FROM, 0)
        hashes *= self._inverse.take(at + _BESIDE[:2]).take(_FROM, 0)
        rows = self.hashed(hashes, CHARACTER_BITS)
        rows += _PARTS
        return rows

    def filter_rows(self, tokens: Tokens) -> Ints:
        """The rows of the filter's table: a token's features, then its neighbours'.

        Shape (features, tokens). Neighbours count only within a text.
        """
        own, count = len(_FILTER_OWN) + len(PREFIXES), len(tokens)
        behind = own + 2
        hashes = np.zeros((behind + 2, count), np.uint32)
        hashes[: len(_FILTER_OWN)] = tokens.hashes.take(_FILTER_OWN, axis=0)
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


def _places(start: Ints, end: Ints) -> Ints:
    """Where the substrings of each token may begin or end: (`_PLACES`, tokens)."""
    places = np.empty((_PLACES, len(start)), np.intp)
    np.minimum(start + _STEPS, end, out=places[_START:_END])
    np.maximum(end - _STEPS[:4], start, out=places[_END:_GAP])
    np.subtract(start, _BEFORE_START, out=places[_GAP:_GAP_BEHIND])
    np.maximum(places[_GAP, 1:], end[:-1], out=places[_GAP, 1:])
    np.add(end, 3, out=places[_GAP_BEHIND])
    np.minimum(places[_GAP_BEHIND, :-1], start[1:], out=places[_GAP_BEHIND, :-1])
    return places


def windows(tokens: Tokens, chosen: Ints) -> Ints:
    """For each chosen token itself and its neighbours; len(tokens) where its text has none."""
    near = chosen[:, None] + _NEAR
    nobody = np.full(WINDOW, -1)
    text = np.concatenate((nobody, tokens.text, nobody)).take(near + WINDOW)
    near[text != text[:, WINDOW, None]] = len(tokens)
    return near


def lookup(dictionary: NDArray[np.uint16], keys: NDArray[np.uint32]) -> Classes:
    """The masks of keys in a static function; 0 for nearly all keys that it does not hold.

    The function is an exclusive-or filter with values (Graf and Lemire 2020, "Xor filters: faster
    and smaller than Bloom and cuckoo filters", section 3): one cell in each third, together
    nine bits of fingerprint and seven of mask. One unknown key in 512 is taken for a known one.
    """
    places, prints = cells(keys.reshape(-1), len(dictionary) // 3)
    value: NDArray[np.uint16] = np.bitwise_xor.reduce(dictionary.take(places), 0)
    value ^= prints << np.uint16(7)  # what is left of a known key's cells is its mask
    value *= value < MASKS
    return value.astype(np.uint8).reshape(keys.shape)


def cells(keys: NDArray[np.uint32], third: int) -> tuple[Ints, NDArray[np.uint16]]:
    """The cells of keys in the three thirds, a row for each third, and the fingerprints."""
    mixed = keys.astype(np.uint64)
    mixed *= np.uint64(_MIXER)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(_MIXER)
    places = mixed >> _SHIFTS
    places &= _FIELD
    places *= np.uint64(third)
    places >>= _BITS
    prints = ((mixed >> np.uint64(11)) ^ (mixed >> np.uint64(33))).astype(np.uint16)
    return places.astype(np.intp) + _THIRDS * third, prints & np.uint16(511)
