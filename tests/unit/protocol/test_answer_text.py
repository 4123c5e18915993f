"""What is kept of an answer: each choice's words in their order, up to a bound, and said so."""

import json

from gateway.protocol.answer_text import TOOLS, AnswerText


def test_pieces_of_each_choice_come_together_in_order() -> None:
    answer = AnswerText(1_000)
    answer.add(1, [("content", 0, "둘"), ("reasoning", 0, "")])
    answer.add(0, [("content", 0, "[성명"), (TOOLS, 0, '{"a":'), (TOOLS, 1, "{}")])
    answer.add(0, [("content", 0, "_1]"), (TOOLS, 0, "1}")])
    assert json.loads(answer.json()) == [
        {"choice": 0, "content": "[성명_1]", "tools": ['{"a":1}', "{}"]},
        {"choice": 1, "content": "둘"},
    ]
    assert not answer.truncated


def test_bytes_beyond_the_bound_are_left_out_with_all_that_follows() -> None:
    answer = AnswerText(7)
    for text in ("가나", "다", "z", "라"):
        answer.add(0, [("content", 0, text)])
    assert json.loads(answer.json())[0]["content"] == "가나"
    assert answer.truncated


def test_nothing_is_kept_where_nothing_may_be() -> None:
    answer = AnswerText()
    answer.add(0, [("content", 0, "글")])
    assert json.loads(answer.json()) == []
