"""What inference knows of a call, and what it gives back: the only types that cross its border.

A Task holds surrogates only. Parts are what one engine event carries, or one whole answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One call to an engine.

    `body` is the request in vLLM's OpenAI wire format without `model`, `stream` and
    `stream_options`, which dispatch sets for each attempt. `deadline` is absolute, in the event
    loop's seconds. `cache_salt` separates prefix caches between principals.
    """

    model: str
    path: str
    body: Mapping[str, JsonValue] = field(repr=False)
    stream: bool
    deadline: float
    request_id: str
    cache_salt: str = field(repr=False)


class TokenLogprob(NamedTuple):
    """One token's log probability; `top` holds the alternatives, most likely first."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple["TokenLogprob", ...] = ()


class ToolCall(NamedTuple):
    """A piece of tool call `number`: `id` and `name` stand in its first, `arguments` is JSON."""

    number: int
    id: str | None
    name: str | None
    arguments: str


class Choice(NamedTuple):
    """What one part says for one choice: pieces to append, or the whole of an unstreamed answer.

    `logprobs` belong to `content`; `refusal_logprobs` to `refusal`.
    """

    number: int
    content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    refusal_logprobs: tuple[TokenLogprob, ...] | None = None


class Tokens(NamedTuple):
    """Token counts as the engine reports them, cumulative within a call."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


class Part(NamedTuple):
    """What one engine event carries. `tokens` is None where the engine said nothing of usage."""

    choices: tuple[Choice, ...]
    tokens: Tokens | None = None


@dataclass(slots=True)
class Usage:
    """What a call used: dispatch counts it, the meter settles it, the audit entry reports it.

    `attempts` holds replica names in order. Times are event-loop seconds: `sent_at` when the
    (last) engine got the request, `first_part_at` when its first part was read. `queued_seconds`
    is the wait for a slot.
    """

    attempts: list[str] = field(default_factory=list)
    parts: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    engine_model: str = ""
    queued_seconds: float = 0.0
    sent_at: float | None = None
    first_part_at: float | None = None
