"""계좌번호 (KR_BANK_ACCOUNT): ten to sixteen digits beside a bank's name or a word for accounts.

Form: each bank chooses its own length and groups (금융결제원, 금융회사 계좌번호 체계); without a
word that says so, a group of digits is no account. There is no common check digit.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Numbers, read_numbers
from redaction.recognizers.recognizer import (
    Canary,
    Reading,
    Recognizer,
    within_fraction,
)

_GROUPS = re.compile("[2-8](?<![RB].)(?:[-.~ N][1-8])+(?![LB])")
_RUN = re.compile("[a-g](?<![RB-].)(?![LB-])")
_LEAST_DIGITS, _MOST_DIGITS, _MOST_GROUPS = 10, 16, 5
# What stands between the accounts of a list; the label stands before the first one only.
_NEXT = re.compile(r"[ \t]{0,2}[,/·;\n]?[ \t]{0,2}(?:및|와|과)?[ ]?")
_THOUSANDS = re.compile(r"[0-9],[0-9]{3}(?: |$)")
_TELEPHONE = re.compile(
    r"0(?:1[016789]|2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|[78]0|50[2-8])[- ]?[0-9]{3,4}[- ]?[0-9]{4}"
)

# Short names that are everyday words count only directly before the number.
_SHORT_BANK = re.compile(
    "(?:국민|신한|우리|하나|기업|산업|부산|경남|대구|광주|전북|제주|토스|씨티|KB|NH|MG|SC)"
    "[ _]?[:),]?[ ]?$"
)
_BANK_BEHIND = re.compile(
    r"[ ]?[(,/]?[ ]?(?:국민|신한|우리|하나|기업|산업|부산|경남|대구|광주|전북|제주|토스|씨티|농협"
    r"|KB|NH|IBK|카뱅)"
    r"(?:은행)?(?![가-힣A-Za-z])"
)
_ANY_BANK = re.compile(
    "국민|신한|우리|하나|기업|산업|부산|경남|대구|광주|전북|제주|토스|씨티|농협|카뱅|KB|NH|MG|SC|IBK"
)
# 2024-03-12-001: an office's paper; no bank has such groups.
_DATED = re.compile(
    r"(?:19|20)[0-9]{2}[-.](?:0[1-9]|1[0-2])[-.](?:0[1-9]|[12][0-9]|3[01])(?:[-.]|$)"
)
_SUM = re.compile(r"[ ]?(?:원|만|억|천|명|건|개|달러|엔)")
_LABELS = Labels.of(
    WORDS, "account", "phone fax card resident foreigner passport licence business office health"
)


class _Part(NamedTuple):
    """Groups that belong together: the first, the last, and how many digits they have."""

    first: int
    last: int
    digits: int


def _taken(parts: list[_Part]) -> int:
    """How many of the parts from the first on make one number; 0 if none."""
    total = 0
    for count, part in enumerate(parts[:_MOST_GROUPS]):
        if total + part.digits > _MOST_DIGITS:
            return count if total >= _LEAST_DIGITS else 0
        total += part.digits
    return min(len(parts), _MOST_GROUPS) if total >= _LEAST_DIGITS else 0


def _joined(parts: list[_Part]) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(parts):
        taken = _taken(parts[at : at + _MOST_GROUPS])
        if taken:
            yield parts[at].first, parts[at + taken - 1].last
        at += taken or 1


def _linked(numbers: Numbers, groups: re.Match[str]) -> Iterator[list[_Part]]:
    """What hyphens and points join, as its single groups."""
    first = (groups.start() - 1) // 2
    signs = groups[0]
    part: list[_Part] = []
    for place in range(len(signs) // 2 + 1):
        at = first + place
        part.append(_Part(at, at, int(signs[2 * place])))
        sign = signs[2 * place + 1 : 2 * place + 2]
        if sign in ("", " ") or (sign == "N" and "-" not in numbers.gap(at)):
            yield part
            part = []


def _numbers(numbers: Numbers, groups: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The numbers in groups of digits; what stands behind one of them is not lost with it.

    Hyphens bind closer than spaces: an amount or a date behind an account is no part of it.
    """
    loose: list[_Part] = []
    for part in _linked(numbers, groups):
        digits = sum(group.digits for group in part)
        if digits < _LEAST_DIGITS:
            loose.append(_Part(part[0].first, part[-1].last, digits))
            continue
        yield from _joined(loose)
        loose = []
        yield from _joined(part)
    yield from _joined(loose)


def _candidates(numbers: Numbers) -> list[tuple[int, int, str]]:
    found = [(number.start, number.end, "run") for number in numbers.of_shape(_RUN)]
    for match in _GROUPS.finditer(numbers.skeleton):
        if sum(map(int, match[0][::2])) < _LEAST_DIGITS:
            continue
        found += [
            (numbers.starts[first], numbers.ends[last], "groups")
            for first, last in _numbers(numbers, match)
        ]
    return sorted(found)


def _find(reading: Reading) -> Iterator[Span]:
    text = reading.text
    if not _is_named(reading):
        return
    last: int | None = None
    for start, end, rule in _candidates(reading.shared(read_numbers)):
        nearby = _LABELS.around(reading, start, end)
        short = bool(_SHORT_BANK.search(text, max(0, start - 8), start))
        telephone = _TELEPHONE.fullmatch(text, start, end)
        short = short or (telephone is None and bool(_BANK_BEHIND.match(text, end)))
        if not (short or nearby.helps or last is not None) or _no_account(text, start, end, rule):
            continue
        # A bank's name behind a telephone number speaks of what comes next.
        if not short and nearby.behind and telephone:
            continue
        listed = last is not None and not telephone and _NEXT.fullmatch(text, last, start)
        if short or nearby.helps or (listed and not nearby.denies):
            last = end
            yield Span(start, end, "KR_BANK_ACCOUNT", 0.85, f"account.{rule}")


def _is_named(reading: Reading) -> bool:
    """Whether a text has long numbers, and any word that could make one of them an account."""
    skeleton = reading.shared(read_numbers).skeleton
    if not (_RUN.search(skeleton) or _GROUPS.search(skeleton)):
        return False
    if _ANY_BANK.search(reading.text):
        return True
    return WORDS.names(reading, "account")


def _no_account(text: str, start: int, end: int, rule: str) -> bool:
    """Whether what stands around digits makes them a sum, a fraction or an office's document."""
    if text[start - 1 : start] == "제" and text[end : end + 1] == "호":
        return True
    if rule == "groups" and _DATED.match(text[start:end]):
        return True
    if rule == "run" and _SUM.match(text, end):
        return True
    return within_fraction(text, start) or bool(_THOUSANDS.match(text, max(0, start - 2), end))


ACCOUNT = Recognizer(
    "KR_BANK_ACCOUNT",
    _find,
    Canary("KR_BANK_ACCOUNT", "국민은행 123456-01-234567로 입금해 주세요.", "123456-01-234567"),
)
