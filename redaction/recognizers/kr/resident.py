"""주민등록번호 (KR_RRN), 외국인등록번호 (KR_FRN): YYMMDD, a digit for sex and century, six digits.

Form: 주민등록법 시행규칙 제2조; 출입국관리법 제31조 제5항. Digit 7: 1-4 citizens, 5-8 foreigners,
odd men, 1 2 5 6 born 19xx, 3 4 7 8 born 20xx. The check digit (weights 2-9, 2-5, modulo 11;
foreigners add 2) holds for numbers given before October 2020; in later ones the last six digits are
random (행정안전부, 주민등록법 시행규칙 개정 2020-10-05), also for people born earlier: it is
evidence, never a gate.
"""

import calendar
import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.recognizer import (
    FOREIGN_NUMBERS,
    LEAST_SCORE,
    Canary,
    Labels,
    Recognizer,
    digits,
    weighted,
)

_SEPARATED = re.compile(
    r"(?<![0-9])[0-9]{6}(?:[ ]{0,2}[-·./_~:][ ]{0,2}|[ ]{1,3})[1-8][0-9]{6}(?![0-9])"
)
# Columns of a table, or a number that the end of a line breaks.
_BROKEN = re.compile(
    r"(?<![0-9])[0-9]{6}[ ]{0,2}-?[ ]{0,2}(?:\t|\r?\n)[ ]{0,2}-?[ ]{0,2}[1-8][0-9]{6}(?![0-9])"
)
# Members of a list; dates and amounts stand so too, so that more must speak for a number.
_LISTED = re.compile(r"(?<![0-9])[0-9]{6}[\"']?[ ]?[|,;][ ]?[\"']?[1-8][0-9]{6}(?![0-9])")
# A comma before thirteen digits is a table's; behind the point of a nought they are a fraction.
_RUN = re.compile(r"(?<![0-9A-Fa-f])(?<!(?<![0-9])0\.)[0-9]{6}[1-8][0-9]{6}(?![0-9A-Fa-f])")
_SPACED = re.compile(
    r"(?<![0-9])(?<![0-9] )[0-9](?: [0-9]){5}(?: ?[-·./] ?| {1,3})[1-8](?: [0-9]){6}(?! ?[0-9])"
)
_HELPING = (
    "주민\\s?(?:등록)?\\s?번호|주민\\s?번|주민등록|외국인\\s?(?:등록)?\\s?번호|외국인등록|거소신고|등록\\s?번호|생년월일|주민"
    "|RRN|FRN|ARC"
)
_LABELS = Labels.of(_HELPING, FOREIGN_NUMBERS)
# Six digits, a hyphen, seven and a birth date are a person's, whichever office's number stands in
# the line; only a corporation's is written in the same way.
_LABELS_OF_SEPARATED = Labels.of(_HELPING, "법인\\s?(?:등록)?\\s?번호")
_SEPARATE = 0.8  # the score of the written form, before any other evidence
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
# Births of the 2000s: a fixed bound, because findings depend on the text alone, never on the clock.
_LAST_YEAR = 2039
_EAN_KOREA = "880"  # GS1 prefix of Korea: thirteen-digit bar codes that can look like a birth date


def _birth(number: str) -> bool:
    year = int(number[:2]) + (1900 if number[6] in "1256" else 2000)
    month, day = int(number[2:4]), int(number[4:6])
    if not 1 <= month <= 12 or year > _LAST_YEAR:
        return False
    return 1 <= day <= calendar.monthrange(year, month)[1]


def _checks(number: str) -> bool:
    offset = 13 if number[6] in "5678" else 11
    return (offset - weighted(number, _WEIGHTS) % 11) % 10 == int(number[12])


def _bar_code(number: str) -> bool:
    """EAN-13 with Korea's prefix (GS1 General Specifications, section 7.9)."""
    return number.startswith(_EAN_KOREA) and weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def _score(text: str, start: int, end: int, base: float) -> float:
    number = digits(text[start:end])
    sure = base >= _SEPARATE
    nearby = (_LABELS_OF_SEPARATED if sure else _LABELS).around(text, start, end)
    if not _birth(number):
        # A mistyped date behind the plain label is still somebody's number.
        return 0.6 if nearby.helps and sure else 0.0
    checks = _checks(number)
    score = base + (0.1 if checks else 0.0) + (0.2 if nearby.helps else 0.0)
    if nearby.denies:
        score -= 0.1 if checks and sure else 0.4
    if _bar_code(number) and not checks and not nearby.helps and not sure:
        score -= 0.4
    return min(score, 1.0)


def _find(text: str, citizens: bool) -> Iterator[Span]:
    entity = "KR_RRN" if citizens else "KR_FRN"
    kinds = "1234" if citizens else "5678"
    for pattern, rule, base in (
        (_SEPARATED, "separated", _SEPARATE),
        (_BROKEN, "broken", 0.6),
        (_LISTED, "listed", 0.45),
        (_RUN, "run", 0.6),
        (_SPACED, "spaced", 0.7),
    ):
        for match in pattern.finditer(text):
            if digits(match[0])[6] not in kinds:
                continue
            score = _score(text, match.start(), match.end(), base)
            if score >= LEAST_SCORE:
                yield Span(match.start(), match.end(), entity, score, f"resident.{rule}")


RRN = Recognizer(
    "KR_RRN",
    lambda text: _find(text, citizens=True),
    Canary("KR_RRN", "주민등록번호는 900101-1234568입니다.", "900101-1234568"),
)
FRN = Recognizer(
    "KR_FRN",
    lambda text: _find(text, citizens=False),
    Canary("KR_FRN", "외국인등록번호는 900101-5234568입니다.", "900101-5234568"),
)
