"""Twenty turns: what an engine has read it reads again, byte for byte, up to the last answer.

So its prefix cache keeps working although nothing is stored between turns, whatever comes back to
the caller (withheld values do not) and whatever the engine makes of the surrogates.
"""

import asyncio
import json
import re
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_detection_growth import InThisProcess
from test_restoration import FORMS

from gateway.protocol.openai_chat import read_chat
from gateway.settings import BoundSettings
from redaction.detect import detect
from redaction.entity import ENTITIES, Field, Findings, Span
from redaction.last_look import last_look
from redaction.mapping import Mapping
from redaction.policy import Operator, Policy
from redaction.pool import Detector
from redaction.replace import replace
from redaction.restore import Place, Restorer

BOUNDS = BoundSettings()
TURNS = 20
LOOK_UP = {"type": "function", "function": {"name": "look_up", "description": "찾기"}}
POLICIES = (Policy("default"), Policy("all", operators={}, fallback=Operator.REPLACE))
# Invented values of every kind, in two spellings where a kind has equal ones.
VALUES = {
    f"{entity.code} {place}{'-' * (spelling and entity.structured)}7": entity.name
    for entity in ENTITIES.values()
    for place in "ABC"
    for spelling in (0, 1)
}
KNOWN = re.compile("|".join(map(re.escape, sorted(VALUES, key=len, reverse=True))))


def marked(fields: tuple[Field, ...]) -> Findings:
    """A detector that knows the values by heart."""
    return Findings(
        tuple(
            tuple(
                Span(match.start(), match.end(), VALUES[match[0]], 1.0, "test")
                for match in KNOWN.finditer(field.text)
            )
            for field in fields
        ),
        "test",
    )


def detected(fields: tuple[Field, ...]) -> Findings:
    return asyncio.run(detect(fields, cast("Detector", InThisProcess())))


def sent(messages: list[dict], policy: Policy, find=marked) -> tuple[list[str], Mapping]:
    """The messages as the engine reads them, in bytes' order, and what stands for what."""
    request = {"model": "m", "messages": messages, "tools": [LOOK_UP]}
    chat = read_chat(json.dumps(request).encode(), BOUNDS)
    texts, mapping = replace(chat.fields, find(chat.fields), policy)
    body = chat.compose(texts)
    last_look(body, mapping)
    return [json.dumps(message, ensure_ascii=False) for message in body["messages"]], mapping


def read(said: str, mapping: Mapping, policy: Policy, place: Place = Place.TEXT) -> str:
    restorer = Restorer(mapping, policy, place=place, tool="look_up")
    return "".join([*map(restorer.feed, said), restorer.flush()])


words = st.sampled_from(
    ["민원인 ", "은 ", "[성명_1] ", "성명_2 ", "[Name 3]", "입니다.", "\n", "`성명_1`"]
)
told = st.lists(st.one_of(st.sampled_from(sorted(VALUES)), words), max_size=6).map("".join)
forms = st.tuples(
    st.sampled_from(FORMS), st.sampled_from(list(ENTITIES.values())), st.integers(1, 7)
).map(lambda drawn: drawn[0].format(ko=drawn[1].label, en=drawn[1].english, n=drawn[2]))
answers = st.lists(st.one_of(forms, words), max_size=6).map("".join)
turns = st.lists(st.tuples(told, answers, st.booleans()), min_size=TURNS, max_size=TURNS)


@settings(max_examples=15)
@given(turns, st.sampled_from(POLICIES))
def test_engine_reads_the_same_again_up_to_the_last_answer(drawn, policy):
    messages: list[dict] = [{"role": "system", "content": "[성명_9]은 보기입니다."}]
    before: list[str] = []
    for number, (question, answer, calls) in enumerate(drawn):
        messages.append({"role": "user", "content": question + "."})
        seen, mapping = sent(messages, policy)
        assert seen[: len(before)] == before
        assert not any(value in text for text in seen for value in VALUES)
        if calls:
            arguments = json.dumps({"q": answer, "n": [1, answer]})
            arguments = read(arguments, mapping, policy, Place.TOOL_ARGUMENTS)
            call = {"id": f"c{number}", "type": "function"}
            call["function"] = {"name": "look_up", "arguments": arguments}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            result = json.dumps({"결과": question, "[성명_1]": 3})
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
            again, mapping = sent(messages, policy)
            assert again[: len(seen)] == seen
            seen = again
        messages.append({"role": "assistant", "content": read(answer, mapping, policy) + "!"})
        before = seen


REVEALED = (
    "주민등록번호 900101-1234568",
    "외국인등록번호 900101-5234562",
    "여권번호 M12345678",
    "운전면허번호 11-02-123456-01",
    "민원인 김철수",
    "전화번호 010-1234-5678",
    "이메일 hong@example.com",
    "민원인 박지훈",
    "여권번호 M87654321",
    "주민등록번호 850505-2345671",
)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.version)
def test_detected_values_stay_numbered_for_twenty_turns(policy):
    messages: list[dict] = []
    before: list[str] = []
    withheld = policy.operator("KR_RRN") is Operator.WITHHOLD
    for turn in range(TURNS):
        now, earlier = REVEALED[turn % len(REVEALED)], REVEALED[turn * 3 % len(REVEALED)]
        messages.append({"role": "user", "content": f"{turn}. {now}입니다. 앞의 {earlier}도요."})
        seen, mapping = sent(messages, policy, detected)
        assert seen[: len(before)] == before
        assert not re.search(r"900101|850505|M\d{8}|김철수|박지훈|1234", " ".join(seen))
        said = read(
            f"{turn}. [성명_1]은 [주민등록번호_1], [여권번호_1]를 냈습니다.", mapping, policy
        )
        assert ("〈주민등록번호 가림〉" in said) == withheld
        messages.append({"role": "assistant", "content": said})
        before = seen
