"""주민등록번호 (KR_RRN), 외국인등록번호 and 국내거소신고번호 (KR_FRN).

Form: YYMMDD, a digit for sex and century, six digits (주민등록법 시행규칙 제2조; 출입국관리법
제31조 제5항; 재외동포법 제7조). Digit 7: 1-4 citizens, 5-8 foreigners, odd men, 1 2 5 6 born 19xx,
3 4 7 8 born 20xx, 9 and 0 born 18xx. The check digit (weights 2-9, 2-5, modulo 11; foreigners add
2) holds for numbers given before October 2020; in later ones the last six digits are random
(행정안전부, 주민등록법 시행규칙 개정 2020-10-05), also for people born earlier: it is evidence,
never a gate.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.companies import behind_company
from redaction.recognizers.kr.name_words import is_usual_name, may_be_name
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Form, Forms, Number
from redaction.recognizers.recognizer import (
    LEAST_SCORE,
    Canary,
    Reading,
    Recognizer,
    days_of,
    weighted,
)

_SEPARATE = 0.8  # the score of the written form, before any other evidence
_FORMS = Forms(
    Form("separated", "6[-./_~:* ]7", _SEPARATE),
    # One digit in each box of a form.
    Form("boxed", "(?:6|(?:1 ){5}1)[- ](?:7|(?:1 ){6}1)(?! 1)", 0.6),
    # Columns of a table, or a number that the end of a line breaks.
    Form("broken", "6N7", 0.6),
    # Members of a list; dates and amounts stand so too, so that more must speak for a number.
    Form("listed", "6,7", 0.45),
    Form("run", "d", 0.6),
    Form("dotted", "2[./]2[./]2[- ]7", 0.6),
    Form("scanned", "6[- ]1 3 3", 0.6),
    # 민번 900101에 1234567
    Form("spoken", "6H7", 0.7),
    # The rest of the second part is hidden; birth and sex are not.
    Form("masked", "6[- ]1", 0.8),
)
_MASK = re.compile(r"[*●○◯xX#]{6}(?![*●○◯xX#0-9])")
# 900101-1O34567: letters in the place of digits, to pass by filters such as this one.
_LETTERED = re.compile(r"(?=[0-9]{0,5}[OoIl])[0-9OoIl]{6}(?![0-9A-Za-z])")
# 홍길동(640912-1), 본인(홍길동, 640912-1): the digit for the sex ends the number, in brackets.
_NAME_BEFORE = re.compile(
    r"(?<![가-힣])(?P<name>[가-힣](?:[가-힣]|[*○O])[가-힣])[ ]?(?:씨|님)?[ ]?[(,][ ]?$"
)
# A row of a family's table: who, then the number that ends with the digit for the sex.
_COLUMN_BEFORE = re.compile(
    r"(?<![가-힣])(?:본인|배우자|남편|아내|아들|자녀|장[남녀]|[차삼]남|[차삼]녀"
    r"|아버지|어머니|부친|모친|장인|장모|시부|시모|시아버지|시어머니|[외친]?조[부모]|할아버지|할머니"
    r"|손자|손녀|사위|며느리|형제|자매|동생|동거인|세대[주원]|(?P<name>[가-힣]{3}))"
    r"(?:[ ]{2,12}|[ ]?[|\t,;][ ]?)$"
)
_EARLIEST_IN_COLUMN = 1930  # 240107-1 is rather a document's number than somebody of a hundred
_BRACKET_BEHIND = re.compile(r"[ ]?[,)]")
_LONGEST_NAME = 12
_MORE_BEHIND = re.compile("[ ]?[-0-9]")
_HEX = frozenset("0123456789abcdefABCDEF")
_NOUGHT = re.compile(r"(?:^|[^0-9])0\.$")
_SECOND_PART = re.compile(
    r"(?:뒷|뒤)[ ]?(?:7|일곱)?[ ]?자리(?:[은는가이]|의|:)?[ ]{0,2}(?P<digits>[0-9]{7})(?![0-9-])"
)
_BEHIND_BIRTH = re.compile(
    r"(?<![0-9])(?P<birth>[0-9]{6})(?P<between>[가-힣 ,.:/\n]{1,14})[뒤뒷][가-힣 :]{0,8}"
    r"(?P<digits>[0-9]{7})(?![0-9-])"
)
# 85년 4월 12일 - 1234567: the first half is a date in words.
_BEHIND_DATE = re.compile(
    r"(?P<year>[0-9]{2}|[0-9]{4})[년年][ ]?(?P<month>[0-9]{1,2})[월月][ ]?(?P<day>[0-9]{1,2})[일日]"
    r"생?[ ]?-[ ]?(?P<digits>[1-8][0-9]{6})(?![0-9-]|[ ]?[원건명])"
)
# ******-1234567: the other half is hidden.
_HIDDEN_FIRST = re.compile(r"(?<![0-9*●○◯xX#])[*●○◯xX#]{6}[ ]?-[ ]?(?P<digits>[0-9]{7})(?![0-9-])")
_HIDINGS = tuple(mark * 6 for mark in "*●○◯xX#")
_RESIDENT = re.compile("주민|외국인[ ]?등록")
_SEVEN = Forms(Form("second", "7"))
_SECOND_REACH = 32
_PLAIN_BETWEEN = 8
_LABELS = Labels.of(WORDS, "resident foreigner", "office corporation health military member")
# Six digits, a hyphen, seven and a birth date are a person's, whichever office's number stands in
# the line; only a corporation's is written in the same way.
_LABELS_OF_SEPARATED = Labels.of(WORDS, "resident foreigner", "corporation")
_EXAMPLES = frozenset({"0" * 13, "0" * 7, "1234561234567"})  # what forms show how to write it
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
# Births of the 2000s: a fixed bound, because findings depend on the text alone, never on the clock.
_LAST_YEAR = 2039
_CENTURIES = {"1": 1900, "2": 1900, "5": 1900, "6": 1900, "9": 1800, "0": 1800}
_EAN_KOREA = "880"  # GS1 prefix of Korea: thirteen-digit bar codes that can look like a birth date


def _year_of(digits: str) -> int:
    """The year of birth that the first two digits and the seventh tell."""
    return int(digits[:2]) + _CENTURIES.get(digits[6], 2000)


def is_birth(digits: str) -> bool:
    """Whether the first seven digits are a day of birth and a digit for sex and century."""
    year = _year_of(digits)
    month, day = int(digits[2:4]), int(digits[4:6])
    if not 1 <= month <= 12 or year > _LAST_YEAR:
        return False
    return 1 <= day <= days_of(year, month)


def _checks(digits: str) -> bool:
    if len(digits) < 13:
        return False
    offset = 13 if digits[6] in "5678" else 11
    return (offset - weighted(digits, _WEIGHTS) % 11) % 10 == int(digits[12])


def _bar_code(digits: str) -> bool:
    """EAN-13 with Korea's prefix (GS1 General Specifications, section 7.9)."""
    return digits.startswith(_EAN_KOREA) and weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def _score(reading: Reading, number: Number, base: float) -> float:
    digits, sure = number.digits, base >= _SEPARATE
    labels = _LABELS_OF_SEPARATED if sure else _LABELS
    nearby = labels.around(reading, number.start, number.end)
    if not is_birth(digits):
        # A mistyped date behind the plain label is still somebody's number.
        return 0.6 if nearby.helps and sure else 0.0
    checks = _checks(digits)
    if not (nearby.helps or checks) and behind_company(reading, number.start):
        return LEAST_SCORE  # a corporation's number, unless that finds nothing here
    if digits[6] in "90" and not (nearby.helps or checks):
        return 0.0
    score = base + (0.1 if checks else 0.0) + (0.2 if nearby.helps else 0.0)
    if nearby.denies:
        score -= 0.1 if checks and sure else 0.4
    goods = digits.startswith(_EAN_KOREA) and (_bar_code(digits) or not checks)
    if goods and not nearby.helps and not sure:
        score -= 0.4
    return min(score, 1.0)


