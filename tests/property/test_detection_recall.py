"""Every generated identifier, in each written form, is found inside Korean sentences."""

import unicodedata
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from redaction.recognizers.kr.name_words import SURNAMES
from redaction.recognizers.kr.pack import KR
from redaction.recognizers.packs import find

WORDS = st.lists(
    st.sampled_from(
        ["오늘", "민원실에서", "안내문을", "확인해", "주세요", "서류는", "창구에", "처리"]
    ),
    max_size=6,
).map(" ".join)
PARTICLES = st.sampled_from(["", "로", "을", "입니다", "(으)로", ",", ".", " 입니다", ")", "에게"])


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def joined(*groups: st.SearchStrategy[str], marks: str) -> st.SearchStrategy[str]:
    """Groups with one of the given separators, the same throughout ("|" stands for none)."""
    return st.builds(
        lambda mark, parts: mark.replace("|", "").join(parts),
        st.sampled_from(marks),
        st.tuples(*groups),
    )


BIRTH = st.dates(min_value=date(1930, 1, 1), max_value=date(2024, 12, 31))
RESIDENT = st.builds(
    lambda birth, odd, rest, mark, foreign: (
        f"{birth:%y%m%d}{mark}{(1 if birth.year < 2000 else 3) + odd + 4 * foreign}{rest}"
    ),
    BIRTH,
    st.integers(0, 1),
    digits(6),
    st.sampled_from(["-", " ", " - ", "–", "－"]),
    st.booleans(),
)
MOBILE = joined(st.just("010"), digits(4), digits(4), marks="-. |")
AREA = joined(st.sampled_from(["02", "031", "044", "064", "070"]), digits(4), digits(4), marks="-.")
EMAIL = st.builds(
    lambda name, host, end: f"{name}@{host}.{end}",
    st.from_regex(r"[a-z][a-z0-9._]{1,12}[a-z0-9]", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9]{1,10}", fullmatch=True),
    st.sampled_from(["kr", "go.kr", "co.kr", "com"]),
)
LICENSE = joined(st.integers(11, 26).map(str), digits(2), digits(6), digits(2), marks="-")
PASSPORT = st.builds(
    lambda kind, three, letter, four: f"{kind}{three}{letter}{four}",
    st.sampled_from("MSRODG"),
    digits(3),
    st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZ"),
    digits(4),
)
ACCOUNT = st.builds(
    lambda bank, number: (bank, number),
    st.sampled_from(["국민은행", "신한은행", "농협", "카카오뱅크", "계좌번호"]),
    joined(digits(3), digits(3), digits(6), marks="-|"),
)
NAME = st.builds(
    lambda surname, given: surname + given,
    st.sampled_from(sorted(SURNAMES & set("김이박최정강조윤장임한오서신권황안송류홍"))),
    st.sampled_from(
        ["철수", "영희", "민준", "서연", "지훈", "하은", "도윤", "수빈", "현우", "예진"]
    ),
)


def luhn(number: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return number + str(-total % 10)


def grouped(number: str, mark: str) -> str:
    return mark.join(number[place : place + 4] for place in range(0, len(number), 4))


CARD = st.builds(
    lambda first, rest, mark: grouped(luhn(first + rest), mark),
    st.sampled_from(["4", "5", "9"]),
    digits(14),
    st.sampled_from(["-", " ", ""]),
)


def covered(text: str, value: str) -> bool:
    """Whether the value's range lies inside one span."""
    start = text.index(value)
    return any(span.start <= start and start + len(value) <= span.end for span in find(text, (KR,)))


@given(WORDS, RESIDENT, PARTICLES, WORDS)
def test_every_resident_number_is_found(before, number, particle, after):
    assert covered(f"{before} {number}{particle} {after}", number)


@given(WORDS, st.one_of(MOBILE, AREA), PARTICLES, WORDS)
def test_every_telephone_number_is_found(before, number, particle, after):
    assert covered(f"{before} {number}{particle} {after}", number)


@given(WORDS, EMAIL, PARTICLES, WORDS)
def test_every_address_is_found(before, address, particle, after):
    assert covered(f"{before} {address}{particle} {after}", address)


@given(WORDS, CARD, PARTICLES, WORDS)
def test_every_card_is_found(before, number, particle, after):
    assert covered(f"{before} {number}{particle} {after}", number)


@given(WORDS, st.one_of(LICENSE, PASSPORT), PARTICLES, WORDS)
def test_every_licence_and_passport_is_found(before, number, particle, after):
    assert covered(f"{before} {number}{particle} {after}", number)


@given(WORDS, ACCOUNT, PARTICLES, WORDS)
def test_every_account_beside_its_bank_is_found(before, account, particle, after):
    bank, number = account
    assert covered(f"{before} {bank} {number}{particle} {after}", number)


@given(
    NAME,
    st.sampled_from(
        [
            "성명: {}",
            "민원인 {}에게",
            "{} 주무관이",
            "{}씨는",
            "신청인: {}, ",
            "예금주 {}",
            "<td>성명</td><td>{}</td>",
        ]
    ),
    st.booleans(),
    WORDS,
)
def test_every_name_in_context_is_found(name, form, decomposed, after):
    written = unicodedata.normalize("NFD", name) if decomposed else name
    text = f"{form.format(written)} {after}"
    assert covered(text, written)
