"""Words that say what a number is, found once per text, and asked for around each number.

A Lexicon maps words to subjects (`전화` and `연락처` to `phone`); a kind's Labels say which
subjects help and which deny. The nearest word before a number in its line decides; if there is
none, the header of its column, then the first word behind it. Linear in the text's length.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from redaction.recognizers.recognizer import Reading


class Nearby(NamedTuple):
    """Which words stand around a number: the closest one decides whether it helps or denies.

    `behind` says that none stands before it: the one that decided follows the number. `above` says
    that it is the header of the number's column.
    """

    helps: bool = False
    denies: bool = False
    behind: bool = False
    above: bool = False


class Hits(NamedTuple):
    """Where a lexicon's words stand in a text, ascending, and the subjects of each."""

    starts: list[int]
    ends: list[int]
    subjects: list[frozenset[str]]

    def of(self, subject: str) -> Iterator[tuple[int, int]]:
        """The ranges of one subject's words, ascending."""
        for start, end, subjects in zip(self.starts, self.ends, self.subjects, strict=True):
            if subject in subjects:
                yield start, end

    def stand(self, subject: str, start: int, stop: int) -> bool:
        """Whether a word of a subject begins in a range."""
        at = bisect_left(self.starts, start)
        while at < len(self.starts) and self.starts[at] < stop:
            if subject in self.subjects[at]:
                return True
            at += 1
        return False


# Words of names in code, one by one: accountNo, ACCOUNT_NO, account-no.
_LATIN = re.compile("[A-Za-z](?:[a-z]+|(?<=[a-z])|[A-Z]*(?![a-z]))")


class Lexicon:
    """The words of one country's forms and letters, by subject."""

    def __init__(self, words: Mapping[str, str], latin: Mapping[str, str]) -> None:
        """Takes words separated by `|` per subject; a space in one may be missing in a text.

        `latin` holds words of ASCII letters, which match whole words without case.
        """
        # One and the same object for each question, so that readings find its answer again.
        self.read: Callable[[str], Hits] = self._hits
        self._subjects = _subjects(words, lambda word: word.replace(" ", ""))
        self._latin = _subjects(latin, str.lower)
        self._pattern = _pattern(words.values())
        # Per subject how its words may be written, also where another subject spells them.
        written: dict[str, list[str]] = {subject: [] for subject in (*words, *latin)}
        for word in "|".join((*words.values(), *latin.values())).split("|"):
            named = self._subjects.get(word.replace(" ", ""), frozenset())
            for subject in named | self._latin.get(word.lower(), frozenset()):
                written[subject].append(word.lower())
        self._mentions = {subject: _pattern(listed) for subject, listed in written.items()}

    def of(self, reading: Reading, subject: str) -> Iterator[tuple[int, int]]:
        """The ranges of one subject's words; a text that can hold none costs next to nothing."""
        hits = reading.known(self.read)
        # Without case a pattern may match where no word stands, but it misses none.
        if hits is None and self._mentions[subject].search(reading.shared(str.lower)):
            hits = reading.shared(self.read)
        return iter(()) if hits is None else hits.of(subject)

    def __contains__(self, word: str) -> bool:
        """Whether a whole word is one of any subject's."""
        return word in self._subjects

    def names(self, reading: Reading, subject: str) -> bool:
        """Whether any word of a subject stands in a text."""
        return next(iter(self.of(reading, subject)), None) is not None

    def _hits(self, text: str) -> Hits:
        """All words in a text; of two at one place the longer."""
        found = [
            (match.start(), match.end(), self._subjects[match[0].replace(" ", "")])
            for match in self._pattern.finditer(text)
            if len(match[0]) > _LETTERED or not _within_latin(text, match.start())
        ]
        words = [
            (match.start(), match.end(), subjects)
            for match in _LATIN.finditer(text)
            if (subjects := self._latin.get(match[0].lower()))
        ]
        if words:
            found = sorted(found + words, key=_start)
        return Hits(
            [start for start, _, _ in found],
            [end for _, end, _ in found],
            [subjects for _, _, subjects in found],
        )


def _within_latin(text: str, start: int) -> bool:
    """Whether a Latin letter stands directly behind another: the M of iM)."""
    around = text[start - 1 : start + 1] if start else ""
    return around.isascii() and around.isalpha()


