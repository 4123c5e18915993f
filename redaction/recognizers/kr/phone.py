"""전화번호 (PHONE_NUMBER): mobile, area, internet, personal, free and representative numbers.

Form: 전기통신번호 관리세칙 (과학기술정보통신부 고시): 01X mobile, 02 and 031-064 area codes, 070
internet telephony, 050X personal numbers, 080 free calls, 15XX, 16XX and 18XX representative
numbers; ITU-T E.164 for country code 82.
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
    digits,
    within_fraction,
)

_GAP = r"(?:[ ]{0,2}[-·./_~)][ ]{0,2}|[ ]{1,3})"
_AREA = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4])"
_PERSONAL = r"(?:70|80|50[2-8]|1[016789])"
_REPRESENTATIVE = (
    r"(?:15(?:22|33|44|66|77|88|99)|16(?:00|11|44|55|60|61|66|68|70|77|88|99)"
    r"|18(?:00|11|33|55|66|77|99))"
)

# Not behind a digit or another group of digits: those are longer numbers. A comma before them
# is a table's: no group of thousands goes on with a hyphen.
_START = r"(?<![0-9])(?<![0-9]-)"
_END = r"(?![0-9])(?!-[0-9])"
# An extension, or which of a person's telephones it is, may follow: 010-1234-5678-3.
_EXTENDED = r"(?![0-9])(?!-[0-9]{5})"
# Columns of a table, or a number that the end of a line breaks.
_BREAK = r"[ ]{0,2}-?[ ]{0,2}(?:\t|\r?\n)[ ]{0,2}-?[ ]{0,2}"
_MOBILE_GAP = rf"(?:{_GAP}|{_BREAK})"

_RULES = (
    (
        "mobile",
        re.compile(
            rf"(?<![0-9])\(?01[016789]{_MOBILE_GAP}[0-9]{{3,4}}{_MOBILE_GAP}[0-9]{{4}}{_EXTENDED}"
        ),
        0.9,
    ),
    (
        "mobile.run",
        re.compile(rf"(?<![0-9A-Fa-f])(?<![0-9]-)01[016789][0-9]{{7,8}}(?![0-9A-Fa-f]){_EXTENDED}"),
        0.75,
    ),
    (
        "mobile.half",
        re.compile(
            rf"{_START}01[016789](?:{_GAP}[0-9]{{7,8}}|[0-9]{{3,4}}{_GAP}[0-9]{{4}}){_EXTENDED}"
        ),
        0.75,
    ),
    (
        "mobile.spaced",
        re.compile(r"(?<![0-9])(?<![0-9] )0 1 [016789](?: ?-? ?[0-9]){7,8}(?! ?[0-9])"),
        0.7,
    ),
    (
        "international",
        re.compile(
            rf"(?<![0-9])(?:\+ ?82|0082|00[1-9]{{1,3}}-82|\(\+?82\)|(?<![-0-9])82(?=[- ]))"
            rf"[ ]?[-.)]?[ ]?\(?0?\)?(?:{_AREA}|{_PERSONAL})"
            rf"(?:{_GAP})?[0-9]{{3,4}}(?:{_GAP})?[0-9]{{4}}{_END}"
        ),
        0.85,
    ),
    (
        "area",
        re.compile(rf"{_START}\(?0{_AREA}{_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}{_EXTENDED}"),
        0.8,
    ),
    (
        "service",
        re.compile(rf"{_START}\(?0(?:70|80|50[2-8]){_GAP}[0-9]{{3,4}}{_GAP}[0-9]{{4}}{_EXTENDED}"),
        0.8,
    ),
    (
        "area.run",
        re.compile(
            rf"(?<![0-9A-Za-z-])0(?:{_AREA}|70|80|50[2-8])[0-9]{{7,8}}(?![0-9A-Za-z]){_EXTENDED}"
        ),
        0.4,
    ),
    ("representative", re.compile(rf"{_START}{_REPRESENTATIVE}{_GAP}[0-9]{{4}}{_END}"), 0.6),
    ("local", re.compile(rf"{_START}(?<![0-9],)[2-9][0-9]{{2,3}}-[0-9]{{4}}{_END}"), 0.25),
)
_LABELS = Labels.of(
    "전화|연락처|휴대\\s?(?:폰|전화)|핸드폰|휴대번호|폰\\s?번호|대표번호|문의|팩스|내선|번호로|문자|☎|TEL|FAX|MOBILE|PHONE"
    "|H\\.P|HP|(?<![A-Z])[THMF]\\s?[.)]",
    f"계좌|은행|{FOREIGN_NUMBERS}",
)
_UNLIKE_FRACTION = re.compile(r"[^0-9.]")
_YEARS = re.compile(r"(1[0-9]{3})[ ]?[-~][ ]?([12][0-9]{3})")


def _years(number: str) -> bool:
    """A range of years such as 1599-1604 has the shape of a representative number."""
    years = _YEARS.fullmatch(number)
    return years is not None and int(years[1]) <= int(years[2]) <= 2100


def _find(text: str) -> Iterator[Span]:
    for rule, pattern, base in _RULES:
        for match in pattern.finditer(text):
            nearby = _LABELS.around(text, match.start(), match.end())
            score = base + (0.3 if nearby.helps else 0.0) - (0.25 if nearby.denies else 0.0)
            if rule == "representative" and not nearby.helps and _years(match[0]):
                continue
            if score < LEAST_SCORE or not 7 <= len(digits(match[0])) <= 14:
                continue
            # Points within it, or nothing at all, may make it a part of a fraction or a version.
            if not _UNLIKE_FRACTION.search(match[0]) and within_fraction(text, match.start()):
                continue
            # An opening bracket without its closing one belongs to the sentence.
            start = match.start() + (match[0][0] == "(" and ")" not in match[0])
            yield Span(start, match.end(), "PHONE_NUMBER", min(score, 1.0), f"phone.{rule}")


PHONE = Recognizer(
    "PHONE_NUMBER", _find, Canary("PHONE_NUMBER", "연락처는 010-1234-5678입니다.", "010-1234-5678")
)
