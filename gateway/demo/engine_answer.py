"""The rehearsal engine's answers in vLLM's wire format: chunks of a stream, or one whole object.

Shapes as a running vLLM 0.32 gives them: a role-first chunk with empty content, one token a chunk,
finish_reason in the last token's chunk, then usage with no choices, then [DONE].
"""

import json
import math
from collections.abc import Iterator
from typing import NamedTuple

from gateway.demo.engine_request import Ask
from gateway.demo.engine_schema import Strings, instance
from gateway.demo.engine_script import Script
from gateway.demo.engine_words import answer, marks, tokens
from inference.task import JsonObject

DONE = b"data: [DONE]\n\n"
_LOGPROB = math.log(0.9)
_OTHERS = ("다", "는", "이", "을", "로", "에", "고", "은", "가", "의")


class Speech(NamedTuple):
    """What one choice says: its pieces, and the tool that they are the arguments of."""

    pieces: tuple[str, ...]
    tool: str | None
    finish_reason: str


class Event(NamedTuple):
    """One event of a stream; `counts` is False for the role chunk and everything after the text."""

    data: bytes
    counts: bool


def speech(ask: Ask, script: Script) -> Speech:
    """What every choice of this answer says."""
    strings = Strings(marks(ask.prompt))
    tool = ask.tool if script.pieces is None else None
    if script.pieces is not None:
        pieces = list(script.pieces)
    elif tool is not None:
        parameters = tool.get("parameters")
        value = instance(parameters if isinstance(parameters, dict) else {}, strings)
        pieces = tokens(_json(value if isinstance(value, dict) else {}))
    elif ask.schema is not None:
        pieces = tokens(_json(instance(ask.schema, strings)))
    else:
        pieces = tokens(answer(ask.messages))
    if script.by_character:
        pieces = list("".join(pieces))
    pieces, finish = _cut(pieces, ask)
    if tool is not None:
        if finish == "stop" and not ask.tool_named:
            finish = "tool_calls"
        return Speech(tuple(pieces), str(tool.get("name", "")), finish)
    return Speech(tuple(pieces), None, finish)


def _cut(pieces: list[str], ask: Ask) -> tuple[list[str], str]:
    """Ends at the first stop string, which is left out, and at the most tokens allowed."""
    said = "".join(pieces)
    ends = [place for stop in ask.stop if (place := said.find(stop)) >= 0]
    if ends:
        kept, left = [], min(ends)
        for piece in pieces:
            if left <= 0:
                break
            kept.append(piece[:left])
            left -= len(piece)
        pieces = kept
    if ask.most_tokens is not None and len(pieces) > ask.most_tokens:
        return pieces[: ask.most_tokens], "length"
    return pieces, "stop"


def usage(ask: Ask, script: Script, said: int) -> JsonObject:
    """Counts of tokens; `said` are those of all choices together."""
    prompt, spoken = len(tokens(ask.prompt)), said + len(script.reasoning) * ask.n
    return {
        "prompt_tokens": prompt,
        "total_tokens": prompt + spoken,
        "completion_tokens": spoken,
        "prompt_tokens_details": None,
    }


def whole(ask: Ask, script: Script, identity: JsonObject) -> bytes:
    """An unstreamed answer."""
    said = speech(ask, script)
    choices = []
    for number in range(ask.n):
        message: JsonObject = {"role": "assistant", "content": "".join(said.pieces)}
        if script.reasoning:
            message[script.reasoning_key] = "".join(script.reasoning)
        if said.tool is not None:
            function: JsonObject = {"name": said.tool, "arguments": message["content"]}
            call: JsonObject = {
                "id": _call_id(identity, number),
                "type": "function",
                "function": function,
            }
            message |= {"content": None, "tool_calls": [call]}
        choice: JsonObject = {
            "index": number,
            "message": message,
            "logprobs": _logprobs(ask, said.pieces) if said.tool is None else None,
            "finish_reason": said.finish_reason,
            "stop_reason": None,
        }
        choices.append(choice)
    body = {
        **identity,
        "object": "chat.completion",
        "choices": choices,
        "usage": usage(ask, script, len(said.pieces) * ask.n),
    }
    return _json(body).encode()


def events(ask: Ask, script: Script, identity: JsonObject) -> Iterator[Event]:
    """The events of a stream in order, without [DONE]. Endless if the script says so."""
    said = speech(ask, script)
    counter = 0

    def event(choices: list[JsonObject], *, counts: bool = True) -> Event:
        chunk: JsonObject = {
            **identity,
            "object": "chat.completion.chunk",
            "choices": [{"logprobs": None, "finish_reason": None, **item} for item in choices],
        }
        if script.usage_in_every_chunk:
            chunk["usage"] = usage(ask, script, counter)
        return Event(_event(chunk), counts)

    for number in range(ask.n):
        role: JsonObject = {"role": "assistant", "content": ""}
        yield event([{"index": number, "delta": role}], counts=False)
    for thought in script.reasoning:
        for number in range(ask.n):
            yield event([{"index": number, "delta": {script.reasoning_key: thought}}])
    pieces = said.pieces or ("",)
    place = 0
    while place < len(pieces) or script.endless:
        last = place == len(pieces) - 1 and not script.endless
        for number in range(ask.n):
            counter += 1
            yield event([_delta(ask, said, identity, number, place % len(pieces), last=last)])
        place += 1
    if ask.include_usage and not script.usage_in_every_chunk:
        counts = usage(ask, script, counter)
        chunk = {**identity, "object": "chat.completion.chunk", "choices": [], "usage": counts}
        yield Event(_event(chunk), counts=False)


def _delta(
    ask: Ask, said: Speech, identity: JsonObject, number: int, place: int, *, last: bool
) -> JsonObject:
    piece = said.pieces[place] if said.pieces else ""
    delta: JsonObject = {"content": piece}
    if said.tool is not None:
        function: JsonObject = {"arguments": piece}
        call: JsonObject = {"index": 0, "function": function}
        if place == 0:
            call |= {"id": _call_id(identity, number), "type": "function"}
            function["name"] = said.tool
        delta = {"tool_calls": [call]}
    return {
        "index": number,
        "delta": delta,
        "logprobs": _logprobs(ask, (piece,)) if said.tool is None else None,
        "finish_reason": said.finish_reason if last else None,
    }


def _logprobs(ask: Ask, pieces: tuple[str, ...]) -> JsonObject | None:
    """Fixed, plausible numbers: the said token at 0.9, the others share the rest."""
    if not ask.logprobs:
        return None
    return {"content": [_logprob(ask, piece) for piece in pieces]}


def _logprob(ask: Ask, piece: str) -> JsonObject:
    others = [other for other in _OTHERS if other != piece]
    top = [_token(piece, _LOGPROB)] if ask.top_logprobs else []
    for rank, other in enumerate(others[: max(ask.top_logprobs - 1, 0)], 1):
        top.append(_token(other, math.log(0.1 / 2**rank)))
    return {**_token(piece, _LOGPROB), "top_logprobs": [*top]}


def _token(text: str, logprob: float) -> JsonObject:
    return {"token": text, "logprob": logprob, "bytes": [*text.encode("utf-8", "replace")]}


def _call_id(identity: JsonObject, number: int) -> str:
    return f"chatcmpl-tool-{str(identity['id']).removeprefix('chatcmpl-')}-{number}"


def _event(chunk: JsonObject) -> bytes:
    return b"data: " + _json(chunk).encode() + b"\n\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
