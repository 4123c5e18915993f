"""차량번호 (KR_VEHICLE_PLATE): two or three digits, a syllable for the use, four digits.

Form: 자동차 등록번호판 등의 기준에 관한 고시 (국토교통부), 별표: private, hired and commercial
syllables; three digits since 2019-09; before 2004 the region's name stood in front.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Form, Forms, read_numbers
from redaction.recognizers.recognizer import LEAST_SCORE, Canary, Reading, Recognizer

_FORMS = Forms(Form("plate", "[123](?<!-.)H4(?![-.])"))
_USES = frozenset(
    "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호"
)
# Ten trillion, two people, a house's number: with spaces these are other things than plates.
_ALSO_WORDS = frozenset("조호하자도로부대주사")
_FORCES = frozenset("국합육해공")  # the armed forces'; words too, so only behind the label
_REGIONS = (
    "(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주)"
)
_REGION = re.compile(f"{_REGIONS}[ ]?$")
# 서울 강남 가 1234: two wheels (자동차관리법 제48조) have the district in the place of digits.
_TWO_WHEELS = re.compile(
    rf"(?<![가-힣]){_REGIONS}[ ]?[가-힣]{{2,4}}[ ]?[가나다라마바사아자차카타파하][ ]?[0-9]{{4}}"
    r"(?![0-9-])"
)
# What follows a sum or a count, and what a court's decision of the last century looks like.
_COUNTED = re.compile(
    r"(?:억|만|천|백|원|명|개|건|년|월|일|번지|%|㎡|m)|[ ]?(?:판결|결정|선고|사건)"
)
_FRACTION = re.compile("[0-9][.]$")  # but 1. 12가3456 is an item of a list
_LABELS = Labels.of(WORDS, "plate", "office account address")


def _find(reading: Reading) -> Iterator[Span]:
    text, numbers = reading.text, reading.shared(read_numbers)
    for _, number in _FORMS.numbers(reading):
        gap = numbers.gap(number.first)
        forces = gap.strip() in _FORCES
        other = _COUNTED.match(text, number.end) or _FRACTION.search(
            text, max(0, number.start - 2), number.start
        )
        if not (forces or gap.strip() in _USES) or other:
            continue
        region = _REGION.search(text, max(0, number.start - 4), number.start)
        nearby = _LABELS.around(reading, number.start, number.end)
        score = 0.8 if region else 0.75
        if len(gap) > 1 and not region:
            score -= 0.3 if gap.strip() in _ALSO_WORDS or gap[-1:] != " " else 0.1
        if (len(numbers.group(number.first)) == 1 and not region) or (forces and not nearby.helps):
            continue
        score += (0.3 if nearby.helps else 0.0) - (0.3 if nearby.denies else 0.0)
        if score >= LEAST_SCORE:
            start = region.start() if region else number.start
            yield Span(start, number.end, "KR_VEHICLE_PLATE", min(score, 1.0), "plate")
    if "이륜" in text or "오토바이" in text:
        for match in _TWO_WHEELS.finditer(text):
            if (
                not _COUNTED.match(text, match.end())
                and _LABELS.around(reading, *match.span()).helps
            ):
                yield Span(*match.span(), "KR_VEHICLE_PLATE", 0.8, "plate.wheels")


PLATE = Recognizer(
    "KR_VEHICLE_PLATE", _find, Canary("KR_VEHICLE_PLATE", "차량번호는 12가3456입니다.", "12가3456")
)
