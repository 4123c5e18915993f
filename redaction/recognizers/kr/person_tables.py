"""Names in the columns of tables whose header alone says 성명: CSV, TSV, bars, aligned columns.

Reads line by line: a line with a header's word as one of its cells opens a table, which ends with
the first line that has fewer cells than that column needs. Linear in the text's length.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice

from redaction.entity import Span
from redaction.recognizers.kr.name_words import COLUMNS, grouped, is_noun
from redaction.recognizers.labels import GAP, LEAST_GAPS, is_rule

_HEADER = re.compile(rf"[\s\"']*(?:{grouped(COLUMNS)})[\s\"']*")
_ANY = re.compile(grouped(COLUMNS))
_SEPARATORS = tuple(re.compile(pattern) for pattern in (r"\t", r"\|", ",", ";", GAP))
# The whole cell: a name of one or of several words, in Hangul or in Latin letters.
_WHOLE = re.compile(
    r"[가-힣]{1,7}(?:[ ][가-힣]{1,7}){1,3}|[가-힣]{2,5}"
    r"|[A-Z][A-Za-z'-]*(?:,?[ ][A-Z][A-Za-z'.-]*){1,3}"
)
_EDGE = re.compile(r"[\s\"'*]*")
_ENDS = " \t\r\"'*"
_MOST_COLUMNS = 64

Reader = Callable[[str, int], Span | None]
"""Gives the name that begins at a position of a text, as behind a field's label."""


def in_columns(text: str, name_at: Reader) -> Iterator[Span]:
    """The names below headers, ascending within a column."""
    columns: list[int] = []
    separator = _SEPARATORS[0]
    word = _ANY.search(text) if "\n" in text else None
    start = 0
    while start < len(text) and (columns or word):
        if word and not columns:  # what stands before the next header's line is in no table
            start = max(start, text.rfind("\n", start, word.start()) + 1)
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        found = None
        if word and word.start() < end:
            found, word = _header(text[start:end]), _ANY.search(text, end)
        if found is not None:
            separator, columns = found
        elif columns and not is_rule(text[start:end]):
            cells = _cells(text, start, end, separator)
            columns = columns if len(cells) > max(columns[0], 1) else []
            for column in columns:
                if column < len(cells):
                    yield from _name(text, cells[column], name_at)
        start = end + 1


def _header(line: str) -> tuple[re.Pattern[str], list[int]] | None:
    for separator in _SEPARATORS:
        cells = separator.split(line, _MOST_COLUMNS)
        if len(cells) > (LEAST_GAPS if separator.pattern == GAP else 1):
            columns = [at for at, cell in enumerate(cells) if _HEADER.fullmatch(cell)]
            if columns:
                return separator, columns
    return None


def _cells(text: str, start: int, end: int, separator: re.Pattern[str]) -> list[tuple[int, int]]:
    cells: list[tuple[int, int]] = []
    at = start
    for gap in islice(separator.finditer(text, start, end), _MOST_COLUMNS):
        cells.append((at, gap.start()))
        at = gap.end()
    cells.append((at, end))
    return cells


def _name(text: str, cell: tuple[int, int], name_at: Reader) -> Iterator[Span]:
    start, end = cell
    edge = _EDGE.match(text, start, end)
    at = edge.end() if edge else start
    value = text[at:end].rstrip(_ENDS)
    if _WHOLE.fullmatch(value) and not any(map(is_noun, (value, *value.split()))):
        yield Span(at, at + len(value), "PERSON", 0.9, "person.column")
        return
    span = name_at(text, at) if at < end else None
    if span is not None and span.end <= end:
        yield span._replace(rule="person.column")
