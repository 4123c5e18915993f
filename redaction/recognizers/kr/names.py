"""성명 (PERSON) in running text: the name finder (names_model.py) together with the rules.

The rules of person.py know forms and titles; the network knows sentences; names_doubts.py says what
speaks against either. Loads the weights that lie beside this file; only detectors import it, since
it brings NumPy.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from redaction.entity import Span
from redaction.recognizers.kr.name_words import (
    SURNAMES,
    TITLES,
    built_like_name,
    is_closed,
    is_noun,
)
from redaction.recognizers.kr.names_doubts import believed, is_weak
from redaction.recognizers.kr.names_model import Name, NameModel, load
from redaction.recognizers.kr.person_abroad import from_abroad
from redaction.recognizers.kr.person_forms import in_brackets
from redaction.recognizers.kr.person_talk import in_talk
from redaction.recognizers.recognizer import LEAST_SCORE, Canary, Reading, Recognizer
from redaction.recognizers.resolve import resolve

WEIGHTS = Path(__file__).with_name("names.npz")
DIGEST = "bcec104ddca7027c056ca62a59edbf58b66e6cd6152c462612a23bfaf406bcb1"
"""SHA-256 of the weights; docs/names.md says how they were made and under which licence."""

# Less than every rule of person.py that is sure: a form says what its fields hold.
_MOST = 0.84
_WEAK = 0.8  # a rule that is no surer than this gives way to a longer span of the network
_RULE = "person.model"
_TITLE = re.compile(TITLES)
_CANARY = Canary("PERSON", "어제 회의에서 서동빈이 계획에 반대했다.", "서동빈")


@dataclass(frozen=True, slots=True)
class _Finder:
    rules: Callable[[Reading], Iterator[Span]]
    model: NameModel

    def __call__(self, reading: Reading) -> Iterator[Span]:
        """What the rules find, and what the network finds elsewhere or more of."""
        text, mask = reading.text, self.model.mask
        beside = (*in_talk(text, mask), *from_abroad(text, mask))
        rules = (span for span in self.rules(reading) if not is_weak(text, span, mask))
        known = resolve((*rules, *beside))
        said = list(in_brackets(reading.text, self._found(reading.text)))
        yield from _together(text, known, said)

    def _found(self, text: str) -> Iterator[Span]:
        for name in map(partial(_called, text), self.model.find([text])[0]):
            if believed(text, name, self.model.mask):
                score = max(LEAST_SCORE, min(name.score, _MOST))
                yield Span(name.start, name.end, "PERSON", score, _RULE)


def _called(text: str, name: Name) -> Name:
    """The name without what it is called by: 재석아, 민지야; of 최사원 the surname."""
    value, behind = text[name.start : name.end], text[name.end : name.end + 1]
    called = len(value) == 3 and value[0] not in SURNAMES and not "가" <= behind <= "힣"
    if called and value[2] == ("아" if is_closed(value[1]) else "야"):
        return name._replace(end=name.end - 1, mask=0)
    if (
        len(value) > 2
        and value[0] in SURNAMES
        and _TITLE.fullmatch(value, 1)
        and not is_noun(value)
    ):
        return name._replace(end=name.start + 1, mask=0)
    return name


def _together(text: str, known: Sequence[Span], said: Sequence[Span]) -> Iterator[Span]:
    """Both, without overlaps: of two at one place the rules' span, unless it gives way.

    Both come ascending and disjoint, apart from names in Hanja behind others.
    """
    at = 0
    for span in sorted(said):
        while at < len(known) and known[at].end <= span.start:
            yield known[at]
            at += 1
        beside = at
        while beside < len(known) and known[beside].start < span.end:
            beside += 1
        if all(_gives_way(text, rule, span) for rule in known[at:beside]):
            yield span
            at = beside
    yield from known[at:]


def _gives_way(text: str, rule: Span, said: Span) -> bool:
    """Whether a rule's span is less than what the network found there.

    So are one that is weaker and not longer, one word of a name of several (아이다 페레스 로차),
    and a weak one with a particle at its end (검사 손란이 기소하고).
    """
    if said.start <= rule.start and rule.end <= said.end:
        words = text[said.start : said.end].split(" ")
        several = len(words) > 1 and not any(map(_full, words))
        return rule.score < min(_WEAK, said.score) or (several and _size(rule) < _size(said))
    with_particle = (rule.start, rule.end) == (said.start, said.end + 1)
    return with_particle and rule.score < min(_WEAK, said.score)


def _size(span: Span) -> int:
    return span.end - span.start


def _full(word: str) -> bool:
    """Whether a word is built like a full Korean name."""
    return len(word) == 3 and built_like_name(word)


def name_finder(rules: Recognizer) -> Recognizer:
    """The recognizer of names with its weights loaded; takes some hundredths of a second.

    `rules` is the pack's recognizer of the same entity, which it uses and replaces.

    Raises:
        WeightsError: the file is missing or another one.
    """
    model = NameModel(load(WEIGHTS, DIGEST))
    return replace(rules, find=_Finder(rules.find, model), canary=_CANARY)
