"""Real names come back from the tokens that a real engine streams, wherever it cuts them.

The engine is made to say what a test wants: the tiny model has been taught sentences with
surrogates (free text, a tool call), and structured output forces everything else, token by token.
"""

import json
from typing import Any

import openai
import pytest
from engine_line import HITS, MODEL, EngineLine, ask
from parts.tiny_model_says import SAYS

from redaction.entity import ENTITIES
from redaction.recognizers.kr.pack import KR

pytestmark = pytest.mark.asyncio(loop_scope="session")
# The kinds that the tiny model has been taught to name (`#8`): invented values, each with the label
# that reveals it.
VALUES = {
    "KR_RRN": ("주민등록번호", "900101-1234568"),
    "KR_FRN": ("외국인등록번호", "900101-5234562"),
    "KR_PASSPORT": ("여권번호", "M12345678"),
    "KR_DRIVER_LICENSE": ("운전면허번호", "11-02-123456-01"),
    "CREDIT_CARD": ("카드번호", "4111-1111-1111-1111"),
    "KR_BANK_ACCOUNT": ("국민은행 계좌번호", "123456-04-123456"),
    "PHONE_NUMBER": ("전화번호", "010-1234-5678"),
    "EMAIL_ADDRESS": ("이메일", "hong@example.com"),
    "KR_BRN": ("사업자등록번호", "123-45-67891"),
    "PERSON": ("성명", "김철수"),
}
# A sentence for every kind that the detector knows, and whether people may read its value again.
CANARIES = {item.entity: item.canary for item in KR.recognizers}
WITHHELD = {name for name in CANARIES if ENTITIES[name].unique_identifier}
BACK = sorted(CANARIES.keys() - WITHHELD)
NAME, OTHER, PHONE = "김철수", "박지훈", "010-1234-5678"
PROMPT = f"민원인 {NAME}({PHONE})과 민원인 {OTHER}에게 보낼 글"
DIAL = {
    "type": "function",
    "function": {
        "name": "dial",
        "parameters": {
            "type": "object",
            "properties": {"성명": {"type": "string"}, "전화": {"type": "string"}},
        },
    },
}
ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def labelled(entity: str) -> str:
    label, value = VALUES[entity]
    return f"{label}: {value}"


def forced(text: str) -> dict[str, Any]:
    """A response format that leaves nothing else to say."""
    schema = {
        "type": "object",
        "properties": {"글": {"type": "string", "enum": [text]}},
        "required": ["글"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "said", "schema": schema}}


# Behind some texts a tiny model, free to put blanks before the closing brace, puts nothing else.
ENDINGS = ("앞", "끝", "입니다.", "귀하", "드림")


def forced_tool(text: str) -> dict[str, Any]:
    schema = forced(text)["json_schema"]["schema"]
    return {
        "type": "function",
        "function": {"name": "notify", "strict": True, "parameters": schema},
    }


TAUGHT = [
    pytest.param(
        "#1",
        "김철수는 박지훈과 함께 옵니다. 김철수가 박지훈을 만나고, 김철수로부터 박지훈에게 서류가 "
        "갑니다.",
        id="particles",
    ),
    pytest.param(
        "#2",
        "연락처는 **010-1234-5678**입니다. [누리집](https://gov.example/?q=[성명_1])에 김철수의 "
        "자리는 없습니다.",
        id="never inside a link",
    ),
    pytest.param("#3", "김철수는 김철수이고, 김철수, [성명_9]도 있습니다.", id="bent and invented"),
    pytest.param(
        "#5",
        "담당자는 〈전화번호 가림〉, 주민등록번호는 〈주민등록번호 가림〉입니다.",
        id="made up by the engine",
    ),
    pytest.param("#7", "漢字 😀 ñ 그리고 김철수는 끝.", id="characters of several tokens"),
    pytest.param(
        "",
        "안녕하십니까. 김철수는 접수되었습니다. 결과는 010-1234-5678로 알려 드립니다.",
        id="the sentence for everybody",
    ),
]


@ways
@pytest.mark.parametrize(("key", "wanted"), TAUGHT)
async def test_free_text_reads_as_if_the_model_had_seen_the_names(
    line: EngineLine, key: str, wanted: str, stream: bool
) -> None:
    answer = await ask(line.client, MODEL, messages=user(f"{PROMPT} {key}".strip()), stream=stream)
    assert (answer.only.content, answer.only.finish_reason) == (wanted, "stop")
    if stream:
        assert len(answer.only.deltas) > 5


@ways
async def test_every_kind_of_value_comes_back_in_free_text(line: EngineLine, stream: bool) -> None:
    prompt = ", ".join(map(labelled, VALUES)) + " #8"
    answer = await ask(line.client, MODEL, messages=user(prompt), stream=stream, max_tokens=300)
    wanted = SAYS["#8"]
    for label, entity in {
        "주민등록번호": "KR_RRN",
        "외국인등록번호": "KR_FRN",
        "여권번호": "KR_PASSPORT",
        "운전면허번호": "KR_DRIVER_LICENSE",
        "카드번호": "CREDIT_CARD",
        "계좌번호": "KR_BANK_ACCOUNT",
        "전화번호": "PHONE_NUMBER",
        "이메일": "EMAIL_ADDRESS",
        "사업자번호": "KR_BRN",
        "성명": "PERSON",
    }.items():
        back = f"〈{label} 가림〉" if entity in WITHHELD else VALUES[entity][1]
        assert f"[{label}_1]" in wanted
        wanted = wanted.replace(f"[{label}_1]", back)
    assert answer.only.content == wanted


