"""vLLM's OpenAI wire format: what is asked of an engine, and what its answer may say.

An engine's answer is hostile input. It is read by an allow-list: what is named here is checked
for type and bounds and becomes a Part, everything else is dropped (ids, model names, roles,
fingerprints, token ids …). Sizes in bytes are bounded before, by sse and stream.

Shapes: vLLM's OpenAPI document (ChatCompletionRequest, ErrorResponse) and what a running server
of version 0.32 answers.
"""

import math
import re
from collections.abc import Sequence
from typing import NoReturn

import orjson

from inference.errors import EngineFailed, EngineRejected, Rejection
from inference.replica import EngineKind, Replica
from inference.task import Choice, JsonObject, JsonValue, Part, Task, TokenLogprob, Tokens, ToolCall

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
# OpenAI's API reference: at most 128 tools in a request; a call of each is already generous.
_MOST_TOOL_CALLS = 128
_LONGEST_NAME = 256
# OpenAI's API reference allows 20 alternatives; vLLM adds the sampled token itself.
_MOST_ALTERNATIVES = 21
_MOST_TOKENS = 10**9
# vLLM 0.32: "This model's maximum context length is …", "max_tokens=… cannot be greater than
# max_model_len=…"; older releases: "… is longer than the maximum model length of …".
# llama.cpp: "request (… tokens) exceeds the available context size".
_TOO_LONG = re.compile(
    r"maximum (?:context|model) length|max_model_len|available context size", re.IGNORECASE
)
# Codes by which vLLM calls the request itself wrong, as HTTP status or in an error event.
REJECTED = frozenset({400, 422})


def request_body(task: Task, replica: Replica) -> bytes:
    """The whole request as this replica wants it, as JSON in UTF-8.

    Raises:
        EngineRejected: the body cannot be written (an unpaired surrogate, a number past 64 bits).
    """
    body: JsonObject = {**task.body, "model": replica.served_model, "stream": task.stream}
    if task.stream:
        body["stream_options"] = {"include_usage": True}
    if replica.kind is EngineKind.VLLM and task.cache_salt:
        body["cache_salt"] = task.cache_salt
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        pass
    raise EngineRejected(Rejection.INVALID)


def wanted_choices(task: Task) -> int:
    """How many choices the task asks for (`n`)."""
    n = task.body.get("n")
    return n if isinstance(n, int) and n > 0 else 1


def rejection(answer: bytes) -> Rejection:
    """Why an engine called the request wrong, from its error body; its words stop here."""
    try:
        return _reason(_object(_parse(answer)).get("error"))
    except EngineFailed:
        return Rejection.INVALID


def _reason(error: JsonValue) -> Rejection:
    message = error.get("message") if isinstance(error, dict) else None
    too_long = isinstance(message, str) and _TOO_LONG.search(message)
    return Rejection.TOO_LONG if too_long else Rejection.INVALID


class AnswerReader:
    """Reads one answer to a request for `choices` choices, and remembers which have finished."""

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._begun: set[int] = set()
        self._finished: set[int] = set()

    @property
    def complete(self) -> bool:
        """Whether at least one choice has begun and every one that has begun is finished."""
        return bool(self._begun) and self._begun == self._finished

    def chunk(self, data: str) -> Part | None:
        """One event of a streamed answer; None where it says nothing (vLLM's role chunk).

        Raises:
            EngineFailed: an error event, or something that such an answer cannot say.
            EngineRejected: an error event before any choice that calls the request wrong. vLLM
                compiles grammars only once it streams, and says so with status 200.
        """
        return self._part(_parse(data), "delta")

    def whole(self, data: bytes) -> Part:
        """An unstreamed answer.

        Raises:
            EngineFailed: an error with status 200, or something that such an answer cannot say.
            EngineRejected: an error with status 200 that calls the request wrong.
        """
        part = self._part(_parse(data), "message")
        if part is None or not self.complete:
            raise EngineFailed
        return part

    def _part(self, value: JsonValue, said_in: str) -> Part | None:
        answer = _object(value)
        error = answer.get("error")
        if error is not None or answer.get("object") == "error":
            self._fail(error)
        listed = _list(answer.get("choices"), self._choices)
        choices = tuple(filter(None, (self._choice(_object(item), said_in) for item in listed)))
        if len({choice.number for choice in choices}) != len(choices):
            raise EngineFailed
        usage = answer.get("usage")
        tokens = None if usage is None else _tokens(_object(usage))
        return Part(choices, tokens) if choices or tokens else None

    def _fail(self, error: JsonValue) -> NoReturn:
        """Raises what an error event or an error with status 200 means."""
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and code in REJECTED and not self._begun:
            raise EngineRejected.of(_reason(error))
        raise EngineFailed(unfit=False)

    def _choice(self, item: JsonObject, said_in: str) -> Choice | None:
        number = _integer(item.get("index"), self._choices - 1)
        if number in self._finished:
            raise EngineFailed
        said = _object(item.get(said_in))
        reason = _text(item.get("finish_reason"))
        if reason is not None and reason not in FINISH_REASONS:
            raise EngineFailed
        logprobs = item.get("logprobs")
        spoken = _object(logprobs) if logprobs is not None else {}
        choice = Choice(
            number=number,
            content=_text(said.get("content")),
            reasoning=_reasoning(said),
            refusal=_text(said.get("refusal")),
            tool_calls=_tool_calls(said.get("tool_calls"), numbered=said_in == "delta"),
            finish_reason=reason,
            logprobs=_logprobs(spoken.get("content")),
            refusal_logprobs=_logprobs(spoken.get("refusal")),
        )
        if not any(choice[1:]):
            return None
        self._begun.add(number)
        if reason is not None:
            self._finished.add(number)
        return choice


