"""Made-up addresses over real regions: roads and houses are drawn, nobody is meant."""

from collections.abc import Mapping, Sequence
from random import Random

Words = Mapping[str, Sequence[str]]

_REGIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "서울": (
        "서울특별시",
        "서울시",
        ("강남구", "종로구", "마포구", "관악구", "노원구", "성북구", "송파구", "중구"),
    ),
    "부산": ("부산광역시", "부산시", ("해운대구", "사하구", "동래구", "남구", "기장군")),
    "대구": ("대구광역시", "대구시", ("수성구", "달서구", "북구", "군위군")),
    "인천": ("인천광역시", "인천시", ("부평구", "연수구", "미추홀구", "강화군")),
    "광주": ("광주광역시", "광주시", ("광산구", "서구", "북구")),
    "대전": ("대전광역시", "대전시", ("유성구", "서구", "대덕구")),
    "울산": ("울산광역시", "울산시", ("남구", "울주군")),
    "세종": ("세종특별자치시", "세종시", ("",)),
    "경기": (
        "경기도",
        "경기",
        ("수원시 팔달구", "성남시 분당구", "고양시 덕양구", "평택시", "양평군", "안산시 상록구"),
    ),
    "강원": ("강원특별자치도", "강원도", ("춘천시", "원주시", "정선군", "홍천군")),
    "충북": ("충청북도", "충북", ("청주시 흥덕구", "제천시", "음성군")),
    "충남": ("충청남도", "충남", ("천안시 서북구", "공주시", "홍성군")),
    "전북": ("전북특별자치도", "전라북도", ("전주시 완산구", "군산시", "무주군")),
    "전남": ("전라남도", "전남", ("목포시", "순천시", "해남군")),
    "경북": ("경상북도", "경북", ("포항시 남구", "안동시", "의성군")),
    "경남": ("경상남도", "경남", ("창원시 의창구", "김해시", "거창군")),
    "제주": ("제주특별자치도", "제주도", ("제주시", "서귀포시")),
}


class Places:
    """Draws addresses; the same random numbers give the same places."""

    def __init__(self, random: Random, words: Words) -> None:
        self._random = random
        self._words = words

    def _word(self, pool: str) -> str:
        return self._random.choice(self._words[pool])

    def _building(self) -> str:
        return self._word("house") + self._word("house_kind")

    def region(self) -> str:
        """The broad units: 시·도 in one of its forms, then 시·군·구."""
        short = self._random.choice(tuple(_REGIONS))
        full, usual, inner = _REGIONS[short]
        head = self._random.choice((full, full, usual, short))
        return f"{head} {self._random.choice(inner)}".strip()

    def _flat(self) -> str:
        number = self._random.randint
        block = f"{number(101, 120)}동 {number(1, 20)}{number(1, 8):02}호"
        return self._random.choice(
            (
                "",
                f", {block}",
                f", {number(1, 20)}층",
                f" {self._building()} {block}",
                f", {block}({self._word('dong')}동, {self._building()})",
                f" ({self._word('dong')}동)",
                f", {number(1, 5)}0{number(1, 8)}호",
                f" 지하 {number(1, 2)}층 B{number(101, 120)}호",
            )
        )

    def road(self) -> str:
        """A street and number (도로명주소법): the house, flat and 동명 as people add them."""
        number = self._random.randint
        kind = self._random.choice(
            ("로", "로", "대로", "길", f"로{number(2, 99)}번길", f"로 {number(2, 40)}길")
        )
        house = f"{number(1, 300)}{self._random.choice(('', '', f'-{number(1, 30)}'))}"
        return f"{self._word('road')}{kind} {house}{self._flat()}"

    def lot(self) -> str:
        """A parcel (지번): the number, with 번지 or 산 or without."""
        pick, number = self._random.choice, self._random.randint
        village = f"{self._word('village')}{pick(('면', '읍'))} {self._word('village')}리"
        unit = pick((f"{self._word('dong')}동", f"{self._word('dong')}동", village))
        head, tail = pick(("", "", "", "산 ")), pick(("", "", "번지"))
        lot = f"{head}{number(1, 900)}{pick(('', f'-{number(1, 40)}'))}{tail}"
        block = f" {self._building()} {number(101, 115)}동 {number(101, 1805)}호"
        return f"{unit} {lot}{pick(('', '', block))}"

    def address(self) -> str:
        """A whole address from the broadest unit on."""
        return f"{self.region()} {self._random.choice((self.road, self.road, self.lot))()}"

    def place(self) -> str:
        """A place alone, without house or parcel: nobody's address."""
        full, usual, inner = _REGIONS[self._random.choice(tuple(_REGIONS))]
        return self._random.choice((full, usual, self._random.choice(inner) or usual))
