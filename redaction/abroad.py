"""The packs `eu` and `us`: Presidio's own recognizers of identifiers, made to read Korean text.

Takes a text, gives spans with the names and checksums of Presidio
(https://microsoft.github.io/presidio/supported_entities/); each recognizer there names the source
of its format. Two things are ours. Their patterns end at a border of a word, which Python also sees
missing between a digit and a particle (536-90-4399입니다): so they read a copy in which every other
script's letters are blanked, with equal offsets. And Presidio adds weight to weak patterns where
a lemma of their context stands nearby, which needs a language model: here the words themselves do.
Only the detector's processes import this module.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from presidio_analyzer import PatternRecognizer
from presidio_analyzer.predefined_recognizers import (
    DeTaxIdRecognizer,
    EsNieRecognizer,
    EsNifRecognizer,
    FiPersonalIdentityCodeRecognizer,
    IbanRecognizer,
    ItFiscalCodeRecognizer,
    PlPeselRecognizer,
    SePersonnummerRecognizer,
    UsBankRecognizer,
    UsItinRecognizer,
    UsLicenseRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
)

from redaction.entity import Span
from redaction.normalize import views
from redaction.recognizers.packs import bounded
from redaction.recognizers.recognizer import LEAST_SCORE, Canary
from redaction.recognizers.resolve import resolve

# Presidio's own defaults (ContextAwareEnhancer): what a word of the context adds, how far it may
# stand before a match; behind it a Korean sentence names what it was.
_CONTEXT_ADDS = 0.35
_REACH_BEFORE = 40
_REACH_BEHIND = 16
_LEAST_WORD = 3  # "us", "cf" and the like stand in any English text
_FOREIGN = re.compile("[^\x00-\x7f\u00c0-\u024f]")
_BLANK = "\u00b6"  # no letter, no digit, no space: nothing joins two numbers across it


@dataclass(frozen=True, slots=True)
class Kind:
    """One of Presidio's recognizers, what else names its numbers in Korean, and a canary."""

    recognizer: PatternRecognizer
    words: re.Pattern[str]
    canary: Canary

    @property
    def entity(self) -> str:
        """Presidio's name of the kind."""
        return str(self.canary.entity)

    def find(self, text: str) -> Iterator[Span]:
        """Spans in normalised text, in Presidio's order; they may overlap."""
        plain = _FOREIGN.sub(_BLANK, text)
        for found in self.recognizer.analyze(plain, [self.entity], None):
            score = float(found.score)
            if score < 1.0 and self._named(text, found.start, found.end):
                score = max(LEAST_SCORE, min(score + _CONTEXT_ADDS, 1.0))
            if score >= LEAST_SCORE:
                yield Span(found.start, found.end, self.entity, score, f"presidio.{self.entity}")

    def _named(self, text: str, start: int, end: int) -> bool:
        before = self.words.search(text, max(0, start - _REACH_BEFORE), start)
        return (before or self.words.search(text, end, end + _REACH_BEHIND)) is not None


@dataclass(frozen=True, slots=True)
class AbroadPack:
    """The kinds of one part of the world; `version` changes when a text could give other spans."""

    name: str
    version: str
    kinds: tuple[Kind, ...]


def abroad_pack(name: str, language: str) -> AbroadPack:
    """A pack by its name; `language` is the one that the analyzer is asked in.

    Raises:
        KeyError: no such pack.
    """
    kinds = (_kind(*entry, language) for entry in _KINDS[name])
    return AbroadPack(name, "1", tuple(kinds))


def find_abroad(text: str, packs: Sequence[AbroadPack]) -> tuple[Span, ...]:
    """The spans of a text, ascending and disjoint, with the original's code-point offsets.

    Raises:
        TooManyFindings: the text holds too many.
    """
    return resolve(bounded(_found(text, packs)), text=text)


def _found(text: str, packs: Sequence[AbroadPack]) -> Iterator[Span]:
    for view in views(text):
        for kind in (kind for pack in packs for kind in pack.kinds):
            for span in kind.find(view.text):
                start, end = view.original(span.start, span.end)
                yield span._replace(start=start, end=end)


def _kind(
    recognizer: Callable[..., PatternRecognizer], korean: str, text: str, value: str, language: str
) -> Kind:
    made = recognizer(supported_language=language)
    (entity,) = made.supported_entities
    return Kind(made, _words(made.context or (), korean), Canary(entity, text, value))


def _words(context: Iterable[str], korean: str) -> re.Pattern[str]:
    ours = (re.escape(word) for word in context if len(word) >= _LEAST_WORD)
    english = "|".join(sorted(ours, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z])(?:{english})(?![A-Za-z])|{korean}", re.IGNORECASE)


_Entry = tuple[
    Callable[..., PatternRecognizer], str, str, str
]  # class, Korean words, canary and its value

_KINDS: Mapping[str, tuple[_Entry, ...]] = MappingProxyType(
    {
        "eu": (
            (
                IbanRecognizer,
                "국제\\s?계좌|해외\\s?계좌|송금",
                "송금 계좌는 IBAN DE89 3704 0044 0532 0130 00입니다.",
                "DE89 3704 0044 0532 0130 00",
            ),
            (
                DeTaxIdRecognizer,
                "독일\\s?(?:납세|세금)",
                "독일 납세번호 Steuer-ID 65929970489를 냈습니다.",
                "65929970489",
            ),
            (
                EsNieRecognizer,
                "스페인\\s?외국인",
                "스페인 외국인번호(NIE)는 X9613851N입니다.",
                "X9613851N",
            ),
            (
                EsNifRecognizer,
                "스페인\\s?(?:신분|세금)",
                "스페인 신분번호(NIF)는 12345678Z입니다.",
                "12345678Z",
            ),
            (
                FiPersonalIdentityCodeRecognizer,
                "핀란드\\s?(?:신분|개인)",
                "핀란드 신분번호는 131052-308T입니다.",
                "131052-308T",
            ),
            (
                ItFiscalCodeRecognizer,
                "이탈리아\\s?(?:납세|세금)",
                "이탈리아 납세번호(codice fiscale)는 AAAAAA00B11C333N입니다.",
                "AAAAAA00B11C333N",
            ),
            (
                PlPeselRecognizer,
                "폴란드\\s?(?:신분|주민)",
                "폴란드 신분번호(PESEL)는 44051401359입니다.",
                "44051401359",
            ),
            (
                SePersonnummerRecognizer,
                "스웨덴\\s?(?:신분|개인)",
                "스웨덴 신분번호(personnummer)는 811228-9874입니다.",
                "811228-9874",
            ),
        ),
        "us": (
            (
                UsSsnRecognizer,
                "사회\\s?보장\\s?번호",
                "미국 사회보장번호(SSN)는 536-90-4399입니다.",
                "536-90-4399",
            ),
            (
                UsItinRecognizer,
                "미국\\s?납세",
                "미국 납세번호(ITIN)는 911-70-1234입니다.",
                "911-70-1234",
            ),
            (
                UsPassportRecognizer,
                "미국\\s?여권",
                "United States passport 345678901로 입국했습니다.",
                "345678901",
            ),
            (
                UsLicenseRecognizer,
                "미국\\s?(?:운전)?면허",
                "미국 운전면허번호(driver license)는 H12234567입니다.",
                "H12234567",
            ),
            (
                UsBankRecognizer,
                "미국\\s?(?:은행\\s?)?계좌",
                "Please debit 945456787654 in Boston.",
                "945456787654",
            ),
        ),
    }
)
