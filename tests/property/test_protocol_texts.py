"""For every chat request: nothing of a caller's reaches an engine but through a text."""

import json
import string
from contextlib import suppress

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.protocol.json_body import read_json_object
from gateway.protocol.json_schema import KEYWORDS, WORDS
from gateway.protocol.openai_chat import Chat, read_chat
from gateway.protocol.openai_wire import ROLES
from gateway.settings import BoundSettings

BOUNDS = BoundSettings()

# Every text of a generated request holds this mark, so that one that slipped past is seen.
MARK = "김철수"
LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TEXTS = LETTERS.map(lambda text: f"{text}{MARK}{text}")
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "object", ["array", "null"]]),
            "description": TEXTS,
            "enum": st.lists(VALUES, max_size=3),
            "const": VALUES,
            "default": VALUES,
            "pattern": st.just("^x$"),
            "format": st.sampled_from(["date", "호"]),
            "minLength": st.integers(0, 9),
            "required": st.lists(TEXTS, max_size=2),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(TEXTS, inner, max_size=3),
            "items": inner,
            "anyOf": st.lists(inner, max_size=2),
            "x-unknown": VALUES,
        },
    ),
    max_leaves=5,
)
PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), min_size=1)
CONTENTS = TEXTS | PARTS
ARGUMENTS = VALUES.map(json.dumps) | VALUES.map(lambda v: json.dumps(v, indent=1)) | TEXTS


@st.composite
def messages(draw: st.DrawFn) -> list[dict]:
    said: list[dict] = []
    for number in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(["user", "system", "developer", "assistant", "call"])):
            case "call":
                function = {"name": draw(NAMES), "arguments": draw(ARGUMENTS)}
                call = {"id": f"{MARK}{number}", "type": "function", "function": function}
                said.append({"role": "assistant", "tool_calls": [call]})
                result = {"role": "tool", "tool_call_id": call["id"], "content": draw(ARGUMENTS)}
                said.append(result)
            case role:
                said.append({"role": role, "content": draw(CONTENTS)})
    return said


@st.composite
def requests(draw: st.DrawFn) -> dict:
    request: dict = {"model": "demo", "messages": draw(messages()), "user": MARK}
    if draw(st.booleans()):
        function = {"name": draw(NAMES), "description": draw(TEXTS), "parameters": draw(SCHEMAS)}
        request["tools"] = [{"type": "function", "function": function}]
    if draw(st.booleans()):
        asked = {"name": draw(NAMES), "schema": draw(SCHEMAS)}
        request["response_format"] = {"type": "json_schema", "json_schema": asked}
    if draw(st.booleans()):
        request["stop"] = draw(st.lists(TEXTS, min_size=1, max_size=4))
    return request


def read(request: dict) -> Chat:
    return read_chat(json.dumps(request).encode(), BOUNDS)


def strings(value: object) -> list[str]:
    """Every name and string in a JSON value."""
    match value:
        case dict():
            return [text for k, v in value.items() for text in (k, *strings(v))]
        case list():
            return [text for item in value for text in strings(item)]
        case str():
            return [value]
        case _:
            return []


@given(requests())
def test_unchanged_texts_give_an_equal_body_each_time(request: dict):
    chat = read(request)
    texts = [item.text for item in chat.fields]
    body = chat.compose(texts)
    assert body == chat.compose(texts)
    again = read_chat(json.dumps({"model": "demo", **body}).encode(), BOUNDS)
    assert again.fields == chat.fields
    assert again.compose(texts) == body


@given(requests())
def test_no_text_of_a_caller_reaches_the_body_past_its_fields(request: dict):
    chat = read(request)
    replaced = [item.text.replace(MARK, "〔1〕") for item in chat.fields]
    body = chat.compose(replaced)
    assert MARK not in json.dumps(body, ensure_ascii=False)
    for text in strings(body):  # nor behind the escapes of JSON inside a string
        with suppress(ValueError):
            assert MARK not in json.dumps(json.loads(text), ensure_ascii=False)


WIRE_WORDS = (
    KEYWORDS
    | WORDS
    | ROLES
    | {"messages", "tools", "response_format", "stop", "role", "content", "name", "tool_calls"}
    | {"tool_call_id", "id", "function", "arguments", "parameters", "json_schema", "schema", "text"}
)


@given(requests())
def test_every_string_of_the_body_is_a_text_or_a_word_of_the_wire(request: dict):
    chat = read(request)
    texts = {item.text for item in chat.fields}
    for found in strings(chat.compose([item.text for item in chat.fields])):
        document = found[:1] in ("{", "[", '"') or found in ("true", "false", "null")
        number = found[:1] in "-0123456789"
        assert (
            found in texts | WIRE_WORDS
            or not found
            or found.startswith("call0")
            or document
            or number
        )


@given(requests(), st.randoms(use_true_random=False))
def test_texts_stand_where_they_were_replaced(request: dict, random):
    chat = read(request)
    texts = [item.text for item in chat.fields]
    places = [n for n, item in enumerate(chat.fields) if MARK in item.text]
    assume(places)
    chosen = random.choice(places)
    texts[chosen] = "〔바뀐 글〕"
    assert "〔바뀐 글〕" in json.dumps(chat.compose(texts), ensure_ascii=False)


@given(VALUES)
def test_json_documents_keep_their_value(value: object):
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": json.dumps(value)},
    }
    request = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}
    chat = read(request)
    body = chat.compose([item.text for item in chat.fields])
    written = body["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(written) == value
    assert repr(json.loads(written)) == repr(value)


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.binary() | JSON_LIKE.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes):
    try:
        value = read_json_object(body, BOUNDS)
    except BadRequest:
        return
    assert json.loads(body) == value


PROBES = st.dictionaries(
    st.sampled_from(["model", "messages", "tools", "tool_choice", "response_format", "stop", "n"])
    | st.text(max_size=5),
    JSON_LIKE,
)


@settings(max_examples=300)
@given(PROBES)
def test_any_members_are_read_or_refused(members: dict):
    request = {"model": "m", "messages": [{"role": "user", "content": "x"}]} | members
    try:
        chat = read_chat(json.dumps(request).encode(), BOUNDS)
    except BadRequest:
        return
    chat.compose([item.text for item in chat.fields])
