"""What speaks against a name: words that are nouns, verbs, bodies or parts of something else.

The name finder's network (names_model.py) and the weaker rules take an unknown word for a name now
and then. What the words themselves say decides here, and how sure the network must be.
"""

import re

from redaction.entity import Span
from redaction.recognizers.kr.historic import is_historic
from redaction.recognizers.kr.name_words import (
    COMPOUND_SURNAMES,
    PARTICLES,
    SURNAMES,
    TITLES,
    built_like_name,
    is_closed,
    is_noun,
    spaced_noun,
)
from redaction.recognizers.kr.names_features import COMMON, PERSON, PLACE, RARE
from redaction.recognizers.kr.names_model import Name
from redaction.recognizers.kr.person_talk import Masks
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.recognizer import LEAST_SCORE

# What may stand behind a surname alone: 이 대통령, 김 전 장관, 박모 씨. Else it is another word.
_BEHIND_SURNAME = re.compile(
    rf"[ ]?모?[ ]?(?:씨|양|군)(?=$|[^가-힣]|{PARTICLES}|에[ ])|[ ]?모(?=[ (])|[ ][가-힣]{{2}}"
    rf"|[ ]전[ ]|\([0-9]{{2}}[세,·)]|(?:{TITLES})"
)
_BEHIND_LETTER = re.compile(
    rf"[ ]?(?:모[ ]?)?(?:씨|양|군)|모(?=[ (])|\([0-9]{{2}}[세,·)]|(?:{TITLES})"
)
_SPACED_BEFORE = re.compile("(?:^|[^가-힣])[가-힣] [가-힣] $")
_PAIR = re.compile("(?<![가-힣] )(?<![가-힣])[가-힣] {1,3}[가-힣](?![가-힣]| [가-힣])")
_LINE = 48
_TITLE = re.compile(TITLES)
_HANGUL = re.compile("[가-힣]+")
_SSI = re.compile("[ ]?씨")
# Laws and bodies are named after people, or like them: 윤창호법, 한결 법무법인, (주)해찬솔.
_BODY_BEHIND = re.compile(
    r"법(?:$|[^가-힣]|[은이을의에과도]|상|률)|대교|광장|공원|거리|기념|문학관|컨벤션|도서관|체육관"
    r"|뱅크|은행|급식|건설|산업|상사|종합|[ ]?\(주\)"
)
_BODY_BEFORE = ("(주)", "㈜", "주식회사 ", "유한회사 ", "법인 ", "재단 ", "상호: ", "상호 ")
_BODIES = (
    *("팀", "보건소", "세무서", "경찰서", "소방서", "우체국", "사무소", "센터", "아파트"),
    *("뱅크", "은행", "카드", "증권", "보험", "건설", "산업", "전자", "법인", "공사", "공단"),
    *("재단", "병원", "법", "청", "번호", "은행명", "신문", "방송", "대학", "학교", "호텔", "대교"),
)
_BLANK_END = re.compile(r"\s*\Z")
_FIELD_NAME = re.compile("[명일처][\"']?[ ]?:|.[ ]?번호")
# Firms of four and more syllables: 김상사 may be a sergeant.
_FIRMS = (
    *("급식", "테크", "환경", "상사", "식품", "유통", "물산", "물류", "시스템", "소프트", "푸드"),
    *("정밀", "공업", "기계", "통신", "엔지니어링", "인쇄", "조경", "농원", "분식", "김밥"),
    *("치킨", "카페", "타일", "마트"),
)
# Sentences end so, names do not: 남았어요, 조회해 주세요, 알려줘.
_VERBAL = re.compile(
    r"[가-힣]+(?:[하되]심|[어아여해줘봐와]요|[세네군까대래는나데가에]요|니다|[려해어]줘)"
)
# What may stand behind a name within its word; anything else is the rest of a longer word.
_REST = re.compile(rf"(?:{TITLES}|{PARTICLES}|네|측|들|쌤|모|역|양|표|전)")
_PERSONAL = re.compile(rf"[ ]?(?:{TITLES}|씨|님)(?=$|[^가-힣]|님|(?:{PARTICLES}))")
_TO_SOMEBODY = re.compile("에게|한테|께|아(?![가-힣])")
_BANK = re.compile(
    "새마을금고|(?:신한|국민|우리|하나|농협|수협|신협|기업|토스|새마을)[ ]?:?[ ]?[0-9]"
)
_FIELD_BEFORE = re.compile("(?:성[ ]{0,4}명|이[ ]{0,4}름|성함|예금주|대표자)[^가-힣]{0,6}$")
_WORD_BEHIND = re.compile("[ ][가-힣]")
_DIVISION = re.compile("[ ][가-힣]{1,10}(?:팀|과|계|센터)(?![가-힣])")
_COUNTERS = frozenset("인명개년월일시분회층건")
_PEOPLE = frozenset(("아이", "아기", "애기", "아가", "산모", "학부모"))
_KIN = ("어머", "아버", "할머")
_MODEL = re.compile("[가-힣].*[A-Z]{2}")  # 휘센 FQ
_COUNTED = re.compile("[0-9](?:개월|학기|[년월주일회])[ ]차$")
_SUM = re.compile("[일이삼사오육칠팔구십백천만억조]+원")
# How sure the network must be of any word, and of the beginning of a longer one.
_ANY_WORD, _WITHIN_WORD = 0.6, 0.99
# Of what the dictionary knows as a noun and as no name, as a rare one, as both; of two nouns.
_SURELY_NOUN, _RARE_WORD, _NOUN, _COMPOUND = 0.998, 0.93, 0.9, 0.97
# Of words that it does not know: built like a Korean name, with a surname at least, without one.
_LIKE_NAME, _UNKNOWN, _STRANGE = 0.8, 0.85, 0.93
# 미운영, 불송치, 실거주; 회의실, 제출용, 직급별. None of the first are surnames.
_PREFIXES = frozenset("미불비실재탈역총준")
_SUFFIXES = frozenset("동용계본중철료별형률율액권증실장법품점과국기차표값측분함관물")
_IF = (" 경우", " 때", " 수 ", " 것")  # 사정일 경우
_BEHIND_NOUN = ("가는를와", "이을과")  # particles behind an open syllable, and a closed one
# Of Latin letters: rules find those that are written like Korean names, or labelled.
_LATIN = 0.9
_BEFORE_LATIN = " \n\t(,\"'"
_CAPITALISED = re.compile("[A-Z][a-z]{2,14}(?: [A-Z][a-z]{1,14}){0,3}")
_PERSON_BEHIND = re.compile(rf"[ ]?(?:{TITLES}|씨|님)|[ ]?[(,<]|(?:{PARTICLES}){{1,2}}(?![가-힣])")


