"""Foreigners' names: 필리핀 국적 로델 카스트로(38), 왕밍(중국), 자르갈사이항 씨, 이사 M. Gonzalez.

A nationality, a country in brackets, 씨, or a role before Latin letters says that they are names;
the dictionary of the name finder says which words are none. Each look begins at what is rare.
"""

import re
from collections.abc import Iterator
from typing import Final

from redaction.entity import Span
from redaction.recognizers.kr.name_words import PARTICLES, RUNNING_LABELS, SURNAMES, is_usual_name
from redaction.recognizers.kr.names_features import PERSON
from redaction.recognizers.kr.person_talk import END, SCORE, Masks, is_usual

_COUNTRIES: Final = (
    *("미국", "중국", "일본", "베트남", "필리핀", "태국", "몽골", "우즈베키스탄", "네팔"),
    *("캄보디아", "인도네시아", "인도", "러시아", "카자흐스탄", "키르기스스탄", "스리랑카"),
    *("방글라데시", "파키스탄", "미얀마", "영국", "프랑스", "독일", "캐나다", "호주", "이란"),
    *("이집트", "시리아", "예멘", "나이지리아", "가나", "에티오피아", "콩고", "브라질", "페루"),
    *("멕시코", "콜롬비아", "우크라이나", "라오스", "말레이시아", "싱가포르", "대만", "홍콩"),
    *("튀르키예", "사우디아라비아", "남아프리카공화국", "이탈리아", "스페인"),
)
_LONGEST_COUNTRY: Final = max(map(len, _COUNTRIES))
_NATIONALITY = re.compile("국적의?[ ]|출신의?[ ]|태생의?[ ]|인[ ]")
_WORDS = re.compile(r"[가-힣]{1,7}(?:[ ][가-힣]{1,7}){0,5}")
_COUNTRY = rf"(?:{'|'.join(_COUNTRIES)})(?:인|[ ]?국적)?(?![가-힣])"
# AHMED Karim / 파키스탄 / 여권 …, Maria Fernandez(스페인, 무용가); but New York, 미국.
_LATIN_BEFORE_COUNTRY = re.compile(
    r"[A-Z](?<![A-Za-z0-9].)[A-Za-z'-]{1,20}(?:,?[ ][A-Z][A-Za-z'.-]{0,20}){1,3}"
    rf"(?=[ ]?\({_COUNTRY},|[ ]?[/(,|\t][ ]?{_COUNTRY}"
    r"[^\n]{0,24}(?:여권|국적|생년|체류|[0-9]{4}[-.][0-9]{2}))"
)
_COUNTRY_BEHIND = re.compile(rf"\({_COUNTRY}[),/ ]")
_WORDS_BEFORE = re.compile(r"(?<![가-힣])[가-힣]{2,7}(?:[ ][가-힣]{2,7}){0,2}$")
_SSI = re.compile(f"씨{END}")
_BEFORE_SSI = re.compile(r"(?<![가-힣])(?:[가-힣]{2,7}[ ])?[가-힣]{4,8}$")
_REACH: Final = 24
_FALL = re.compile(rf"(?:씨|님)?(?:{PARTICLES})?")
_LATIN_TAIL = "(?:[a-z'-]{1,14}|[A-Z'-]{1,14})"
_LATIN = re.compile(
    rf"[A-Z](?<![A-Za-z0-9].){_LATIN_TAIL}(?:[ ][A-Z](?:\.|{_LATIN_TAIL})){{1,2}}(?![A-Za-z0-9])"
)
# Dear Maria Garcia, Mr. Rahman; but Ms Word.
_TITLED = re.compile(
    r"[DMP](?<![A-Za-z].)(?:(?<=D)(?:ear|irector|r)|(?<=M)(?:anager|rs?|s|iss)|(?<=P)rof)"
    r"(?:[.][ ]?|[ ])"
    r"(?P<name>[A-Z][a-z'-]{1,14}(?:[ ][A-Z][A-Za-z'-]{1,14}){0,2})(?![A-Za-z0-9])"
)
_NO_PERSON = re.compile(
    r"(?:Sir|Madam|All|Team|Colleague|Customer|Office|Word|Excel|Teams|Outlook|Pizza|Pepper|Martens)"
)
# Before a passport's number: AN DOGEON M12345678, 안도건 M12345678.
_PASSPORT = re.compile(r"[MSRODG](?<![A-Za-z0-9].)[0-9]{3}[A-Z0-9][0-9]{4}(?![0-9A-Za-z])")
_LABEL_WORD = re.compile("(?:NO|NUMBER|NAME|CODE|TYPE|MODEL|PASSPORT|SERIAL|ORDER|PART)$")
_TRAVELLER_BEFORE = re.compile(
    r"(?P<name>(?<![A-Za-z0-9])[A-Z]{2,13},?[ ][A-Z]{2,12}(?:[ -][A-Z]{2,12})?"
    r"|(?<![가-힣])[가-힣]{3})[ ,:/(|\t]{1,3}$"
)
_ROLE_BEFORE = re.compile(
    rf"(?:(?<![가-힣0-9])(?:{RUNNING_LABELS}|대표이사|사외이사|박사|사장|회장|부사장|연구원|감독|대사"
    r"|원장|친구|총무|소득자)(?:인|은|는)?[ ]|(?<![A-Za-z])(?:Mr|Ms|Mrs|Dr|Prof)\.?[ ]"
    r"|(?<![A-Za-z])(?:Surname|Given names?|Full name|Name)[ ]?:[ ]{1,2}"
    r"|(?<![A-Za-z])(?:[Cc]olleague|[Nn]ame is|I am|I'm)[ ]"
    r"|(?:[Rr]egards|[Ss]incerely|[Ff]aithfully|[Tt]ruly|[Ww]ishes),?\r?\n{1,2})$"
)
_BODY = re.compile(
    r"\b(?:Inc|Ltd|Corp|Co|Korea|Center|Centre|Service|Services|System|Systems|Team|Group|Bank"
    r"|University|Hotel|Tower|Company|Global|International|Solutions?|Technolog(?:y|ies)|Division"
    r"|Department|Government|Office|Helpdesk|Desk|Resources|City|Ministry|Agency|Committee|Council"
    r"|Board|Staff|Audit|Port|Station|Planning|Support|Electronics|Motors|Cloud|Energy)\b"
)


