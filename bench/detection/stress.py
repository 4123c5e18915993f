"""Stress lines: one identifier a line, each kind in every form that people and systems give it.

Forms: as issued; without separators; with spaces, dots, other dashes; full-width; digits in Hangul
words; decomposed (NFD); a zero-width character inside; a line break inside; in JSON, SQL, a URL, a
table; a particle directly behind. A label stands before it wherever the bare digits could be
anything. Forms that only one kind has stand in bench/texts/forms.toml.
"""

import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import quote

from bench.detection.fill import Filler
from bench.detection.forms import HANGUL_DIGITS
from bench.detection.numbers import BANKS, Numbers
from bench.detection.texts import Text, mark, read_markup

FORMS = Path(__file__).resolve().parent.parent / "texts" / "forms.toml"
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_ASK = (
    "{label}: {value}",
    "제 {label} {value}입니다.",
    "{label} {value} 확인 바랍니다",
    "({label} {value})",
)
_PARTICLES = ("은", "는", "이", "가", "을", "를", "로", "와", "의", "도", "까지", "입니다", "이고")


class Subject(NamedTuple):
    """A kind, the label people put before it, the key in data, and how a value is drawn.

    `digits` says that the value is made of digits, so that separators and digit words apply.
    """

    kind: str
    label: str
    key: str
    draw: Callable[[], str]
    digits: bool = True


def _subjects(filler: Filler) -> list[Subject]:
    random, numbers, people = filler.random, filler.numbers, filler.people
    bank = random.choice(BANKS)
    return [
        Subject("KR_RRN", "주민등록번호", "rrn", numbers.rrn),
        Subject("KR_FRN", "외국인등록번호", "frn", numbers.frn),
        Subject("KR_PASSPORT", "여권번호", "passport_no", numbers.passport, False),
        Subject("KR_DRIVER_LICENSE", "운전면허번호", "license_no", numbers.licence),
        Subject("CREDIT_CARD", "카드번호", "card_no", numbers.card),
        Subject("KR_BANK_ACCOUNT", f"{bank} 계좌번호", "account_no", lambda: numbers.account(bank)),
        Subject("PHONE_NUMBER", "휴대전화", "mobile", numbers.mobile),
        Subject("PHONE_NUMBER", "전화번호", "tel", numbers.telephone),
        Subject("KR_BRN", "사업자등록번호", "biz_no", numbers.brn),
        Subject("KR_CRN", "법인등록번호", "corp_no", numbers.crn),
        Subject("KR_HEALTH_INSURANCE", "건강보험증번호", "insurance_no", numbers.insurance),
        Subject("KR_CUSTOMS_CODE", "개인통관고유부호", "customs_code", numbers.customs, False),
        Subject("KR_MILITARY_NUMBER", "군번", "military_no", numbers.military),
        Subject("KR_MEMBER_NUMBER", "사번", "emp_no", numbers.member, False),
        Subject("KR_VEHICLE_PLATE", "차량번호", "plate", numbers.plate, False),
        Subject("IP_ADDRESS", "접속 IP", "client_ip", numbers.ip, False),
        Subject("MAC_ADDRESS", "MAC 주소", "mac", numbers.mac, False),
        Subject("EMAIL_ADDRESS", "이메일", "email", lambda: _email(random), False),
        Subject("SECRET", "비밀번호", "password", numbers.password, False),
        Subject("SECRET", "API 키", "api_key", numbers.token, False),
        Subject("KR_BIRTH_DATE", "생년월일", "birth_date", lambda: _born(numbers), False),
        Subject("KR_ADDRESS", "주소", "address", filler.places.address, False),
        Subject("COORDINATES", "자택 좌표", "lat_lng", numbers.coordinates, False),
        Subject("PERSON", "성명", "name", people.name, False),
        Subject("PERSON", "영문 성명", "name_en", people.roman, False),
        Subject("PERSON", "한자 성명", "name_hanja", people.hanja, False),
        Subject("PERSON", "외국인 성명", "name_ko", people.foreign, False),
    ]


def _email(random: Random) -> str:
    user = random.choice(("hong.gd", "minwon", "lee_js", "k2025"))
    return f"{user}@{random.choice(('korea.kr', 'naver.com', 'example.go.kr'))}"


