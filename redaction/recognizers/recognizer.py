"""What a recognizer is, what a pack of them is, and how words around a number count as evidence.

A recognizer takes normalised text and yields the spans of one kind; it is pure, keeps no state and
reads each character a bounded number of times. Nothing here knows Presidio, policies or surrogates.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from redaction.entity import Span

# A span below this score is not reported: what is weaker than even odds is noise to a reader.
LEAST_SCORE = 0.5


class Canary(NamedTuple):
    """A sentence with synthetic data that every loaded detector must find: text and value."""

    entity: str
    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Recognizer:
    """Finds one kind of personal datum in normalised text.

    `find` yields spans in any order; they may overlap. Each span's `rule` begins with `entity`'s
    kind and never holds text. `numeric` kinds have at least seven digits, and nothing beyond
    `CONTEXT` characters around them matters: they are looked for only where digits are.
    """

    entity: str
    find: Callable[[str], Iterator[Span]]
    canary: Canary
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Pack:
    """The recognizers of one country; `version` changes whenever a text could give other spans."""

    name: str
    version: str
    recognizers: tuple[Recognizer, ...]


class Nearby(NamedTuple):
    """Which words stand around a number: the closest one decides whether it helps or denies.

    `behind` says that none stands before it: the one that decided follows the number.
    """

    helps: bool = False
    denies: bool = False
    behind: bool = False


# How far a label reaches: a form's label, its colon and a bank's or holder's name fit in front; in
# running text "… 이 번호가 제 여권번호" names the kind behind.
_REACH_BEFORE = 28
_REACH_BEHIND = 24


@dataclass(frozen=True, slots=True)
class Labels:
    """Words that name a kind of number (`helping`) and words that name another (`denying`)."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, helping: str, denying: str) -> "Labels":
        """Both arguments are alternations of a regular expression, matched without case."""
        return cls(re.compile(f"(?P<helps>{helping})|(?P<denies>{denying})", re.IGNORECASE))

    def around(self, text: str, start: int, end: int) -> Nearby:
        """The nearest word before the number in its line; if there is none, the first behind it."""
        floor = max(0, start - _REACH_BEFORE)
        line = text.rfind("\n", floor, start)
        kind: str | None = None
        for match in self.pattern.finditer(text, floor if line < 0 else line + 1, start):
            kind = match.lastgroup
        # A form may put the label on a line of its own: the nearest line above counts if short.
        if kind is None and line >= 0 and not text[line + 1 : start].strip(" \t|:·-*"):
            for match in self.pattern.finditer(text, floor, line):
                kind = match.lastgroup
        before = kind is not None
        if kind is None:
            stop = text.find("\n", end, end + _REACH_BEHIND)
            stop = stop if stop >= 0 else min(len(text), end + _REACH_BEHIND)
            behind = self.pattern.search(text, end, stop)
            kind = behind.lastgroup if behind else None
        return Nearby(kind == "helps", kind == "denies", not before)


# Numbers that official letters are full of and that are nobody's own.
FOREIGN_NUMBERS = (
    "문서\\s?번호|접수\\s?번호|관리\\s?번호|공고\\s?번호|사건\\s?번호|등기\\s?번호|송장|운송장|주문\\s?번호"
    "|승인\\s?번호|일련\\s?번호|제품\\s?번호|물품|품목|모델|바코드|버전|version|예산|금액|시행일|고시|ISBN|EAN"
    "|법인\\s?등록\\s?번호|건강보험증|자재|재고|좌표|해시|타임스탬프|timestamp|군번"
)


# The number of a list's item, directly before a value: 1.010-1234-5678.
_ITEM = re.compile(r"(?:^|[^0-9A-Za-z.,_-])[1-9][0-9]{0,2}\.$")
_LONGEST_ITEM = 5


def within_fraction(text: str, start: int) -> bool:
    """Whether digits at `start` stand behind a number's point: a fraction, or a version's part."""
    if start < 2 or text[start - 1] != "." or not "0" <= text[start - 2] <= "9":
        return False
    return _ITEM.search(text[max(0, start - _LONGEST_ITEM) : start]) is None


CONTEXT = 64
_SEVEN_DIGITS = re.compile(r"[0-9](?:[^0-9]{0,6}[0-9]){6,}")


def number_regions(text: str) -> list[tuple[int, int]]:
    """Where numeric kinds may stand, context included: ascending, not touching."""
    regions: list[tuple[int, int]] = []
    for match in _SEVEN_DIGITS.finditer(text):
        start, end = max(0, match.start() - CONTEXT), min(len(text), match.end() + CONTEXT)
        if regions and start <= regions[-1][1]:
            start = regions.pop()[0]
        regions.append((start, end))
    return regions


def digits(text: str) -> str:
    """The ASCII digits of a number, without what separates them."""
    return "".join(char for char in text if "0" <= char <= "9")


def weighted(number: str, weights: tuple[int, ...]) -> int:
    """The sum of digit times weight, over as many digits as there are weights."""
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))
