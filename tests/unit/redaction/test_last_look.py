"""The last look: no original with eight digits or an @ leaves, however it is written."""

import base64
import json

import pytest
from counting import events

from redaction.entity import Field, Findings, Origin, Span
from redaction.errors import RedactionIncomplete
from redaction.last_look import last_look
from redaction.mapping import Mapping
from redaction.policy import Operator, Policy
from redaction.replace import replace


def mapping(policy: Policy | None = None) -> Mapping:
    text = "010-1234-5678 kim@korea.kr 김철수 110-123-456789"
    spans = (
        Span(0, 13, "PHONE_NUMBER", 1.0),
        Span(14, 26, "EMAIL_ADDRESS", 1.0),
        Span(27, 30, "PERSON", 1.0),
        Span(31, 45, "KR_BANK_ACCOUNT", 1.0),
    )
    policy = policy or Policy("test")
    return replace([Field(text, Origin.USER)], Findings((spans,), "test"), policy).mapping


LEFT = {
    "as-written": "010-1234-5678",
    "joined": "x01012345678x",
    "spaces": "0 1 0 1 2 3 4 5 6 7 8",
    "dots": "010.1234.5678",
    "full-width": "０１０－１２３４－５６７８",
    "zero-width": "010\u200b12345678",
    "other-digits": "٠١٠-١٢٣٤-٥٦٧٨",
    "json-escape": "010\\u002d1234\\u002d5678",
    "percent-escape": "010%2D1234%2D5678",
    "html-escape": "010&#45;1234&#45;5678",
    "base64": base64.b64encode("연락처 010-1234-5678".encode()).decode(),
    "mail": "write to KIM@korea.kr now",
    "mail-spaces": "kim @ korea.kr",
    "mail-full-width": "ｋｉｍ＠korea.kr",
    "rrn-of-nobody": "주민등록번호 900101-1234568",
}


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT.keys())
def test_original_that_is_left_stops_the_request(text):
    for body in (
        {"messages": [{"role": "user", "content": text}]},
        {"messages": [{"content": [{"type": "text", "text": text}]}]},
        {"tools": [{"function": {"parameters": {"properties": {text: {"enum": ["a"]}}}}}]},
        {"stop": [text]},
    ):
        with pytest.raises(RedactionIncomplete) as refusal:
            last_look(body, mapping())
        assert "1234" not in str(refusal.value)


def test_number_that_is_left_stops_the_request():
    with pytest.raises(RedactionIncomplete):
        last_look({"seed": 110123456789}, mapping())
    with pytest.raises(RedactionIncomplete):
        last_look({"x": 110123456789.0}, mapping())


@pytest.mark.parametrize(
    "text",
    [
        "[전화번호_1] [이메일_1] [성명_1]",
        "김철수",  # names are detection's affair: they have neither digits nor @
        "010-1234-5679",
        "other@korea.kr",
        "2026. 11. 22. 제2026-1234호",
        "[전화번호_1][전화번호_12345678]",
        "",
    ],
)
def test_clean_request_passes(text):
    last_look(
        {"messages": [{"content": text}], "temperature": 0.5, "n": None, "x": True}, mapping()
    )


def test_allowed_value_may_leave_and_hidden_ones_may_not():
    allowed = Policy("t", operators={"PHONE_NUMBER": Operator.ALLOW})
    last_look({"content": "010-1234-5678"}, mapping(allowed))
    for operator in (Operator.MASK, Operator.WITHHOLD):
        with pytest.raises(RedactionIncomplete):
            last_look(
                {"content": "010-1234-5678"}, mapping(Policy("t", {"PHONE_NUMBER": operator}))
            )


def test_deep_body_is_read_to_its_end():
    body: object = "010-1234-5678"
    for _ in range(5000):
        body = [body]
    with pytest.raises(RedactionIncomplete):
        last_look({"x": body}, mapping())


@pytest.mark.parametrize(
    "text",
    [
        "연락: kim20240305@mail.example 회의는 2024-03-05 14:00",
        "hong19900101@naver.com 생년월일 1990.01.01",
        "id12345678@korea.kr, 접수번호 12345678",
        "kim20240305(at)mail.example, 2024-03-05",
    ],
)
def test_digits_of_an_address_are_nobodys_number(text):
    end = min(at for at in (text.find(" "), text.find(",")) if at > 0)
    spans = (Span(0, end, "EMAIL_ADDRESS", 1.0),)
    (said,), left = replace([Field(text, Origin.USER)], Findings((spans,), "t"), Policy("t"))
    assert said == "[이메일_1]" + text[end:]
    last_look({"content": said}, left)


def test_numbers_of_a_json_list_are_not_one_number():
    last_look({"content": '{"a": [0, 10, 1234, 5678]}'}, mapping())
    for left in ('{"a": [1, "010 1234 5678"]}', '{"a": 1, "a": 1012345678, "010-1234-5678": 2}'):
        with pytest.raises(RedactionIncomplete):
            last_look({"content": left}, mapping())
    with pytest.raises(RedactionIncomplete):
        last_look({"content": json.dumps([json.dumps({"a": "kim@korea.kr"})])}, mapping())


def test_number_in_brackets_is_no_surrogate():
    with pytest.raises(RedactionIncomplete):
        last_look({"content": "[메모_01012345678]"}, mapping())


def test_hash_that_was_issued_is_no_number():
    policy = Policy("t", {"PHONE_NUMBER": Operator.HASH}, hash_key=b"k" * 32)
    issued = next(value for value in mapping(policy).values if value.entity == "PHONE_NUMBER")
    last_look({"content": issued.surrogate}, mapping(policy))


def many(texts: list[str], entity: str) -> Mapping:
    fields = [Field(text, Origin.USER) for text in texts]
    spans = tuple((Span(0, len(text), entity, 1.0),) for text in texts)
    return replace(fields, Findings(spans, "test"), Policy("t")).mapping


GROWING = {
    "numbers": (
        many([f"{n:011d}" for n in range(1, 4_000, 2)], "PHONE_NUMBER"),
        "가나다 2026 라마바 " * 2_000,
    ),
    "addresses": (
        many(
            [f"{'a' * n}@{'b' * m}.co" for n in range(1, 64) for m in range(1, 60)], "EMAIL_ADDRESS"
        ),
        "@ " * 10_000 + "a" * 5_000 + "@" + "b" * 5_000,
    ),
    "befores": (
        many(
            [f"{'a' * n}@b.co" for n in range(1, 64)] + [f"c@{'b.' * n}co" for n in range(1, 60)],
            "EMAIL_ADDRESS",
        ),
        ("a" * 60 + "@" + "b." * 60 + " ") * 100,
    ),
}


@pytest.mark.parametrize(("left", "text"), GROWING.values(), ids=GROWING.keys())
def test_work_grows_with_the_body_only(left, text):
    work = [
        events(lambda body=text * times: last_look({"content": body}, left), most=10_000_000)
        for times in (1, 2)
    ]
    assert work[1] < 2.2 * work[0]
    assert work[0] < 40 * (len(text) + len(left.values))
