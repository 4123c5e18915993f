"""Made-up identifiers in the forms that their statutes and issuers give them.

None belongs to anybody on purpose: digits are drawn at random, check digits are then computed, and
some are left wrong, because people mistype and because the newest have no rule.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random

_BORN_FROM, _BORN_DAYS = date(1938, 1, 1), 31000
_RRN_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_BRN_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
_RANDOM_RRN_SINCE = date(2020, 10, 5)  # 주민등록법 시행규칙: since then the last six are random
_PLATE_SYLLABLES = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호"
_AREAS = ("031", "032", "033", "041", "042", "043", "044", "051", "052", "053", "054", "055", "061")
_BANKS: dict[str, tuple[tuple[int, ...], ...]] = {
    "국민은행": ((6, 2, 6), (3, 2, 4, 3)),
    "신한은행": ((3, 3, 6), (3, 2, 6)),
    "우리은행": ((4, 3, 6), (3, 6, 2, 3)),
    "하나은행": ((3, 6, 5),),
    "농협": ((3, 4, 4, 2), (3, 2, 6)),
    "농협은행": ((3, 4, 4, 2),),
    "기업은행": ((3, 6, 2, 3),),
    "카카오뱅크": ((4, 2, 7),),
    "토스뱅크": ((4, 4, 4),),
    "새마을금고": ((4, 4, 4, 1),),
    "우체국": ((6, 2, 6),),
    "수협": ((3, 2, 6, 1),),
    "SC제일은행": ((3, 2, 6),),
    "부산은행": ((3, 4, 4, 2),),
    "대구은행": ((3, 2, 6, 1),),
}
BANKS = tuple(_BANKS)


def rrn_check(twelve: str, *, modulus: int = 11) -> str:
    """The last digit of a 주민등록번호 (11) or an old 외국인등록번호 (13) from the first twelve."""
    total = sum(int(d) * w for d, w in zip(twelve, _RRN_WEIGHTS, strict=True))
    return str((modulus - total % 11) % 10)


def brn_check(nine: str) -> str:
    """The tenth digit of a 사업자등록번호 (국세청)."""
    total = (
        sum(int(d) * w for d, w in zip(nine, _BRN_WEIGHTS, strict=True)) + int(nine[8]) * 5 // 10
    )
    return str((10 - total % 10) % 10)


def crn_check(twelve: str) -> str:
    """The last digit of a 법인등록번호.

    Source: 법인 및 재외국민의 부동산등기용등록번호 부여에 관한 규칙.
    """
    total = sum(int(d) * (1 + i % 2) for i, d in enumerate(twelve))
    return str((10 - total % 10) % 10)


def luhn_check(digits: str) -> str:
    """The last digit of a card number (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - i % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


class Numbers:
    """Draws identifiers in their usual form, digits grouped by hyphens."""

    def __init__(self, random: Random, words: Mapping[str, Sequence[str]]) -> None:
        self._random = random
        self._words = words

    def digits(self, count: int) -> str:
        """So many digits, the first not zero."""
        first = str(self._random.randint(1, 9)) if count else ""
        return first + "".join(str(self._random.randint(0, 9)) for _ in range(count - 1))

    def born(self) -> date:
        """A day of birth."""
        return _BORN_FROM + timedelta(days=self._random.randrange(_BORN_DAYS))

    def rrn(self) -> str:
        """주민등록번호: one in ten has a wrong last digit, as after a slip of the pen."""
        born = self.born()
        sex = self._random.choice((1, 2) if born.year < 2000 else (3, 4))
        twelve = f"{born:%y%m%d}{sex}{self.digits(5)}"
        if born >= _RANDOM_RRN_SINCE or self._random.random() < 0.1:
            return f"{twelve[:6]}-{twelve[6:]}{self._random.randint(0, 9)}"
        return f"{twelve[:6]}-{twelve[6:]}{rrn_check(twelve)}"

    def frn(self) -> str:
        """외국인등록번호: the sex digit is 5 to 8."""
        born = self.born()
        sex = self._random.choice((5, 6) if born.year < 2000 else (7, 8))
        twelve = f"{born:%y%m%d}{sex}{self.digits(5)}"
        return f"{twelve[:6]}-{twelve[6:]}{rrn_check(twelve, modulus=13)}"

    def passport(self) -> str:
        """여권번호: the old form and, since December 2021, the one with a letter inside."""
        letter = self._random.choice("MMMMSRGD")
        if self._random.random() < 0.5:
            return letter + self.digits(8)
        return letter + self.digits(3) + self._random.choice("ABCDEFGHJKLMN") + self.digits(4)

    def licence(self) -> str:
        """운전면허번호: a region's code or its old name."""
        tail = f"{self._random.randint(75, 124) % 100:02}-{self.digits(6)}-{self.digits(2)}"
        if self._random.random() < 0.25:
            return f"{self._random.choice(self._words['licence_region'])} {tail}"
        return f"{self._random.randint(11, 26)}-{tail}"

    def card(self) -> str:
        """카드번호 of 16 digits; an American Express one has 15."""
        if self._random.random() < 0.08:
            body = self._random.choice(("34", "37")) + self.digits(12)
            full = body + luhn_check(body)
            return f"{full[:4]}-{full[4:10]}-{full[10:]}"
        prefix = self._random.choice(("4", "51", "52", "53", "54", "55", "9", "35", "62"))
        body = prefix + self.digits(15 - len(prefix))
        full = body + luhn_check(body)
        return "-".join(full[i : i + 4] for i in range(0, 16, 4))

    def account(self, bank: str) -> str:
        """계좌번호 in one of the bank's forms."""
        return "-".join(self.digits(size) for size in self._random.choice(_BANKS[bank]))

    def brn(self) -> str:
        """사업자등록번호."""
        nine = self.digits(9)
        return f"{nine[:3]}-{nine[3:5]}-{nine[5:]}{brn_check(nine)}"

    def crn(self) -> str:
        """법인등록번호: the registry's number, the kind of corporation, a serial number."""
        kind = self._random.choice(("11", "21", "22", "71"))
        registry = self._random.choice(("1101", "1201", "1311", "1801", "2001"))
        twelve = f"{registry}{kind}{self._random.randint(0, 8)}{self.digits(5)}"
        return f"{twelve[:6]}-{twelve[6:]}{crn_check(twelve)}"

    def insurance(self) -> str:
        """건강보험증번호: eleven digits, the first sometimes set apart."""
        digits = self._random.choice("125678") + self.digits(10)
        return self._random.choice((digits, digits, f"{digits[0]}-{digits[1:]}"))

    def customs(self) -> str:
        """개인통관고유부호 (관세청): P and twelve digits."""
        return "P" + self.digits(12)

    def military(self) -> str:
        """군번: the year of entry and a serial number of up to eight digits."""
        return f"{self._random.randint(0, 24):02}-7{self.digits(self._random.choice((6, 7)))}"

    def member(self) -> str:
        """사번, 학번: a year and a serial number, a letter before them or not."""
        year = self._random.randint(1998, 2025)
        serial = self.digits(self._random.choice((4, 5)))
        return self._random.choice((f"{year}{serial}", f"E{year}{serial}", f"{year}-{serial}"))

    def plate(self) -> str:
        """자동차등록번호: digits, a syllable, four digits; on older ones the region before them."""
        pick = self._random.choice
        tail = f"{pick(_PLATE_SYLLABLES)}{pick(('', ' '))}{self.digits(4)}"
        if self._random.random() < 0.2:
            return f"{pick(self._words['plate_region'])} {self._random.randint(11, 69)}{tail}"
        return f"{pick((self.digits(2), self.digits(3)))}{tail}"

    def mobile(self) -> str:
        """A mobile telephone."""
        return f"010-{self.digits(4)}-{self.digits(4)}"

    def telephone(self) -> str:
        """A landline or internet telephone."""
        area = self._random.choice(("02", "02", "070", "0505", *_AREAS))
        size = self._random.choice((3, 4)) if area == "02" else 3
        return f"{area}-{self.digits(size)}-{self.digits(4)}"

    def ip(self) -> str:
        """An IPv4 address, rarely an IPv6 one."""
        if self._random.random() < 0.12:
            return "2001:db8:" + ":".join(f"{self._random.randrange(65536):x}" for _ in range(6))
        return ".".join(str(self._random.randint(1, 250)) for _ in range(4))

    def mac(self) -> str:
        """A MAC address."""
        sign = self._random.choice(":-")
        return sign.join(f"{self._random.randrange(256):02X}" for _ in range(6))

    def token(self) -> str:
        """A secret in the form of a common service, or a password."""
        letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        draw = self._random.choices
        return self._random.choice(
            (
                "AKIA" + "".join(draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16)),
                "ghp_" + "".join(draw(letters, k=36)),
                "xoxb-" + self.digits(12) + "-" + "".join(draw(letters, k=24)),
                ".".join("eyJ" + "".join(draw(letters, k=n)) for n in (33, 80))
                + "."
                + "".join(draw(letters, k=43)),
            )
        )

    def password(self) -> str:
        """A password as people choose them."""
        word = self._random.choice(
            ("Qwer", "gkrtod", "Sejong", "admin", "Wjdqh", "Spring", "minwon")
        )
        return f"{word}{self.digits(4)}{self._random.choice('!@#$')}"

    def coordinates(self) -> str:
        """Latitude and longitude inside Korea."""
        return f"{self._random.uniform(34.5, 37.9):.5f}, {self._random.uniform(126.5, 129.3):.5f}"