def believed(text: str, name: Name, masks: Masks) -> bool:
    """What the network says, unless the words say that it can be no person."""
    value = text[name.start : name.end]
    if len(value) == 1:
        return _believed_alone(text, name)
    if value.isascii():
        return name.score >= _LATIN and _in_korean(text, name)
    if _of_noun(text, name.start, name.end) or is_historic(value, text, name.end):
        return False
    if _is_other(value) or _within_other(text, name):
        return False
    return name.score >= _needed(text, name) and not _of_nouns(text, name, masks)


def _believed_alone(text: str, name: Name) -> bool:
    """Whether one syllable or letter stands for a person: 이 대통령, A씨."""
    value = text[name.start : name.end]
    known = value in SURNAMES or "A" <= value <= "Z" or _SSI.match(text, name.end)
    if not known or name.score < _ANY_WORD or is_noun(text[name.start : name.end + 1]):
        return False
    if _COUNTED.search(text, max(0, name.end - 6), name.end):
        return False  # 귀농 3년 차 부부
    behind = _BEHIND_LETTER if value.isascii() else _BEHIND_SURNAME
    return behind.match(text, name.end) is not None


def _is_other(value: str) -> bool:
    """Whether a word is a body's or firm's name, a verb, a sum, a title or a form's word."""
    return (
        value.endswith(_BODIES)
        or (len(value) > 3 and value.endswith(_FIRMS))
        or value in WORDS
        or value in _PEOPLE
        or _MODEL.search(value) is not None
        or any(other.fullmatch(value) for other in (_VERBAL, _SUM, _TITLE))
    )


