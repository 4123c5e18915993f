"""Rows as a table on a terminal, where a Hangul syllable is as wide as two Latin letters."""

import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

_WIDE = frozenset("WF")  # Unicode Standard Annex #11


def width(text: str) -> int:
    """Cells that a text takes on a terminal."""
    return sum(1 + (unicodedata.east_asian_width(char) in _WIDE) for char in text)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows with their cells below each other, two spaces apart; each row ends its line."""
    widths = [max(map(width, column)) for column in zip_longest(*rows, fillvalue="")]
    return "".join(
        "  ".join(
            cell + " " * (cells - width(cell)) for cell, cells in zip(row, widths, strict=False)
        ).rstrip()
        + "\n"
        for row in rows
    )
