"""여권번호 (KR_PASSPORT): a letter for the kind and eight digits, one of which may be a letter.

Form: 외교부, 차세대 전자여권 (from 2021-12-21): one letter, three digits, one letter, four digits;
before that one letter and eight digits. First letters: M, S, R, O, D and G. There is no check digit
outside the machine-readable zone (ICAO Doc 9303). Some countries' numbers are eight or nine digits
and no letter: these only directly behind the label.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import read_numbers
from redaction.recognizers.recognizer import LEAST_SCORE, Canary, Reading, Recognizer

_BEGINS = r"(?<![0-9A-Za-z_-])"
_ENDS = r"(?![0-9A-Za-z_-])"
_FORM = re.compile(
    rf"{_BEGINS}(?P<kind>[MSRODGmsrodg])[ ]?[-.]?[ ]?[0-9]{{3}}"
    rf"(?:[ -]?[0-9]{{5}}|[ -]?(?P<new>[A-Za-z])[ -]?[0-9]{{4}}){_ENDS}"
)
# The regional letters of passports before 2008 have no certain end, and other letters are other
# countries': only behind the label.
_OLD = re.compile(
    rf"{_BEGINS}(?:[A-Za-z]{{2}}[ -]?[0-9]{{7}}|[A-Za-z][0-9]{{7}}[A-Za-z]"
    rf"|[A-Za-z][ -]?(?:[0-9]{{7,8}}"
    rf"|[0-9]{{4}}[ -][0-9]{{4}})){_ENDS}"
)
_SHAPE = re.compile("2 7|7|8(?!L)|9(?!L)|3(?:[LBXH -]4|[ -]5)|4[ -]4")
_DIGITS = re.compile(rf"{_BEGINS}(?:[0-9]{{8,9}}|[0-9]{{2}}[ ][0-9]{{7}}){_ENDS}")
_LABEL_BEFORE = re.compile(
    r"(?:여권(?:[ ]?번호|(?=[ ][0-9 ]{0,9}$))|(?i:passport[ ]?(?:no\.?|num(?:ber)?)))"
    r"(?:[은는이가]|\([^()\n]{1,12}\))?"
    r"[ :=|,\t\"']{0,6}$"
)
_COUNTED = re.compile("[ ]?[건권명원부개]")
_LABEL_REACH = 40
_FURTHEST = 5
_LABELS = Labels.of(WORDS, "passport", "licence business office")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")


def _find(reading: Reading) -> Iterator[Span]:
    text, last = reading.text, -1
    for number in reading.shared(read_numbers).of_shape(_SHAPE):
        # The letters stand directly before the digits, at most a separator between.
        for start in range(max(last + 1, number.start - _FURTHEST), number.start):
            letter = text[start].isascii() and text[start].isalpha()
            span = _passport(reading, start) if letter else None
            if span is not None:
                last = start
                yield span
                break
        else:
            yield from _foreign(text, number.start)


def _foreign(text: str, start: int) -> Iterator[Span]:
    match = _DIGITS.match(text, start)
    label = _LABEL_BEFORE.search(text, max(0, start - _LABEL_REACH), start) if match else None
    # Behind the word alone only nine digits, of which two may stand apart: Russia's, the USA's.
    nine = match is not None and len(match[0].replace(" ", "")) == 9
    alone = label is not None and label[0].strip() == "여권"
    if match and label and (not alone or (nine and not _COUNTED.match(text, match.end()))):
        yield Span(*match.span(), "KR_PASSPORT", LEAST_SCORE, "passport.foreign")


def _passport(reading: Reading, start: int) -> Span | None:
    match = _FORM.match(reading.text, start)
    if match is not None:
        nearby = _LABELS.around(reading, match.start(), match.end())
        score = 0.75 if match["new"] else 0.6
        score += (0.35 if nearby.helps else 0.0) - (0.2 if nearby.denies else 0.0)
        if not nearby.helps and (match["kind"].islower() or _DATE.search(match[0])):
            score -= 0.3
        if score >= LEAST_SCORE:
            rule = "passport.new" if match["new"] else "passport.digits"
            return Span(match.start(), match.end(), "KR_PASSPORT", min(score, 1.0), rule)
    match = _OLD.match(reading.text, start)
    if match is not None and _LABELS.around(reading, match.start(), match.end()).helps:
        return Span(match.start(), match.end(), "KR_PASSPORT", 0.8, "passport.old")
    return None


PASSPORT = Recognizer(
    "KR_PASSPORT", _find, Canary("KR_PASSPORT", "여권번호는 M123A4567입니다.", "M123A4567")
)
