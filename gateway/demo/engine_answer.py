"""The rehearsal engine's answers in vLLM's wire format: chunks of a stream, or one whole object.

Shapes as a running vLLM 0.32 gives them: a role-first chunk with empty content, one token a chunk,
finish_reason in the last token's chunk (the end of a turn is a token too, and says nothing), then
usage with no choices, then [DONE]. A tool call begins with its name alone. docs/engines.md tells
what was compared.
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
_END_OF_TURN = "<|im_end|>"
_LOGPROB = math.log(0.9)
_OTHERS = ("다", "는", "이", "을", "로", "에", "고", "은", "가", "의")


class Speech(NamedTuple):
    """What one choice says: its pieces, and the tool that they are the arguments of.

    `ends_itself`: a last token that is no text ends the turn, not a stop string or the length.
    """

    pieces: tuple[str, ...]
    tool: str | None
    finish_reason: str
    ends_itself: bool


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
    kept, finish = _cut(pieces, ask)
    itself = len(kept) == len(pieces) and finish == "stop"
    if tool is not None:
        if finish == "stop" and not ask.tool_named:
            finish = "tool_calls"
        return Speech(tuple(kept), str(tool.get("name", "")), finish, itself)
    return Speech(tuple(kept), None, finish, itself)


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
            message |= {"content": "" if ask.tool_named else None, "tool_calls": [call]}
        choice: JsonObject = {
            "index": number,
            "message": message,
            "logprobs": _logprobs(ask, _tokens_of(said)) if said.tool is None else None,
            "finish_reason": said.finish_reason,
            "stop_reason": None,
        }
        choices.append(choice)
    body = {
        **identity,
        "object": "chat.completion",
        "choices": choices,
        "usage": usage(ask, script, len(_tokens_of(said)) * ask.n),
    }
    return _json(body).encode()


def events(ask: Ask, script: Script, identity: JsonObject) -> Iterator[Event]:
    """The events of a stream in order, without [DONE]. Endless if the script says so."""
    counter = 0
    for choice, is_token, counts in _choices(ask, script, identity):
        counter += is_token
        chunk: JsonObject = {
            **identity,
            "object": "chat.completion.chunk",
            "choices": [{"logprobs": None, "finish_reason": None, **choice}],
        }
        if script.usage_in_every_chunk:
            chunk["usage"] = usage(ask, script, counter)
        yield Event(_event(chunk), counts)
    if ask.include_usage and not script.usage_in_every_chunk:
        totals = usage(ask, script, counter)
        last: JsonObject = {**identity, "object": "chat.completion.chunk", "choices": []}
        yield Event(_event({**last, "usage": totals}), counts=False)


def _choices(
    ask: Ask, script: Script, identity: JsonObject
) -> Iterator[tuple[JsonObject, bool, bool]]:
    """What each event says of one choice, whether that is a token, and whether it can be read."""
    said, numbers = speech(ask, script), range(ask.n)
    for number in numbers:
        yield {"index": number, "delta": {"role": "assistant", "content": ""}}, False, False
    for thought in script.reasoning:
        for number in numbers:
            yield {"index": number, "delta": {script.reasoning_key: thought}}, False, True
    if said.tool is not None:
        for number in numbers:
            yield _named(said.tool, identity, number), False, False
    most, place = max(len(said.pieces), 1), 0
    while place < most or script.endless:
        last = place == most - 1 and not script.endless and not said.ends_itself
        for number in numbers:
            yield _delta(ask, said, number, place % most, last=last), True, True
        place += 1
    if said.ends_itself:
        for number in numbers:
            yield _ending(ask, said, number), True, False


def _tokens_of(said: Speech) -> tuple[str, ...]:
    return (*said.pieces, _END_OF_TURN) if said.ends_itself else said.pieces


def _named(tool: str, identity: JsonObject, number: int) -> JsonObject:
    call: JsonObject = {
        "id": _call_id(identity, number),
        "type": "function",
        "index": 0,
        "function": {"name": tool},
    }
    return {"index": number, "delta": {"content": None, "tool_calls": [call]}}


def _ending(ask: Ask, said: Speech, number: int) -> JsonObject:
    return {
        "index": number,
        "delta": {},
        "logprobs": _logprobs(ask, (_END_OF_TURN,)) if said.tool is None else None,
        "finish_reason": said.finish_reason,
        "stop_reason": None,
    }


def _delta(ask: Ask, said: Speech, number: int, place: int, *, last: bool) -> JsonObject:
    piece = said.pieces[place] if said.pieces else ""
    delta: JsonObject = {"content": piece}
    if said.tool is not None:
        delta = {"content": None, "tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
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
