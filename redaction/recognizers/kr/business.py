"""사업자등록번호 (KR_BRN): three, two and five digits.

Form: 부가가치세법 시행령 제12조 (given by the tax office for each place of business). Check digit
as in common use: weights 1 3 7 1 3 7 1 3 5, where the ninth product also adds its tens; evidence
only.
"""

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
    weighted,
    within_fraction,
)

_FORMS = Forms(
    Form("separated", "3(?<!-.)[-./_~ ]2[-./_~ ]5(?!-)", 0.55, "[1-9]"),
    Form("broken", "3(?<!-.)-2N5|3(?<!-.)N2-5", 0.45, "[1-9]"),
    Form("run", "a(?<![RB-].)(?![LB-])", 0.2, "[1-9]"),
)
_LABELS = Labels.of(WORDS, "business", "account phone fax office member")
_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)


def _checks(digits: str) -> bool:
    total = weighted(digits, _WEIGHTS) + int(digits[8]) * 5 // 10
    return (10 - total % 10) % 10 == int(digits[9])


def _find(reading: Reading) -> Iterator[Span]:
    for form, number in _FORMS.numbers(reading):
        if form.rule == "run" and within_fraction(reading.text, number.start):
            continue
        nearby = _LABELS.around(reading, number.start, number.end)
        score = form.score + (0.2 if _checks(number.digits) else 0.0)
        score += (0.35 if nearby.helps else 0.0) - (0.3 if nearby.denies else 0.0)
        if score >= LEAST_SCORE:
            yield Span(number.start, number.end, "KR_BRN", min(score, 1.0), f"business.{form.rule}")


BRN = Recognizer(
    "KR_BRN", _find, Canary("KR_BRN", "사업자등록번호는 220-81-62517입니다.", "220-81-62517")
)
