"""What detect and replace made of ordinary texts is never refused; an original that is left is."""

import asyncio
import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_detection_growth import InThisProcess
from test_detection_recall import (
    ACCOUNT,
    AREA,
    CARD,
    EMAIL,
    LICENSE,
    MOBILE,
    NAME,
    PASSPORT,
    RESIDENT,
    WORDS,
)

from redaction.detect import detect
from redaction.entity import Field, Origin
from redaction.errors import RedactionIncomplete
from redaction.last_look import last_look
from redaction.policy import Operator, Policy
from redaction.pool import Detector
from redaction.replace import Replaced, replace

POLICIES = st.sampled_from(
    [
        Policy("replaces"),
        Policy(
            "hashes",
            {"PHONE_NUMBER": Operator.HASH, "EMAIL_ADDRESS": Operator.MASK},
            hash_key=b"k" * 32,
        ),
    ]
)

# The same eight digits as a date, an amount, a telephone, a passport and a part of an address.
NUMBERS = st.sampled_from(["20240305", "19900101", "15881234", "12345678"])
ECHOES = st.builds(
    lambda number, form: form.format(
        number, number[:4], number[4:6], number[6:], number[:2], number[2:5], number[5:], number[4:]
    ),
    NUMBERS,
    st.sampled_from(
        [
            *(
                "{0}",
                "{1}-{2}-{3}",
                "{1}.{2}.{3}",
                "{1}. {2}. {3}.",
                "{1}년 {2}월 {3}일",
                "{1} {7}",
            ),
            *("kim{0}@mail.example", "id{0}@korea.kr", "m@h{0}.kr", "a.{1}.{7}@b.co", "x{0} @b.kr"),
            *(
                "M{0}",
                "여권번호 M{0}",
                "여권 s{0}",
                "문의 {1}-{7}",
                "대표번호 {1}{7}",
                "{4},{5},{6}원",
            ),
            *("접수번호 {0}", "주문 {1}-{7}-1", "[{1}, {7}]", '{{"a": {0}, "b": [{1},{7}]}}'),
            *("%{4} {0}", "{0}\u200b9", "１{0}", "국민은행 {1}-{7}-01", "주민번호 {2}{3}{4}-1{0}"),
        ]
    ),
)
VALUES = st.one_of(
    RESIDENT, MOBILE, AREA, EMAIL, LICENSE, PASSPORT, ACCOUNT.map(" ".join), CARD, NAME, ECHOES
)
PARTS = st.one_of(VALUES, ECHOES, ECHOES, WORDS)
# Ordinary writers keep numbers apart; of two glued ones the last look may be the only witness.
BETWEEN = st.sampled_from([" ", " ", " ", ", ", "\n", " / ", "는 ", ": ", " (", ") "])
TEXTS = st.lists(st.tuples(PARTS, BETWEEN), max_size=6).map(
    lambda parts: "".join(word + mark for word, mark in parts)
)
CONVERSATIONS = st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=3)


def redacted(fields: list[Field], policy: Policy) -> Replaced:
    findings = asyncio.run(detect(fields, cast("Detector", InThisProcess())))
    return replace(fields, findings, policy)


@given(CONVERSATIONS, POLICIES)
def test_what_was_replaced_is_not_refused(conversation, policy):
    fields = [
        Field(text, Origin.USER, joins and k > 0) for k, (text, joins) in enumerate(conversation)
    ]
    texts, mapping = redacted(fields, policy)
    last_look({"messages": [{"content": text} for text in texts]}, mapping)


@given(st.lists(st.one_of(NUMBERS.map(int), st.integers(0, 9_999), TEXTS), max_size=6), TEXTS)
def test_numbers_of_a_list_are_not_read_as_one(values, text):
    fields = [Field(text, Origin.USER), *(Field(str(value), Origin.TOOL) for value in values)]
    texts, mapping = redacted(fields, Policy("t"))
    said = [
        int(text) if isinstance(value, int) and text.isdecimal() else text
        for value, text in zip(values, texts[1:], strict=True)
    ]
    last_look({"messages": [texts[0], json.dumps(said, ensure_ascii=False)]}, mapping)


@given(WORDS, st.one_of(MOBILE, AREA, EMAIL, CARD, RESIDENT), WORDS)
def test_an_original_that_is_left_is_refused(before, value, behind):
    field = Field(f"{before} {value} {behind}", Origin.USER)
    texts, mapping = redacted([field], Policy("t"))
    assert mapping.values
    last_look({"content": texts[0]}, mapping)
    for left in (field.text, json.dumps([field.text]), json.dumps({"a": {value: 1}})):
        with pytest.raises(RedactionIncomplete):
            last_look({"content": left}, mapping)
