"""계좌번호 (KR_BANK_ACCOUNT): ten to sixteen digits beside a bank's name or a word for accounts.

Form: each bank chooses its own length and groups (금융결제원, 금융회사 계좌번호 체계); without a
word that says so, a group of digits is no account. There is no common check digit.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.recognizer import (
    FOREIGN_NUMBERS,
    Canary,
    Labels,
    Recognizer,
    digits,
    within_fraction,
)

_GROUPS = re.compile(
    r"(?<![0-9A-Za-z])[0-9]{2,8}(?:(?:[ ]?[-·][ ]?|[ ])[0-9]{1,8})+(?![0-9A-Za-z])"
)
_RUN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9]-)[0-9]{10,16}(?![0-9A-Za-z])(?!-[0-9])")
_LEAST_DIGITS, _MOST_DIGITS, _MOST_GROUPS = 10, 16, 5
_GROUP = re.compile("[0-9]+")
_LINKED = re.compile(r"[0-9]+(?:[ ]?[-·][ ]?[0-9]+)*")
# What stands between the accounts of a list; the label stands before the first one only.
_NEXT = re.compile(r"[ \t]{0,2}[,/·;\n]?[ \t]{0,2}(?:및|와|과)?[ ]?")
_THOUSANDS = re.compile(r"[0-9],[0-9]{3}(?: |$)")
_TELEPHONE = re.compile(
    r"0(?:1[016789]|2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|[78]0|50[2-8])[- ]?[0-9]{3,4}[- ]?[0-9]{4}"
)

_BANKS = (
    "국민은행|KB국민|KB은행|신한은행|우리은행|하나은행|KEB하나|농협|NH농협|기업은행|IBK|산업은행|KDB|수협|신협|우체국"
    "|새마을금고|MG새마을|카카오뱅크|카뱅|케이뱅크|K뱅크|토스뱅크|SC제일|제일은행|씨티은행|부산은행|경남은행|대구은행|iM뱅크|광주은행"
    "|전북은행|제주은행|저축은행|산림조합|수출입은행|BNK|은행|뱅크"
)
# Short names that are everyday words count only directly before the number.
_SHORT_BANK = re.compile(
    "(?:국민|신한|우리|하나|기업|산업|부산|경남|대구|광주|전북|제주|토스|씨티|KB|NH|MG|SC)"
    "[ _]?[:),]?[ ]?$"
)
_LABELS = Labels.of(
    f"계좌|통장|입금|송금|이체|환급|예금|{_BANKS}",
    "전화|연락처|휴대|핸드폰|팩스|문의|카드|주민|외국인등록|여권|면허|사업자|TEL|FAX|"
    f"{FOREIGN_NUMBERS}",
)


def _taken(parts: list[tuple[int, int, int]]) -> int:
    """How many of the parts (start, end, digits) from the first on make one number; 0 if none."""
    total = 0
    for count, (_, _, length) in enumerate(parts[:_MOST_GROUPS]):
        if total + length > _MOST_DIGITS:
            return count if total >= _LEAST_DIGITS else 0
        total += length
    return min(len(parts), _MOST_GROUPS) if total >= _LEAST_DIGITS else 0


def _parts(text: str, pattern: re.Pattern[str], start: int, end: int) -> list[tuple[int, int, int]]:
    return [
        (match.start(), match.end(), len(digits(match[0])))
        for match in pattern.finditer(text, start, end)
    ]


def _numbers(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The numbers in groups of digits; what stands behind one of them is not lost with it.

    Hyphens bind closer than spaces: an amount or a date behind an account is no part of it.
    """
    loose: list[tuple[int, int, int]] = []
    for part in (*_parts(text, _LINKED, start, end), None):
        if part is not None and part[2] < _LEAST_DIGITS:
            loose.append(part)
            continue
        yield from _joined(loose)
        loose = []
        if part is not None:
            yield from _joined(_parts(text, _GROUP, *part[:2]))


def _joined(parts: list[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(parts):
        taken = _taken(parts[at : at + _MOST_GROUPS])
        if taken:
            yield parts[at][0], parts[at + taken - 1][1]
        at += taken or 1


def _candidates(text: str) -> list[tuple[int, int, str]]:
    found = [(*match.span(), "run") for match in _RUN.finditer(text)]
    for match in _GROUPS.finditer(text):
        found += ((start, end, "groups") for start, end in _numbers(text, *match.span()))
    return sorted(found)


def _find(text: str) -> Iterator[Span]:
    last: int | None = None
    for start, end, rule in _candidates(text):
        if within_fraction(text, start) or _THOUSANDS.match(text, max(0, start - 2), end):
            continue
        short = _SHORT_BANK.search(text, max(0, start - 8), start) is not None
        nearby = _LABELS.around(text, start, end)
        telephone = _TELEPHONE.fullmatch(text, start, end)
        # A bank's name behind a telephone number speaks of what comes next.
        if not short and nearby.behind and telephone:
            continue
        listed = last is not None and not telephone and _NEXT.fullmatch(text, last, start)
        if short or nearby.helps or (listed and not nearby.denies):
            last = end
            yield Span(start, end, "KR_BANK_ACCOUNT", 0.85, f"account.{rule}")


ACCOUNT = Recognizer(
    "KR_BANK_ACCOUNT",
    _find,
    Canary("KR_BANK_ACCOUNT", "국민은행 123456-01-234567로 입금해 주세요.", "123456-01-234567"),
)
