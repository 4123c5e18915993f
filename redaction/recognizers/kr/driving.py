"""운전면허번호 (KR_DRIVER_LICENSE): region, year, six digits, two digits.

Form: 도로교통법 시행규칙 제77조, 별지 제55호서식; regions 11 서울 to 26 울산 and 28 경기북부, or on
older licences the region's name. How the last digits check is not published.
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

_REGION = r"(?:1[1-9]|2[0-8])"
_NAMES = "서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산"
_GAP = r"(?:[ ]?[-·./_][ ]?|[ ]{1,2})"
_RULES = (
    (
        "separated",
        re.compile(
            rf"(?<![0-9])(?<![0-9]-){_REGION}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{2}}(?![0-9])(?!-[0-9])"
        ),
        0.8,
    ),
    (
        "named",
        re.compile(
            rf"(?:{_NAMES})[ ]?-?[ ]?[0-9]{{2}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{2}}(?![0-9])(?!-[0-9])"
        ),
        0.85,
    ),
    (
        "run",
        re.compile(rf"(?<![0-9A-Za-z-])(?<![0-9]\.){_REGION}[0-9]{{10}}(?![0-9A-Za-z-])"),
        0.2,
    ),
)
_LABELS = Labels.of("면허|LICEN[SC]E", f"계좌|은행|입금|{FOREIGN_NUMBERS}")


def _find(text: str) -> Iterator[Span]:
    for rule, pattern, base in _RULES:
        for match in pattern.finditer(text):
            nearby = _LABELS.around(text, match.start(), match.end())
            score = base + (0.4 if nearby.helps else 0.0) - (0.35 if nearby.denies else 0.0)
            if score >= LEAST_SCORE:
                yield Span(
                    match.start(),
                    match.end(),
                    "KR_DRIVER_LICENSE",
                    min(score, 1.0),
                    f"driving.{rule}",
                )


DRIVER_LICENSE = Recognizer(
    "KR_DRIVER_LICENSE",
    _find,
    Canary("KR_DRIVER_LICENSE", "운전면허번호는 11-22-333333-44입니다.", "11-22-333333-44"),
)
