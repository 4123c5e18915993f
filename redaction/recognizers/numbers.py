"""The numbers of a text, read once for all kinds: groups of digits and what separates them.

The skeleton says per group how long it is and per gap what it is, one character each, so that
`900101-1234567, 02-123-4567` reads `X6-7,2-3-4X`. A kind describes its written forms as patterns
over the skeleton, which is a hundred times shorter than the text, and looks at the digits only
where a form fits. Groups are maximal: no form begins or ends inside a run of digits.

Lengths are `1` to `9`, then `a` (10) to `z` (35 and more). Gaps:

    -    hyphen                    ␣    one to three spaces
    .    full stop, middle dot     N    tab or line break, perhaps with a hyphen
    / _ ~ : ( ) * themselves       ,    comma, bar or semicolon, perhaps with quotes
    H    one Hangul syllable       L R B X  anything else, with an ASCII letter directly behind the
                                            left group, before the right one, at both, at neither

Marks may stand between up to two spaces on each side. Linear in the text's length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from string import ascii_letters
from types import MappingProxyType
from typing import NamedTuple

from redaction.recognizers.recognizer import Reading

_GROUP = re.compile("[0-9][0-9]*")  # not +: a search strides to what a pattern begins with once
_LETTERS = frozenset(ascii_letters)
_LENGTHS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST = len(_LENGTHS) - 1
_SPACES = ("", " ", "  ")


def _gaps() -> dict[str, str]:
    gaps = {" ": " ", "  ": " ", "   ": " "}
    for before, behind in product(_SPACES, _SPACES):
        for mark in "-./_~:()*":
            gaps[f"{before}{mark}{behind}"] = mark
        gaps[f"{before}·{behind}"] = "."
        for line in ("\t", "\n", "\r\n"):
            for left, right in (("", ""), ("-", ""), ("", "-"), (" -", ""), ("", "- ")):
                gaps[f"{before}{left}{line}{right}{behind}"] = "N"
    for quote, before, mark, behind in product(("", '"', "'"), _SPACES[:2], "|,;", _SPACES[:2]):
        gaps[f"{quote}{before}{mark}{behind}{quote}"] = ","
    for before, behind in product(_SPACES[:2], _SPACES[:2]):
        gaps[f"{before}({behind}"] = "("
    gaps |= {"--": "-", "---": "-", ") ": ")", ")-": ")", " (": "(", "-(": "(", ") - ": ")"}
    return gaps


_GAPS = MappingProxyType(_gaps())
_LONGEST_GAP = max(map(len, _GAPS))


_LONGEST_SYLLABLE = 3  # with a space on each side


class Number(NamedTuple):
    """One number of a form: its range in the text, its digits, and its first and last group."""

    start: int
    end: int
    digits: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """The groups of a text in order: where each begins and ends, and the skeleton of all."""

    text: str = field(repr=False)
    starts: list[int] = field(repr=False)
    ends: list[int] = field(repr=False)
    skeleton: str = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Numbers":
        """Reads a normalised text."""
        groups = [match.span() for match in _GROUP.finditer(text)]
        if not groups:
            return cls(text, [], [], "")
        starts = [start for start, _ in groups]
        ends = [end for _, end in groups]
        signs = [_gap(text, None, starts[0])]
        last = len(groups) - 1
        for place, (start, end) in enumerate(groups):
            signs.append(_LENGTHS[min(end - start, _LONGEST)])
            following = starts[place + 1] if place < last else None
            known = None
            if following is not None and following - end <= _LONGEST_GAP:
                known = _GAPS.get(text[end:following])
            signs.append(known or _gap(text, end, following))
        return cls(text, starts, ends, "".join(signs))

    def of_shape(self, shape: re.Pattern[str]) -> list[Number]:
        """The numbers whose part of the skeleton fits, ascending; they may overlap."""
        skeleton, found = self.skeleton, []
        match = shape.search(skeleton)
        while match:
            # Signs alternate, beginning with the gap before the first group.
            found.append(self.number((match.start() - 1) // 2, (match.end() - 2) // 2))
            match = shape.search(skeleton, match.start() + 1)
        return found

    def number(self, first: int, last: int) -> Number:
        """The groups from `first` to `last` as one number."""
        starts, ends, text = self.starts, self.ends, self.text
        if first == last:
            start, end = starts[first], ends[first]
            return Number(start, end, text[start:end], first, last)
        parts = "".join([text[starts[at] : ends[at]] for at in range(first, last + 1)])
        return Number(starts[first], ends[last], parts, first, last)

    def group(self, place: int) -> str:
        """The digits of one group."""
        return self.text[self.starts[place] : self.ends[place]]

    def gap(self, place: int) -> str:
        """What stands between a group and the next one."""
        return self.text[self.ends[place] : self.starts[place + 1]]


class Form(NamedTuple):
    """One written form of a kind: its shape over skeletons, and how much that says by itself.

    `begins` is a pattern that the digits of the first group must begin with. What may not stand
    before a number is asked behind its first sign, so that a search strides over other signs.
    """

    rule: str
    shape: str
    score: float = 0.0
    begins: str = ""


class Forms:
    """The written forms of one kind, in their order."""

    def __init__(self, *forms: Form) -> None:
        self._forms = tuple(
            (form, re.compile(form.shape), re.compile(form.begins) if form.begins else None)
            for form in forms
        )
        self._any = re.compile("|".join(form.shape for form in forms))

    def stand(self, reading: Reading) -> bool:
        """Whether any number of a text has one of the forms."""
        return self._any.search(reading.shared(read_numbers).skeleton) is not None

    def numbers(self, reading: Reading) -> Iterator[tuple[Form, Number]]:
        """The numbers of a text that have one of the forms, form by form; they may overlap."""
        if not self.stand(reading):
            return
        numbers = reading.shared(read_numbers)
        skeleton = numbers.skeleton
        for form, shape, begins in self._forms:
            match = shape.search(skeleton)
            while match:
                first = (match.start() - 1) // 2
                if begins is None or begins.match(numbers.text, numbers.starts[first]):
                    yield form, numbers.number(first, (match.end() - 2) // 2)
                match = shape.search(skeleton, match.start() + 1)


def _gap(text: str, end: int | None, start: int | None) -> str:
    """The sign of a gap that is none of the usual ones; None where the text begins or ends."""
    if end is not None and start is not None and start - end <= _LONGEST_SYLLABLE:
        syllable = text[end:start].strip(" ")
        if len(syllable) == 1 and "가" <= syllable <= "힣":
            return "H"
    behind = end is not None and end < len(text) and text[end] in _LETTERS
    before = start is not None and start > 0 and text[start - 1] in _LETTERS
    if behind:
        return "B" if before else "L"
    return "R" if before else "X"


read_numbers = Numbers.of
