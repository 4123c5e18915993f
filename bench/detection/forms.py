"""Values in the forms that only one kind has: slots for bench/texts/forms.toml."""

import unicodedata
from collections.abc import Callable

from bench.detection.numbers import Numbers
from bench.detection.people import People
from bench.detection.places import Places

HANGUL_DIGITS = str.maketrans("0123456789", "공일이삼사오육칠팔구")
_HANGUL_DIGITS_ZERO = str.maketrans("0123456789", "영일이삼사오육칠팔구")

Slots = dict[str, tuple[str, Callable[[], str]]]


def special_slots(numbers: Numbers, people: People, places: Places) -> Slots:
    """Each slot's kind and how its value is drawn."""
    return {
        **_phones(numbers),
        **_births(numbers),
        **_network(numbers),
        "name_nfd": ("PERSON", lambda: unicodedata.normalize("NFD", people.name())),
        "passport_spaced": ("KR_PASSPORT", lambda: _spaced(numbers.passport())),
        "passport_lower": ("KR_PASSPORT", lambda: numbers.passport().lower()),
        "account_shinhan": ("KR_BANK_ACCOUNT", lambda: numbers.account("신한은행")),
        "address_broken": ("KR_ADDRESS", lambda: places.address().replace(" ", "\n", 1)),
        "coordinates_slash": (
            "COORDINATES",
            lambda: numbers.coordinates().replace(", ", " / "),
        ),
    }


def _phones(numbers: Numbers) -> Slots:
    def abroad() -> str:
        return f"+82-{numbers.mobile()[1:]}"

    def area(sign: str) -> str:
        head, _, rest = numbers.telephone().partition("-")
        return sign.format(head) + rest

    def words(table: dict[int, int], sign: str) -> str:
        return numbers.mobile().translate(table).replace("-", sign)

    draws: dict[str, Callable[[], str]] = {
        "mobile_bare": lambda: numbers.mobile().replace("-", ""),
        "mobile_plus": abroad,
        "mobile_plus_spaces": lambda: abroad().replace("-", " "),
        "mobile_plus_bare": lambda: abroad().replace("-", ""),
        "mobile_slashes": lambda: numbers.mobile().replace("-", "/"),
        "mobile_words": lambda: words(HANGUL_DIGITS, " "),
        "mobile_zero_words": lambda: words(_HANGUL_DIGITS_ZERO, "-"),
        "tel_area": lambda: area("({}) "),
        "tel_bracket": lambda: area("{})"),
    }
    return {slot: ("PHONE_NUMBER", draw) for slot, draw in draws.items()}


def _births(numbers: Numbers) -> Slots:
    def shaped(shape: str) -> Callable[[], str]:
        def draw() -> str:
            day = numbers.born()
            return shape.format(day=day, month=day.month, dom=day.day)

        return draw

    shapes = {
        "born": "{day.year}. {month}. {dom}",
        "born_short": "{day:%y}.{month}.{dom}",
        "born_words": "{day.year}년 {month}월 {dom}일",
        "born_six": "{day:%y%m%d}",
        "born_eight": "{day:%Y%m%d}",
        "born_iso": "{day:%Y-%m-%d}",
    }
    return {slot: ("KR_BIRTH_DATE", shaped(shape)) for slot, shape in shapes.items()}


def _network(numbers: Numbers) -> Slots:
    def dotted() -> str:
        digits = numbers.mac().replace("-", "").replace(":", "").lower()
        return ".".join(digits[at : at + 4] for at in (0, 4, 8))

    return {
        "ip_v4": ("IP_ADDRESS", lambda: f"10.{numbers.digits(2)}.{numbers.digits(1)}.31"),
        "mac_dotted": ("MAC_ADDRESS", dotted),
        "password_plain": ("SECRET", lambda: "s3cr" + numbers.digits(5)),
        "email_at": ("EMAIL_ADDRESS", lambda: f"kdhong{numbers.digits(2)}(at)korea.kr"),
        "email_word": ("EMAIL_ADDRESS", lambda: f"kdhong{numbers.digits(2)} 골뱅이 naver.com"),
    }


def _spaced(value: str) -> str:
    return f"{value[0]} {value[1:]}"
