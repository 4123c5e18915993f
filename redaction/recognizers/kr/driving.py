"""운전면허번호 (KR_DRIVER_LICENSE): region, year, six digits, two digits.

Form: 도로교통법 시행규칙 제77조, 별지 제55호서식; regions 11 서울 to 26 울산 and 28 경기북부, or on
older licences the region's name. How the last digits check is not published.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Form, Forms
from redaction.recognizers.recognizer import (
    LEAST_SCORE,
    Canary,
    Reading,
    Recognizer,
    within_fraction,
)

_REGIONS = frozenset(str(region) for region in range(11, 29))
_NAMED = re.compile(
    "(?:서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산|경기남부"
    "|경기북부)[ ]?-?[ ]?$"
)
_LONGEST_NAME = 8
_GAP = "[-./_~ ]"
_FORMS = Forms(
    Form("separated", f"2(?<!-.){_GAP}2{_GAP}6{_GAP}2(?!-)", 0.8),
    Form("broken", "2(?<!-.)-2-6N2|2(?<!-.)-2N6-2|2(?<!-.)N2-6-2", 0.7),
    Form("named", f"2(?:{_GAP}|N)6(?:{_GAP}|N)2(?!-)", 0.85),
    Form("run", "c(?<![RB-].)(?![LB-])", 0.2),
    Form("named", "a(?<![RB-].)(?![LB-])", 0.2),
    Form("run", "(?<![RB-])(?:2-a|4-6-2|4-8|a-2)(?![LB-])", 0.2),
)
_LABELS = Labels.of(WORDS, "licence", "account office phone card")


def _find(reading: Reading) -> Iterator[Span]:
    text = reading.text
    for form, number in _FORMS.numbers(reading):
        start = number.start
        if form.rule == "named":
            name = _NAMED.search(text, max(0, start - _LONGEST_NAME), start)
            if name is None:
                continue
            start = name.start()
        elif number.digits[:2] not in _REGIONS or within_fraction(text, start):
            continue
        nearby = _LABELS.around(reading, start, number.end)
        score = form.score + (0.4 if nearby.helps else 0.0) - (0.35 if nearby.denies else 0.0)
        if score >= LEAST_SCORE:
            yield Span(
                start, number.end, "KR_DRIVER_LICENSE", min(score, 1.0), f"driving.{form.rule}"
            )


DRIVER_LICENSE = Recognizer(
    "KR_DRIVER_LICENSE",
    _find,
    Canary("KR_DRIVER_LICENSE", "운전면허번호는 11-22-333333-44입니다.", "11-22-333333-44"),
)
