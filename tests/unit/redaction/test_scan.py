"""Scan: what an engine makes up is blanked, what the caller brought passes, little is held."""

import json

import pytest
from counting import events

from redaction.entity import Field, Findings, Origin, Span
from redaction.mapping import Mapping
from redaction.policy import Operator, Policy
from redaction.replace import replace
from redaction.restore import Place
from redaction.scan import Scanner

POLICY = Policy("test")

MADE_UP = {
    "phone": ("문의: 02-123-4567로", "문의: 〈전화번호 가림〉로", "PHONE_NUMBER"),
    "mobile": ("010-9876-5432 입니다", "〈전화번호 가림〉 입니다", "PHONE_NUMBER"),
    "mobile-end": ("전화 010-9876-5432", "전화 〈전화번호 가림〉", "PHONE_NUMBER"),
    "mobile-spaces": ("전화 010 9876 5432\n", "전화 〈전화번호 가림〉\n", "PHONE_NUMBER"),
    "mobile-full-width": ("０１０-９８７６-５４３２", "〈전화번호 가림〉", "PHONE_NUMBER"),
    "rrn": ("(900101-1234568)", "(〈주민등록번호 가림〉)", "KR_RRN"),
    "mail": ("메일은 hong.gd@example.com 입니다", "메일은 〈이메일 가림〉 입니다", "EMAIL_ADDRESS"),
    "mail-particle": ("hong@example.com으로", "〈이메일 가림〉으로", "EMAIL_ADDRESS"),
    "account": ("국민은행 123456-01-234567로", "국민은행 〈계좌번호 가림〉로", "KR_BANK_ACCOUNT"),
    "beside-surrogate": ("[성명_1] 010-9876-5432", "[성명_1] 〈전화번호 가림〉", "PHONE_NUMBER"),
}
PASSES = [
    "2026. 11. 22. 오후 3:30, 1,234,567원",
    "제2026-1234호, 12.5%, A4 3장",
    "[전화번호_1] [주민등록번호_2b] 성명_1",
    "see https://korea.kr/a?b=1 and e-mail",
    "The quick brown fox jumps over 13 lazy dogs.",
    "x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]",
    "안녕하세요",
    "\ud800 \u0000 🙂 \u202e",
]


def mapping(policy: Policy = POLICY) -> Mapping:
    text = "010-1234-5678 900101-1234568"
    spans = (Span(0, 13, "PHONE_NUMBER", 1.0), Span(14, 28, "KR_RRN", 1.0))
    return replace([Field(text, Origin.USER)], Findings((spans,), "test"), policy).mapping


def scanned(text: str, size: int, policy: Policy = POLICY, place: Place = Place.TEXT) -> str:
    scanner = Scanner(mapping(policy), policy, place=place)
    parts = [scanner.feed(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join([*parts, scanner.flush()])


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(("said", "read", "entity"), MADE_UP.values(), ids=MADE_UP.keys())
def test_value_that_the_engine_made_up_is_blanked(said, read, entity, size):
    assert scanned(said, size) == read
    scanner = Scanner(mapping(), POLICY)
    scanner.feed(said)
    scanner.flush()
    assert scanner.counts == {entity: 1}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("text", PASSES)
def test_other_text_passes(text, size):
    assert scanned(text, size) == text


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_value_of_the_callers_own_input_passes_in_any_spelling(size):
    for text in ("010-1234-5678", "01012345678", "010 1234 5678", "+82-10-1234-5678"):
        assert scanned(f"전화 {text}.", size) == f"전화 {text}."


def test_withheld_value_does_not_pass():
    assert scanned("주민등록번호 900101-1234568", 4) == "주민등록번호 〈주민등록번호 가림〉"


def test_kind_that_the_policy_allows_passes():
    policy = Policy("t", operators={"PHONE_NUMBER": Operator.ALLOW})
    assert scanned("02-123-4567", 4, policy) == "02-123-4567"


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (["안녕하", "세요. "], ["안녕하", "세요. "]),
        (["전화 0", "10-98", "76-5432", "로"], ["전화 ", "", "", "〈전화번호 가림〉로"]),
        (["올해 2026", "년"], ["올해 ", "2026년"]),
        (["hello ", "world"], ["hello ", ""]),
    ],
)
def test_text_is_held_only_from_what_can_begin_a_value(pieces, said):
    scanner = Scanner(mapping(), POLICY)
    assert [scanner.feed(piece) for piece in pieces] == said


def test_what_is_held_is_bounded():
    scanner = Scanner(mapping(), POLICY)
    fed = "a1-" * 2000
    said = "".join(scanner.feed(char) for char in fed)
    assert len(fed) - len(said) <= 256
    assert said + scanner.flush() == fed


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_json_stays_json(size):
    text = '{"tel": "02-123-4567", "rrn": 9001011234568, "esc": "02\\u002d123\\u002d4567", "n": 12}'
    read = json.loads(scanned(text, size, place=Place.JSON))
    assert read == {
        "tel": "〈전화번호 가림〉",
        "rrn": "〈주민등록번호 가림〉",
        "esc": "〈전화번호 가림〉",
        "n": 12,
    }


@pytest.mark.parametrize(
    ("text", "most"),
    [("a@b.co ", 80), ("010-9876-5432 ", 80), ("12 34 ", 60), ("안녕하세요. ", 1)],
)
def test_work_grows_with_the_text_only(text, most):
    def scan(times: int) -> int:
        scanner = Scanner(mapping(), POLICY)
        return events(lambda: (scanner.feed(text * times), scanner.flush()), most=10_000_000)

    few, many = scan(500), scan(1_000)
    assert many < 2.2 * few
    assert few < most * 500 * len(text)
