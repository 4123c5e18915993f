"""사업자등록번호 (KR_BRN): three, two and five digits.

Form: 부가가치세법 시행령 제12조 (given by the tax office for each place of business). Check digit
as in common use: weights 1 3 7 1 3 7 1 3 5, where the ninth product also adds its tens; evidence
only.
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
    weighted,
)

_SEPARATED = re.compile(
    r"(?<![0-9])(?<![0-9]-)[1-9][0-9]{2}[ ]?[-·./ ][ ]?[0-9]{2}[ ]?[-·./ ][ ]?[0-9]{5}"
    r"(?![0-9])(?!-[0-9])"
)
_RUN = re.compile(r"(?<![0-9A-Za-z-])(?<![0-9]\.)[1-9][0-9]{9}(?![0-9A-Za-z-])")
_LABELS = Labels.of(
    "사업자\\s?(?:등록)?\\s?(?:번호)?|고유번호|BRN", f"계좌|은행|입금|전화|{FOREIGN_NUMBERS}"
)
_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)


def _checks(number: str) -> bool:
    total = weighted(number, _WEIGHTS) + int(number[8]) * 5 // 10
    return (10 - total % 10) % 10 == int(number[9])


def _find(text: str) -> Iterator[Span]:
    for pattern, rule, base in ((_SEPARATED, "separated", 0.55), (_RUN, "run", 0.2)):
        for match in pattern.finditer(text):
            nearby = _LABELS.around(text, match.start(), match.end())
            score = base + (0.2 if _checks(digits(match[0])) else 0.0)
            score += (0.35 if nearby.helps else 0.0) - (0.3 if nearby.denies else 0.0)
            if score >= LEAST_SCORE:
                yield Span(
                    match.start(), match.end(), "KR_BRN", min(score, 1.0), f"business.{rule}"
                )


BRN = Recognizer(
    "KR_BRN", _find, Canary("KR_BRN", "사업자등록번호는 220-81-62517입니다.", "220-81-62517")
)
