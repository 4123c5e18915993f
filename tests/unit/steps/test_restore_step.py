"""The step over parts: log probabilities beside a text, endings without a reason, many choices."""

import pytest
from counting import events

from gateway.domain import Expected
from gateway.errors import AnswerInvalid
from gateway.steps.restore import Restoration
from inference.task import Choice, Part, TokenLogprob
from redaction.entity import Field, Findings, Origin, Span
from redaction.policy import Policy
from redaction.replace import replace

POLICY = Policy("test")


def restoration(expected: Expected | None = None) -> Restoration:
    text = "김철수 010-1234-5678"
    spans = (Span(0, 3, "PERSON", 1.0), Span(4, 17, "PHONE_NUMBER", 1.0))
    mapping = replace([Field(text, Origin.USER)], Findings((spans,), "t"), POLICY).mapping
    return Restoration(mapping, POLICY, expected or Expected())


def token(text: str, *alternatives: str, raw: str | None = None) -> TokenLogprob:
    top = tuple(TokenLogprob(item, -2.0, tuple(item.encode())) for item in alternatives)
    return TokenLogprob(text, -1.0, tuple((raw or text).encode()), top)


def said(*tokens: TokenLogprob, finish: str | None = "stop") -> Part:
    text = "".join(item.token for item in tokens)
    return Part((Choice(0, content=text, logprobs=tokens, finish_reason=finish),))


def entries(part: Part) -> list[tuple[str, list[str]]]:
    (choice,) = part.choices
    assert choice.logprobs is not None
    assert "".join(entry.token for entry in choice.logprobs) == choice.content
    for entry in choice.logprobs:
        for each in (entry, *entry.top):
            assert bytes(each.bytes or ()).decode() == each.token
    return [(entry.token, [other.token for other in entry.top]) for entry in choice.logprobs]


def test_tokens_of_a_surrogate_become_one_entry_without_alternatives():
    tokens = [
        token(" "),
        *(token(text, "김") for text in ("[성", "명_", "1]")),
        token(", "),
        token("네", "예"),
    ]
    assert entries(restoration().feed(said(*tokens))) == [
        (" ", []),
        ("김철수, ", []),
        ("네", ["예"]),
    ]


@pytest.mark.parametrize(
    "alternative",
    [
        "010-9876-5432",
        "hong@example.com",
        "ｈong＠example.com",
        "900101-1234568",
        "[성명_1]",
        "성명_2",
        "[전화번호_1]입니다",
    ],
)
def test_alternative_that_tells_of_somebody_is_dropped(alternative):
    part = restoration().feed(said(token("네", "예", alternative, "2026. 11. 22.")))
    assert entries(part) == [("네", ["예", "2026. 11. 22."])]


def test_alternatives_of_the_callers_own_values_stay():
    part = restoration().feed(said(token("네", "010-1234-5678")))
    assert entries(part) == [("네", ["010-1234-5678"])]


def test_digits_that_were_held_have_no_alternatives():
    tokens = [token(digit, str(9 - int(digit))) for digit in "20261122"]
    assert entries(restoration().feed(said(*tokens, token("년", "월")))) == [
        *((digit, []) for digit in "20261122"),
        ("년", []),
    ]


def test_number_that_the_engine_made_up_is_blank_in_entry_and_bytes():
    tokens = [token(text, raw="02-123-4567") for text in ("02-", "123-", "4567", "로")]
    part = restoration().feed(said(*tokens))
    assert "4567" not in repr(part)
    assert bytes(part.choices[0].logprobs[0].bytes).decode().startswith("〈전화번호 가림〉")


def test_bytes_are_those_of_the_text():
    part = restoration().feed(said(token("네", raw="010-9876-5432")))
    assert entries(part) == [("네", [])]


@pytest.mark.parametrize("text", ["", "가", "1"])
def test_work_grows_with_the_tokens_only(text):
    def feed(count: int) -> int:
        part = said(*[token("")] * count, token(text), finish=None)
        step = restoration()
        return events(lambda: (step.feed(part), step.feed(part), step.finish()), most=10_000_000)

    few, many = feed(2_000), feed(4_000)
    assert many < 2.2 * few
    assert few < 60 * 4_000


def test_entries_without_text_are_kept():
    part = restoration().feed(said(token(""), token("네"), token("")))
    assert entries(part) == [("", []), ("네", []), ("", [])]


def test_choice_without_a_reason_is_flushed_and_gets_none():
    step = restoration()
    assert step.feed(Part((Choice(0, content="담당 [성명"), Choice(1, content="네")))).choices
    step.feed(Part((Choice(2, content="끝", finish_reason="length"),)))
    assert step.finish() == Part((Choice(0, content="[성명"),))
    assert step.finish() == Part(())


def test_answer_in_many_pieces_is_judged_whole():
    step = restoration(Expected(is_json=True, schema={"const": {"a": "김철수"}}))
    for piece in '{"a": "[성명_1]"':
        step.feed(Part((Choice(0, content=piece),)))
    step.feed(Part((Choice(0, content="}", finish_reason="stop"),)))
    with pytest.raises(AnswerInvalid):
        step.feed(Part((Choice(1, content="{}", finish_reason="stop"),)))
