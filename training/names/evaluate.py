"""Strict scores of a name finder: a name counts if both of its ends are right."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from training.names.corpus import Labelled

Found = list[list[tuple[int, int]]]


class Scores(NamedTuple):
    """Precision, recall and F1 of names, each 0 to 1; and of how many."""

    precision: float
    recall: float
    f1: float
    names: int


def strict(found: Found, wanted: Sequence[Labelled]) -> Scores:
    """Compares found with labelled names, text by text."""
    right = given = names = 0
    for spans, labelled in zip(found, wanted, strict=True):
        right += len(set(spans) & set(labelled.names))
        given += len(set(spans))
        names += len(labelled.names)
    precision, recall = right / max(given, 1), right / max(names, 1)
    return Scores(precision, recall, 2 * precision * recall / max(precision + recall, 1e-9), names)


def recall_where(
    found: Found, wanted: Sequence[Labelled], counts: Callable[[str], bool]
) -> tuple[float, int]:
    """The recall of the names for which `counts` holds, and how many those are."""
    names = [
        ((start, end) in spans)
        for spans, labelled in zip(found, wanted, strict=True)
        for start, end in labelled.names
        if counts(labelled.text[start:end])
    ]
    return sum(names) / max(len(names), 1), len(names)