def from_abroad(text: str, masks: Masks) -> Iterator[Span]:
    """Such names in normalised text, in linear time; they may overlap what other rules find."""
    for start, end in (*_behind_nationality(text, masks), *_before_country(text, masks)):
        yield Span(start, end, "PERSON", SCORE, "person.foreign")
    for start, end in _before_ssi(text, masks) if "씨" in text else ():
        yield Span(start, end, "PERSON", SCORE, "person.foreign")
    for start, end in _beside_words(text):
        yield Span(start, end, "PERSON", SCORE, "person.latin")
    for passport in _PASSPORT.finditer(text):
        start = passport.start()
        traveller = _TRAVELLER_BEFORE.search(text, max(0, start - _REACH), start)
        if traveller and _travels(traveller["name"]):
            yield Span(*traveller.span("name"), "PERSON", SCORE, "person.traveller")


def _beside_words(text: str) -> Iterator[tuple[int, int]]:
    """Names in Latin letters behind a role, a title or a greeting, or before a country."""
    for match in _LATIN.finditer(text):
        role = _ROLE_BEFORE.search(text, max(0, match.start() - _REACH), match.start())
        if role is not None and _BODY.search(match[0]) is None:
            yield match.span()
    for match in _TITLED.finditer(text):
        if not (_NO_PERSON.match(match["name"]) or _BODY.search(match["name"])):
            yield match.span("name")
    for match in _LATIN_BEFORE_COUNTRY.finditer(text):
        if _BODY.search(match[0]) is None:
            yield match.span()


def _travels(name: str) -> bool:
    """Whether what stands before a passport's number is a name, and not that number's label."""
    return _LABEL_WORD.search(name) is None if name.isascii() else is_usual_name(name)


def _behind_nationality(text: str, masks: Masks) -> Iterator[tuple[int, int]]:
    for nationality in _NATIONALITY.finditer(text):
        before = _without_space(text, nationality.start())
        if not text.endswith(_COUNTRIES, max(0, before - _LONGEST_COUNTRY), before):
            continue
        match = _WORDS.match(text, nationality.end())
        if match is None:
            continue
        start, words = match.start(), match[0]
        # What he is stands before his name: 베트남 국적 근로자 응우옌 반 남.
        while (head := words.split(" ", 1)) and len(head) > 1 and is_usual(head[0], masks):
            start, words = start + len(head[0]) + 1, head[1]
        end = start + _name_length(text, start, words, masks)
        if end > start:
            yield start, end


def _before_country(text: str, masks: Masks) -> Iterator[tuple[int, int]]:
    for country in _COUNTRY_BEHIND.finditer(text) if "(" in text else ():
        end = _without_space(text, country.start())
        match = _WORDS_BEFORE.search(text, max(0, end - _REACH), end)
        start = end
        for word in reversed(match[0].split(" ")) if match else ():
            known = masks(word)
            if is_usual(word, masks) or (start < end and known and not known & PERSON):
                break
            start -= len(word) + (start < end)
        if start < end:
            yield start, end


def _before_ssi(text: str, masks: Masks) -> Iterator[tuple[int, int]]:
    for ssi in _SSI.finditer(text):
        end = _without_space(text, ssi.start())
        match = _BEFORE_SSI.search(text, max(0, end - _REACH), end)
        first, _, last = match[0].rpartition(" ") if match else ("", "", "")
        if last and not masks(last) and last[0] not in SURNAMES:
            whole = len(match[0]) if match and first and not masks(first) else len(last)
            yield end - whole, end


def _without_space(text: str, at: int) -> int:
    """The place before a space that may stand before `at`."""
    return at - (text[at - 1 : at] == " ")


def _name_length(text: str, start: int, words: str, masks: Masks) -> int:
    """How much of the words is a name: up to a bracket, 씨 or a particle; 0 if nothing says so."""
    if is_usual(words.split(" ", 1)[0], masks):
        return 0
    length = 0
    for word in words.split(" "):
        at = start + length + bool(length)
        if word[0] in "씨님" and _FALL.fullmatch(word):
            return length
        behind = text[at + len(word) : at + len(word) + 2]
        if behind[:1] in ("(", ",") or behind.startswith(" ("):
            return at + len(word) - start
        for cut in range(len(word), 0, -1):
            rest = word[cut:]
            if rest and _FALL.fullmatch(rest) and not masks(word):
                return 0 if is_usual(word[:cut], masks) else at + cut - start
        length = at + len(word) - start
    return 0
