"""생년월일 (KR_BIRTH_DATE): a date that words, a person or a sex beside it make one of birth.

Forms: years of four or two digits, the usual separators and 년 월 일 (행정업무의 운영 및 혁신에
관한 규정 시행규칙 제2조: 1985. 3. 2.), or none (YYYYMMDD, YYMMDD). A date without such a word
stays.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import TITLES, is_usual_name, may_be_name
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import Labels
from redaction.recognizers.numbers import Form, Forms, Number, read_numbers
from redaction.recognizers.recognizer import Canary, Reading, Recognizer, days_of

_FORMS = Forms(
    Form("separated", "[24](?<!-.)(?P<gap>[-./])[12](?P=gap)[12](?:(?![-/])|(?=/3[-. ]))"),
    Form("spaced", "4(?<![- ].) [12] [12](?![- ])"),
    Form("words", "[24]H[12]H[12]"),
    Form("run", "[68](?<![RB-].)(?![LB-])"),
)
_LABELS = Labels.of(WORDS, "birth resident", "date office account phone business card")
_BIRTHS = Labels.of(WORDS, "birth", "resident date office account phone business card")
_FIRST_YEAR, _LAST_YEAR = 1900, 2029
# Before a sex or an age alone, dates of this century's offices are as likely as births.
_LAST_YEAR_ALONE = 2015
_DAY = re.compile(" ?일")
_BORN = re.compile(
    r"[. ]{0,2}(?:\(?(?:음력|양력|음|양)\)?[. ]{0,2})?"
    r"(?:생(?![가-힣])|생(?:이|인|의|으로|입|임|도|은|자)(?![산활])|출생|태생|에 태어|에 출생"
    r"|일생(?![가-힣])|生(?![一-龥]))"
)
_NAME_BEFORE = re.compile(
    rf"(?<![가-힣])(?P<name>[가-힣]{{2,4}})[ ]?(?:씨|님|군|양|[ ](?:{TITLES}))?[ ]?"
    r"(?:\(|,[ ]|[ ]/[ ]?|/|[ ]{2}|\t|\|[ ]?)(?:(?:남|여|남자|여자|남성"
    r"|여성)[,./ ]{1,2})?(?:만?[ ]?[0-9]{1,3}세[,./ ]{1,2})?$"
)
_SEX_BEFORE = re.compile(
    r"(?<![가-힣])(?:(?:남|여|남자|여자|남성|여성)[,./|· ]{1,3}|[0-9]{1,3}세[ ]?[(,/][ ]?)$"
)
_SEX_BEHIND = re.compile(
    r"[.]?[ ]?[,/|·(]?[ ]?(?:남|여|남자|여자|남성|여성|男|女|만[ ]?[0-9]{1,3}세|관계|세대주|본인"
    r"|배우자)(?![가-힣])"
)
# 홍길동 97.02.18 / 010-1234-5678: a person's row, without a word for its columns.
_MOBILE_BEHIND = re.compile(r"[ ]?[/,|·\t][ ]?01[016789][-. ]?[0-9]{3,4}[-. ]?[0-9]{4}(?![0-9])")
_WORD_BEFORE = re.compile(r"[가-힣]{2,5}[ ,/|\t]{1,3}$")
# Other days of a person's life and work.
_OTHER_DAY = re.compile(
    r"[.]?[ ]?(?:사망|별세|작고|자로|자[ )]|부터|까지|기준|현재|입사|임용|퇴직|퇴사|전보|전입"
    r"|전출|이후|이전|시행|개정"
    r"|접수|신청|제출|설립|제정|발급|등록|입고|제조|준공|창립|개국|개통|결혼|혼인|이혼|졸업|입학|선고|[0-9]{1,2}:[0-9]{2})"
)
_HIDDEN = re.compile(r"-[*●○◯xX#]{7}")
# A family register's row: 1955년 02월 11일 550211-1******
_IDENTIFIER_BEHIND = re.compile(r"[\s|,/(\"']{1,6}(?P<birth>[0-9]{6})-")
_EXAMPLE = re.compile(r"(?:예|예시|예시\)|ex|e\.g\.)[ ]?[:)]?[ ]?$")
# 여권 M12345678 / 1993-02-11, ZHANG LIMEI / 1990-06-04: passports of such a day have expired.
_TRAVELLER_BEFORE = re.compile(
    r"(?:여권[^\n가-힣]{1,4}[A-Z]{1,2}[0-9]{7,8}|(?<![A-Za-z])[A-Z]{3,}(?:[ ][A-Z]{2,}){1,3})"
    r"[ ]?[/,|\t][ ]?$"
)
_LAST_YEAR_OF_TRAVELLERS = 2010
_REACH = 24


def _day(number: Number) -> int | None:
    """The year of a day that exists; None for anything else."""
    digits = number.digits
    if number.first == number.last:
        year, month, day = digits[:-4], digits[-4:-2], digits[-2:]
    else:
        return None
    return _year(year, month, day)


def _year(year: str, month: str, day: str) -> int | None:
    whole = int(year)
    if len(year) == 2:
        whole += 1900 if whole > _LAST_YEAR % 100 else 2000
    if not (_FIRST_YEAR <= whole <= _LAST_YEAR and 1 <= int(month) <= 12):
        return None
    return whole if 1 <= int(day) <= days_of(whole, int(month)) else None


def _dates(reading: Reading) -> Iterator[tuple[int, int, int]]:
    """All days: start, end, year."""
    text, numbers = reading.text, reading.shared(read_numbers)
    for form, number in _FORMS.numbers(reading):
        if form.rule == "run":
            year = _day(number)
        else:
            first = number.first
            year = _year(*(numbers.group(place) for place in range(first, first + 3)))
        end = number.end
        if form.rule == "words":
            day = _DAY.match(text, end)
            gaps = numbers.gap(number.first).strip(), numbers.gap(number.first + 1).strip()
            if day is None or gaps != ("년", "월"):
                continue
            end = day.end()
        if year is not None:
            yield number.start, end, year


def _named_day(text: str, start: int) -> bool:
    """Whether six digits stand directly behind a usual name: 곽도원 581203."""
    named = _BEFORE_DAY.search(text, max(0, start - 5), start)
    return named is not None and is_usual_name(named["name"])


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _evidence(reading: Reading, start: int, end: int, year: int) -> str | None:
    """What makes a day one of birth, if anything does."""
    text = reading.text
    if _BORN.match(text, end, end + _REACH):
        return "born"
    if text.startswith("-", end):
        # The first half of a 주민등록번호: the other one is hidden, or has not come yet.
        return "masked" if _HIDDEN.match(text, end) else None
    if _OTHER_DAY.match(text, end) or _EXAMPLE.search(text, max(0, start - 8), start):
        return None
    following = _IDENTIFIER_BEHIND.match(text, end)
    if following is not None and _digits(text[start:end]).endswith(following["birth"]):
        return "identifier"
    floor = max(0, start - _REACH)
    named = _NAME_BEFORE.search(text, floor, start)
    bracket = text[start - 1 : start] == "(" or year <= _LAST_YEAR_ALONE
    if named is not None and bracket and may_be_name(named["name"]):
        return "name"
    if _SEX_BEFORE.search(text, floor, start):
        return "sex"
    if end - start == 6 and year < 2000 and _named_day(text, start):
        return "name"
    if year <= _LAST_YEAR_ALONE and _in_row(text, start, end):
        return "mobile"
    return _said(reading, start, end, year)


def _said(reading: Reading, start: int, end: int, year: int) -> str | None:
    """Whether words around a day, a sex or age behind it, or a passport before it, say so."""
    text, nearby = reading.text, _LABELS.around(reading, start, end)
    # Behind a date only a word for births means it; 주민번호 begins the next sentence.
    if nearby.helps and (not nearby.behind or _BIRTHS.around(reading, start, end).helps):
        return "label"
    if year > _LAST_YEAR_ALONE or (nearby.denies and not nearby.behind):
        return None
    if not nearby.denies and _SEX_BEHIND.match(text, end, end + _REACH):
        return "sex"
    traveller = _TRAVELLER_BEFORE.search(text, max(0, start - _REACH), start)
    return "traveller" if traveller and year <= _LAST_YEAR_OF_TRAVELLERS else None


def _in_row(text: str, start: int, end: int) -> bool:
    """Whether a day stands between a word and a mobile's number."""
    mobile = _MOBILE_BEHIND.match(text, end) is not None
    return mobile and _WORD_BEFORE.search(text, max(0, start - 8), start) is not None


