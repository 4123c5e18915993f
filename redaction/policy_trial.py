"""A policy document's own words and formats, tried on all that it loads, before it serves.

A format may hold by itself and still lose to another kind that reads the same characters (a number
that is also somebody's telephone); then the detector would miss its canary and not start. This says
which, and where it stands in the document.
"""

from collections.abc import Iterator

from redaction.entity import Span
from redaction.policy_document import PolicyDocument
from redaction.policy_words import Problem
from redaction.recognizers.agency import FormatFinder, Never, agency_pack
from redaction.recognizers.packs import ABROAD, find, packs_named


def trial(document: PolicyDocument) -> tuple[Problem, ...]:
    """Everything that the document says and the detector does not do; packs abroad left out."""
    return document.located(_Trial(document).problems())


class _Trial:
    def __init__(self, document: PolicyDocument) -> None:
        own = agency_pack(document.vocabulary)
        ours = packs_named([name for name in document.packs if name not in ABROAD])
        self._packs = (*ours, own) if own is not None else ours
        self._vocabulary = document.vocabulary
        self._never = Never(document.vocabulary.never)

    def problems(self) -> Iterator[Problem]:
        for entity, terms in self._vocabulary.always.items():
            for number, term in enumerate(terms):
                place = ("always", entity, number)
                if self._never.spares(entity, term):
                    yield _failed(place, "never에도 있는 말입니다.", "It also stands in never.")
                elif not any(span.entity == entity for span in self._spans(term)):
                    yield _failed(place, *_OTHERWISE)
        for number, item in enumerate(self._vocabulary.formats):
            rule = FormatFinder(item).rule
            for at, text in enumerate(item.matches):
                if not any(span.rule == rule for span in self._spans(text)):
                    yield _failed(("formats", number, "tests", "matches", at), *_OTHERWISE)
            for at, text in enumerate(item.rejects):
                if any(span.rule == rule for span in self._spans(text)):
                    yield _failed(("formats", number, "tests", "rejects", at), *_FOUND)

    def _spans(self, text: str) -> tuple[Span, ...]:
        return tuple(
            span
            for span in find(text, self._packs)
            if not self._never.spares(span.entity, text[span.start : span.end])
        )


_OTHERWISE = (
    "탐지기 전체로는 이것으로 찾지 않습니다. 같은 글자를 다른 종류로 읽습니다.",
    "The whole detector does not find it as this: another kind reads the same characters.",
)
_FOUND = (
    "이 글에서는 찾지 않아야 하는데 찾습니다.",
    "It must not be found here and is.",
)


def _failed(place: tuple[str | int, ...], korean: str, english: str) -> Problem:
    return Problem("policy_test_failed", place, korean, english)
