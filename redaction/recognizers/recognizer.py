"""What a recognizer is, what a pack of them is, and the reading that recognizers share.

A recognizer takes normalised text and yields the spans of one kind; it is pure, keeps no state and
reads each character a bounded number of times. Nothing here knows Presidio, policies or surrogates.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import mul
from typing import NamedTuple, TypeVar, cast

from redaction.entity import Span

# A span below this score is not reported: what is weaker than even odds is noise to a reader.
LEAST_SCORE = 0.5


class Canary(NamedTuple):
    """A sentence with synthetic data that every loaded detector must find: text and value."""

    entity: str
    text: str
    value: str


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A normalised text, and what its recognizers have already found out about it together."""

    text: str = field(repr=False)
    _shared: dict[Callable[[str], object], object] = field(default_factory=dict, repr=False)

    def known(self, make: Callable[[str], _T]) -> _T | None:
        """What `make` says of the text, if anyone has asked before."""
        return cast("_T | None", self._shared.get(make))

    def shared(self, make: Callable[[str], _T]) -> _T:
        """What `make` says of the text: made when it is first asked for, then kept for all."""
        known = self._shared.get(make)
        if known is None:
            known = self._shared[make] = make(self.text)
        return cast(_T, known)


@dataclass(frozen=True, slots=True)
class Recognizer:
    """Finds one kind of personal datum in normalised text.

    `find` yields spans in any order; they may overlap. Each span's `rule` begins with `entity`'s
    kind and never holds text. `numeric` kinds have a digit in every value: they are not asked about
    texts without one.
    """

    entity: str
    find: Callable[[Reading], Iterator[Span]]
    canary: Canary
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Pack:
    """The recognizers of one country; `version` changes whenever a text could give other spans."""

    name: str
    version: str
    recognizers: tuple[Recognizer, ...]


# The number of a list's item, directly before a value: 1.010-1234-5678.
_ITEM = re.compile(r"(?:^|[^0-9A-Za-z.,_-])[1-9][0-9]{0,2}\.$")
_LONGEST_ITEM = 5


def within_fraction(text: str, start: int) -> bool:
    """Whether digits at `start` stand behind a number's point: a fraction, or a version's part."""
    if start < 2 or text[start - 1] != "." or not "0" <= text[start - 2] <= "9":
        return False
    return _ITEM.search(text[max(0, start - _LONGEST_ITEM) : start]) is None


_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_of(year: int, month: int) -> int:
    """How many days a month, 1 to 12, has."""
    return _DAYS[month - 1] + (month == 2 and calendar.isleap(year))


def digits(text: str) -> str:
    """The digits of a number in normalised text, without what separates them."""
    return "".join(filter(str.isdecimal, text))


def weighted(number: str, weights: tuple[int, ...]) -> int:
    """The sum of digit times weight, over as many digits as there are weights."""
    return sum(map(mul, map(int, number), weights))