# 저는 85년생, 김철수(1985년생): of nobody in particular a year of birth is a statistic.
_YEAR_ENDS = ("년생", "년 생", "월생", "월 생")
_YEAR_BORN = re.compile(
    r"(?<![0-9])(?:19|20)?[0-9]{2}[ ]?년(?P<month>[ ]?[0-9]{1,2}[ ]?월)?[ ]?생"
    r"(?![가-힣]?[ ]?(?:이상|이하|이전|이후))"
)
_SELF_BEFORE = re.compile(r"(?<![가-힣])(?:저는|저도|제가|전|본인은|나는)[ ]$")
_FAMILY = (
    "애|아이|아기|아들|딸|첫째|둘째|셋째|막내|남편|아내|와이프|엄마|아빠|어머니|아버지|할머니"
    "|할아버지|동생|형|누나|오빠|언니|손자|손녀|조카|시어머니|장모님|장인어른"
)
_FAMILY_BEFORE = re.compile(
    rf"(?<![가-힣])(?:{_FAMILY})(?:님)?(?:[은는이가도]|이름)[^.?!\n]{{0,14}}$"
)
_SAID_BEHIND = re.compile("이에요|이예요|인데요?|이고요|이구요")
_NAMED_BEHIND = re.compile(r"[ ,]{1,2}(?P<name>[가-힣]{3})(?![가-힣]{2})")
_BEFORE_DAY = re.compile(r"(?<![가-힣])(?P<name>[가-힣]{3})[ ]$")


