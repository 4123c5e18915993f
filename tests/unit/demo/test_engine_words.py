"""What the rehearsal engine says about what it received."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.engine_words import NOTICE, Message, answer, marks, tokens


@given(st.text())
def test_engine_tokens_joined_are_the_text(text):
    assert "".join(tokens(text)) == text


def test_engine_tokens_cut_a_mark_as_tokenizers_do():
    assert tokens("[성명_1]은") == ["[", "성명", "_", "1", "]", "은"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[성명_1]과 [성명_1], [전화번호_2b]", ["[성명_1]", "[전화번호_2b]"]),
        ("[Name_1] [x] [성명] 성명_1 [1_1]", ["[Name_1]"]),
        ("", []),
    ],
)
def test_engine_marks_are_found_once_each(text, found):
    assert marks(text) == found


def test_engine_answer_says_what_it_is_and_uses_every_mark():
    said = answer([Message("user", "[성명_1]([주민등록번호_1], [전화번호_1], [계좌번호_1])에게")])
    assert said.startswith(NOTICE)
    for phrase in (
        "“[성명_1]([주민등록번호_1], [전화번호_1], [계좌번호_1])에게”",
        "[성명_1]은",
        "[성명_1]과",
        "[성명_1]이",
        "[전화번호_1]으로",
        "[주민등록번호_1]은",
        "[계좌번호_1]을",
    ):
        assert phrase in said


@pytest.mark.parametrize(
    ("messages", "phrase"),
    [
        pytest.param([Message("user", "안녕")], "가려진 개인정보가 없습니다", id="no marks"),
        pytest.param([], NOTICE, id="no messages"),
        pytest.param([Message("tool", "결과")], "도구가 돌려준 글", id="tool"),
        pytest.param(
            [Message("user", "[성명_1]"), Message("assistant", "네"), Message("user", "고마워")],
            "[성명_1]은",
            id="marks of earlier messages",
        ),
    ],
)
def test_engine_answer_fits_the_conversation(messages, phrase):
    assert phrase in answer(messages)


def test_engine_answer_is_plain_text():
    said = answer([Message("user", "[성명_1] [전화번호_1]\n둘째 줄"), Message("user", "셋째")])
    assert not re.search(r"\*\*|__|`|^\s*(?:[>#*+-]|\d+\.) ", said, re.MULTILINE)


def test_engine_answer_shortens_a_long_text_outside_marks():
    said = answer([Message("user", "[성명_1] " * 3_000)])
    assert "자 생략)" in said
    assert len(said) < 6_000
    assert said.count("[성명_") == said.count("[성명_1]")