def _within_other(text: str, name: Name) -> bool:
    """Whether what stands around a word makes it a part of something else, or no person."""
    value, before = text[name.start : name.end], text[name.start - 1 : name.start]
    # 민원봉사과: behind an open syllable 과 is no particle, but a division.
    if text[name.end : name.end + 1] == "과" and not is_closed(value[-1]):
        return True
    if before.isascii() and (before.isalpha() or (before.isdecimal() and value[0] in _COUNTERS)):
        return True  # SC제일, 1인평균
    if value.endswith(_KIN) and text.startswith("님", name.end):
        return True
    if _FIELD_NAME.match(text, name.end - 1) or _BODY_BEHIND.match(text, name.end):
        return True
    if _BANK.match(text, name.start) or text.endswith(
        _BODY_BEFORE, max(0, name.start - 5), name.start
    ):
        return True
    # One word alone says nothing of what it is: 맑음.
    return value[0] not in SURNAMES and _alone(text, name)


def _alone(text: str, name: Name) -> bool:
    """Whether a text holds nothing but a name."""
    return _BLANK_END.match(text, name.end) is not None and not text[: name.start].strip()


def _in_korean(text: str, name: Name) -> bool:
    """Whether a name in Latin letters stands in a Korean sentence, as people do: Kevin과는."""
    value, start = text[name.start : name.end], name.start
    if start and text[start - 1] not in _BEFORE_LATIN:
        return False
    if start > 1 and text[start - 2].isdecimal():
        return False  # iPhone 16 Pro
    return (
        _CAPITALISED.fullmatch(value) is not None
        and _PERSON_BEHIND.match(text, name.end) is not None
    )


def _of_noun(text: str, start: int, end: int) -> bool:
    """Whether a noun stands there, one goes on (근무태|도), or one is spaced out (위 임 장)."""
    value = text[start:end]
    if is_noun(value) or is_noun(text[start : end + 1]):
        return True
    if value[-1] == "임" and is_noun(value[:-1]):  # 음성임: the copula's noun
        return True
    if value[1::2].strip(" "):
        return False
    letters = value[::2]
    compound = letters[:2] in COMPOUND_SURNAMES
    if not compound and (letters[0] not in SURNAMES or len(letters) > 3):
        return True  # 처 리 기 한
    return spaced_noun(text, start, letters) or _goes_on(text, start, letters)


def _goes_on(text: str, start: int, letters: str) -> bool:
    """Whether two spaced syllables end a longer word (전 화 번 호) or stand among headers."""
    if len(letters) != 2:
        return False
    if _SPACED_BEFORE.search(text[max(0, start - 5) : start]):
        return True
    floor = max(text.rfind("\n", max(0, start - _LINE), start) + 1, start - _LINE, 0)
    for pair in _PAIR.finditer(text[floor : start + _LINE].split("\n", 1)[0]):
        word = pair[0].replace(" ", "")
        if word != letters and (word[0] not in SURNAMES or is_noun(word)):
            return True
    return False


def _needed(text: str, name: Name) -> float:
    """How sure the network must be of a name, by what the words themselves say."""
    behind, mask = text[name.end : name.end + 1], name.mask
    if "가" <= behind <= "힣" and _REST.match(text, name.end) is None:
        return _WITHIN_WORD
    if _PERSONAL.match(text, name.end) is not None:
        return LEAST_SCORE
    noun, two = mask & (COMMON | RARE), name.end - name.start == 2
    if mask & (COMMON | PERSON) == COMMON:
        return _SURELY_NOUN
    if _TO_SOMEBODY.match(text, name.end) is not None:
        return LEAST_SCORE
    if noun and not mask & PERSON:
        return _RARE_WORD if two else _SURELY_NOUN
    if noun and two:
        return _NOUN
    return max(_ANY_WORD, _unlike(text[name.start : name.end], mask))