def _subjects(words: Mapping[str, str], plain: Callable[[str], str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for subject, listed in words.items():
        for word in map(plain, listed.split("|")):
            found[word] = found.get(word, frozenset()) | {subject}
    return found


def _pattern(lists: Iterable[str]) -> re.Pattern[str]:
    """Any of the words of lists, by first letter: a search strides over every other character."""
    rests: dict[str, set[str]] = {}
    for word in "|".join(lists).split("|"):
        rests.setdefault(word[0], set()).add(word[1:])
    return re.compile(
        "|".join(
            f"{re.escape(first)}(?:{'|'.join(map(_spelled, sorted(rest, key=_longest)))})"
            for first, rest in rests.items()
        )
    )


def _start(hit: tuple[int, int, frozenset[str]]) -> int:
    return hit[0]


def _longest(word: str) -> tuple[int, str]:
    return -len(word), word


def _spelled(word: str) -> str:
    return re.escape(word).replace(r"\ ", "[ ]?")


# How far a label reaches: a form's label, its colon and a bank's or holder's name fit in front; in
# running text "… 이 번호가 제 여권번호" names the kind behind.
_REACH_BEFORE = 28
_REACH_BEHIND = 24
_LEADING = " \t|:·-*\"'"
_LETTERED = 2  # labels no longer than this are a letter and a sign: M), T.
_ENDS_LINE = re.compile(r"[^0-9A-Za-z\n]{0,12}")


@dataclass(frozen=True, slots=True)
class Labels:
    """Subjects that name a kind of number, and all those that name it or another one."""

    lexicon: Lexicon
    helping: frozenset[str]
    relevant: frozenset[str]

    @classmethod
    def of(cls, lexicon: Lexicon, helping: str, denying: str) -> "Labels":
        """Both arguments are subjects, separated by spaces."""
        helps = frozenset(helping.split())
        return cls(lexicon, helps, helps | frozenset(denying.split()))

    def around(self, reading: Reading, start: int, end: int) -> Nearby:
        """The nearest word before the number in its line; if there is none, the first behind it."""
        hits, text = reading.shared(self.lexicon.read), reading.text
        if not hits.starts:
            return Nearby()
        floor = max(0, start - _REACH_BEFORE)
        line = text.rfind("\n", floor, start)
        found = self._before(hits, floor if line < 0 else line + 1, start)
        if found is not None:
            return self._nearby(hits.subjects[found])
        for cell in reading.shared(read_table).headers_above(start):
            found = self._before(hits, *cell)
            if found is not None:
                return self._nearby(hits.subjects[found])._replace(above=True)
        # A form may put the label on a line of its own: the line above counts if it ends with it.
        if line >= 0 and not text[line + 1 : start].strip(_LEADING):
            found = self._before(hits, floor, line)
            if found is not None and _ENDS_LINE.fullmatch(text, hits.ends[found], line):
                return self._nearby(hits.subjects[found])
        stop = text.find("\n", end, end + _REACH_BEHIND)
        found = self._behind(hits, end, stop if stop >= 0 else end + _REACH_BEHIND)
        if found is None:
            return Nearby()
        return self._nearby(hits.subjects[found])._replace(behind=True)

    def _nearby(self, subjects: frozenset[str]) -> Nearby:
        helps = not subjects.isdisjoint(self.helping)
        return Nearby(helps, not helps)

    def _before(self, hits: Hits, floor: int, end: int) -> int | None:
        """Which is the last relevant word that begins and ends in a range."""
        at = bisect_left(hits.starts, end) - 1
        while at >= 0 and hits.starts[at] >= floor:
            if hits.ends[at] <= end and not self.relevant.isdisjoint(hits.subjects[at]):
                return at
            at -= 1
        return None

    def _behind(self, hits: Hits, start: int, stop: int) -> int | None:
        at = bisect_left(hits.starts, start)
        while at < len(hits.starts) and hits.ends[at] <= stop:
            if not self.relevant.isdisjoint(hits.subjects[at]):
                return at
            at += 1
        return None


_WIDE = "  "
GAP = r"(?<=[^ \n])[ ]{2,}(?=[^ \n])"
"""A pattern of what separates aligned columns."""

LEAST_GAPS = 2
"""Of a header: prose has two spaces now and then."""

# A separator, or a quoted cell as a whole (RFC 4180 section 2); last the gaps of aligned columns.
_CELLS = MappingProxyType(
    {
        mark: re.compile(rf'"[^"\n]*"|(?P<mark>{GAP if mark == _WIDE else re.escape(mark)})')
        for mark in ("\t", "|", ";", " / ", ",", _WIDE)
    }
)
_RULE = " |+:=-\r"
_WIDEST_LINE = 2_000
_DIGIT = re.compile("[0-9]")


def _marks(text: str, mark: str, start: int, end: int) -> list[int]:
    """Where the cells of a part of a line end."""
    found = _CELLS[mark].finditer(text, start, end)
    return [match.start() for match in found if match["mark"]]


def _times(line: str, mark: str) -> int:
    """How many cells of a line end."""
    plain = '"' not in line and mark != _WIDE
    return line.count(mark) if plain else len(_marks(line, mark, 0, len(line)))


def is_rule(line: str) -> bool:
    """Whether a line only separates a table's header from its rows: ----+----, |:--|--:|."""
    return "--" in line and not line.strip(_RULE)


class _Header(NamedTuple):
    """The first line of a table: where it begins, what separates its cells, how many times.

    `above` is the header that the lines before had, if those had as many cells.
    """

    start: int
    mark: str
    times: int
    above: "_Header | None" = None


_MOST_HEADERS = 4  # of one cell: a table may stand directly below another one


@dataclass(frozen=True, slots=True)
class Table:
    """Lines whose cells stand below those of a header: CSV, TSV, Markdown, aligned columns.

    A header is the first of consecutive lines with the same number of its separator, and any of
    them that has no digit while the line before it has. `lines` are where lines begin; `headers`
    says per line which header it has.
    """

    text: str = field(repr=False)
    lines: list[int] = field(repr=False)
    headers: list[_Header | None] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Table":
        """Reads a normalised text."""
        lines: list[int] = []
        headers: list[_Header | None] = []
        start, header, digits = 0 if "\n" in text else -1, None, False
        while start >= 0:
            end = text.find("\n", start)
            stop = end if end >= 0 else len(text)
            if not is_rule(text[start:stop]):
                above, header = header, _header(text, start, stop, header)
                before, digits = digits, _DIGIT.search(text, start, stop) is not None
                if header is not None and header is above and before and not digits:
                    header = _Header(start, header.mark, header.times, header)
            lines.append(start)
            headers.append(header)
            start = end + 1 if end >= 0 else -1
        return cls(text, lines, headers)

    def headers_above(self, position: int) -> Iterator[tuple[int, int]]:
        """The ranges of the headers' cells above a position, the nearest first."""
        line = bisect_right(self.lines, position) - 1
        header = self.headers[line] if line >= 0 else None
        if header is None or header.start == self.lines[line]:
            return
        column = len(_marks(self.text, header.mark, self.lines[line], position + 1))
        for _ in range(_MOST_HEADERS):
            start = header.start
            end = self.text.index("\n", start)
            marks = [start - 1, *_marks(self.text, header.mark, start, end), end]
            if column + 1 < len(marks):
                yield marks[column] + 1, marks[column + 1]
            if header.above is None:
                return
            header = header.above

    def below(self, positions: Iterable[int]) -> Iterator[tuple[int, int]]:
        """The cells below those cells of headers that hold one of the positions, line by line."""
        columns: dict[int, set[int]] = {}
        for position in positions:
            line = bisect_right(self.lines, position) - 1
            header = self.headers[line] if line >= 0 else None
            if header is not None and header.start == self.lines[line]:
                marks = _marks(self.text, header.mark, header.start, position + 1)
                columns.setdefault(header.start, set()).add(len(marks))
        for start, header in zip(self.lines, self.headers, strict=True):
            if header is None or header.start == start or header.start not in columns:
                continue
            end = self.text.find("\n", start)
            end = end if end >= 0 else len(self.text)
            marks = [start - 1, *_marks(self.text, header.mark, start, end), end]
            for column in columns[header.start]:
                if column + 1 < len(marks):  # a rule has no cells
                    yield marks[column] + 1, marks[column + 1]


def _header(text: str, start: int, end: int, above: _Header | None) -> _Header | None:
    """The header of a line, given that of the line above."""
    if not 0 < end - start <= _WIDEST_LINE:
        return None
    line = text[start:end]
    if above is not None and _times(line, above.mark) == above.times:
        return above
    if '":' in line:
        return None  # objects of JSON, line by line
    for mark in _CELLS:
        if mark in line and (times := _times(line, mark)) >= (LEAST_GAPS if mark == _WIDE else 1):
            return _Header(start, mark, times)
    return None


read_table = Table.of
