"""Made-up people: names in every form that offices write, put together from syllables.

Nobody is meant: a name is a surname and two syllables drawn at random. Weights follow roughly how
common surnames are (통계청, 2015 인구주택총조사: 김 21.5 %, 이 14.7 %, 박 8.4 % …).
"""

from random import Random

_COMMON = "김" * 20 + "이" * 14 + "박" * 8 + "최" * 5 + "정" * 5 + "강조윤장임" * 2 + "한오서신권황"
_FEWER = (
    "안송류홍전고문양손배백허유남심노하곽성차주우구민나진지엄채원천방공현함변염여추도소석선설마길"
)
_RARE = "연위표명기반라왕금옥육인맹제모탁국어은편용예경봉사부태목형피두감호음빈동온시판단"
_DOUBLE = ("남궁", "황보", "제갈", "사공", "선우", "서문", "독고", "동방")
_MEN = (
    "민서지현준도시승재상성동경진태종영정기광용병인우건",
    "준우진현민수호훈철원석규환식혁태섭용욱일성영재빈찬",
)
_WOMEN = (
    "민서지현수영은정예하유혜미소윤다경선순명가나보희연",
    "서연지은희경아정숙자미란선나윤영진현주빈순옥린원혜화",
)
_LONE = "준현민진훈철호건웅율솔빈윤혁찬석숙란옥"  # given names of one syllable
_ALSO_WORDS = frozenset("전고유한주국양왕추정어위현선시상단판소")  # 전진, 고민, 국민, 판단 …
_HANJA_SURNAMES = "金李朴崔鄭姜趙尹張林韓吳徐申權黃安宋洪全高文梁孫裵白許劉南沈盧河"
_HANJA_GIVEN = (
    "民珍秀英恩貞俊道河時有承在相成東慶鎭惠美昭泰鍾允姸佳寶世雅源仁周贊昌哲海炯浩孝喜圭根基光"
)
_ROMAN_SURNAMES = (
    "Kim",
    "Lee",
    "Park",
    "Choi",
    "Jung",
    "Kang",
    "Cho",
    "Yoon",
    "Jang",
    "Lim",
    "Han",
)
_ROMAN_FIRST = (
    "Min",
    "Seo",
    "Ji",
    "Hyun",
    "Soo",
    "Young",
    "Eun",
    "Jae",
    "Sung",
    "Dong",
    "Kyung",
    "Hye",
)
_ROMAN_SECOND = (
    "jun",
    "yeon",
    "woo",
    "jin",
    "hyun",
    "min",
    "young",
    "soo",
    "ho",
    "hoon",
    "hee",
    "ah",
)
_WESTERN = (
    "존",
    "마이클",
    "데이비드",
    "사라",
    "엠마",
    "다니엘",
    "제임스",
    "안나",
    "로버트",
    "루카스",
    "소피",
)
_WESTERN_LAST = (
    "스미스",
    "존슨",
    "브라운",
    "밀러",
    "윌슨",
    "테일러",
    "앤더슨",
    "마르티네스",
    "뮐러",
    "이바노프",
)
_VIETNAMESE = ("응우옌", "쩐", "레", "팜", "호앙", "부이", "도")
_VIETNAMESE_MIDDLE = ("반", "티", "꾸옥", "탄", "민")
_VIETNAMESE_LAST = ("남", "하", "란", "뚜안", "흐엉", "즈엉", "투이", "롱")
_CHINESE = ("왕웨이", "장리", "리나", "천밍", "류양", "자오쥔", "황레이", "저우제")
_ASIAN = ("바트에르덴", "아디티야", "수레시", "라훌", "산토스", "소포안", "라흐만", "투르수노프")


class People:
    """Draws names; the same random numbers give the same people."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def surname(self) -> str:
        """A surname of one syllable, mostly a common one."""
        pool = self._random.choices((_COMMON, _FEWER, _RARE), (60, 32, 8))[0]
        return self._random.choice(pool)

    def given(self) -> str:
        """A given name of two syllables."""
        firsts, seconds = self._random.choice((_MEN, _WOMEN))
        first = self._random.choice(firsts)
        return first + self._random.choice([second for second in seconds if second != first])

    def name(self) -> str:
        """A Korean name of two to four syllables."""
        form = self._random.choices(("three", "two", "double", "four"), (86, 8, 4, 2))[0]
        if form == "two":
            return self._short()
        if form == "double":
            return self._random.choice(_DOUBLE) + self.given()[: self._random.choice((1, 2))]
        if form == "four":
            return self.surname() + self.given() + self._random.choice("솔슬람빛")
        return self.surname() + self.given()

    def _short(self) -> str:
        """Two syllables; those that may be a common word would be nobody's fault to miss."""
        surname = self.surname()
        return self._short() if surname in _ALSO_WORDS else surname + self._random.choice(_LONE)

    def spaced(self) -> str:
        """Syllables apart, as in forms: 홍 길 동."""
        return self._random.choice((" ", "  ")).join(self.surname() + self.given())

    def hanja(self) -> str:
        """A name in Hanja."""
        pick = self._random.choice
        return pick(_HANJA_SURNAMES) + pick(_HANJA_GIVEN) + pick(_HANJA_GIVEN)

    def roman(self) -> str:
        """A romanised name: passport order, hyphen or not, capitals or not."""
        pick = self._random.choice
        last, first, second = pick(_ROMAN_SURNAMES), pick(_ROMAN_FIRST), pick(_ROMAN_SECOND)
        return pick(
            (
                f"{last} {first}-{second}",
                f"{last} {first}{second}",
                f"{last} {first} {second.title()}",
                f"{first}-{second} {last}",
                f"{last}, {first} {second.title()}",
                f"{last} {first}{second}".upper(),
            )
        )

    def masked(self) -> str:
        """A name with a syllable hidden: it still says who, beside the rest of a letter."""
        surname, given, sign = self.surname(), self.given(), self._random.choice("*○O")
        return surname + sign + given[1]

    def foreign(self) -> str:
        """A foreigner's name in Hangul."""
        pick = self._random.choice
        kind = self._random.randrange(4)
        if kind == 0:
            return f"{pick(_WESTERN)} {pick(_WESTERN_LAST)}"
        if kind == 1:
            return f"{pick(_VIETNAMESE)} {pick(_VIETNAMESE_MIDDLE)} {pick(_VIETNAMESE_LAST)}"
        return pick(_CHINESE) if kind == 2 else pick(_ASIAN)
