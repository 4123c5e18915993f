"""An agency's own words and formats as a pack beside those of the countries (docs/adr/0013).

Takes a Vocabulary, gives a Pack for detection and the words that are never personal. Patterns run
on RE2 (https://github.com/google/re2/wiki/Syntax), whose time is linear in a text for any pattern;
words are looked up in a table, so that ten thousand of them cost what ten do. Reads normalised
text, as every recognizer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import re2

from redaction.entity import ENTITIES, Span
from redaction.normalize import normalize
from redaction.recognizers.kr.name_words import PARTICLES
from redaction.recognizers.recognizer import Canary, Pack, Reading, Recognizer
from redaction.vocabulary import Format, Vocabulary

LONGEST_MATCH = 128
"""Characters of a match of a format; longer ones are none."""

LEAST_TERM = 2
"""Characters of the shortest term: one syllable would stand in half of all words."""

_STEP = 1024 - LONGEST_MATCH
_MOST_INSTRUCTIONS = 4_000  # of RE2's program: some hundred characters' worth of pattern
_MEMORY = 8 << 20  # bytes; beyond it RE2 becomes slower, never more than linear
_REACH = 32  # characters on each side in which a keyword counts
_SURE = 0.95
_WITHOUT_KEYWORD = 0.85
_SURE_SYLLABLES = 3  # as in a conversation's names: two syllables also begin and end other words
_BEHIND = re.compile(rf"(?:{PARTICLES}){{0,2}}(?![가-힣])")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class PatternRefused(ValueError):
    """A pattern that cannot be used; `reason` is "syntax", "empty" or "large".

    `detail` is RE2's own word on the pattern.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def compile_pattern(pattern: str) -> "re2._Regexp":
    """A pattern ready for RE2's search.

    Raises:
        PatternRefused: RE2 cannot run it (look-around, backward references …), it matches nothing
            at all, or its program is too large.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        detail = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise PatternRefused("syntax", detail) from None
    if compiled.programsize > _MOST_INSTRUCTIONS:
        raise PatternRefused("large")
    if compiled.search("") is not None:
        raise PatternRefused("empty")
    return compiled


def agency_pack(vocabulary: Vocabulary) -> Pack | None:
    """The pack of an agency's words and formats; None if it has none.

    Raises:
        PatternRefused: a format's pattern.
        ValueError: a format is not found in its own example.
    """
    recognizers = [
        _term_recognizer(entity, terms) for entity, terms in vocabulary.always.items() if terms
    ]
    recognizers += [FormatFinder(item).recognizer() for item in vocabulary.formats]
    return Pack("agency", vocabulary.version, tuple(recognizers)) if recognizers else None


class Never:
    """The words that are never personal data: a finding that is exactly one of them is none.

    Kinds of the floor are not spared: no document may let them pass.
    """

    def __init__(self, terms: Iterable[str]) -> None:
        self._forms = frozenset(_form(term) for term in terms)

    def spares(self, entity: str, text: str) -> bool:
        """Whether a finding of this kind, with this text, is none."""
        if not self._forms:
            return False
        known = ENTITIES.get(entity)
        return known is not None and not known.floor and _form(text) in self._forms


def _form(text: str) -> str:
    """The form in which two spellings of one word are equal: spaces and ASCII case do not count."""
    return _SPACES.sub("", normalize(text).text).translate(_ASCII_LOWER)


def _term_recognizer(entity: str, terms: Sequence[str]) -> Recognizer:
    first = normalize(terms[0]).text.strip()
    return Recognizer(
        entity, _Terms(entity, terms).find, Canary(entity, first, first), numeric=False
    )


class _Terms:
    """The terms of one kind, by their first two characters; of two at one place the longer."""

    def __init__(self, entity: str, terms: Iterable[str]) -> None:
        forms = {normalize(term).text.strip().translate(_ASCII_LOWER) for term in terms}
        self._entity = entity
        self._forms = frozenset(form for form in forms if len(form) >= LEAST_TERM)
        lengths: dict[str, set[int]] = {}
        for form in self._forms:
            lengths.setdefault(form[:LEAST_TERM], set()).add(len(form))
        self._lengths = {start: sorted(found, reverse=True) for start, found in lengths.items()}
        first = "".join(sorted({re.escape(start[0]) for start in lengths}))
        self._first = re.compile(f"[{first}]") if first else None

    def find(self, reading: Reading) -> Iterator[Span]:
        """Where terms stand as words."""
        if self._first is None:
            return
        folded = reading.text.translate(_ASCII_LOWER)
        position = 0
        while match := self._first.search(folded, position):
            start = match.start()
            position = start + 1
            for length in self._lengths.get(folded[start : start + LEAST_TERM], ()):
                end = start + length
                if folded[start:end] in self._forms and _stands(folded, start, end):
                    yield Span(start, end, self._entity, _SURE, "agency.term")
                    position = end
                    break


def _stands(text: str, start: int, end: int) -> bool:
    """Whether what stands here is the whole word, particles aside, and no part of another."""
    if _is_hangul(text[start]) and _is_hangul(text[end - 1]) and end - start < _SURE_SYLLABLES:
        return not (start and text[start - 1].isalnum()) and _BEHIND.match(text, end) is not None
    return _borders(text, start, end)


def _borders(text: str, start: int, end: int) -> bool:
    """Whether no ASCII letter or digit goes on beyond either end; Hangul may (particles)."""
    before, behind = text[start - 1 : start] if start else "", text[end : end + 1]
    return not (_is_ascii(before) and _is_ascii(text[start])) and not (
        _is_ascii(behind) and _is_ascii(text[end - 1])
    )


def _is_hangul(char: str) -> bool:
    return "가" <= char <= "힣"


def _is_ascii(char: str) -> bool:
    return char.isascii() and char.isalnum()


class FormatFinder:
    """Finds one format; what a policy document's own tests ask, and the recognizer made of it.

    Raises:
        PatternRefused: the pattern.
    """

    def __init__(self, item: Format) -> None:
        self.item = item
        self._pattern = compile_pattern(item.pattern)
        words = "|".join(re.escape(normalize(word).text) for word in item.keywords)
        self._keywords = re.compile(words, re.IGNORECASE) if words else None

    @property
    def rule(self) -> str:
        """What spans of this format say of themselves."""
        return f"agency.{self.item.name}"

    def recognizer(self) -> Recognizer:
        """The recognizer; its canary is the first of the format's own examples.

        Raises:
            ValueError: the format is not found there.
        """
        item = self.item
        for text in item.matches:
            plain = normalize(text).text
            for span in self.find(plain):
                canary = Canary(item.entity, plain, plain[span.start : span.end])
                return Recognizer(item.entity, self._read, canary, numeric=False)
        raise ValueError(f"{item.name}: not found in its own example")

    def _read(self, reading: Reading) -> Iterator[Span]:
        return self.find(reading.text)

    def find(self, text: str) -> Iterator[Span]:
        """Where the format stands by itself, with a keyword beside it if it needs one."""
        for start, end in self._matches(_LONE_SURROGATE.sub("\ufffd", text)):
            helped = self._keyword_near(text, start, end)
            if (helped or not self.item.requires_keyword) and _borders(text, start, end):
                score = _SURE if helped else _WITHOUT_KEYWORD
                yield Span(start, end, self.item.entity, score, self.rule)

    def _matches(self, text: str) -> Iterator[tuple[int, int]]:
        """Matches of at most LONGEST_MATCH characters, ascending.

        One search is linear, a search behind each match is not: `a.*b|a` reads all the rest every
        time. So most texts are read once, the others in windows. Each begins one character early,
        so that no beginning of a window is taken for that of the text.
        """
        if self._pattern.search(text) is None:
            return
        for at in range(0, len(text), _STEP):
            base = max(at - 1, 0)
            for match in self._pattern.finditer(text[base : at + _STEP + LONGEST_MATCH]):
                start, end = base + match.start(), base + match.end()
                if start >= at + _STEP:
                    break
                if start >= at and 0 < end - start <= LONGEST_MATCH:
                    yield start, end

    def _keyword_near(self, text: str, start: int, end: int) -> bool:
        if self._keywords is None:
            return False
        before = self._keywords.search(text, max(0, start - _REACH), start)
        return (before or self._keywords.search(text, end, end + _REACH)) is not None
