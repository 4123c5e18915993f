"""Tokens of identifiers: the same for each spelling, of one agency, kind and month alone."""

import pytest

from gateway.ledger.subjects import SubjectIndex, SubjectRules, months_between
from redaction.entity import Origin
from redaction.mapping import LITERAL, Mapping, Value
from redaction.policy import Operator

KEY = bytes(range(32))
NOVEMBER, DECEMBER = 1_794_700_800.0, 1_797_292_800.0  # 2026-11-15, 2026-12-15
PHONE, RRN, NAME = "010-1234-5678", "900101-1234568", "김철수"


def mapping(*values: tuple[str, str]) -> Mapping:
    return Mapping(
        [
            Value("[가림]", original, entity, Operator.REPLACE, frozenset({Origin.USER}))
            for entity, original in values
        ]
    )


ALL = mapping(("PHONE_NUMBER", PHONE), ("KR_RRN", RRN), ("PERSON", NAME), (LITERAL, "[성명_1]"))


def index(key: bytes = KEY, **rules: object) -> SubjectIndex:
    return SubjectIndex(key, SubjectRules(**rules))  # type: ignore[arg-type]


def tokens(made: SubjectIndex, agency: str, held: Mapping, at: float = NOVEMBER) -> set[bytes]:
    rows = made.rows(agency, "0" * 32, held, at)
    assert {(row.agency, row.record_id, row.at) for row in rows} <= {(agency, "0" * 32, at)}
    return {row.token for row in rows}


def test_only_structured_identifiers_are_remembered_unless_the_rules_say_more() -> None:
    assert len(tokens(index(), "a", ALL)) == 1
    assert len(tokens(index(names=True), "a", ALL)) == 2
    assert len(tokens(index(resident_statute="가상법 제1조"), "a", ALL)) == 2
    assert len(tokens(index(names=True, resident_statute="가상법 제1조"), "a", ALL)) == 3


@pytest.mark.parametrize("written", ["+82-10-1234-5678", "０１０ １２３４ ５６７８", "01012345678"])
def test_a_lookup_finds_every_spelling(written: str) -> None:
    held = tokens(index(), "a", mapping(("PHONE_NUMBER", PHONE)))
    found = index().tokens("a", written, ["2026-10", "2026-11"])
    assert {found[token] for token in held} == {"PHONE_NUMBER"}


def test_tokens_of_agencies_months_kinds_and_keys_have_nothing_in_common() -> None:
    phone = mapping(("PHONE_NUMBER", PHONE))
    account = mapping(("KR_BANK_ACCOUNT", PHONE))
    sets = [
        tokens(index(), "a", phone),
        tokens(index(), "b", phone),
        tokens(index(), "a", phone, DECEMBER),
        tokens(index(), "a", account),
        tokens(index(bytes(32)), "a", phone),
    ]
    assert len(set().union(*sets)) == len(sets)


def test_a_request_with_many_identifiers_loses_none() -> None:
    phones = [f"010-{n // 10_000:04}-{n % 10_000:04}" for n in range(2_500)]
    held = tokens(index(), "a", mapping(*(("PHONE_NUMBER", phone) for phone in phones)))
    assert len(held) == 2_500
    for phone in (phones[0], phones[1_000], phones[-1]):
        assert held & index().tokens("a", phone, ["2026-11"]).keys()


def test_months_of_a_time_include_both_ends() -> None:
    assert list(months_between(NOVEMBER, NOVEMBER)) == ["2026-11"]
    assert list(months_between(NOVEMBER, DECEMBER + 31 * 86_400)) == [
        "2026-11",
        "2026-12",
        "2027-01",
    ]


def test_the_key_is_not_shown() -> None:
    assert "key" not in repr(index())
