"""The last look: no original with eight digits or an @ leaves, however it is written."""

import base64
import json
import time

import pytest

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


def test_time_grows_with_the_body_only():
    texts = [f"{n:011d}" for n in range(1, 4000, 2)]
    fields = [Field(text, Origin.USER) for text in texts]
    spans = tuple((Span(0, 11, "PHONE_NUMBER", 1.0),) for _ in texts)
    many = replace(fields, Findings(spans, "test"), Policy("t")).mapping
    body = {"content": json.dumps(["가나다 2026 라마바 "] * 20_000, ensure_ascii=False)}
    started = time.perf_counter()
    last_look(body, many)
    assert time.perf_counter() - started < 5
