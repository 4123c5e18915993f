"""No original of a detected value leaves, wherever a caller hides it: what is sent, decoded.

Split over parts and messages, as a name, a number or a string of JSON three levels deep, written
with escapes, or in base64. A refusal is an answer too.
"""

import asyncio
import base64
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import cast
from urllib.parse import quote, unquote

from hypothesis import example, given
from hypothesis import strategies as st
from test_detection_growth import InThisProcess
from test_detection_recall import CARD, EMAIL, MOBILE, RESIDENT

from gateway.errors import BadRequest
from gateway.protocol.openai_chat import read_chat
from gateway.settings import BoundSettings
from redaction.detect import detect
from redaction.errors import RedactionError
from redaction.last_look import last_look
from redaction.policy import Policy
from redaction.pool import Detector
from redaction.replace import replace

BOUNDS = BoundSettings()
POLICY = Policy("test")
VALUES = st.one_of(RESIDENT, MOBILE, EMAIL, CARD)


def user(content: object) -> dict:
    return {"role": "user", "content": content}


def parts(value: str, at: int) -> list[dict]:
    texts = (f"연락처 {value[:at]}", f"{value[at:]} 끝")
    return [user([{"type": "text", "text": text} for text in texts])]


def three_parts(value: str, at: int) -> list[dict]:
    half = at // 2
    texts = (f"연락처 {value[:half]}", value[half:at], f"{value[at:]} 끝")
    return [user([{"type": "text", "text": text} for text in texts if text])]


def adjacent(value: str, at: int) -> list[dict]:
    return [user(f"연락처 {value[:at]}"), user(f"{value[at:]} 끝")]


def called(arguments: object, result: object = "") -> list[dict]:
    function = {"name": "f", "arguments": json.dumps(arguments)}
    call = {"id": "a", "type": "function", "function": function}
    return [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": json.dumps(result, ensure_ascii=False)},
    ]


def number(value: str) -> object:
    digits = re.sub(r"\D", "", value)
    return int(digits) if "@" not in value and not digits.startswith("0") else value


def escaped(value: str, sign: Callable[[str], str]) -> list[dict]:
    return [user(f"연락처: {''.join(map(sign, value))}")]


def in_base64(value: str) -> str:
    return base64.b64encode(f"연락처 {value} 입니다".encode()).decode()


MESSAGES: dict[str, Callable[[str, int], list[dict]]] = {
    "plain": lambda value, at: [user(f"연락처 {value} 끝")],
    "parts": parts,
    "three parts": three_parts,
    "adjacent messages": adjacent,
    "system": lambda value, at: [{"role": "system", "content": f"담당 {value}"}, user("네")],
    "earlier answer": lambda value, at: [{"role": "assistant", "content": value}, user("네")],
    "reasoning": lambda v, at: [{"role": "assistant", "content": "", "reasoning": v}, user("네")],
    "argument": lambda value, at: called({"a": {"b": [value]}}),
    "argument's name": lambda value, at: called({"a": {value: {"c": 1}}}),
    "argument's number": lambda value, at: called({"a": [{"b": number(value)}]}),
    "result": lambda value, at: called({}, {"a": {"b": [{"c": value}]}}),
    "result's name": lambda value, at: called({}, [[{value: None}]]),
    "result's number": lambda value, at: called({}, {"a": number(value)}),
    "document in a text": lambda v, at: [user(json.dumps({"a": {"b": v}}))],
    "unicode escapes": lambda v, at: escaped(v, lambda char: f"\\u{ord(char):04x}"),
    "percent escapes": lambda v, at: escaped(v, lambda char: f"%{ord(char):02x}" * char.isascii()),
    "entities": lambda value, at: escaped(value, lambda char: f"&#{ord(char)};"),
    "full width": lambda v, at: escaped(
        v, lambda c: chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c
    ),
    "quoted": lambda value, at: [user(f"연락처: {quote(value)}")],
    "base64": lambda value, at: [user(in_base64(value))],
    "base64 in a result": lambda value, at: called({}, {"a": in_base64(value)}),
}
SCHEMAS: dict[str, Callable[[str], dict]] = {
    "description": lambda value: {"type": "string", "description": f"예: {value}"},
    "property": lambda value: {"properties": {f"키 {value}": {"type": "string"}}},
    "enum": lambda value: {"properties": {"a": {"enum": [value, "b"]}}},
    "number in enum": lambda value: {"enum": [number(value)]},
    "default": lambda value: {"items": {"default": [value]}},
    "const": lambda value: {"anyOf": [{"const": {"a": value}}]},
    "pattern": lambda value: {"type": "string", "pattern": f"^{value}$"},
    "unknown keyword": lambda value: {"x-note": {"a": [value]}},
    "definitions": lambda value: {"$defs": {"a": {"title": value}}},
}


def texts(value: object) -> Iterator[str]:
    """Every name, string and number of a JSON value, and of JSON inside its strings."""
    match value:
        case dict():
            for key, item in value.items():
                yield from texts(key)
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)
        case str():
            yield value
            if value[:1] in '{["':
                with suppress(ValueError):
                    yield from texts(json.loads(value))
        case int() | float():
            yield str(value)


def readings(text: str) -> Iterator[str]:
    yield text
    yield html.unescape(text)
    yield unquote(text)
    yield re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)
    for match in re.finditer(r"[A-Za-z0-9+/]{16,}={0,2}", text):
        with suppress(ValueError):
            yield base64.b64decode(match[0]).decode()


def holds(text: str, value: str) -> bool:
    text, value = (unicodedata.normalize("NFKC", each).casefold() for each in (text, value))
    if "@" in value:
        return value in "".join(text.split())
    return re.sub(r"\D", "", value) in re.sub(r"[\s\-–.]", "", text)


def never_leaves(request: dict, value: str) -> None:
    try:
        chat = read_chat(json.dumps({"model": "m", **request}).encode(), BOUNDS)
        findings = asyncio.run(detect(chat.fields, cast("Detector", InThisProcess())))
        replaced, mapping = replace(chat.fields, findings, POLICY)
        body = chat.compose(replaced)
        last_look(body, mapping)
    except (BadRequest, RedactionError):
        return
    contents = [text for message in body["messages"] for text in texts(message.get("content"))]
    for text in (*texts(body), "".join(contents)):
        assert not any(holds(reading, value) for reading in readings(text))


@given(VALUES, st.integers(0, 20), st.sampled_from(sorted(MESSAGES)))
@example("010-1234-5678", 5, "three parts")
def test_no_original_leaves_in_messages(value, at, way):
    never_leaves({"messages": MESSAGES[way](value, min(at, len(value)))}, value)


@given(VALUES, st.sampled_from(sorted(SCHEMAS)), st.booleans())
def test_no_original_leaves_in_schemas(value, way, is_tool):
    schema = {"type": "object", "properties": {"x": SCHEMAS[way](value)}}
    request: dict = {"messages": [user("네")], "stop": [f"끝 {value}"]}
    if is_tool:
        function = {"name": "f", "description": f"담당 {value}", "parameters": schema}
        request["tools"] = [{"type": "function", "function": function}]
    else:
        asked = {"name": "f", "description": f"담당 {value}", "schema": schema}
        request["response_format"] = {"type": "json_schema", "json_schema": asked}
    never_leaves(request, value)