def _reasoning(said: JsonObject) -> str | None:
    """vLLM's `reasoning`, called `reasoning_content` by its older releases and other engines."""
    reasoning = _text(said.get("reasoning"))
    return reasoning if reasoning is not None else _text(said.get("reasoning_content"))


def _tool_calls(value: JsonValue, *, numbered: bool) -> tuple[ToolCall, ...]:
    """Pieces of calls, which carry their `index`; those of a whole answer count from 0."""
    calls = []
    for place, item in enumerate(_list(value, _MOST_TOOL_CALLS)):
        call = _object(item)
        if call.get("type") not in ("function", None):
            raise EngineFailed
        function = _object(call.get("function") or {})
        number = _integer(call.get("index"), _MOST_TOOL_CALLS - 1) if numbered else place
        name, identifier = _text(function.get("name")), _text(call.get("id"))
        if max(len(name or ""), len(identifier or "")) > _LONGEST_NAME:
            raise EngineFailed
        calls.append(ToolCall(number, identifier, name, _text(function.get("arguments")) or ""))
    return tuple(calls)


def _logprobs(value: JsonValue) -> tuple[TokenLogprob, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise EngineFailed
    read = []
    for item in value:
        entry = _object(item)
        top = _list(entry.get("top_logprobs"), _MOST_ALTERNATIVES)
        read.append(_logprob(entry, tuple(_logprob(_object(other), ()) for other in top)))
    return tuple(read)


def _logprob(entry: JsonObject, top: tuple[TokenLogprob, ...]) -> TokenLogprob:
    token, logprob, written = entry.get("token"), entry.get("logprob"), entry.get("bytes")
    if not isinstance(token, str) or isinstance(logprob, bool):
        raise EngineFailed
    if not isinstance(logprob, int | float) or not math.isfinite(logprob):
        raise EngineFailed
    if written is None:
        return TokenLogprob(token, float(logprob), None, top)
    octets = tuple(_integer(octet, 255) for octet in _list(written, 4 * _LONGEST_NAME))
    return TokenLogprob(token, float(logprob), octets, top)


def _tokens(usage: JsonObject) -> Tokens:
    """Counts; an absent one is 0. vLLM leaves the details out unless it is told to give them."""
    asked = _object(usage.get("prompt_tokens_details") or {})
    answered = _object(usage.get("completion_tokens_details") or {})
    return Tokens(
        input=_integer(usage.get("prompt_tokens") or 0, _MOST_TOKENS),
        output=_integer(usage.get("completion_tokens") or 0, _MOST_TOKENS),
        cached=_integer(asked.get("cached_tokens") or 0, _MOST_TOKENS),
        reasoning=_integer(answered.get("reasoning_tokens") or 0, _MOST_TOKENS),
    )


def _parse(data: str | bytes) -> JsonValue:
    try:
        value: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    else:
        return value
    # Raised outside the handler: the decoder's exception holds the engine's whole text.
    raise EngineFailed


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise EngineFailed
    return value


def _list(value: JsonValue, most: int) -> Sequence[JsonValue]:
    """A list of at most `most` items; null and absent are empty."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > most:
        raise EngineFailed
    return value


def _text(value: JsonValue) -> str | None:
    if value is not None and not isinstance(value, str):
        raise EngineFailed
    return value


def _integer(value: JsonValue, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise EngineFailed
    return value
