"""Korean particles that follow the sound of the word before them (받침), and how a word ends.

An engine sees `[성명_1]` and guesses the particle behind it; restore puts the right one behind the
real word. Only runs from a closed list are touched: a chain is one alternating particle and the
endings that may follow it, so 과장, 이사, 이야기, 은행, 가족 and 을지로 are no chains. Sources:
국립국어원 표준국어대사전 (조사 and their 이형태), 한글 맞춤법, 외래어 표기법 (readings of letters).
"""

import re
import unicodedata
from bisect import bisect_right
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
    _Pair("이여", "여"),
    _Pair("이십니다", "십니다", may_keep=True),
    _Pair("이세요", "세요", may_keep=True),
    _Pair("이지만", "지만", may_keep=True),
    _Pair("이므로", "므로", may_keep=True),
    _Pair("이니까", "니까", may_keep=True),
    _Pair("이네요", "네요", may_keep=True),
    _Pair("이죠", "죠", may_keep=True),
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
            closed, opened = pair.closed + tail, pair.open + tail
            chain = _Chain(closed, opened, pair.closed == "으로", pair.may_keep)
            for run in (closed, opened):
                if run not in _NO_CHAIN_ALONE:
                    yield run, chain
            # How one writes when one cannot know the word: (으)로부터, (이)라고; 은(는), 이(가).
            doubtful = chain._replace(may_keep=False)
            if pair.closed[1:] == pair.open:
                yield f"({closed[0]}){opened}", doubtful
            if not tail:
                yield f"{closed}({opened})", doubtful
                yield f"{opened}({closed})", doubtful


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

# What stands in brackets behind a word is not read, and the particle follows the word itself
# (국립국어원, 온라인가나다): 김철수(남)는.
_IN_BRACKETS = re.compile(r"(?<=\w) ?[(\[][^()\[\]]{0,60}[)\]]\W*\Z")
# KS X 1001 orders its 4,620 Hanja by how they are read (伽 가 … 詰 힐). Where the ending changes in
# that order: 0 vowel, 1 consonant, 2 ㄹ, and the first Hanja with it. A reading that differs at the
# beginning of a word only (李 리, 이) ends alike.
_HANJA = (
    "0伽1刻2乫1勘0介1喀0倨1乾2乞1儉0偈1擊2抉1兼0係1哭2汨1供0寡1廓2刮1侊"
    "0卦1宏0交1國2堀1宮2厥0机1勻2橘1克0企1緊2佶1金0儺1諾2捏1南0乃1年0努"
    "1濃0惱1嫩2訥0杻1能0尼1匿0多1丹2撻1啖0代1宅0倒1毒2乭1仝0兜1屯0喇1洛"
    "2剌1嵐0來1冷0侶1力2冽1廉0例1碌0儡1龍0壘1六2律1隆0俚1吝0摩1寞2唜1亡"
    "0埋1脈2滅1冥0袂1木2歿1夢0卯1墨2勿0味1岷2密1剝2勃1倣0倍1伯2伐1凡2別"
    "1丙0保1伏2乶1俸0不1北2佛1崩0丕1嚬0乍1削2乷1三0塞1嗇0墅1夕2卨1剡0世"
    "1俗2率1宋0刷1叔2戌1崇2瑟1濕0侍1埴2失1審0氏1堊2斡1唵0厓1厄0也1弱0圄"
    "1億2孼1俺0予1亦2悅1厭0乂1屋2兀1壅0渦1婉2曰1往0倭1慾0于1勖2蔚1熊2月"
    "0位1堉2聿1戎2乙1吟0依1瀷2一1任0仔1作0再1爭0佇1勣2切1占0制1族2卒1倧"
    "0佐1竹2茁1中2櫛1楫0之1直2侄1斟0且1捉2刹1僭0債1冊0凄1倜2凸1僉0剃1促"
    "2撮0催1丑2出1充0悴1側0侈1則2七1侵0快1倬2奪1探0兌1擇0攄1慟0堆1慝0坡"
    "1判2八0佩1彭0吠1幅0俵1品0彼2匹1乏0下1壑2割1函0亥1劾0噓1憲2歇1險2孑"
    "1嫌0兮1惑2忽1哄0化1擴2活1凰0匯1劃0哮1勛0卉2恤1兇2吃1欠0僖2詰"
)
_HANJA_STARTS = tuple(char.encode("euc_kr") for char in _HANJA[1::2])
_HANJA_ENDINGS = tuple((Ending.VOWEL, Ending.CONSONANT, Ending.RIEUL)[int(n)] for n in _HANJA[::2])

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
    """How a word ends when read aloud in Korean; None: nobody can say (a rare Hanja)."""
    text = unicodedata.normalize("NFKC", word[-64:])
    if bracket := _IN_BRACKETS.search(text):
        text = text[: bracket.start()]
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
    if "一" <= last <= "\u9fff":
        return _hanja(last)
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


def _hanja(char: str) -> Ending | None:
    """How a Hanja of KS X 1001 ends."""
    try:
        place = char.encode("euc_kr")
    except UnicodeEncodeError:
        return None
    return _HANJA_ENDINGS[bisect_right(_HANJA_STARTS, place) - 1]


def _latin(word: str) -> Ending:
    """Letter names for what cannot be spoken (kr, LG, SNS); otherwise by the last sounds."""
    if not _SPOKEN.search(word) or (word.isupper() and len(word) < 4):
        return _LETTER_NAMES[word[-1].lower()]
    if word[-1] in "lL":
        return Ending.RIEUL
    shut = _SHUT.search(word) and not _NO_SHUT.search(word)
    return Ending.CONSONANT if shut else Ending.VOWEL
