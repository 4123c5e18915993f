"""The step over parts: every text of every choice by itself, whatever the chunks' order."""

from collections import deque
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st
from test_restoration import BENT, ENDS, NOISE, VALUES, build, cuts, dense, pieces

from gateway.domain import Expected
from gateway.steps.restore import Restoration
from inference.task import Choice, Part, TokenLogprob, ToolCall
from redaction.entity import Origin
from redaction.policy import Policy
from redaction.replace import replace

POLICY = Policy("test")
MADE_UP = ("02-987-6543", "900101-1234568", "hong@example.com", "20261122")
FIELDS, FINDINGS = build([([VALUES[0], (" ", ""), VALUES[7]], Origin.USER, False)])
MAPPING = replace(FIELDS, FINDINGS, POLICY).mapping
said = st.lists(
    st.one_of(st.sampled_from(BENT), st.sampled_from((*ENDS, *NOISE, *MADE_UP)), dense), max_size=6
).map("".join)
answers = st.fixed_dictionaries(
    {"content": said, "reasoning": said, "refusal": said, "first": said, "second": said}
)


def choice_of(number: int, texts: dict[str, str], *, last: bool) -> Choice:
    calls = tuple(
        ToolCall(place, None, None, texts[name])
        for place, name in enumerate(("first", "second"))
        if texts.get(name)
    )
    return Choice(
        number,
        texts.get("content"),
        texts.get("reasoning"),
        texts.get("refusal"),
        calls,
        "stop" if last else None,
    )


def read(parts: list[Part], *, is_json: bool) -> tuple[dict[tuple[int, str], str], dict, dict]:
    """What a caller reads of each text, and the step's counts."""
    step = Restoration(MAPPING, POLICY, Expected(is_json=is_json))
    texts: dict[tuple[int, str], str] = {}
    for part in [*map(step.feed, parts), step.finish()]:
        for choice in part.choices:
            for name in ("content", "reasoning", "refusal"):
                key = choice.number, name
                texts[key] = texts.get(key, "") + (getattr(choice, name) or "")
            for call in choice.tool_calls:
                key = choice.number, f"call {call.number}"
                texts[key] = texts.get(key, "") + call.arguments
    return {k: v for k, v in texts.items() if v}, dict(step.restored), dict(step.blanked)


@given(
    st.lists(answers, min_size=1, max_size=2),
    cuts,
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_streamed_answers_read_like_whole_ones(drawn, sizes, random, is_json):
    whole = Part(tuple(choice_of(n, texts, last=True) for n, texts in enumerate(drawn)))
    queues = {
        (number, name): [{name: piece} for piece in pieces(text, sizes)]
        for number, texts in enumerate(drawn)
        for name, text in texts.items()
    }
    parts = []
    while waiting := [key for key, queue in queues.items() if queue]:
        key = random.choice(waiting)
        parts.append(Part((choice_of(key[0], queues[key].pop(0), last=False),)))
    ends = [Part((Choice(number, finish_reason="stop"),)) for number in range(len(drawn))]
    assert read([*parts, *ends], is_json=is_json) == read([whole], is_json=is_json)


def with_entries(text: str, sizes: list[int], chunk_sizes: list[int], lag: int) -> list[Part]:
    """The text in chunks; its tokens' entries come up to `lag` characters before, as vLLM's do."""
    entries = [
        TokenLogprob(token, -1.0, None, (TokenLogprob("[성명_1]", -2.0), TokenLogprob(token, -3.0)))
        for token in pieces(text, sizes)
    ]
    ends = accumulate(len(entry.token) for entry in entries)
    waiting = deque(zip(ends, entries, strict=True))
    parts, said_so_far = [], 0
    for chunk in pieces(text, chunk_sizes):
        said_so_far += len(chunk)
        now = []
        while waiting and waiting[0][0] - len(waiting[0][1].token) < said_so_far + lag:
            now.append(waiting.popleft()[1])
        parts.append(Part((Choice(0, chunk, logprobs=tuple(now)),)))
    return [*parts, Part((Choice(0, finish_reason="stop"),))]


@given(said, cuts, cuts, st.integers(0, 20))
def test_entries_of_tokens_say_the_answer_and_nothing_else(text, sizes, chunk_sizes, lag):
    step = Restoration(MAPPING, POLICY, Expected())
    parts = with_entries(text, sizes, chunk_sizes, lag)
    choices = [choice for part in map(step.feed, parts) for choice in part.choices]
    content = "".join(choice.content or "" for choice in choices)
    entries = [entry for choice in choices for entry in choice.logprobs or ()]
    whole = Part((Choice(0, text, finish_reason="stop"),))
    assert content == read([whole], is_json=False)[0].get((0, "content"), "")
    assert "".join(entry.token for entry in entries) == content
    assert not any("성명_1" in other.token for entry in entries for other in entry.top)
