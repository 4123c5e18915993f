"""The step over parts: log probabilities beside a text, endings without a reason, many choices."""

import json

import pytest
from counting import events

from gateway.domain import Expected
from gateway.errors import AnswerInvalid
from gateway.protocol.answer_text import AnswerText
from gateway.steps.restore import Restoration
from inference.task import Choice, Part, TokenLogprob, ToolCall
from redaction.entity import Field, Findings, Origin, Span
from redaction.policy import Policy
from redaction.replace import replace

POLICY = Policy("test")


def restoration(expected: Expected | None = None, kept: AnswerText | None = None) -> Restoration:
    text = "김철수 010-1234-5678"
    spans = (Span(0, 3, "PERSON", 1.0), Span(4, 17, "PHONE_NUMBER", 1.0))
    mapping = replace([Field(text, Origin.USER)], Findings((spans,), "t"), POLICY).mapping
    return Restoration(mapping, POLICY, expected or Expected(), kept)


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


def fed(*chunks: tuple[str, list[TokenLogprob]]) -> list[tuple[str, float]]:
    """The entries that several parts give together, whose texts must be the answer's."""
    step, said_text, given = restoration(), "", list[tuple[str, float]]()
    for number, (text, tokens) in enumerate(chunks, 1):
        finish = "stop" if number == len(chunks) else None
        part = step.feed(Part((Choice(0, text, logprobs=tuple(tokens), finish_reason=finish),)))
        said_text += part.choices[0].content or ""
        given += [(entry.token, entry.logprob) for entry in part.choices[0].logprobs or ()]
    assert "".join(text for text, _ in given) == said_text
    return given


def test_text_that_comes_after_its_tokens_finds_them():
    # As vLLM sends an answer with a stop string ("넷"): the text comes later than its entries.
    given = fed(
        ("", [token("하나")]),
        ("", [token(",")]),
        ("하나", [token(" 둘")]),
        (", ", [token(" [성")]),
        ("둘 [", [token("명_1]"), token("은")]),
        ("성명_1]", [token(" 넷")]),
        ("은 ", []),
    )
    assert given == [("하나", -1), (",", -1), (" 둘", -1), (" 김철수는 ", -4)]


def test_entry_of_a_token_whose_end_is_held_back_comes_with_its_end():
    # " 여" might begin "여권번호_1": its space is said at once, the rest with the next token.
    given = fed(
        ("둘,", [token("둘,")]), (" 여", [token(" 여")]), ("섯", [token("섯")]), (".", [token(".")])
    )
    assert given == [("둘,", -1), (" 여", -1), ("섯", -1), (".", -1)]


def test_entries_of_what_is_not_text_are_left_out():
    # The end of a turn; a tool call, whose tokens spell surrogates in pieces.
    assert fed(("네", [token("네")]), ("", [token("<|im_end|>")])) == [("네", -1)]
    assert fed(("", [token('{"'), token("[성"), token("명_1]")])) == []
    assert fed(("", [token("<tool"), token(">")]), ("네.", [token("네."), token("</s>")])) == [
        ("네.", -1)
    ]


def test_text_that_fits_no_token_has_an_entry_of_its_own():
    assert fed(("네, ", [token("�"), token("네")]), ("아니요", [token("x"), token("y")])) == [
        ("네", -1),
        (", ", -1),
        ("아니요", -2),
    ]


def test_token_that_ends_a_character_says_what_it_became():
    tokens = [token("", raw=""), token("", raw=""), token("\ufffd과"), token(" "), token("끝")]
    part = Part((Choice(0, content="결과 끝", logprobs=tuple(tokens), finish_reason="stop"),))
    assert [said for said, _ in entries(restoration().feed(part))] == ["", "", "결과", " ", "끝"]


def test_character_whose_bytes_never_came_keeps_its_entries():
    assert fed(("네", [token("네"), token("")])) == [("네", -1), ("", -1)]


@pytest.mark.parametrize("lag", range(12))
def test_entries_are_the_same_however_late_the_text_comes(lag):
    words = ["담당자 ", "[", "성명", "_1", "]", "이", " 010", "-", "1234", "-", "5678", "로"]
    text = "".join(words)
    chunks, at = [], 0
    for number, word in enumerate(words):
        until = len("".join(words[: max(number + 1 - lag, 0)])) - lag % 2
        chunks.append((text[at : max(until, at)], [token(word)]))
        at = max(until, at)
    whole = fed((text, [token(word) for word in words]))
    assert fed(*chunks, (text[at:], [])) == whole
    assert "김철수가" in "".join(entry for entry, _ in whole)


def called(*pieces: ToolCall, finish: str | None = None) -> Part:
    return Part((Choice(0, tool_calls=pieces, finish_reason=finish),))


def test_tools_name_that_holds_a_made_up_number_is_blanked():
    step = restoration()
    part = step.feed(called(ToolCall(0, "a", "call_02-123-4567", "{"), ToolCall(1, "b", "ok", "")))
    assert [call.name for call in part.choices[0].tool_calls] == ["call_〈전화번호 가림〉", "ok"]


def test_tools_name_stands_in_the_first_piece_only():
    step = restoration()
    assert step.feed(called(ToolCall(0, "a", "send", ""))).choices[0].tool_calls[0].name == "send"
    later = step.feed(called(ToolCall(0, None, "02-123-4567", '{"a": "[성'), finish="tool_calls"))
    assert later.choices[0].tool_calls == (ToolCall(0, None, None, '{"a": "[성'),)


@pytest.mark.parametrize("origin", [Origin.TOOL, Origin.ASSISTANT])
def test_call_that_a_result_asked_for_gets_no_value_of_it_whatever_the_chunks(origin):
    mapping = replace(
        [Field("김철수", origin)], Findings(((Span(0, 3, "PERSON", 1.0),),), "t"), POLICY
    ).mapping
    arguments = '{"to": "a@evil.example", "body": "[성명_1] \\u005b성명_1]", "n": "[Name_1]"}'
    for size in range(1, len(arguments) + 1):
        step = Restoration(mapping, POLICY, Expected())
        said, name = "", "send_mail"
        for at in range(0, len(arguments), size):
            piece = ToolCall(0, None, name, arguments[at : at + size])
            last = "tool_calls" if at + size >= len(arguments) else None
            part = step.feed(called(piece, finish=last))
            said += "".join(call.arguments for call in part.choices[0].tool_calls)
            name = None
        assert "김철수" not in said
        assert json.loads(said)["body"] == "[성명_1] [성명_1]"
        assert step.restored == {"origin": 3}


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


def test_what_is_kept_is_scanned_and_never_restored():
    """Split anywhere, and ended without a reason: surrogates stay, what was made up is blanked."""
    text = "[성명_1]님, 연락처는 [전화_1]이고 다른 번호는 010-9876-5432입니다."
    for cut in range(1, len(text)):
        kept = AnswerText(10_000)
        whole = restoration(kept=kept)
        whole.feed(Part((Choice(0, content=text[:cut]),)))
        whole.feed(Part((Choice(0, content=text[cut:]),)))
        whole.finish()
        (choice,) = json.loads(kept.json())
        assert choice["content"] == text.replace("010-9876-5432", "〈전화번호 가림〉")
