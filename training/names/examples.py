"""Labelled texts as arrays: tokens with their features, a label each, and a coarse class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redaction.recognizers.kr.names_features import BORDER, LONGEST, LONGEST_BLOCK, Reader, Tokens
from training.names.corpus import Labelled

IGNORED = -1
COARSE = (
    "O",
    "PS",
    "LC",
    "OG",
    "DT",
    "QT",
    "CV",
    "AF",
    "TI",
    "TM",
    "MT",
    "PT",
    "AM",
    "EV",
    "FD",
    "TR",
)


@dataclass(frozen=True, slots=True)
class Block:
    """Joined texts, their tokens, and for each token its label, class and the text's number."""

    tokens: Tokens
    labels: NDArray[np.int64]
    coarse: NDArray[np.int64]
    sentence: NDArray[np.int64]


def blocks(reader: Reader, texts: Sequence[tuple[int, Labelled]]) -> list[Block]:
    """All texts, in order, in blocks; of those with a number below 0 no coarse class is known."""
    made: list[Block] = []
    part: list[tuple[int, Labelled]] = []
    room = LONGEST_BLOCK - len(BORDER)
    for number, labelled in texts:
        size = len(labelled.text) + len(BORDER)
        if size > room:
            made.append(_block(reader, part))
            part, room = [], LONGEST_BLOCK - len(BORDER)
        part.append((number, labelled))
        room -= size
    if part:
        made.append(_block(reader, part))
    return made


def _block(reader: Reader, texts: Sequence[tuple[int, Labelled]]) -> Block:
    tokens = reader.read([labelled.text for _, labelled in texts])
    labels = np.zeros(len(tokens), np.int64)
    coarse = np.zeros(len(tokens), np.int64)
    number = np.array([number for number, _ in texts], np.int64)[tokens.text]
    coarse[number < 0] = IGNORED
    first = {int(start): index for index, start in enumerate(tokens.start)}
    ends = tokens.end.tolist()
    starts = tokens.start.tolist()
    for (_, labelled), low in zip(texts, tokens.low.tolist(), strict=True):
        for start, _, fine in labelled.things:
            index = first.get(low + start)
            if index is not None and coarse[index] != IGNORED and fine[:2] in COARSE:
                coarse[index] = COARSE.index(fine[:2])
        for start, end in labelled.names:
            _label(labels, coarse, first, (starts, ends), (low + start, low + end))
    return Block(tokens, labels, coarse, number)


def _label(
    labels: NDArray[np.int64],
    coarse: NDArray[np.int64],
    first: dict[int, int],
    bounds: tuple[list[int], list[int]],
    name: tuple[int, int],
) -> None:
    start, end = name
    starts, ends = bounds
    index = first.get(start)
    if index is None:
        index = int(np.searchsorted(starts, start, "right")) - 1
        while 0 <= index < len(starts) and starts[index] < end:
            labels[index] = IGNORED
            index += 1
        return
    base = 0
    while index < len(starts) and starts[index] < end:
        length = min(end, ends[index]) - starts[index]
        labels[index] = base + min(length, LONGEST)
        if coarse[index] != IGNORED:
            coarse[index] = COARSE.index("PS")
        base = LONGEST
        index += 1
