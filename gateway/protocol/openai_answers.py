"""Restored parts → answers of the OpenAI API: chunks of a stream, whole answers, errors, models.

Ids, model name and time are ours; nothing that an engine said of itself stands in an answer.
`ChatStream` and `ChatCompletion` are plain feed-and-end objects, one per call. They write JSON
without framing: the edge adds `data: ` and `[DONE]`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from gateway.domain import ModelCard
from gateway.errors import PublicError
from inference.task import Choice, JsonObject, JsonValue, Part, TokenLogprob, Tokens, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """What every chunk of one answer repeats.

    `model` is the name that the caller asked for; `created` is in Unix seconds.
    """

    request_id: str
    model: str
    created: int

    def members(self, kind: str) -> JsonObject:
        """The members in front of `choices`."""
        return {
            "id": f"chatcmpl-{self.request_id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def call_id(self, choice: int, call: int) -> str:
        """The id of a tool call: unique in a conversation, 40 characters at most as at OpenAI."""
        return f"call_{self.request_id[-20:]}_{choice}_{call}"


class ChatStream:
    """Parts as `chat.completion.chunk` objects.

    The first chunk of a choice names its role; a part that has nothing to say gives no chunk.
    """

    def __init__(self, head: AnswerHead, *, include_usage: bool) -> None:
        self._head = head
        self._include_usage = include_usage
        self._tokens: Tokens | None = None
        self._begun: set[int] = set()
        self._called: set[tuple[int, int]] = set()

    def feed(self, part: Part) -> bytes:
        """The chunk for a part; b"" where there is nothing to say."""
        self._tokens = part.tokens or self._tokens
        choices: list[JsonValue] = [
            said for said in map(self._choice, part.choices) if said is not None
        ]
        return self._chunk(choices, None) if choices else b""

    def end(self) -> bytes:
        """The chunk of token counts, if the caller asked for it and the engine gave them."""
        if not self._include_usage or self._tokens is None:
            return b""
        return self._chunk([], self._tokens)

    def _chunk(self, choices: list[JsonValue], tokens: Tokens | None) -> bytes:
        chunk = self._head.members("chat.completion.chunk")
        chunk["choices"] = choices
        if self._include_usage:
            chunk["usage"] = usage(tokens) if tokens is not None else None
        return orjson.dumps(chunk)

    def _choice(self, choice: Choice) -> JsonObject | None:
        delta: JsonObject = {}
        if choice.number not in self._begun:
            self._begun.add(choice.number)
            delta = {"role": "assistant", "content": ""}
        if choice.reasoning:
            delta["reasoning_content"] = choice.reasoning
        if choice.content:
            delta["content"] = choice.content
        if choice.refusal:
            delta["refusal"] = choice.refusal
        if choice.tool_calls:
            delta["tool_calls"] = [self._call(choice.number, call) for call in choice.tool_calls]
        logprobs = _logprobs(choice.logprobs, choice.refusal_logprobs)
        if not delta and logprobs is None and choice.finish_reason is None:
            return None
        return {
            "index": choice.number,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": choice.finish_reason,
        }

    def _call(self, choice: int, call: ToolCall) -> JsonObject:
        if (choice, call.number) in self._called:
            return {"index": call.number, "function": {"arguments": call.arguments}}
        self._called.add((choice, call.number))
        return {
            "index": call.number,
            "id": self._head.call_id(choice, call.number),
            "type": "function",
            "function": {"name": call.name or "", "arguments": call.arguments},
        }


@dataclass(slots=True)
class _Message:
    """One choice of a whole answer, as far as it has come."""

    content: str | None = None
    reasoning: str = ""
    refusal: str | None = None
    calls: dict[int, ToolCall] = field(default_factory=dict)
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    refusal_logprobs: tuple[TokenLogprob, ...] | None = None

    def add(self, choice: Choice) -> None:
        self.content = _joined(self.content, choice.content)
        self.reasoning += choice.reasoning or ""
        self.refusal = _joined(self.refusal, choice.refusal)
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.logprobs is not None:
            self.logprobs = (self.logprobs or ()) + choice.logprobs
        if choice.refusal_logprobs is not None:
            self.refusal_logprobs = (self.refusal_logprobs or ()) + choice.refusal_logprobs
        for call in choice.tool_calls:
            known = self.calls.get(call.number, ToolCall(call.number, None, None, ""))
            self.calls[call.number] = ToolCall(
                call.number, None, known.name or call.name, known.arguments + call.arguments
            )


class ChatCompletion:
    """Parts as one `chat.completion` object: one part as an engine gives it, or any number."""

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._tokens: Tokens | None = None
        self._messages: dict[int, _Message] = {}

    def feed(self, part: Part) -> None:
        """Takes a part."""
        self._tokens = part.tokens or self._tokens
        for choice in part.choices:
            self._messages.setdefault(choice.number, _Message()).add(choice)

    def end(self) -> bytes:
        """The whole answer."""
        answer = self._head.members("chat.completion")
        answer["choices"] = [
            self._choice(number, self._messages[number]) for number in sorted(self._messages)
        ]
        if self._tokens is not None:
            answer["usage"] = usage(self._tokens)
        return orjson.dumps(answer)

    def _choice(self, number: int, said: _Message) -> JsonObject:
        message: JsonObject = {
            "role": "assistant",
            "content": said.content if said.content or not said.calls else None,
            "refusal": said.refusal or None,
        }
        if said.reasoning:
            message["reasoning_content"] = said.reasoning
        if said.calls:
            message["tool_calls"] = [
                {
                    "id": self._head.call_id(number, call.number),
                    "type": "function",
                    "function": {"name": call.name or "", "arguments": call.arguments},
                }
                for _, call in sorted(said.calls.items())
            ]
        return {
            "index": number,
            "message": message,
            "logprobs": _logprobs(said.logprobs, said.refusal_logprobs),
            "finish_reason": said.finish_reason,
        }


def _joined(before: str | None, piece: str | None) -> str | None:
    return before if piece is None else (before or "") + piece


def _logprobs(
    content: tuple[TokenLogprob, ...] | None, refusal: tuple[TokenLogprob, ...] | None
) -> JsonValue:
    if not content and not refusal:
        return None
    return {
        "content": [_logprob(entry) for entry in content] if content else None,
        "refusal": [_logprob(entry) for entry in refusal] if refusal else None,
    }


def _logprob(entry: TokenLogprob) -> JsonObject:
    return {**_token(entry), "top_logprobs": [_token(other) for other in entry.top]}


def _token(entry: TokenLogprob) -> JsonObject:
    encoded: JsonValue = None if entry.bytes is None else list(entry.bytes)
    return {"token": entry.token, "logprob": entry.logprob, "bytes": encoded}


def usage(tokens: Tokens) -> JsonObject:
    """Token counts in OpenAI's form."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def error_body(shown: PublicError, request_id: str, param: str | None) -> bytes:
    """OpenAI's error envelope: the words of both languages, what they are about, and our id.

    Clients print the message alone, so it names `param` too.
    """
    about = f" {param}" if param else ""
    message = f"{shown.korean} ({shown.english}){about} [{request_id}]"
    return orjson.dumps(
        {
            "error": {
                "message": message,
                "type": shown.type,
                "param": param,
                "code": shown.code,
            }
        }
    )


def models_body(cards: Iterable[ModelCard]) -> bytes:
    """The answer of GET /v1/models."""
    return orjson.dumps({"object": "list", "data": [_model(card) for card in cards]})


def model_body(card: ModelCard) -> bytes:
    """The answer of GET /v1/models/{name}."""
    return orjson.dumps(_model(card))


def _model(card: ModelCard) -> Mapping[str, object]:
    """OpenAI's four members, vLLM's `max_model_len`, and what this gateway promises of a model."""
    return {
        "id": card.name,
        "object": "model",
        "created": card.created_at,
        "owned_by": card.provider or "gwanmun",
        "max_model_len": card.context_tokens,
        "gwanmun": {
            "aliases": list(card.aliases),
            "highest_grade": card.highest_grade.name,
            "zone": card.zone,
            "licence": card.licence,
            "capabilities": sorted(card.capabilities),
        },
    }
