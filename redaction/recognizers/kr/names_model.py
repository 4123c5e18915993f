"""The name finder: which tokens of texts begin a person's name, and how far it reaches.

A logistic filter over hashed features passes some twenty percent of the tokens; for those a token
branch (the sums of feature rows of seven tokens, one hidden layer) and a character branch (rows of
seventeen characters, two residual convolutions) are merged by one hidden layer into a label: no
name, or a name of one to eight syllables that begins here (B) or continues the one before (I).
Training, data and measured quality: docs/names.md. Pure functions of the texts; NumPy only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from redaction.recognizers.kr.names_features import (
    AROUND,
    BEFORE,
    BEHIND,
    BORDER,
    CHARACTER_ROWS,
    LONGEST,
    LONGEST_BLOCK,
    PREFIXES,
    TOKEN_ROWS,
    Ints,
    Reader,
    Tokens,
    windows,
)

Floats = NDArray[np.float32]

# What both convolutions leave of a token's surroundings; the first has cut a row off the front.
_MIDDLE = np.arange(4 - BEFORE, BEHIND - 3) - 1
_NEIGHBOURS = np.array([-1, 0, 1])
_FURTHEST_GAP = 2  # characters between two words of one name


class Name(NamedTuple):
    """A name in a text: code points, end exclusive; how sure the network is, 0 to 1.

    `mask` is what the dictionary knows of it as one word: bits of names_features, 0 for nothing.
    """

    start: int
    end: int
    score: float
    mask: int = 0


class WeightsError(Exception):
    """The file of weights is not the one that belongs to this code."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The arrays of a trained finder, ready for use.

    Tables are signed bytes: small ones are sooner read. `threshold` is for sums of the filter's.
    """

    dictionary: NDArray[np.uint16]
    filter: NDArray[np.int8]
    threshold: float
    tokens: NDArray[np.int8]
    characters: NDArray[np.int8]
    dense: Mapping[str, Floats]


def load(path: Path, digest: str) -> Weights:
    """Reads a file of weights (npz, no pickles) after comparing its SHA-256 with `digest`.

    Raises:
        WeightsError: the file is missing or another one.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read {path.name}") from error
    if sha256(raw).hexdigest() != digest:
        raise WeightsError(f"{path.name} is not the file that this version was released with")
    return unpacked(raw)


