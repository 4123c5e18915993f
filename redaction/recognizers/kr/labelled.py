"""Numbers that only their label tells from others: health insurance, customs, military, members.

건강보험증번호 (KR_HEALTH_INSURANCE): eleven digits (국민건강보험법 시행규칙 제5조, 별지).
개인통관고유부호 (KR_CUSTOMS_CODE): P and twelve digits (관세청고시, 개인통관고유부호 운영).
군번 (KR_MILITARY_NUMBER): the year of entry, a hyphen, five to eight digits (국방부, 군번 부여).
Numbers of employees, students, members, patients (KR_MEMBER_NUMBER): whatever an office chose,
directly behind their label.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import SURNAMES, is_noun
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels, read_table
from redaction.recognizers.numbers import Form, Forms
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

_OTHERS = "phone fax account card resident foreigner passport licence business corporation office"
_HEALTH_FORMS = Forms(
    Form("run", "b(?<![RB-].)(?![LB-])"),
    Form(
        "groups",
        "(?<![RB-])(?:1[- ~.]a|5[- ~.]6|6[- ~.]5|3[- ~.]8|4[- ~.]7|3[- ~.]4[- ~.]4"
        "|4[- ~.]4[- ~.]3)(?![LB-])",
    ),
)
_HEALTH = Labels.of(WORDS, "health", f"{_OTHERS} member customs military")
_MOBILE = re.compile("01[016789]")


def _health(reading: Reading) -> Iterator[Span]:
    if not (_HEALTH_FORMS.stand(reading) and WORDS.names(reading, "health")):
        return
    for _, number in _HEALTH_FORMS.numbers(reading):
        if _HEALTH.around(reading, number.start, number.end).helps:
            score = 0.6 if _MOBILE.match(number.digits) else 0.9
            yield Span(number.start, number.end, "KR_HEALTH_INSURANCE", score, "health")


_CUSTOMS_FORMS = Forms(
    Form("customs", "(?:(?<=[RBX -])|^)(?:c|4[- ]4[- ]4|3[- ]3[- ]3[- ]3|6[- ]6)(?![LB-])")
)
_CUSTOMS_LETTER = re.compile("(?<![0-9A-Za-z])[Pp][ -]?$")


def _customs(reading: Reading) -> Iterator[Span]:
    for _, number in _CUSTOMS_FORMS.numbers(reading):
        letter = _CUSTOMS_LETTER.search(reading.text, max(0, number.start - 3), number.start)
        if letter is not None:
            yield Span(letter.start(), number.end, "KR_CUSTOMS_CODE", 0.85, "customs")


_MILITARY_FORMS = Forms(Form("military", "(?<![RB-])(?:2[- .~N][5-8]|[7-9a])(?![LB-])"))
_MILITARY = Labels.of(WORDS, "military", f"{_OTHERS} member health birth date")


def _military(reading: Reading) -> Iterator[Span]:
    if not (_MILITARY_FORMS.stand(reading) and WORDS.names(reading, "military")):
        return
    for _, number in _MILITARY_FORMS.numbers(reading):
        if _MILITARY.around(reading, number.start, number.end).helps:
            yield Span(number.start, number.end, "KR_MILITARY_NUMBER", 0.9, "military")


# A number as an office writes it: letters for a kind, digits, parts behind hyphens.
_MEMBER_NUMBER = (
    r"(?:[A-Za-z]{1,6}[-_]?)?(?:제[ ]?)?[0-9]{2,12}(?:[-_/.][A-Za-z0-9]{1,10}){0,4}"
    r"(?![0-9A-Za-z])(?![ ]?(?:년|월|일|명|개|건|회|차|자리|원|번째|%))"
)
_MEMBER_VALUE = re.compile(
    r"(?:[ ]?\([^()\n]{1,12}\))?(?:은|는|이|가|을|를|란에|로)?[ \t]{0,3}(?:\r?\n)?"
    r"(?:[:=|→>,]|</t[hd]>[ ]?<td>|[\"'][ ]?:)?[ \t\"'(\[]{0,4}"
    rf"(?P<value>{_MEMBER_NUMBER})"
)
# member_no, but not member; user=2010-12345 in logs.
_KEY = re.compile(
    r"[_-]?(?:no|num|number|nbr|id|code|cd)(?![A-Za-z])|(?=[\"']?[ ]?[=:])", re.IGNORECASE
)
_LOGIN = re.compile("user|uid|login|customer", re.IGNORECASE)  # a column of these counts rows
_LEAST_MEMBER = 4
_DATE = re.compile(r"(?:19|20)[0-9]{2}[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12][0-9]|3[01])")
# 사용자 홍길동(2019-12345): a year and a serial number in brackets behind a name.
_IN_BRACKETS = re.compile(r"\((?P<value>[A-Z]?(?:19|20)[0-9]{2}-?[0-9]{4,6})\)")
_NAME_BEFORE = re.compile(r"(?<![가-힣])(?P<name>[가-힣]{2,4})[ ]?$")
_LONGEST_NAME = 5  # with a space


def _members(reading: Reading) -> Iterator[Span]:
    labels = list(WORDS.of(reading, "member"))
    for start, end in WORDS.of(reading, "member_key"):
        key = _KEY.match(reading.text, end)
        if key is not None:
            labels.append((start, key.end()))
    for _, end in labels:
        yield from _value(reading.text, end)
    headers = [start for start, end in labels if not _LOGIN.match(reading.text, start)]
    if headers:
        yield from _in_columns(reading, headers)
    for match in _IN_BRACKETS.finditer(reading.text):
        start = match.start()
        named = _NAME_BEFORE.search(reading.text, max(0, start - _LONGEST_NAME), start)
        if named and named["name"][0] in SURNAMES and not is_noun(named["name"]):
            yield Span(*match.span("value"), "KR_MEMBER_NUMBER", 0.6, "member.name")


def _value(text: str, position: int) -> Iterator[Span]:
    match = _MEMBER_VALUE.match(text, position)
    if match is not None and _is_member(match["value"]):
        yield Span(*match.span("value"), "KR_MEMBER_NUMBER", 0.8, "member")


def _is_member(value: str) -> bool:
    return sum(map(str.isdecimal, value)) >= _LEAST_MEMBER and not _DATE.fullmatch(value)


_CELL = re.compile(rf"(?<![0-9A-Za-z]){_MEMBER_NUMBER}")
_BEFORE_LABEL = re.compile(rf"(?<![0-9A-Za-z.-])(?P<value>{_MEMBER_NUMBER})[^0-9A-Za-z\n]{{1,16}}$")
_REACH = 40
_MEMBER = Labels.of(WORDS, "member", f"{_OTHERS} health military customs plate birth date address")


def _in_columns(reading: Reading, places: list[int]) -> Iterator[Span]:
    """Below a header, or before "… is my number"."""
    text = reading.text
    for start, end in reading.shared(read_table).below(places):
        match = _CELL.search(text, start, end)
        if match is not None and _is_member(match[0]):
            yield Span(*match.span(), "KR_MEMBER_NUMBER", 0.6, "member.column")
    for place in places:
        match = _BEFORE_LABEL.search(text, max(0, place - _REACH), place)
        if match is None or not _is_member(match["value"]):
            continue
        if _MEMBER.around(reading, *match.span("value")).helps:
            yield Span(*match.span("value"), "KR_MEMBER_NUMBER", 0.5, "member.behind")


HEALTH_INSURANCE = Recognizer(
    "KR_HEALTH_INSURANCE",
    _health,
    Canary("KR_HEALTH_INSURANCE", "건강보험증번호는 12345678901입니다.", "12345678901"),
)
CUSTOMS_CODE = Recognizer(
    "KR_CUSTOMS_CODE",
    _customs,
    Canary("KR_CUSTOMS_CODE", "개인통관고유부호는 P123456789012입니다.", "P123456789012"),
)
MILITARY_NUMBER = Recognizer(
    "KR_MILITARY_NUMBER",
    _military,
    Canary("KR_MILITARY_NUMBER", "군번은 13-71234567입니다.", "13-71234567"),
)
MEMBER_NUMBER = Recognizer(
    "KR_MEMBER_NUMBER", _members, Canary("KR_MEMBER_NUMBER", "사번: A-20231234", "A-20231234")
)