def _bounded(reading: Reading, number: Number, rule: str) -> int | None:
    """Where the number ends; None if it is a part of something longer."""
    text = reading.text
    if rule == "masked":
        mask = _MASK.match(text, number.end) or _LETTERED.match(text, number.end)
        if mask is not None:
            return mask.end()
        if "-" not in text[number.start : number.end]:
            return None
        known = _in_brackets(text, number) or _in_column(text, number)
        if is_birth(number.digits) and (known or _labelled(reading, number)):
            return number.end
        return None
    if rule == "spoken" and not _labelled(reading, number):
        return None
    if rule == "run":
        beside = text[max(0, number.start - 1) : number.start] + text[number.end : number.end + 1]
        # A comma before thirteen digits is a table's; behind a nought's point they are a fraction.
        if not _HEX.isdisjoint(beside) or _NOUGHT.search(text, number.start - 3, number.start):
            return None
    return number.end


def _labelled(reading: Reading, number: Number) -> bool:
    """Whether a number that ends with the digit for the sex stands behind its label."""
    nearby = _LABELS_OF_SEPARATED.around(reading, number.start, number.end)
    return nearby.helps and not nearby.behind and not _MORE_BEHIND.match(reading.text, number.end)


def _in_brackets(text: str, number: Number) -> bool:
    if _BRACKET_BEHIND.match(text, number.end) is None:
        return False
    named = _NAME_BEFORE.search(text, max(0, number.start - _LONGEST_NAME), number.start)
    return named is not None and (
        not named["name"][1].isalpha() or named["name"][1] == "O" or may_be_name(named["name"])
    )


