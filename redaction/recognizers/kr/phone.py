"""전화번호 (PHONE_NUMBER): mobile, area, internet, personal, free and representative numbers.

Form: 전기통신번호 관리세칙 (과학기술정보통신부 고시): 01X mobile, 02 and 031-064 area codes, 070
internet telephony, 050X personal numbers, 080 free calls, 15XX, 16XX and 18XX representative
numbers; ITU-T E.164 for country code 82.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.offices import beside_office
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Form, Forms, Number
from redaction.recognizers.recognizer import (
    LEAST_SCORE,
    Canary,
    Reading,
    Recognizer,
    within_fraction,
)

_AREA_CODE = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4])"
_PERSONAL_CODE = r"(?:70|80|50[2-8]|1[016789])"
_MOBILE = "01[016789]"
_AREA = f"0{_AREA_CODE}"
_SERVICE = "0(?:70|80|303|50[2-8])"
_PERSONAL = "050(?:[2-8]|(?![0-9]))"
_ANY = f"0(?:{_AREA_CODE}|70|80|303|50[2-8])"
_REPRESENTATIVE = (
    "15(?:22|33|44|66|77|88|99)|16(?:00|11|44|55|60|61|66|68|70|77|88|99)"
    "|18(?:00|11|22|33|55|66|77|99)"
)
_LOCAL = "[2-9]"

_GAP = r"[-./_~:() ]"
# Columns of a table, or a number that the end of a line breaks.
_MOBILE_GAP = r"[-./_~:()* N,]"
# Not behind another group of digits: those are longer numbers. An extension, or which of a
# person's telephones it is, may follow: 010-1234-5678-3.
_EXTENDED = "(?!-[5-9a-z])"
_FORMS = Forms(
    Form("mobile", f"3{_MOBILE_GAP}[34]{_MOBILE_GAP}4{_EXTENDED}", 0.9, _MOBILE),
    Form("mobile.run", f"[ab](?<!-.){_EXTENDED}", 0.75, _MOBILE),
    Form("mobile.half", f"(?<!-)(?:3{_GAP}[78]|[67]{_GAP}4){_EXTENDED}", 0.75, _MOBILE),
    Form("area", f"[23](?<!-.){_GAP}[34]{_GAP}4{_EXTENDED}", 0.8, _AREA),
    Form("area.broken", f"[23](?<!-.){_MOBILE_GAP}[34]{_MOBILE_GAP}4(?!-)", 0.35, _AREA),
    # A personal number has twelve digits, however they are grouped: 050-7123-45678.
    Form("service.odd", f"3(?<!-.){_GAP}[45]{_GAP}[45]", 0.6, _PERSONAL),
    Form("service.odd", f"4(?<!-.){_GAP}[35]{_GAP}[35]", 0.6, _PERSONAL),
    Form("service", f"[34](?<!-.){_GAP}[34]{_GAP}4{_EXTENDED}", 0.8, _SERVICE),
    Form("area.run", f"[9abc](?<![RB-].)(?![LB]){_EXTENDED}", 0.4, _ANY),
    Form("area.half", "(?<![RB-])(?:[234][-)][78]|[5-8]-4)(?!-)", 0.4, _ANY),
    Form("representative", "4(?<!-.)[-./_ ]4(?!-)", 0.6, _REPRESENTATIVE),
    Form("representative.run", "8(?<![RB-].)(?![LB-])", 0.2, _REPRESENTATIVE),
    Form("local", "[34](?<![-,RB].)-4(?!-)", 0.25, _LOCAL),
)
_BEHIND_82 = (
    rf"[ ]?[-.)]?[ ]?\(?0?\)?[ ]?(?:{_AREA_CODE}|{_PERSONAL_CODE})"
    r"[-./_ )]{0,2}[0-9]{3,4}[-./_ ]{0,2}[0-9]{4}(?![0-9])(?!-[0-9])"
)
_INTERNATIONAL = re.compile(
    rf"(?:\+ ?82|0082|00[1-9]{{1,3}}-82|\(\+?82\)|(?<![-0-9])82(?=[- ])){_BEHIND_82}"
)
_ANY_82 = re.compile(rf"82\)?{_BEHIND_82}")
_LABELS = Labels.of(WORDS, "phone fax", "account office card business member health")
_UNLIKE_FRACTION = re.compile(r"[^0-9.]")
_PERSONAL_WHOLE = re.compile("050[2-8][0-9]{8}")
_YEARS = re.compile(r"(1[0-9]{3})[ ]?[-~][ ]?([12][0-9]{3})")
_HEX = frozenset("0123456789abcdefABCDEF")
_EXTENSION = re.compile(
    r"[ ]?[,(]?[ ]?(?:내선(?:[ ]?번호)?|구내|교환|ext|EXT|Ext)[ ]?[:.)]?[ ]?[0-9]{2,5}(?![0-9])"
)


def _years(number: str) -> bool:
    """A range of years such as 1599-1604 has the shape of a representative number."""
    years = _YEARS.fullmatch(number)
    return years is not None and int(years[1]) <= int(years[2]) <= 2100


def _part_of_more(text: str, number: Number, rule: str) -> bool:
    """Whether a number without separators stands inside hexadecimal digits, or is a fraction."""
    if rule == "mobile.run":
        beside = text[max(0, number.start - 1) : number.start] + text[number.end : number.end + 1]
        if not _HEX.isdisjoint(beside):
            return True
    # Points within it, or nothing at all, may make it a part of a fraction or a version.
    if _UNLIKE_FRACTION.search(text, number.start, number.end):
        return False
    return within_fraction(text, number.start)


def _domestic(reading: Reading) -> Iterator[Span]:
    text = reading.text
    for form, number in _FORMS.numbers(reading):
        if _part_of_more(text, number, form.rule):
            continue
        nearby = _LABELS.around(reading, number.start, number.end)
        score = form.score + (0.3 if nearby.helps else 0.0) - (0.25 if nearby.denies else 0.0)
        years = form.rule == "representative" and _years(text[number.start : number.end])
        if years and not nearby.helps:
            continue
        odd = form.rule == "service.odd" and not _PERSONAL_WHOLE.fullmatch(number.digits)
        if score < LEAST_SCORE or odd or not 7 <= len(number.digits) <= 14:
            continue
        start = number.start
        # The bracket around an area code belongs to the number.
        if text[start - 1 : start] == "(" and ")" in text[start : number.end]:
            start -= 1
        yield Span(start, number.end, "PHONE_NUMBER", min(score, 1.0), f"phone.{form.rule}")


# 010-****-1234: what is left names the person to whoever knows the rest.
_MASKED = re.compile(
    r"01[016789][-. ]?(?:[*xX○●]{3,4}|[0-9]{2}[*xX○●]{2})[-. ]?[0-9]{4}(?![0-9])"
    r"|01[016789][-. ]?[0-9]{3,4}[-. ]?(?:[*xX○●]{4}|[0-9]{2}[*xX○●]{2})"
    r"(?![0-9*xX○●])"
)


_BEFORE_NUMBER = frozenset("0123456789*")
# O1O-12O4-5678: letters in the place of noughts, to pass by filters such as this one.
_LETTERED = re.compile(r"[0Oo]1[0Oo16789][-. ]?[0-9Oo]{3,4}[-. ]?[0-9Oo]{4}(?![A-Za-z0-9])")
# Other countries' (ITU-T E.164): seven to fifteen digits behind the plus.
_ABROAD = re.compile(
    r"(?<![0-9A-Za-z+])\+(?!82)[1-9][0-9]{0,2}(?:[ -]\(?[0-9]{1,4}\)?){1,4}[ -][0-9]{2,8}(?![0-9])"
    r"|(?<![0-9A-Za-z+])\+(?!82)[1-9][0-9]{0,2}[ -][0-9]{8,11}(?![0-9])"
)


def _elsewhere(reading: Reading) -> Iterator[Span]:
    text = reading.text
    for match in _LETTERED.finditer(text) if "O" in text or "o" in text else ():
        before = text[match.start() - 1 : match.start()]
        if "O" in match[0].upper() and not (before.isascii() and before.isalnum()):
            yield Span(*match.span(), "PHONE_NUMBER", 0.75, "phone.mobile.lettered")
    for match in _ABROAD.finditer(text) if "+" in text else ():
        yield Span(*match.span(), "PHONE_NUMBER", 0.8, "phone.abroad")


def _masked(reading: Reading) -> Iterator[Span]:
    text = reading.text
    for match in _MASKED.finditer(text) if "01" in text else ():
        if text[match.start() - 1 : match.start()] in _BEFORE_NUMBER:
            continue
        yield Span(*match.span(), "PHONE_NUMBER", 0.75, "phone.mobile.masked")


def _international(reading: Reading) -> Iterator[Span]:
    if _ANY_82.search(reading.text):
        for match in _INTERNATIONAL.finditer(reading.text):
            yield Span(*match.span(), "PHONE_NUMBER", 0.9, "phone.international")


def _find(reading: Reading, *, offices: bool) -> Iterator[Span]:
    for find in (_domestic, _international, _masked, _elsewhere):
        for span in find(reading):
            mobile = span.rule.startswith("phone.mobile")
            if offices is (not mobile and beside_office(reading, span.start)):
                extension = _EXTENSION.match(reading.text, span.end)
                yield span._replace(end=extension.end()) if extension else span


PHONE = Recognizer(
    "PHONE_NUMBER",
    lambda reading: _find(reading, offices=False),
    Canary("PHONE_NUMBER", "연락처는 010-1234-5678입니다.", "010-1234-5678"),
)
OFFICE_PHONE = Recognizer(
    "PHONE_NUMBER",
    lambda reading: _find(reading, offices=True),
    Canary("PHONE_NUMBER", "강남구청 민원실 02-3423-5114", "02-3423-5114"),
)