def _unlike(value: str, mask: int) -> float:
    """How sure the network must be of a word by its form, if the dictionary knows no name of it."""
    surname = value[0] in SURNAMES
    if mask & PERSON:
        return _UNKNOWN if mask & RARE or (mask & COMMON and not surname) else 0.0
    if not _HANGUL.fullmatch(value):
        return 0.0
    if mask:
        return _UNKNOWN  # a place, or another name
    if len(value) > 3:  # 방문시간, 위클래스; without a surname it may be somebody from abroad
        return _UNKNOWN if surname and value[:2] not in COMPOUND_SURNAMES else 0.0
    if built_like_name(value):
        return _LIKE_NAME if len(value) == 3 else 0.0
    return _UNKNOWN if surname else _STRANGE


def _of_nouns(text: str, name: Name, masks: Masks) -> bool:
    """Whether usual nouns stand there, or one with a particle: 호우경보, 회의실, 예약이."""
    value = text[name.start : name.end]
    if " " in value:
        return all(len(word) > 1 and _usual(word, masks) for word in value.split(" "))
    if len(value) == 4 and value[:2] not in COMPOUND_SURNAMES:
        both = masks(value[:2]) & masks(value[2:])
        return bool(both & COMMON) and name.score < _COMPOUND
    if len(value) != 3 or name.mask & PERSON or _PERSONAL.match(text, name.end):
        return False
    if value[0] in _PREFIXES and _usual(value[1:], masks):
        return name.score < _SURELY_NOUN
    if not _usual(value[:2], masks):
        return False
    if value[2] in _SUFFIXES and name.score < _COMPOUND:
        return True
    particle = value[2] in _BEHIND_NOUN[is_closed(value[1])] or (
        value[2] == "일" and text.startswith(_IF, name.end)
    )
    return particle and not masks(value[1:]) & PERSON


def _usual(word: str, masks: Masks) -> bool:
    """Whether a word is a noun, and by itself no person's name."""
    known = masks(word)
    return bool(known & (COMMON | RARE)) and not known & PERSON


def is_weak(text: str, span: Span, masks: Masks) -> bool:
    """Whether a rule took other words for a name, as the dictionary knows.

    검토 부탁 (운영), 대리인 지정서를; 유채씨, 사람을 대표로; 민원인: 계량기가 고장입니다; 고 소 장.
    """
    value, rule = text[span.start : span.end], span.rule
    if rule == "person.label":
        return _is_said(text, span, masks)
    if rule == "person.spaced":
        return _usual(value.replace(" ", ""), masks)
    if rule == "person.column" and value.endswith(("과", "팀")):
        return True
    if rule in ("person.foreign", "person.column") and " " in value:
        return any(_VERBAL.fullmatch(word) or _usual(word, masks) for word in value.split(" "))
    if rule not in ("person.role", "person.title") or masks(value) & PERSON:
        return False
    ends = _SUFFIXES | {"서", "해"} if rule == "person.role" else frozenset("을를은는이가")
    return _usual(value, masks) or (value[2:] in ends and _usual(value[:2], masks))


def _is_said(text: str, span: Span, masks: Masks) -> bool:
    """Whether behind a speaker's or an office's label something is said: 민원인: 가로등이 …"""
    value, behind = text[span.start : span.end], text[span.end : span.end + 2]
    if _FIELD_BEFORE.search(text, max(0, span.start - 12), span.start):
        return False  # nobody speaks there
    if value[-1] == "동" and _DIVISION.match(text, span.end):
        return True  # 담당: 서신동 맞춤형복지팀 …
    if len(value) == 2 and _WORD_BEHIND.match(behind):
        return bool(masks(value) & (PLACE | COMMON | RARE))  # 민원인: 남원 고가도로 밑이요
    return "가" <= behind[:1] <= "힣" and bool(masks(value) & (COMMON | RARE))
