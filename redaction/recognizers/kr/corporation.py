"""법인등록번호 (KR_CRN): registry, kind of corporation, six digits, a check digit; written 6-7.

Form: 법인 및 재외국민의 등기용등록번호에 관한 대법원규칙 제2조, 제3조: four digits of the registry
office, two of the kind (11 주식회사, 21 민법법인 …), a serial number of six, a check digit (weights
1 and 2 in turn, modulo 10); evidence only. A 주민등록번호 is written in the same way: what is a
birth date is a person's unless a label says otherwise.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.companies import behind_company
from redaction.recognizers.kr.resident import is_birth
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Form, Forms
from redaction.recognizers.recognizer import (
    LEAST_SCORE,
    Canary,
    Reading,
    Recognizer,
    weighted,
)

_FORMS = Forms(
    Form("separated", "6[-./_~: ]7", 0.5),
    Form("broken", "6N7", 0.2),
    Form("run", "d(?<![RB].)(?![LB])", 0.15),
)
_LABELS = Labels.of(WORDS, "corporation", "resident foreigner office business account health")
_WEIGHTS = (1, 2) * 6
_REGISTRY = re.compile("1[1-9]|2[0-9]")  # 1101 서울중앙 and those behind it


def _checks(digits: str) -> bool:
    return (10 - weighted(digits, _WEIGHTS) % 10) % 10 == int(digits[12])


def _find(reading: Reading) -> Iterator[Span]:
    for form, number in _FORMS.numbers(reading):
        if len(set(number.digits)) == 1:
            continue  # what forms show how to write it
        nearby = _LABELS.around(reading, number.start, number.end)
        score = form.score if _REGISTRY.match(number.digits) else form.score - 0.2
        score += 0.2 if _checks(number.digits) else 0.0
        score += (0.4 if nearby.helps else 0.0) - (0.3 if nearby.denies else 0.0)
        company = behind_company(reading, number.start)
        birth = number.digits[6] not in "90" and is_birth(number.digits)
        if birth and not (nearby.helps or company):
            continue
        score += 0.2 if company else 0.0
        if score >= LEAST_SCORE:
            yield Span(number.start, number.end, "KR_CRN", score, f"corporation.{form.rule}")


CRN = Recognizer(
    "KR_CRN", _find, Canary("KR_CRN", "법인등록번호는 110111-0000013입니다.", "110111-0000013")
)