def _born(numbers: Numbers) -> str:
    day = numbers.born()
    return f"{day.year}. {day.month}. {day.day}"


def stress(*, seed: int) -> list[Text]:
    """The lines, the same for the same seed; the style is `<kind>/<form>`."""
    filler = Filler(Random(seed))
    texts = []
    for turn in range(2):
        for number, subject in enumerate(_subjects(filler)):
            for form, marked in _lines(subject, filler.random):
                name = f"stress-{turn}-{number:02}-{form}"
                texts.append(read_markup(marked, name=name, style=f"{subject.kind}/{form}"))
    forms = tomllib.loads(FORMS.read_text(encoding="utf-8"))
    for turn in range(4):
        for style, template in forms.items():
            name = f"stress-{turn}-{style.replace('/', '-').lower()}"
            texts.append(read_markup(filler.fill(template), name=name, style=style))
    return texts


def _lines(subject: Subject, random: Random) -> Iterator[tuple[str, str]]:
    """Each form with its line in markup."""

    def asked(value: str) -> str:
        return random.choice(_ASK).format(label=subject.label, value=mark(subject.kind, value))

    yield "issued", asked(subject.draw())
    for form, change in (_DIGIT_FORMS if subject.digits else _OTHER_FORMS).items():
        yield form, asked(change(subject.draw()))
    if any("가" <= character <= "힣" for character in subject.draw()):
        yield (
            "nfd",
            unicodedata.normalize("NFD", subject.label)
            + ": "
            + mark(subject.kind, unicodedata.normalize("NFD", subject.draw())),
        )
    value = subject.draw()
    middle = len(value) // 2
    yield "zero-width", asked(f"{value[:middle]}\u200b{value[middle:]}")
    yield (
        "particle",
        f"{subject.label} {mark(subject.kind, subject.draw())}{random.choice(_PARTICLES)}",
    )
    yield from _containers(subject)


def _containers(subject: Subject) -> Iterator[tuple[str, str]]:
    kind, label, key, draw = subject.kind, subject.label, subject.key, subject.draw
    yield "json", f'{{"id":1,"{key}":"{mark(kind, draw())}","ok":true}}'
    yield "json-korean", f'{{"{label}": "{mark(kind, draw())}"}}'
    yield "sql", f"UPDATE t SET {key} = '{mark(kind, draw())}' WHERE id = 7;"
    yield (
        "url",
        f"https://api.example.go.kr/v1/find?{key}={mark(kind, quote(draw(), safe='@:'))}&page=1",
    )
    yield "markdown", f"| {label} | {mark(kind, draw())} |"
    yield "html", f"<tr><th>{label}</th><td>{mark(kind, draw())}</td></tr>"
    yield "csv", f"번호,{label},비고\n1,{_quoted(kind, draw())},없음"
    yield "tab", f"{label}\t{mark(kind, draw())}"
    yield "label-line-above", f"{label}\n{mark(kind, draw())}"


def _quoted(kind: str, value: str) -> str:
    return f'"{mark(kind, value)}"' if "," in value else mark(kind, value)


def _bare(value: str) -> str:
    return value.replace("-", "").replace(" ", "")


def _broken(value: str) -> str:
    head, sign, tail = value.partition("-")
    return f"{head}{sign}\n{tail}" if sign else value


def _full_width(value: str) -> str:
    return value.translate(_FULL_WIDTH)


_DIGIT_FORMS: dict[str, Callable[[str], str]] = {
    "bare": _bare,
    "spaces": lambda value: value.replace("-", " "),
    "dots": lambda value: value.replace("-", "."),
    "spaced-dash": lambda value: value.replace("-", " - "),
    "en-dash": lambda value: value.replace("-", "–"),
    "minus": lambda value: value.replace("-", "−"),
    "tilde": lambda value: value.replace("-", "~"),
    "full-width": _full_width,
    "full-width-digits": lambda value: "".join(
        chr(ord(c) + 0xFEE0) if c.isdecimal() else c for c in value
    ),
    "hangul-digits": lambda value: value.translate(HANGUL_DIGITS),
    "hangul-digits-bare": lambda value: _bare(value).translate(HANGUL_DIGITS),
    "line-break": _broken,
}
_OTHER_FORMS: dict[str, Callable[[str], str]] = {"full-width": _full_width}
