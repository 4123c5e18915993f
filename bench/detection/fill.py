"""Turns templates into marked-up texts: `<slot>` becomes a value, `은/는` the right particle.

A slot of personal data is filled with a marked value (bench.detection.texts), a slot of what only
looks like it with plain text. `<*3|row*>` repeats a row with new values. A particle pair directly
behind a mark is chosen by the value's last sound, as people write it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from random import Random

from bench.detection.forms import special_slots
from bench.detection.numbers import BANKS, Numbers
from bench.detection.people import People
from bench.detection.places import Places, Words
from bench.detection.texts import mark

WORDS = Path(__file__).resolve().parent.parent / "texts" / "words.toml"
_SLOT = re.compile(r"<(?!(?:table|tr|th|td|ul|li|p)>)([a-z_]+)>")  # HTML is no slot
_REPEAT = re.compile(r"<\*(\d+)\|(.*?)\*>", re.DOTALL)
_PAIR = re.compile(r"(.)(\}\})(은|이|을|과|으로|이라)/(는|가|를|와|로|라)")
_OPEN_PAIR = re.compile(r"\)(은|이|을)/(는|가|를)")  # behind a bracket people write 은(는)
_READ_WITH_FINAL = frozenset("lmnrLMNR136780")  # 영 일 삼 육 칠 팔, 엘 엠 엔 알
_READ_WITH_L = frozenset("lrLR178")

Draw = Callable[[], str]


class Filler:
    """Fills slots; one source of random numbers for everything."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._words: Words = tomllib.loads(WORDS.read_text(encoding="utf-8"))
        self.people = People(random)
        self.numbers = Numbers(random, self._words)
        self.places = Places(random, self._words)
        self._slots: Mapping[str, Draw] = {**self._marked(), **self._plain()}

    def fill(self, template: str) -> str:
        """The marked-up text of a template.

        Raises:
            KeyError: a slot that does not exist.
        """
        whole = _REPEAT.sub(lambda m: "\n".join([m[2]] * int(m[1])), template)
        filled = _SLOT.sub(lambda m: self._slots[m[1]](), whole)
        return _OPEN_PAIR.sub(r")\1(\2)", _PAIR.sub(_particle, filled))

    def _marked(self) -> dict[str, Draw]:
        people, numbers, places = self.people, self.numbers, self.places
        draws: dict[str, tuple[str, Draw]] = {
            "name": ("PERSON", people.name),
            "given": ("PERSON", people.given),
            "spaced": ("PERSON", people.spaced),
            "hanja": ("PERSON", people.hanja),
            "roman": ("PERSON", people.roman),
            "masked": ("PERSON", people.masked),
            "foreign": ("PERSON", people.foreign),
            "rrn": ("KR_RRN", numbers.rrn),
            "frn": ("KR_FRN", numbers.frn),
            "passport": ("KR_PASSPORT", numbers.passport),
            "licence": ("KR_DRIVER_LICENSE", numbers.licence),
            "card": ("CREDIT_CARD", numbers.card),
            "brn": ("KR_BRN", numbers.brn),
            "crn": ("KR_CRN", numbers.crn),
            "insurance": ("KR_HEALTH_INSURANCE", numbers.insurance),
            "customs": ("KR_CUSTOMS_CODE", numbers.customs),
            "military": ("KR_MILITARY_NUMBER", numbers.military),
            "member": ("KR_MEMBER_NUMBER", numbers.member),
            "plate": ("KR_VEHICLE_PLATE", numbers.plate),
            "mobile": ("PHONE_NUMBER", numbers.mobile),
            "tel": ("PHONE_NUMBER", numbers.telephone),
            "ip": ("IP_ADDRESS", numbers.ip),
            "mac": ("MAC_ADDRESS", numbers.mac),
            "token": ("SECRET", numbers.token),
            "password": ("SECRET", numbers.password),
            "coordinates": ("COORDINATES", numbers.coordinates),
            "email": ("EMAIL_ADDRESS", self._email),
            "address": ("KR_ADDRESS", places.address),
            "local": ("KR_ADDRESS", places.road),
            "birth": ("KR_BIRTH_DATE", self._birth),
            **special_slots(numbers, people, places),
        }
        slots: dict[str, Draw] = {
            slot: (lambda kind=kind, draw=draw: mark(kind, draw()))  # type: ignore[misc]
            for slot, (kind, draw) in draws.items()
        }
        slots["bank_account"] = self._bank_account
        slots["account"] = lambda: mark(
            "KR_BANK_ACCOUNT", self.numbers.account(self.random.choice(BANKS))
        )
        slots["maybe_office_tel"] = lambda: "{{?PHONE_NUMBER|" + self._slots["office_tel"]() + "}}"
        slots["maybe_surname"] = lambda: "{{?PERSON|" + people.surname() + "}}"
        return slots

    def _plain(self) -> dict[str, Draw]:
        slots: dict[str, Draw] = {
            slot: (lambda pool=pool: self.random.choice(pool))  # type: ignore[misc]
            for slot, pool in self._words.items()
        }
        number = self.numbers.digits
        slots |= {
            "region": self.places.place,
            "date": self._date,
            "day": lambda: f"{self._past():%Y-%m-%d}",
            "time": lambda: f"{self.random.randint(9, 17):02}:{self.random.choice('012345')}0",
            "money": lambda: f"{self.random.randint(1, 99_999) * 1000:,}원",
            "amount": lambda: str(self.random.randint(1, 99_999) * 1000),
            "count": lambda: str(self.random.randint(2, 980)),
            "docno": self._document,
            "receipt": self._receipt,
            "case": self._case,
            "version": lambda: (
                self.random.choice(("v", "", "버전 "))
                + ".".join(str(self.random.randint(0, 19)) for _ in range(3))
            ),
            "barcode": lambda: "880" + number(10),
            "isbn": lambda: f"979-11-{number(4)}-{number(3)}-{number(1)}",
            "notice": lambda: f"{self._past():%Y%m}{number(5)}-00",
            "office_tel": lambda: (
                f"{self.random.choice(('02', '044', '031', '051'))}-{number(3)}-{number(4)}"
            ),
            "hash": lambda: f"{self.random.getrandbits(64):016x}",
            "percent": lambda: f"{self.random.randint(1, 999) / 10}%",
        }
        return slots

    def _past(self) -> date:
        return date(2019, 1, 1) + timedelta(days=self.random.randrange(2600))

    def _date(self) -> str:
        day = self._past()
        return self.random.choice(
            (
                f"{day.year}. {day.month}. {day.day}.",
                f"{day.year}.{day.month:02}.{day.day:02}",
                f"{day.year}년 {day.month}월 {day.day}일",
                f"{day:%Y-%m-%d}",
                f"’{day:%y}. {day.month}. {day.day}.",
            )
        )

    def _birth(self) -> str:
        day = self.numbers.born()
        return self.random.choice(
            (
                f"{day.year}. {day.month}. {day.day}",
                f"{day.year}.{day.month:02}.{day.day:02}",
                f"{day.year}년 {day.month}월 {day.day}일",
                f"{day:%Y-%m-%d}",
                f"{day:%Y%m%d}",
                f"{day:%y%m%d}",
                f"{day:%y}.{day.month:02}.{day.day:02}",
                f"{day.year}/{day.month:02}/{day.day:02}",
            )
        )

    def _email(self) -> str:
        user = self.random.choice(self._words["mail_user"]) + self.random.choice(
            ("", self.numbers.digits(2))
        )
        return f"{user}@{self.random.choice(self._words['mail_domain'])}"

    def _bank_account(self) -> str:
        bank = self.random.choice(BANKS)
        return f"{bank} {mark('KR_BANK_ACCOUNT', self.numbers.account(bank))}"

    def _document(self) -> str:
        serial = self.numbers.digits(self.random.choice((3, 4, 5)))
        dept = self.random.choice(self._words["dept"])
        return self.random.choice(
            (
                f"{dept}-{serial}",
                f"{dept}-{serial}({self._date()})",
                f"제{self._past().year}-{serial}호",
            )
        )

    def _receipt(self) -> str:
        number, year = self.numbers.digits, self._past()
        return self.random.choice(
            (
                f"1AA-{year:%y%m}-0{number(6)}",
                f"{year.year}-00{number(5)}",
                f"제{year:%Y%m%d}-{number(6)}호",
                f"{year:%Y%m%d}{number(5)}",
                number(12),
            )
        )

    def _case(self) -> str:
        kind = self.random.choice(
            ("가단", "가합", "고단", "구합", "헌마", "두", "도", "타경", "느단", "형제")
        )
        return f"{self._past().year}{kind}{self.numbers.digits(self.random.choice((4, 5)))}"


def _particle(found: re.Match[str]) -> str:
    last, close, with_final, without = found.groups()
    if "가" <= last <= "힣":
        final = (ord(last) - 0xAC00) % 28
        has_final = final != 0 and not (with_final == "으로" and final == 8)
    else:
        has_final = last in _READ_WITH_FINAL - (_READ_WITH_L if with_final == "으로" else set())
    return last + close + (with_final if has_final else without)
