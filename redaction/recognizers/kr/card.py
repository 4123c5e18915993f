"""카드번호 (CREDIT_CARD): 14 to 16 digits of the issuers in use in Korea.

Form: ISO/IEC 7812-1 (issuer ranges, Luhn check digit in annex B). Cards for domestic use alone
begin with 9. The check digit is evidence only: mistyped cards are cards.
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

_GAP = r"(?:[ ]?[-·./_][ ]?|[ ]{1,2})"
_SIXTEEN = re.compile(
    rf"(?<![0-9])(?<![0-9]-)[2-69][0-9]{{3}}(?:{_GAP}[0-9]{{4}}){{3}}(?![0-9])(?!-[0-9]{{4}})"
)
_AMEX = re.compile(
    rf"(?<![0-9])(?<![0-9]-)3[47][0-9]{{2}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{5}}(?![0-9])(?!-[0-9])"
)
_DINERS = re.compile(
    rf"(?<![0-9])(?<![0-9]-)3[068][0-9]{{2}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4}}(?![0-9])(?!-[0-9])"
)
_RUN = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9]-)(?:[2-69][0-9]{15}|3[47][0-9]{13}|3[068][0-9]{12})(?![0-9A-Za-z])(?!-[0-9])"
)
_LABELS = Labels.of(
    "카드|CARD|비자|VISA|마스터|MASTER|아멕스|AMEX|결제",
    f"계좌|은행|통장|쿠폰|상품권|{FOREIGN_NUMBERS}",
)


def _luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _find(text: str) -> Iterator[Span]:
    rules = (
        (_SIXTEEN, "sixteen", 0.6),
        (_AMEX, "amex", 0.45),
        (_DINERS, "diners", 0.35),
        (_RUN, "run", 0.3),
    )
    for pattern, rule, base in rules:
        for match in pattern.finditer(text):
            if match[0].isdigit() and within_fraction(text, match.start()):
                continue
            nearby = _LABELS.around(text, match.start(), match.end())
            score = base + (0.3 if _luhn(digits(match[0])) else 0.0)
            score += (0.25 if nearby.helps else 0.0) - (0.2 if nearby.denies else 0.0)
            if score >= LEAST_SCORE:
                yield Span(
                    match.start(), match.end(), "CREDIT_CARD", min(score, 1.0), f"card.{rule}"
                )


CARD = Recognizer(
    "CREDIT_CARD",
    _find,
    Canary("CREDIT_CARD", "카드번호는 4111-1111-1111-1111입니다.", "4111-1111-1111-1111"),
)