def _in_column(text: str, number: Number) -> bool:
    """Whether a number that ends with the digit for the sex stands behind a person in a row."""
    if _MORE_BEHIND.match(text, number.end):
        return False
    before = _COLUMN_BEFORE.search(text, max(0, number.start - 20), number.start)
    if before is None or (before["name"] and not is_usual_name(before["name"])):
        return False
    return _year_of(number.digits) >= _EARLIEST_IN_COLUMN


def _second_parts(reading: Reading, entity: str, kinds: str) -> Iterator[Span]:
    """The last seven digits alone, where the words say so: 주민번호 뒷자리 1234567."""
    if not _SEVEN.stand(reading):
        return
    text = reading.text
    for match in _BEHIND_BIRTH.finditer(text) if "뒤" in text or "뒷" in text else ():
        # The end of a line, or more words, may begin something else.
        plain = "\n" not in match["between"] and len(match["between"]) <= _PLAIN_BETWEEN
        named = plain or _RESIDENT.search(
            text, max(0, match.start() - _SECOND_REACH), match.start("digits")
        )
        if named and match["digits"][0] in kinds and is_birth(match["birth"] + match["digits"]):
            yield Span(*match.span("digits"), entity, 0.8, "resident.second")
    for match in _BEHIND_DATE.finditer(text) if "월" in text or "月" in text else ():
        birth = f"{match['year'][-2:]}{match['month']:0>2}{match['day']:0>2}"
        if match["digits"][0] in kinds and is_birth(birth + match["digits"]):
            yield Span(*match.span("digits"), entity, 0.8, "resident.second")
    for match in _HIDDEN_FIRST.finditer(text) if any(map(text.__contains__, _HIDINGS)) else ():
        nearby = _LABELS_OF_SEPARATED.around(reading, *match.span())
        if match["digits"][0] in kinds and nearby.helps:
            yield Span(*match.span(), entity, 0.8, "resident.hidden")
    for match in _SECOND_PART.finditer(text) if "자리" in text else ():
        if match["digits"][0] in kinds and _RESIDENT.search(
            text, max(0, match.start() - _SECOND_REACH), match.start()
        ):
            yield Span(*match.span("digits"), entity, 0.8, "resident.second")


def _find(reading: Reading, entity: str, kinds: str) -> Iterator[Span]:
    yield from _second_parts(reading, entity, kinds)
    for form, number in _FORMS.numbers(reading):
        if number.digits[6] not in kinds:
            continue
        end = _bounded(reading, number, form.rule)
        if end is None or number.digits in _EXAMPLES:
            continue
        score = _score(reading, number, form.score)
        if score >= LEAST_SCORE:
            yield Span(number.start, end, entity, score, f"resident.{form.rule}")


RRN = Recognizer(
    "KR_RRN",
    lambda reading: _find(reading, "KR_RRN", "123490"),
    Canary("KR_RRN", "주민등록번호는 900101-1234568입니다.", "900101-1234568"),
)
FRN = Recognizer(
    "KR_FRN",
    lambda reading: _find(reading, "KR_FRN", "5678"),
    Canary("KR_FRN", "외국인등록번호는 900101-5234568입니다.", "900101-5234568"),
)
