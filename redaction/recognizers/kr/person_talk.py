"""Names as people say them: 민수 엄마, 저 은지인데요, 가람님이, 박대리님, 남궁 옥분.

Such names have no surname, or no form of their own: what stands beside them says that they are
names, and the dictionary of the name finder that they are no usual nouns. Each look begins at what
is rare, and goes a few characters back from there.
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
    UNJOINED,
    begun,
    is_closed,
    is_noun,
)
from redaction.recognizers.kr.names_features import COMMON, PERSON, RARE

Masks = Callable[[str], int]
"""What the dictionary knows of a word: bits of names_features, 0 for nothing."""

END = rf"(?=$|[^가-힣]|(?:{PARTICLES})(?![가-힣]{{2}}))"
SCORE = 0.7

# 라온이는, 나은이도: a given name that ends with a consonant, and what it is called by.
_CALLED = re.compile("이(?:[는가도를랑네]|한테|에게|하고)(?![가-힣])")
_FAMILY = re.compile(
    "(?:엄마|아빠|어머니|아버지|어머님|아버님|맘|할머니|할아버지|쌤|이모|삼촌|언니|누나|오빠|형"
    f"|형님){END}"
)
_BEFORE_FAMILY = re.compile(r"(?<![가-힣])(?P<name>[가-힣]{2})(?:이네|네|이)?[ ]?$")
_HONOURED = re.compile(f"님{END}")
_TWO_BEFORE = re.compile("(?<![가-힣])(?P<name>[가-힣]{2})$")
_CALLS_HIMSELF = re.compile(
    r"(?P<name>[가-힣]{2,5}?)(?:이?라고[ ]?(?:합니다|해요|하는데|불러)|인데요(?![가-힣]))"
)
_SELF = re.compile(rf"(?:{begun('저는|저|제[ ]이름은|이름은|성함은|성함이')})[ ]{{1,2}}")
_ATTACHED = re.compile(
    rf"(?P<name>[{''.join(sorted(SURNAMES))}])(?=[과대사팀부차주실국계원소변]){UNJOINED}"
    "(?:과장|대리|사원|팀장|부장|차장|주임|실장|국장|계장|사무관|주무관|원장|소장|변호사)"
    r"(?=님|[^가-힣]|[이가은는을를께](?![가-힣])|$)"
)
# 정교수, 전과장, 부팀장, 지부장: other words, or a rank.
_NO_SURNAME = frozenset("부전현지정조주본총신")
_TITLE = re.compile(TITLES)
_COMPOUND = re.compile(
    rf"(?:{begun('|'.join(sorted(COMPOUND_SURNAMES)))})(?P<gap>[ ]?)(?P<given>[가-힣]{{2}})"
    rf"(?:{TITLES})?{END}"
)
# Whom one calls without a name, and who has none.
_OTHERS = frozenset(
    (
        *("아이", "유아", "원아", "아기", "애기", "자기", "본인", "이모", "고모", "장모", "조모"),
        *("시모", "형수", "제수", "초보", "전업", "하나", "부처", "공자", "예수", "임금", "천주"),
        *("신령", "용왕", "교주", "도사", "마마", "주모", "유모", "양가", "여러", "양은", "군은"),
        *("담임", "수학", "보건", "상담", "도덕", "윤리", "전산", "의형", "친형", "우형"),
    )
)
_FAMILY_REACH = 6


def in_talk(text: str, masks: Masks) -> Iterator[Span]:
    """Such names in normalised text, in linear time; they may overlap what other rules find."""
    yield from _given_names(text, masks)
    if "인데요" in text or "라고" in text:
        for self in _SELF.finditer(text):
            match = _CALLS_HIMSELF.match(text, self.end())
            name = match["name"] if match else ""
            if name and (_is_given if len(name) == 2 else _is_unknown)(name, masks):
                yield Span(self.end(), self.end() + len(name), "PERSON", SCORE, "person.self")
    for match in _ATTACHED.finditer(text):
        if match["name"] not in _NO_SURNAME and not (
            _TITLE.fullmatch(match[0]) or is_usual(match[0], masks)
        ):
            yield Span(*match.span("name"), "PERSON", 0.6, "person.attached")
    for match in _COMPOUND.finditer(text):
        if GIVEN.issuperset(match["given"]) and (match["gap"] or _is_compound(match, masks)):
            yield Span(match.start(), match.end("given"), "PERSON", 0.86, "person.spaced")


def _is_compound(match: re.Match[str], masks: Masks) -> bool:
    """Whether a compound surname and what is joined to it are a name: 남궁민수, but 서문시장."""
    given, known = match["given"], masks(match.string[match.start() : match.end("given")])
    if given[1] in "이은의도만":
        return False  # 황보은이 왔다
    named = masks(given) & PERSON or not is_usual(given, masks)
    return bool(named) and (not known or bool(known & PERSON))


def _given_names(text: str, masks: Masks) -> Iterator[Span]:
    for family in _FAMILY.finditer(text):
        start = family.start()
        match = _BEFORE_FAMILY.search(text, max(0, start - _FAMILY_REACH), start)
        yield from _given(match, masks, "person.family")
    for called in _CALLED.finditer(text):
        match = _two_before(text, called.start())
        if match and is_closed(match["name"][1]) and not masks(match["name"] + "이"):
            yield from _given(match, masks, "person.called")
    for honour in _HONOURED.finditer(text):
        yield from _given(_two_before(text, honour.start()), masks, "person.honoured")


def _two_before(text: str, at: int) -> re.Match[str] | None:
    """The word of two syllables that ends at a place, if there is one."""
    return _TWO_BEFORE.search(text, max(0, at - 2), at)


def _given(match: re.Match[str] | None, masks: Masks, rule: str) -> Iterator[Span]:
    if match is not None and _is_given(match["name"], masks):
        yield Span(*match.span("name"), "PERSON", SCORE, rule)


def _is_given(name: str, masks: Masks) -> bool:
    """Whether two syllables are known as somebody's name, be they a noun as well (지원, 가람)."""
    known = GIVEN.issuperset(name) and not is_noun(name) and name not in _OTHERS
    return known and bool(masks(name) & PERSON)


def _is_unknown(name: str, masks: Masks) -> bool:
    return not is_usual(name, masks)


def is_usual(word: str, masks: Masks) -> bool:
    """Whether a word is a noun that people use."""
    known = masks(word)
    return is_noun(word) or bool(known & COMMON) or known & (RARE | PERSON) == RARE