def _in_brackets(text: str, start: int, end: int) -> bool:
    """Whether a year of birth is one of the things in brackets behind a person."""
    before, behind = text[max(0, start - 2) : start].rstrip(), text[end : end + 1]
    return before.endswith(("(", ",")) and behind in (")", ",") and ")" in text[end : end + 40]


def _names_follow(text: str, end: int) -> bool:
    """Whether a usual name of three syllables stands behind: 85년생 김지훈."""
    named = _NAMED_BEHIND.match(text, end)
    return named is not None and is_usual_name(named["name"])


def _years(reading: Reading) -> Iterator[Span]:
    text = reading.text
    for match in _YEAR_BORN.finditer(text) if any(end in text for end in _YEAR_ENDS) else ():
        floor = max(0, match.start() - _REACH)
        named = _NAME_BEFORE.search(text, floor, match.start())
        person = named is not None and may_be_name(named["name"])
        if (
            person
            or match["month"]
            or _in_brackets(text, match.start(), match.end())
            or _SAID_BEHIND.match(text, match.end())
            or _names_follow(text, match.end())
            or _SELF_BEFORE.search(text, floor, match.start())
            or _FAMILY_BEFORE.search(text, floor, match.start())
        ):
            yield Span(match.start(), match.end(), "KR_BIRTH_DATE", 0.7, "birth.year")


def _find(reading: Reading) -> Iterator[Span]:
    yield from _years(reading)
    for start, end, year in _dates(reading):
        evidence = _evidence(reading, start, end, year)
        if evidence is not None:
            score = 0.85 if evidence in ("born", "label", "identifier") else 0.7
            yield Span(start, end, "KR_BIRTH_DATE", score, f"birth.{evidence}")


BIRTH_DATE = Recognizer(
    "KR_BIRTH_DATE",
    _find,
    Canary("KR_BIRTH_DATE", "생년월일은 1985년 3월 2일입니다.", "1985년 3월 2일"),
)