def unpacked(raw: bytes) -> Weights:
    """The weights in the bytes of an npz file."""
    with np.load(BytesIO(raw), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return Weights(
        dictionary=arrays.pop("dictionary"),
        filter=arrays.pop("filter"),
        threshold=float(arrays.pop("filter.threshold")) / float(arrays.pop("filter.scale")),
        tokens=arrays.pop("tokens"),
        characters=arrays.pop("characters"),
        dense={name: value.astype(np.float32) for name, value in arrays.items()},
    )


class NameModel:
    """Finds names with given weights; holds constant arrays only."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.reader = Reader(weights.dictionary)

    def mask(self, word: str) -> int:
        """What the dictionary knows of a word of 2 to 6 syllables: bits of names_features."""
        return self.reader.mask(word)

    def find(self, texts: Sequence[str]) -> list[list[Name]]:
        """For each text its names, ascending and disjoint; each depends on its own text alone."""
        found: list[list[Name]] = [[] for _ in texts]
        for numbers, offsets, pieces in _blocks(texts):
            for where, name in self._found(pieces):
                shift = offsets[where]
                if shift:
                    name = name._replace(start=name.start + shift, end=name.end + shift)
                found[numbers[where]].append(name)
        return found

    def _found(self, texts: Sequence[str]) -> list[tuple[int, Name]]:
        tokens = self.reader.read(texts)
        chosen = self.passed(tokens)
        if not len(chosen):
            return []
        scores = self.scores(tokens, chosen)
        label = scores.argmax(1)
        named = np.flatnonzero(label)
        if not len(named):
            return []
        sure = 1 - _nobody(scores[named])
        return _joined(tokens, chosen[named], label[named], sure)

    def passed(self, tokens: Tokens) -> Ints:
        """The tokens that may begin or continue a name, by the filter."""
        if not len(tokens):
            return np.zeros(0, np.intp)
        rows = self.reader.filter_rows(tokens)
        scores = np.add.reduce(self._weights.filter.take(rows), axis=0, dtype=np.int16)
        return np.flatnonzero(scores > self._weights.threshold)

    def scores(self, tokens: Tokens, chosen: Ints) -> Floats:
        """For each chosen token a score per label."""
        dense = self._weights.dense
        near = self._token_branch(tokens, chosen)
        around = self._character_branch(tokens, chosen)
        hidden: Floats = near @ dense["merge.near"]
        hidden += around @ dense["merge.around"]
        hidden += dense["merge.bias"]
        scores: Floats = _positive(hidden) @ dense["label.weight"]
        scores += dense["label.bias"]
        return scores

    def _token_branch(self, tokens: Tokens, chosen: Ints) -> Floats:
        dense = self._weights.dense
        near = windows(tokens, chosen)
        needed = np.zeros(len(tokens) + 1, np.bool_)
        needed[near] = True
        needed[-1] = False
        places = np.flatnonzero(needed)
        slot = np.full(len(tokens) + 1, len(places), np.intp)
        slot[places] = np.arange(len(places))
        rows = self.reader.token_rows(tokens, places)
        table = self._weights.tokens
        sums = np.empty((len(places) + 1, table.shape[1]), np.float32)
        # Sums of 28 signed bytes fit into 16 bits; features first, so that the sum runs along rows.
        sums[:-1] = np.add.reduce(np.take(table, rows, axis=0), axis=0, dtype=np.int16)
        sums[-1] = table[TOKEN_ROWS - 1]
        flat = np.take(sums, slot[near], axis=0).reshape(len(chosen), -1)
        hidden: Floats = flat @ dense["near.weight"]
        hidden += dense["near.bias"]
        return _positive(hidden)

    def _character_branch(self, tokens: Tokens, chosen: Ints) -> Floats:
        dense = self._weights.dense
        # Tokens beside each other share most of their characters: each is read once.
        around = tokens.start[chosen][:, None] + AROUND
        needed = np.zeros(len(tokens.sums), np.bool_)
        needed[around] = True
        at = np.flatnonzero(needed)
        rows = self.reader.character_rows(tokens, at)
        rows[:, tokens.outside(at)] = CHARACTER_ROWS - 1
        taken = self._weights.characters.take(rows, axis=0)
        summed = np.add.reduce(taken, axis=0, dtype=np.int16)
        flow: Floats = summed * dense["characters.scale"]
        # Two residual convolutions of kernel three: neighbours at one, then at three characters.
        # The first is of all that was read; where that has a gap, nobody asks for what it says.
        inner = np.arange(1, len(at) - 1)
        flow = _convolved(flow, inner, 1, dense["conv1.weight"], dense["conv1.bias"])
        middle = np.searchsorted(at, tokens.start[chosen])[:, None] + _MIDDLE
        flow = _convolved(flow, middle.reshape(-1), 3, dense["conv2.weight"], dense["conv2.bias"])
        hidden: Floats = flow.reshape(len(chosen), -1) @ dense["around.weight"]
        hidden += dense["around.bias"]
        return _positive(hidden)


def _convolved(flow: Floats, rows: Ints, step: int, weight: Floats, bias: Floats) -> Floats:
    """Rows of `flow` plus what their neighbours at `step` say."""
    near = rows[:, None] + _NEIGHBOURS * step
    wide = flow.take(near, axis=0).reshape(len(rows), -1)
    said: Floats = wide @ weight
    said += bias
    said = _positive(said)
    said += flow.take(rows, axis=0)
    return said


def _positive(values: Floats) -> Floats:
    """The same values in place, those below nought as nought."""
    # NumPy compares two arrays faster than an array and a number.
    np.maximum(values, np.zeros_like(values), out=values)
    return values


def _nobody(scores: Floats) -> Floats:
    """How likely each row of scores makes it that no name is there: its softmax's first."""
    raised = np.exp(scores - np.maximum.reduce(scores, 1)[:, None])
    likely: Floats = raised[:, 0] / np.add.reduce(raised, 1)
    return likely


def _joined(tokens: Tokens, chosen: Ints, label: Ints, sure: Floats) -> list[tuple[int, Name]]:
    """The names that labels speak of; a continuation joins a name that ended its own token."""
    names: list[tuple[int, Name]] = []
    whole = False  # whether the last name reaches its token's end
    text = tokens.text[chosen]
    starts = (tokens.start[chosen] - tokens.low[text]).tolist()
    ends = (tokens.end[chosen] - tokens.low[text]).tolist()
    masks = tokens.masks[:, chosen].T.tolist()
    for own, start, end, mark, score, known in zip(
        text.tolist(), starts, ends, label.tolist(), sure.tolist(), masks, strict=True
    ):
        continues = mark > LONGEST
        length = mark - LONGEST if continues else mark
        stop = end if length == LONGEST else min(start + length, end)
        last = names[-1] if names else None
        if (
            continues
            and last is not None
            and last[0] == own
            and whole
            and start - last[1].end <= _FURTHEST_GAP
        ):
            joined = Name(last[1].start, stop, min(last[1].score, score))
            names[-1] = (own, joined)
        else:
            mask = known[stop - start - PREFIXES[0]] if stop - start in PREFIXES else 0
            names.append((own, Name(start, stop, score, mask)))
        whole = stop == end
    return names


def _blocks(texts: Sequence[str]) -> list[tuple[list[int], list[int], list[str]]]:
    """The texts in blocks that are read at once: their numbers, offsets and pieces.

    A longer text is cut, if possible behind a space, so that no token is.
    """
    blocks: list[tuple[list[int], list[int], list[str]]] = [([], [], [])]
    room = LONGEST_BLOCK - len(BORDER)
    left = room
    for number, text in enumerate(texts):
        at = 0
        while at < len(text):
            end = _cut(text, at, room - len(BORDER))
            if end - at + len(BORDER) > left:
                blocks.append(([], [], []))
                left = room
            numbers, offsets, pieces = blocks[-1]
            numbers.append(number)
            offsets.append(at)
            pieces.append(text[at:end])
            left -= end - at + len(BORDER)
            at = end
    return [block for block in blocks if block[0]]


def _cut(text: str, start: int, most: int) -> int:
    if len(text) - start <= most:
        return len(text)
    space = max(text.rfind(" ", start, start + most), text.rfind("\n", start, start + most))
    return space + 1 if space > start else start + most
