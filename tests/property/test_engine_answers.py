"""Whatever JSON an engine sends, reading it gives a well-typed Part or a failure of ours."""

import json

from hypothesis import given
from hypothesis import strategies as st

from inference.errors import EngineFailed, EngineRejected
from inference.task import Choice, Part, TokenLogprob, Tokens, ToolCall
from inference.wire import FINISH_REASONS, AnswerReader

SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 200),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["stop", "function", "error"]),
)
JUNK = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def maybe(strategy):
    """Mostly what belongs there, sometimes anything."""
    return st.one_of(strategy, strategy, strategy, JUNK)


def object_of(**fields):
    return maybe(st.fixed_dictionaries({}, optional=fields))


TEXT = maybe(st.text(max_size=5))
LOGPROB = object_of(
    token=TEXT,
    logprob=maybe(st.floats(-20, 0)),
    bytes=maybe(st.lists(st.integers(0, 255), max_size=4)),
    top_logprobs=maybe(
        st.lists(object_of(token=TEXT, logprob=maybe(st.floats(-9, 0))), max_size=2)
    ),
)
LOGPROBS = object_of(content=maybe(st.lists(LOGPROB, max_size=2)), refusal=JUNK)
FUNCTION = object_of(name=TEXT, arguments=TEXT)
TOOL_CALL = object_of(
    index=maybe(st.integers(0, 3)), id=TEXT, type=maybe(st.just("function")), function=FUNCTION
)
SAID = object_of(
    role=TEXT,
    content=TEXT,
    reasoning=TEXT,
    reasoning_content=TEXT,
    refusal=TEXT,
    tool_calls=maybe(st.lists(TOOL_CALL, max_size=3)),
)
CHOICE = object_of(
    index=maybe(st.integers(0, 1)),
    delta=SAID,
    message=SAID,
    finish_reason=maybe(st.sampled_from([None, *FINISH_REASONS])),
    logprobs=LOGPROBS,
)
USAGE = object_of(
    prompt_tokens=maybe(st.integers(0, 9)),
    completion_tokens=maybe(st.integers(0, 9)),
    prompt_tokens_details=object_of(cached_tokens=maybe(st.integers(0, 9))),
    completion_tokens_details=object_of(reasoning_tokens=maybe(st.integers(0, 9))),
)
ANSWER = object_of(choices=maybe(st.lists(CHOICE, max_size=2)), usage=USAGE, error=maybe(st.none()))


@given(st.lists(ANSWER, max_size=3))
def test_engine_chunks_become_well_typed_parts_or_fail(answers):
    reader = AnswerReader(2)
    for answer in answers:
        try:
            part = reader.chunk(json.dumps(answer))
        except (EngineFailed, EngineRejected):
            return
        if part is not None:
            check(part)


@given(ANSWER)
def test_engine_whole_answers_become_well_typed_parts_or_fail(answer):
    try:
        part = AnswerReader(2).whole(json.dumps(answer).encode())
    except (EngineFailed, EngineRejected):
        return
    check(part)
    assert part.choices
    assert all(choice.finish_reason in FINISH_REASONS for choice in part.choices)


@given(st.binary(max_size=60))
def test_engine_bytes_become_parts_or_fail(data):
    try:
        check(AnswerReader(1).whole(data))
    except (EngineFailed, EngineRejected):
        return


def check(part):
    assert type(part) is Part
    assert part.choices or part.tokens
    assert part.tokens is None or type(part.tokens) is Tokens
    numbers = [choice.number for choice in part.choices]
    assert len(set(numbers)) == len(numbers)
    for choice in part.choices:
        check_choice(choice)


def check_choice(choice):
    assert type(choice) is Choice
    assert choice.number in (0, 1)
    for text in (choice.content, choice.reasoning, choice.refusal):
        assert text is None or type(text) is str
    assert choice.finish_reason is None or choice.finish_reason in FINISH_REASONS
    for call in choice.tool_calls:
        assert type(call) is ToolCall
        assert type(call.number) is int
        assert type(call.arguments) is str
    for entry in (*(choice.logprobs or ()), *(choice.refusal_logprobs or ())):
        assert type(entry) is TokenLogprob
        assert type(entry.token) is str
        assert type(entry.logprob) is float