@ways
@pytest.mark.parametrize("entity", BACK)
async def test_structured_output_is_the_callers_own_words(
    line: EngineLine, entity: str, stream: bool
) -> None:
    text = f"안내: {CANARIES[entity].text}"
    answer = await ask(
        line.client, MODEL, messages=user("안내"), response_format=forced(text), stream=stream
    )
    assert json.loads(answer.only.content) == {"글": text}
    assert answer.only.finish_reason == "stop"


@ways
@pytest.mark.parametrize("entity", sorted(WITHHELD))
async def test_withheld_value_never_comes_back_in_structured_output(
    line: EngineLine, entity: str, stream: bool
) -> None:
    """The caller's own schema asks for the number itself: that answer cannot be given."""
    text = CANARIES[entity].text
    with pytest.raises(openai.APIError) as failed:
        await ask(
            line.client, MODEL, messages=user("안내"), response_format=forced(text), stream=stream
        )
    assert failed.value.code == "answer_invalid"
    assert CANARIES[entity].value not in str(failed.value)


@ways
@pytest.mark.parametrize("entity", BACK)
@pytest.mark.parametrize("choice", ["required", "named"])
async def test_tools_are_called_with_the_real_words(
    line: EngineLine, entity: str, choice: str, stream: bool
) -> None:
    named = {"type": "function", "function": {"name": "notify"}}
    for ending in ENDINGS:
        text = f"{CANARIES[entity].text} {ending}"
        answer = await ask(
            line.client,
            MODEL,
            messages=user("알려 줘"),
            tools=[forced_tool(text)],
            tool_choice=choice if choice == "required" else named,
            stream=stream,
        )
        if answer.only.finish_reason != "length":
            break
    name, arguments = answer.only.calls[0]
    assert (name, json.loads(arguments)) == ("notify", {"글": text})


@ways
async def test_tool_that_the_model_calls_by_itself_gets_the_real_words(
    line: EngineLine, stream: bool
) -> None:
    answer = await ask(
        line.client, MODEL, messages=user(f"{PROMPT} #4"), tools=[DIAL], stream=stream
    )
    name, arguments = answer.only.calls[0]
    assert (name, json.loads(arguments)) == ("dial", {"성명": NAME, "전화": PHONE})
    assert answer.only.finish_reason == "tool_calls"


@ways
async def test_tokens_of_a_surrogate_are_one_entry(line: EngineLine, stream: bool) -> None:
    answer = await ask(
        line.client,
        MODEL,
        messages=user(f"{PROMPT} #1"),
        stream=stream,
        logprobs=True,
        top_logprobs=4,
    )
    said = answer.only
    assert "".join(entry.token for entry in said.entries) == said.content
    named = [entry for entry in said.entries if NAME in entry.token or OTHER in entry.token]
    assert named
    assert all(entry.top_logprobs == [] for entry in named)
    for entry in said.entries:
        assert bytes(entry.bytes).decode() == entry.token
        assert "성명" not in entry.token
        assert not any("[성명" in other.token for other in entry.top_logprobs)


@ways
async def test_stop_string_with_a_name_stops_at_its_surrogate(
    line: EngineLine, stream: bool
) -> None:
    answer = await ask(
        line.client, MODEL, messages=user(f"{PROMPT} #1"), stop=[OTHER], stream=stream
    )
    assert (answer.only.content, answer.only.finish_reason) == ("김철수는 ", "stop")


@ways
async def test_every_choice_is_restored(line: EngineLine, stream: bool) -> None:
    asked = {"n": 3, "temperature": 0.01, "seed": 5, "stream": stream}
    answer = await ask(line.client, MODEL, messages=user(f"{PROMPT} #7"), **asked)
    assert {said.content for said in answer.choices.values()} == {"漢字 😀 ñ 그리고 김철수는 끝."}
    assert len(answer.choices) == 3


async def test_second_turn_is_restored_like_the_first(line: EngineLine) -> None:
    """The client sends the restored answer back; the engine reads surrogates again."""
    turns = user(f"{PROMPT} #1")
    first = await ask(line.client, MODEL, messages=turns)
    turns += [{"role": "assistant", "content": first.only.content}, *user("다시 #1")]
    second = await ask(line.client, MODEL, messages=turns)
    assert second.only.content == first.only.content


BLOCK = 128  # tokens: vLLM 0.32 remembers whole blocks, on a CPU of this size


async def test_twenty_turns_with_withheld_values_are_found_in_the_prefix_cache(
    line: EngineLine,
) -> None:
    """What comes back differs from what the engine said, and still it has read it all before."""
    turns: list[dict[str, Any]] = []
    read_before = 0
    for number in range(20):
        label, value = list(VALUES.values())[number % len(VALUES)]
        turns += user(f"{number}. {label}: {value} #{number % 3 + 1}")
        hits = await line.count(HITS)
        answer = await ask(line.client, MODEL, messages=turns, max_tokens=12)
        assert answer.usage is not None
        assert answer.cached + BLOCK > read_before
        assert await line.count(HITS) - hits == answer.cached
        read_before = answer.usage[0]
        turns.append({"role": "assistant", "content": answer.only.content})
    assert read_before > 4 * BLOCK
