"""A value that was found once covers its other occurrences, in the same text or conversation.

Context often speaks once only: the word for an account in the first line, its bare number in the
third. Names of three and more syllables are covered wherever they stand; shorter ones only as a
word of their own, because two syllables also make nouns. Numbers of eight and more digits are
covered however they are grouped, as the last look would find them. Reads normalised text, in linear
time.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from redaction.entity import Span
from redaction.recognizers.kr.name_words import PARTICLES, TITLES, is_noun
from redaction.recognizers.recognizer import digits

RULE = "again"
_SCORE = 0.7
_LEAST_SYLLABLES = 2
_SURE_SYLLABLES = 3
_FEW = 24  # so that looking for values, one after another, is sooner done than for all at once
_HEAD = 5  # digits that tell most places apart from those where a number begins
_LEAST_DIGITS = 8  # as the last look (DESIGN section 4)
_BEHIND = re.compile(rf"(?=$|[^가-힣])|(?:[ ]?(?:{TITLES}))?(?:{PARTICLES}){{0,2}}(?![가-힣])")
_BARE = re.compile(r"[\s.·-]+")
_DIGIT = re.compile(r"[0-9]")
# What the last look reads over between two digits; disjoint from digits, so matching is linear.
_CLUSTER = re.compile(r"[0-9](?:[-\s·./_~():,]*[0-9]){7,}")


def _hangul(char: str) -> bool:
    return "가" <= char <= "힣"


@dataclass(frozen=True, slots=True)
class Cover:
    """The values of a text or conversation, ready to be looked for in others."""

    _names: frozenset[str]
    _first: str
    _name_lengths: tuple[int, ...]
    _numbers: Mapping[str, str]
    _number_lengths: tuple[int, ...]
    _number_heads: frozenset[str]

    @classmethod
    def of(cls, found: Iterable[tuple[str, str]]) -> "Cover":
        """Takes pairs of entity and normalised text."""
        names: set[str] = set()
        numbers: dict[str, str] = {}
        for entity, value in found:
            if entity == "PERSON":
                names.update(_spellings(value))
            elif len(number := digits(value)) >= _LEAST_DIGITS and "@" not in value:
                numbers.setdefault(number, entity)
        first = "".join(sorted({name[0] for name in names}))
        return cls(
            frozenset(names),
            first,
            tuple(sorted({len(name) for name in names}, reverse=True)),
            MappingProxyType(numbers),
            tuple(sorted({len(number) for number in numbers}, reverse=True)),
            frozenset(number[:_HEAD] for number in numbers),
        )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._names and not self._numbers

    def spans(self, text: str, known: Iterable[Span] = ()) -> Iterator[Span]:
        """Where the values stand in normalised text; of two at one place the longer.

        `known` are disjoint spans that have been found in this text: where a few names stand
        nowhere else, they need not be looked for.
        """
        if self._names and not self._all_known(text, known):
            yield from self._names_in(text)
        if self._numbers:
            for cluster in _CLUSTER.finditer(text):
                yield from self._numbers_in(text, cluster.start(), cluster.end())

    def _all_known(self, text: str, known: Iterable[Span]) -> bool:
        """Whether there are few names, and each stands only where spans of it are known."""
        if len(self._names) > _FEW:
            return False
        found = Counter(text[span.start : span.end] for span in known if span.entity == "PERSON")
        return all(text.count(name) == found[name] for name in self._names)

    def _names_in(self, text: str) -> Iterator[Span]:
        first = re.compile(f"[{re.escape(self._first)}]")
        position = 0
        while match := first.search(text, position):
            start = match.start()
            position = start + 1
            for length in self._name_lengths:
                name = text[start : start + length]
                if name in self._names and _stands(text, start, start + len(name)):
                    position = start + len(name)
                    yield Span(start, position, "PERSON", _SCORE, RULE)
                    break

    def _numbers_in(self, text: str, start: int, end: int) -> Iterator[Span]:
        cluster = digits(text[start:end])
        entity = self._numbers.get(cluster)
        if entity is not None:
            yield Span(start, end, entity, _SCORE, RULE)
            return
        few = len(self._numbers) <= _FEW
        if few and not any(number in cluster for number in self._numbers):
            return
        places = [match.start() for match in _DIGIT.finditer(text, start, end)]
        position = 0
        while position < len(cluster):
            known = cluster[position : position + _HEAD] in self._number_heads
            for length in self._number_lengths if known else ():
                number = cluster[position : position + length]
                entity = self._numbers.get(number)
                if entity is not None and len(number) == length:
                    last = places[position + length - 1]
                    yield Span(places[position], last + 1, entity, _SCORE, RULE)
                    position += length - 1
                    break
            position += 1


def _spellings(name: str) -> Iterator[str]:
    for spelling in {name, _BARE.sub("", name) if _hangul(name[0]) else name}:
        if len(spelling) >= _LEAST_SYLLABLES and not is_noun(spelling):
            yield spelling


def _stands(text: str, start: int, end: int) -> bool:
    """Whether a name's letters here are the name and not a part of another word."""
    if _hangul(text[start]):
        if end - start >= _SURE_SYLLABLES:
            return True
        return not (start and text[start - 1].isalnum()) and _BEHIND.match(text, end) is not None
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    return not any(char.isascii() and char.isalnum() for char in around)
