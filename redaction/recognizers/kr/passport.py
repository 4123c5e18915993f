"""여권번호 (KR_PASSPORT): a letter for the kind and eight digits, one of which may be a letter.

Form: 외교부, 차세대 전자여권 (from 2021-12-21): one letter, three digits, one letter, four digits;
before that one letter and eight digits. First letters: M, S, R, O, D and G. There is no check digit
outside the machine-readable zone (ICAO Doc 9303).
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.recognizer import (
    FOREIGN_NUMBERS,
    LEAST_SCORE,
    Canary,
    Labels,
    Recognizer,
)

_FORM = re.compile(
    r"(?<![0-9A-Za-z_-])(?P<kind>[MSRODGmsrodg])[ -]?[0-9]{3}"
    r"(?:[0-9]{5}|[ ]?(?P<new>[A-Za-z])[ ]?[0-9]{4})(?![0-9A-Za-z_-])"
)
# The regional letters of passports before 2008 have no certain end: only behind their label.
_OLD = re.compile(r"(?<![0-9A-Za-z_-])[A-Za-z]{2}[ -]?[0-9]{7}(?![0-9A-Za-z_-])")
_LABELS = Labels.of("여권|PASSPORT", f"면허|사업자|{FOREIGN_NUMBERS}")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")


def _find(text: str) -> Iterator[Span]:
    for match in _FORM.finditer(text):
        nearby = _LABELS.around(text, match.start(), match.end())
        score = 0.75 if match["new"] else 0.6
        score += (0.35 if nearby.helps else 0.0) - (0.3 if nearby.denies else 0.0)
        if not nearby.helps and (match["kind"].islower() or _DATE.search(match[0])):
            score -= 0.3
        if score >= LEAST_SCORE:
            rule = "passport.new" if match["new"] else "passport.digits"
            yield Span(match.start(), match.end(), "KR_PASSPORT", min(score, 1.0), rule)
    for match in _OLD.finditer(text):
        if _LABELS.around(text, match.start(), match.end()).helps:
            yield Span(match.start(), match.end(), "KR_PASSPORT", 0.8, "passport.old")


PASSPORT = Recognizer(
    "KR_PASSPORT", _find, Canary("KR_PASSPORT", "여권번호는 M123A4567입니다.", "M123A4567")
)
