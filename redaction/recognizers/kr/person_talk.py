"""Names as people say them: 민수 엄마, 저 은지인데요, 박대리님, 필리핀 국적 로델 카스트로(38).

Such names have no surname, or no form of their own: what stands beside them says that they are
names, and the dictionary of the name finder that they are no usual nouns.
"""

import re
from collections.abc import Callable, Iterator

from redaction.entity import Span
from redaction.recognizers.kr.name_words import (
    COMPOUND_SURNAMES,
    GIVEN,
    PARTICLES,
    SURNAMES,
    TITLES,
    is_noun,
)
from redaction.recognizers.kr.names_features import COMMON, PERSON, RARE

Masks = Callable[[str], int]
"""What the dictionary knows of a word: bits of names_features, 0 for nothing."""

_END = rf"(?=$|[^가-힣]|(?:{PARTICLES})(?![가-힣]{{2}}))"
# 라온이는, 나은이도: a given name that ends with a consonant, and what it is called by.
_CALLED = re.compile(
    r"(?<![가-힣])(?P<name>[가-힣]{2})이(?:[는가도를랑네]|한테|에게|하고)(?![가-힣])"
)
_PARENTS = "엄마|아빠|어머니|아버지|어머님|아버님|맘"
_PARENT = re.compile(rf"(?<![가-힣])(?P<name>[가-힣]{{2}})(?:이네|네|이)?[ ]?(?:{_PARENTS}){_END}")
_HONOURED = re.compile(rf"(?<![가-힣])(?P<name>[가-힣]{{2}})님{_END}")
_SELF = re.compile(
    r"(?<![가-힣])(?:저는|저|제[ ]이름은|이름은|성함은|성함이)[ ]{1,2}"
    r"(?P<name>[가-힣]{2,5}?)(?:이?라고[ ]?(?:합니다|해요|하는데|불러)|인데요(?![가-힣]))"
)
_FALLS = "(?:과장|대리|사원|팀장|부장|차장|주임|실장|국장|계장|사무관|주무관|원장|소장|변호사)"
_ATTACHED = re.compile(
    rf"(?<![가-힣])(?P<name>[{''.join(sorted(SURNAMES))}]){_FALLS}"
    r"(?=님|[^가-힣]|[이가은는을를께](?![가-힣])|$)"
)
# 정교수, 전과장, 부팀장, 지부장: other words, or a rank.
_NO_SURNAME = frozenset("부전현지정조주본총신")
_TITLE = re.compile(TITLES)
_COMPOUND = re.compile(
    rf"(?<![가-힣])(?P<name>(?:{'|'.join(sorted(COMPOUND_SURNAMES))})[ ][가-힣]{{2}})"
    rf"(?:{TITLES})?{_END}"
)
_COUNTRIES = (
    "미국|중국|일본|베트남|필리핀|태국|몽골|우즈베키스탄|네팔|캄보디아|인도네시아|인도|러시아"
    "|카자흐스탄|키르기스스탄|스리랑카|방글라데시|파키스탄|미얀마|영국|프랑스|독일|캐나다|호주"
    "|이란|이집트|시리아|예멘|나이지리아|가나|에티오피아|콩고|브라질|페루|멕시코|콜롬비아|우크라이나"
    "|라오스|말레이시아|싱가포르|대만|홍콩|튀르키예|사우디아라비아|남아프리카공화국|이탈리아|스페인"
)
_NATION = re.compile(
    rf"(?<![가-힣])(?:{_COUNTRIES})(?:인|[ ]?(?:국적|출신|태생)의?)[ ]"
    r"(?P<words>[가-힣]{1,7}(?:[ ][가-힣]{1,7}){0,5})"
)
_OF_COUNTRY = re.compile(
    r"(?<![가-힣])(?P<words>[가-힣]{2,6}(?:[ ][가-힣]{2,7}){0,2})[ ]?"
    rf"\((?:{_COUNTRIES})(?:인|국적|[ ]국적)?[),/ ]"
)
_FALL = re.compile(rf"(?:씨|님)?(?:{PARTICLES})?")
_BEHIND_SSI = re.compile(r"(?<![가-힣])(?P<words>(?:[가-힣]{2,7}[ ])?[가-힣]{4,8})[ ]?씨" + _END)
_ROLES = (
    "대표이사|대표|사외이사|이사|감사|위원|교수|박사|사장|회장|부사장|연구원|강사|기자|감독|대사"
    "|원장"
)
_LATIN_NAME = re.compile(
    rf"(?:(?<![가-힣])(?:{_ROLES})(?:인|은|는)?[ ]|\b(?:Mr|Ms|Mrs|Dr|Prof)\.?[ ])"
    r"(?P<name>[A-Z][a-z'-]{1,14}(?:[ ](?:[A-Z]\.|[A-Z][a-z'-]{1,14})){1,2})(?![A-Za-z])"
)
_BODY = re.compile(
    r"\b(?:Inc|Ltd|Corp|Co|Korea|Center|Centre|Service|Services|System|Systems|Team|Group|Bank"
    r"|University|Hotel|Tower|Company|Global|International|Solutions?|Technolog(?:y|ies))\b"
)
# Whom one calls without a name, and who has none.
_OTHERS = frozenset(
    (
        *("아이", "유아", "원아", "아기", "애기", "자기", "본인", "이모", "고모", "장모", "조모"),
        *("시모", "형수", "제수", "초보", "전업", "하나", "부처", "공자", "예수", "임금", "천주"),
        *("신령", "용왕", "교주", "도사", "마마", "주모", "유모", "양가", "여러", "양은", "군은"),
    )
)
_SCORE = 0.7


