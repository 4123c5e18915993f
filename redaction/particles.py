"""Korean particles that follow the sound of the word before them (받침), and how a word ends.

An engine sees `[성명_1]` and guesses the particle behind it; restore puts the right one behind the
real word. Only runs from a closed list are touched: a chain is one alternating particle and the
endings that may follow it, so 과장, 이사, 이야기, 은행, 가족 and 을지로 are no chains. Sources:
국립국어원 표준국어대사전 (조사 and their 이형태), 한글 맞춤법, 외래어 표기법 (readings of letters).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple


class Ending(Enum):
    """How a word sounds at its end."""

    VOWEL = auto()
    RIEUL = auto()  # ㄹ: 로, not 으로
    CONSONANT = auto()


class _Pair(NamedTuple):
    """An alternating particle: behind a consonant, behind a vowel, and what may follow it.

    `may_keep`: the longer form is right behind a vowel too (김철수이며), so it is never shortened.
    """

    closed: str
    open: str
    tails: str = ""
    may_keep: bool = False


_PAIRS = (
    _Pair("은", "는", "요 커녕"),
    _Pair("이", "가", "요"),
    _Pair("을", "를"),
    _Pair("과", "와", "의 는 도 만 만의 만은 만을"),
    _Pair(
        "으로",
        "로",
        "는 도 만 만은 만을 의 서 서는 서도 서의 써 써는 써도 부터 부터는 부터도 부터의 까지 요",
    ),
    _Pair("아", "야", "요"),
    _Pair("이나", "나", "마"),
    _Pair("이랑", "랑", "은 도 만 요"),
    _Pair(
        "이라",
        "라",
        "고 고는 고도 고만 고요 는 도 면 면서 며 서 서요 든가 든지 니 야 야만 기 기보다 서가",
    ),
    _Pair("이란", "란"),
    _Pair("이에요", "예요"),
    _Pair(
        "이었", "였", "다 다가 다고 다는 다며 고 으며 으나 으면 는데 던 지만 습니다 어요 을 음 음을"
    ),
    _Pair("이든", "든", "지 가"),
    _Pair("이야말로", "야말로"),
    _Pair("이시여", "시여"),
    _Pair("이며", "며", may_keep=True),
    _Pair("이고", "고", "요", may_keep=True),
    _Pair("이자", "자", may_keep=True),
    _Pair("이면", "면", "서", may_keep=True),
)
_NO_CHAIN_ALONE = frozenset({"였", "이었", "자", "면"})


class _Chain(NamedTuple):
    """One run of Hangul that is a particle chain, in both forms."""

    closed: str
    open: str
    rieul_is_open: bool
    may_keep: bool


def _chains(pairs: Sequence[_Pair]) -> Iterator[tuple[str, _Chain]]:
    for pair in pairs:
        for tail in ("", *pair.tails.split()):
            chain = _Chain(
                pair.closed + tail, pair.open + tail, pair.closed == "으로", pair.may_keep
            )
            for run in (chain.closed, chain.open):
                if run not in _NO_CHAIN_ALONE:
                    yield run, chain
    # 은(는), 이(가), (으)로: how one writes when one cannot know the word.
    for pair in pairs[:4]:
        chain = _Chain(pair.closed, pair.open, False, False)
        yield f"{pair.closed}({pair.open})", chain
        yield f"{pair.open}({pair.closed})", chain
    for opened, closed in _OPTIONAL:
        chain = _Chain(closed, opened, closed == "으로", False)
        yield f"({closed[0]}){opened}", chain


_OPTIONAL = (("로", "으로"), ("나", "이나"), ("랑", "이랑"), ("라고", "이라고"), ("라는", "이라는"))
_STEADY = """
의 에 에게 에게서 에게는 에게도 에게만 께 께서 께서는 께서도 께는 도 만 만은 만이 만을
부터 까지 까지는 보다 처럼 같이 마다 조차 밖에 이다 입니다
에서 에서는 에서도 에는 에도 한테 한테는 한테서
님 님은 님이 님을 님께 님께서 님의 님과 님에게 님도 씨 씨는 씨가 씨를 씨와 씨의 씨에게 씨도
"""
_NEVER_ALTERNATE = frozenset(_STEADY.split())
_CHAINS = MappingProxyType(dict(reversed(list(_chains(_PAIRS)))))
_BEGINNINGS = frozenset(run[:end] for run in _CHAINS for end in range(1, len(run)))
_LONGEST = max(map(len, _CHAINS))
_RUN = re.compile(r"[가-힣]*")

# How the last sign of a word is read: 영 일 이 삼 사 오 육 칠 팔 구; 엘, 엠, 엔, 알 among letters.
_DIGITS = MappingProxyType(
    dict.fromkeys("036", Ending.CONSONANT)
    | dict.fromkeys("178", Ending.RIEUL)
    | dict.fromkeys("2459", Ending.VOWEL)
)
_LETTER_NAMES = MappingProxyType(
    dict.fromkeys("abcdefghijkopqstuvwxyz", Ending.VOWEL)
    | dict.fromkeys("lr", Ending.RIEUL)
    | dict.fromkeys("mn", Ending.CONSONANT)
)
_SPOKEN = re.compile(r"[aeiouy]", re.IGNORECASE)
_LAST_WORD = re.compile(r"[A-Za-z]+\Z")
_SHUT = re.compile(r"(?:ng|[mn]|ck|[aeiou][pkt]|[^aeiou][aeiou][bcdg])\Z", re.IGNORECASE)
_NO_SHUT = re.compile(r"(?:[aeiou]{2}[bdg]|ate|id|ad)\Z", re.IGNORECASE)


def ending(word: str) -> Ending | None:
    """How a word ends when read aloud in Korean; None where one cannot say (Hanja, no letter)."""
    text = unicodedata.normalize("NFKC", word[-64:])
    while text and not text[-1].isalnum():
        text = text[:-1]
    if not text:
        return None
    last = text[-1]
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28  # Unicode section 3.12: the final consonant's index
        return {0: Ending.VOWEL, 8: Ending.RIEUL}.get(final, Ending.CONSONANT)
    if last in _DIGITS:
        return _DIGITS[last]
    match = _LAST_WORD.search(text)
    return _latin(match[0]) if match else None


def agree(word: str, behind: str) -> tuple[str, int]:
    """The particle chain that `behind` begins with, in the form that fits `word`, and its length.

    ("", 0) where the whole run of Hangul there is no chain of the closed list, or where nobody can
    say how the word ends. `behind` must reach beyond the run, or be all that will ever come.
    """
    run = chain_at(behind)
    sound = ending(word) if run else None
    if sound is None:
        return "", 0
    chain = _CHAINS[run]
    opened = sound is Ending.VOWEL or (sound is Ending.RIEUL and chain.rieul_is_open)
    if not opened:
        return chain.closed, len(run)
    return (run if chain.may_keep else chain.open), len(run)


def chain_at(behind: str) -> str:
    """The particle chain that `behind` begins with, "" if the run of Hangul there is none."""
    for length in range(min(_LONGEST, len(behind)), 0, -1):
        run = behind[:length]
        if run in _CHAINS and not _RUN.match(behind, length)[0]:  # type: ignore[index]  # matches ""
            return run
    return ""


def may_become_chain(behind: str) -> bool:
    """Whether more text could still make `behind` a particle chain, or a longer one."""
    return behind in _BEGINNINGS or behind in _CHAINS or not behind


def is_chain(run: str) -> bool:
    """Whether a whole run is a particle chain or a particle that never alternates."""
    return run in _CHAINS or run in _NEVER_ALTERNATE


def _latin(word: str) -> Ending:
    """Letter names for what cannot be spoken (kr, LG, SNS); otherwise by the last sounds."""
    if not _SPOKEN.search(word) or (word.isupper() and len(word) < 4):
        return _LETTER_NAMES[word[-1].lower()]
    if word[-1] in "lL":
        return Ending.RIEUL
    shut = _SHUT.search(word) and not _NO_SHUT.search(word)
    return Ending.CONSONANT if shut else Ending.VOWEL
