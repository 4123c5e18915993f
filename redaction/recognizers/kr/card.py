"""카드번호 (CREDIT_CARD): 14 to 16 digits of the issuers in use in Korea.

Form: ISO/IEC 7812-1 (issuer ranges, Luhn check digit in annex B). Cards for domestic use alone
begin with 9, JCB's with 35. The check digit is evidence only: mistyped cards are cards.
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
    within_fraction,
)

_SIXTEEN = "[2-69]|35"
_AMEX = "3[47]"
_DINERS = "3[068]"
_FORMS = Forms(
    Form("sixteen", r"4(?<!-.)[-./_~ N]4[-./_~ N]4[-./_~ N]4(?!-4)", 0.6, _SIXTEEN),
    # Ranges that no issuer in use has: somebody calls it a card, or it is none.
    Form("unissued", r"4(?<!-.)[-./_~ ]4[-./_~ ]4[-./_~ ]4(?!-4)", 0.25, "[017]"),
    Form("amex", "4(?<!-.)[-./_~ ]6[-./_~ ]5(?!-)", 0.45, _AMEX),
    Form("diners", "4(?<!-.)[-./_~ ]6[-./_~ ]4(?!-)", 0.35, _DINERS),
    Form("run", "g(?<![RB-].)(?![LB-])", 0.3, _SIXTEEN),
    Form("run", "f(?<![RB-].)(?![LB-])", 0.3, _AMEX),
    Form("run", "e(?<![RB-].)(?![LB-])", 0.3, _DINERS),
    Form("half", "8(?<![RB-].)[-./_~ ]8(?![LB-])", 0.15, _SIXTEEN),
)
_LABELS = Labels.of(WORDS, "card", "account office")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _luhn(digits: str) -> bool:
    plain = sum(map(int, digits[-1::-2]))
    return (plain + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def _find(reading: Reading) -> Iterator[Span]:
    for form, number in _FORMS.numbers(reading):
        if form.rule == "run" and within_fraction(reading.text, number.start):
            continue
        nearby = _LABELS.around(reading, number.start, number.end)
        checks = form.rule != "unissued" and _luhn(number.digits)
        score = form.score + (0.3 if checks else 0.0)
        score += (0.25 if nearby.helps else 0.0) - (0.2 if nearby.denies else 0.0)
        if score >= LEAST_SCORE:
            yield Span(
                number.start, number.end, "CREDIT_CARD", min(score, 1.0), f"card.{form.rule}"
            )


CARD = Recognizer(
    "CREDIT_CARD",
    _find,
    Canary("CREDIT_CARD", "카드번호는 4111-1111-1111-1111입니다.", "4111-1111-1111-1111"),
)
