"""One identifier has one form, however it is written; different ones never share it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.identifiers import identifier_forms
from redaction.mapping import LITERAL

PHONE = "01012345678"
BASE64 = base64.b64encode("연락처 010-1234-5678".encode()).decode()


@pytest.mark.parametrize(
    "written",
    [
        "010-1234-5678",
        "010 1234 5678",
        "(010)1234-5678",
        "01012345678",
        "０１０－１２３４－５６７８",
        "010\u20131234\u20135678",
        "010\u200b-1234-5678",
        "+82 10-1234-5678",
        "+82 (0)10 1234 5678",
        "0082-10-1234-5678",
        "001-82-10-1234-5678",
        "00700-82-10-1234-5678",
        "010%2D1234%2D5678",
        "\\u0030\\u0031\\u0030-1234-5678",
        "010&#45;1234&#45;5678",
        BASE64,
    ],
)
def test_every_spelling_of_a_number_has_its_form(written: str) -> None:
    assert PHONE in identifier_forms("PHONE_NUMBER", written)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("PHONE_NUMBER", "010-1234-5678", "010-1234-5679"),
        ("PHONE_NUMBER", "02-820-1234", "020-820-1234"),
        ("KR_RRN", "900101-1234568", "900101-2234568"),
        ("EMAIL_ADDRESS", "a.b@example.com", "ab@example.com"),
        ("KR_PASSPORT", "M12345678", "S12345678"),
        ("PERSON", "김철수", "김철우"),
    ],
)
def test_different_identifiers_share_no_form(kind: str, one: str, other: str) -> None:
    assert not identifier_forms(kind, one) & identifier_forms(kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("KR_RRN", "900101-1234568", "900101 1234568"),
        ("EMAIL_ADDRESS", "A.B@Example.COM", "a.b@example.com"),
        ("KR_PASSPORT", "M12345678", "m 1234-5678"),
        ("PERSON", "김 철수", "김철수"),
        ("CREDIT_CARD", "4111-1111-1111-1111", "4111 1111 1111 1111"),
    ],
)
def test_spellings_of_other_kinds_are_equal_too(kind: str, one: str, other: str) -> None:
    assert identifier_forms(kind, one) == identifier_forms(kind, other) != frozenset()


def test_literal_of_a_caller_is_no_identifier() -> None:
    assert identifier_forms(LITERAL, "[성명_1]") == frozenset()


@given(
    st.from_regex(r"01[016789][0-9]{8}", fullmatch=True),
    st.sampled_from(["", "-", " ", ".", "–", "%2D"]),
)
def test_separators_never_matter(number: str, between: str) -> None:
    written = between.join((number[:3], number[3:7], number[7:]))
    assert number in identifier_forms("PHONE_NUMBER", written)