def in_talk(text: str, masks: Masks) -> Iterator[Span]:
    """Such names in normalised text, in linear time; they may overlap what other rules find."""
    for match in _PARENT.finditer(text):
        yield from _given(match, masks, "person.parent")
    for match in _CALLED.finditer(text):
        closed = (ord(match["name"][1]) - 0xAC00) % 28 != 0
        if closed and not masks(match["name"] + "이"):
            yield from _given(match, masks, "person.called")
    for match in _HONOURED.finditer(text) if "님" in text else ():
        yield from _given(match, masks, "person.honoured")
    for match in _SELF.finditer(text):
        name = match["name"]
        if _is_given(name, masks) if len(name) == 2 else not _is_noun(name, masks):
            yield Span(*match.span("name"), "PERSON", _SCORE, "person.self")
    yield from _with_surnames(text, masks)
    yield from _foreign(text, masks)


def _with_surnames(text: str, masks: Masks) -> Iterator[Span]:
    for match in _ATTACHED.finditer(text):
        if match["name"] not in _NO_SURNAME and not (
            _TITLE.fullmatch(match[0]) or _is_noun(match[0], masks)
        ):
            yield Span(*match.span("name"), "PERSON", 0.6, "person.attached")
    for match in _COMPOUND.finditer(text):
        if GIVEN.issuperset(match["name"][3:]):
            yield Span(*match.span("name"), "PERSON", 0.86, "person.spaced")
    for match in _LATIN_NAME.finditer(text):
        if _BODY.search(match["name"]) is None:
            yield Span(*match.span("name"), "PERSON", _SCORE, "person.latin")


def _given(match: re.Match[str], masks: Masks, rule: str) -> Iterator[Span]:
    if _is_given(match["name"], masks):
        yield Span(*match.span("name"), "PERSON", _SCORE, rule)


def _is_given(name: str, masks: Masks) -> bool:
    """Whether two syllables are known as somebody's name, be they a noun as well (지원, 가람)."""
    known = GIVEN.issuperset(name) and not is_noun(name) and name not in _OTHERS
    return known and bool(masks(name) & PERSON)


def _is_noun(word: str, masks: Masks) -> bool:
    known = masks(word)
    return is_noun(word) or bool(known & COMMON) or known & (RARE | PERSON) == RARE


def _foreign(text: str, masks: Masks) -> Iterator[Span]:
    """Words that a nationality, or 씨 behind them, makes a foreigner's name."""
    for match in _NATION.finditer(text):
        start, words = match.start("words"), match["words"]
        # What he is stands before his name: 베트남 국적 근로자 응우옌 반 남.
        while (head := words.split(" ", 1)) and len(head) > 1 and _is_noun(head[0], masks):
            start, words = start + len(head[0]) + 1, head[1]
        end = start + _name_length(text, start, words, masks)
        if end > start:
            yield Span(start, end, "PERSON", _SCORE, "person.foreign")
    for match in _OF_COUNTRY.finditer(text):
        if not any(_is_noun(word, masks) for word in match["words"].split(" ")):
            yield Span(*match.span("words"), "PERSON", _SCORE, "person.foreign")
    for match in _BEHIND_SSI.finditer(text) if "씨" in text else ():
        first, _, last = match["words"].rpartition(" ")
        if not masks(last) and last[0] not in SURNAMES:
            whole = first and not masks(first)
            start = match.start("words") if whole else match.end("words") - len(last)
            yield Span(start, match.end("words"), "PERSON", _SCORE, "person.foreign")


def _name_length(text: str, start: int, words: str, masks: Masks) -> int:
    """How much of the words is a name: up to a bracket, 씨 or a particle; 0 if nothing says so."""
    if _is_noun(words.split(" ", 1)[0], masks):
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
                return 0 if _is_noun(word[:cut], masks) else at + cut - start
        length = at + len(word) - start
    return 0
