"""A name that was found once covers its other occurrences, in the same text or conversation.

Names of three and more syllables are covered wherever they stand; shorter ones only as a word of
their own, with or without particles, because two syllables also make nouns. Linear in the text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from redaction.entity import Span
from redaction.recognizers.kr.name_words import PARTICLES, TITLES, is_noun

_LEAST = 2
_SURE = 3
_SCORE = 0.7
_BEHIND = re.compile(rf"(?=$|[^가-힣])|(?:[ ]?(?:{TITLES}))?(?:{PARTICLES}){{0,2}}(?![가-힣])")
_BARE = re.compile(r"[\s.·-]+")


@dataclass(frozen=True, slots=True)
class NameCover:
    """The names of a text or conversation, ready to be looked for."""

    names: frozenset[str]
    _first: re.Pattern[str] | None
    _lengths: tuple[int, ...]

    @classmethod
    def of(cls, found: Iterable[str]) -> "NameCover":
        """Names as they were found; one written with spaces also covers its closed form."""
        names = set()
        for name in found:
            for spelling in (name, _BARE.sub("", name) if "가" <= name[0] <= "힣" else name):
                if len(spelling) >= _LEAST and not is_noun(spelling):
                    names.add(spelling)
        if not names:
            return cls(frozenset(), None, ())
        first = re.compile(f"[{re.escape(''.join(sorted({name[0] for name in names})))}]")
        lengths = tuple(sorted({len(name) for name in names}, reverse=True))
        return cls(frozenset(names), first, lengths)

    def spans(self, text: str) -> Iterator[Span]:
        """Where the names stand in normalised text, ascending; longer names before shorter."""
        if self._first is None:
            return
        position = 0
        while match := self._first.search(text, position):
            position = match.start() + 1
            for length in self._lengths:
                name = text[match.start() : match.start() + length]
                if name in self.names and self._stands(text, match.start(), match.start() + length):
                    position = match.start() + length
                    yield Span(match.start(), position, "PERSON", _SCORE, "person.again")
                    break

    def _stands(self, text: str, start: int, end: int) -> bool:
        if end - start >= _SURE and "가" <= text[start] <= "힣":
            return True
        before = text[start - 1] if start else " "
        if before.isalnum():
            return False
        if not "가" <= text[start] <= "힣":
            return not text[end : end + 1].isascii() or not text[end : end + 1].isalnum()
        return _BEHIND.match(text, end) is not None
