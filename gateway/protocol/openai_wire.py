"""The request of POST /v1/chat/completions as closed models: what is not named here is refused.

Every property of vLLM's ChatCompletionRequest and of OpenAI's own stands in exactly one of three
places: a field of ChatRequest, DROPPED, or REFUSED (a test compares with vLLM's document). Types
are strict: a number in quotes is wrong. `null` means that a parameter was not given.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from inference.task import JsonValue

# The alphabet of OpenAI's function and schema names; no surrogate fits into it.
NAME = r"^[a-zA-Z0-9_-]{1,64}$"

MOST_CHOICES = 8
MOST_TOKENS = 1_000_000
MOST_TOOLS = 128  # OpenAI's bound

# Accepted so that clients work unchanged, and never passed on: they say who the caller's own user
# is or ask for storage and billing that do not exist here.
DROPPED = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "session_id",
        "store",
        "user",
    }
)

# Input that no detector here can read: 400 unredactable_content.
UNREADABLE = frozenset(
    {
        "allowed_token_ids",
        "audio",
        "logit_bias",
        "logprob_token_ids",
        "media_io_kwargs",
        "modalities",
        "mm_payload",
        "mm_processor_kwargs",
        "prompt_embeds",
        "prompt_token_ids",
        "stop_token_ids",
    }
)

# Refused with 400 unsupported_parameter, like every name that is not known at all. Some would let a
# caller steer what is the gateway's (cache, priority, ids, template), some put text before a model
# by a way that is not scanned, some return the prompt, the rest has no use here yet.
UNSUPPORTED = frozenset(
    {
        "add_generation_prompt",
        "add_special_tokens",
        "bad_words",
        "cache_salt",
        "chat_template",
        "continue_final_message",
        "documents",
        "ec_transfer_params",
        "echo",
        "function_call",
        "functions",
        "ignore_eos",
        "include_stop_str_in_output",
        "kv_transfer_params",
        "length_penalty",
        "moderation",
        "prediction",
        "priority",
        "prompt_logprobs",
        "repetition_detection",
        "request_id",
        "return_mm_kwargs",
        "return_prompt_text",
        "return_token_ids",
        "return_token_offsets",
        "return_tokens_as_token_ids",
        "routed_experts_prompt_start",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stream_interval",
        "structured_outputs",
        "truncate_prompt_tokens",
        "truncation_side",
        "use_beam_search",
        "verbosity",
        "vllm_xargs",
        "watermarking",
        "web_search_options",
    }
)
REFUSED = UNREADABLE | UNSUPPORTED


# Values at which a refused parameter says nothing; clients that send every default use them.
HARMLESS: Mapping[str, JsonValue] = {"logit_bias": {}, "modalities": ["text"], "stop_token_ids": []}


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


# Tags stand in angle brackets: so the path of an error can tell them from names of fields.


def _kind(value: object) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _part_tag(part: object) -> str:
    return "<refusal>" if _kind(part) == "refusal" else "<text>"


def _list_tag(value: object) -> str:
    return "<list>" if isinstance(value, list) else "<string>"


def _object_tag(value: object) -> str:
    return "<object>" if isinstance(value, dict) else "<string>"


def _role_tag(message: object) -> str | None:
    role = message.get("role") if isinstance(message, dict) else None
    return f"<{role}>" if isinstance(role, str) and role in ROLES else None


def _format_tag(value: object) -> str:
    return f"<{_kind(value)}>" if _kind(value) in {"json_object", "json_schema"} else "<text>"


ROLES = frozenset({"assistant", "developer", "system", "tool", "user"})
Name: TypeAlias = Annotated[str, Field(pattern=NAME)]
Identifier: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]


class TextPart(_Closed):
    """A part of a message that is text; any other kind is refused as unreadable."""

    type: Literal["text"]
    text: str


class RefusalPart(_Closed):
    """A part in which the model had declined."""

    type: Literal["refusal"]
    refusal: str


_TextParts: TypeAlias = Annotated[list[TextPart], Field(min_length=1)]
_AssistantPart: TypeAlias = Annotated[
    Annotated[TextPart, Tag("<text>")] | Annotated[RefusalPart, Tag("<refusal>")],
    Discriminator(_part_tag),
]
_AssistantParts: TypeAlias = Annotated[list[_AssistantPart], Field(min_length=1)]
Content: TypeAlias = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[_TextParts, Tag("<list>")],
    Discriminator(_list_tag),
]
AssistantContent: TypeAlias = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[_AssistantParts, Tag("<list>")],
    Discriminator(_list_tag),
]


class InstructionMessage(_Closed):
    """What the operator of the caller's application says."""

    role: Literal["system", "developer"]
    content: Content
    name: Name | None = None


class UserMessage(_Closed):
    """What a person says."""

    role: Literal["user"]
    content: Content
    name: Name | None = None


class CalledFunction(_Closed):
    """The function that a model called; `arguments` is what the model wrote, JSON or not.

    `parsed_arguments` is OpenAI's client talking to itself: taken, and not passed on.
    """

    name: Name
    arguments: str
    parsed_arguments: object = None


class ToolCallItem(_Closed):
    """One tool call of an earlier answer; `index` is left over from a stream, and not passed on."""

    index: int | None = None
    id: Identifier
    type: Literal["function"] = "function"
    function: CalledFunction


class AssistantMessage(_Closed):
    """An earlier answer, as a client got it.

    Of what OpenAI's client echoes beside it the nulls are taken, and `annotations` and `parsed` are
    not passed on.
    """

    role: Literal["assistant"]
    content: AssistantContent | None = None
    name: Name | None = None
    refusal: str | None = None
    tool_calls: list[ToolCallItem] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    annotations: Annotated[list[object], Field(max_length=0)] | None = None
    parsed: object = None
    audio: None = None
    function_call: None = None


class ToolMessage(_Closed):
    """The result of a tool call."""

    role: Literal["tool"]
    content: Content
    tool_call_id: Identifier
    name: Name | None = None


Message: TypeAlias = Annotated[
    Annotated[InstructionMessage, Tag("<system>")]
    | Annotated[InstructionMessage, Tag("<developer>")]
    | Annotated[UserMessage, Tag("<user>")]
    | Annotated[AssistantMessage, Tag("<assistant>")]
    | Annotated[ToolMessage, Tag("<tool>")],
    Discriminator(_role_tag),
]


class FunctionDefinition(_Closed):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: Name
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class ToolDefinition(_Closed):
    """A tool that the model may call."""

    type: Literal["function"] = "function"
    function: FunctionDefinition


class ChosenFunction(_Closed):
    """The function that must be called."""

    name: Name


class NamedToolChoice(_Closed):
    """The tool that must be called."""

    type: Literal["function"] = "function"
    function: ChosenFunction


ToolChoice: TypeAlias = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<string>")]
    | Annotated[NamedToolChoice, Tag("<object>")],
    Discriminator(_object_tag),
]


class TextFormat(_Closed):
    """Plain text."""

    type: Literal["text"]


class JsonObjectFormat(_Closed):
    """Any JSON object."""

    type: Literal["json_object"]


class SchemaFormat(_Closed):
    """A named JSON schema."""

    name: Name
    description: str | None = None
    body: Annotated[dict[str, object] | None, Field(alias="schema")] = None
    strict: bool | None = None


class JsonSchemaFormat(_Closed):
    """JSON that keeps to a schema."""

    type: Literal["json_schema"]
    json_schema: SchemaFormat


ResponseFormat: TypeAlias = Annotated[
    Annotated[TextFormat, Tag("<text>")]
    | Annotated[JsonObjectFormat, Tag("<json_object>")]
    | Annotated[JsonSchemaFormat, Tag("<json_schema>")],
    Discriminator(_format_tag),
]

_Stop: TypeAlias = Annotated[str, Field(min_length=1)]
Stop: TypeAlias = Annotated[
    Annotated[_Stop, Tag("<string>")] | Annotated[list[_Stop], Field(max_length=4), Tag("<list>")],
    Discriminator(_list_tag),
]


class StreamOptions(_Closed):
    """`include_obfuscation` is OpenAI's padding against traffic analysis; accepted, not done."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class TemplateSwitches(_Closed):
    """The switches of chat templates that are known and hold no text.

    Qwen 3 and EXAONE 4: enable_thinking; DeepSeek V3.1: thinking; HyperCLOVA X SEED Think:
    force_reasoning, skip_reasoning (their model cards).
    """

    enable_thinking: bool | None = None
    thinking: bool | None = None
    force_reasoning: bool | None = None
    skip_reasoning: bool | None = None


_Penalty: TypeAlias = Annotated[float, Field(ge=-2, le=2)]
_TokenCount: TypeAlias = Annotated[int, Field(ge=1, le=MOST_TOKENS)]


class Sampling(_Closed):
    """Parameters without text: they go to the engine as they are.

    Bounds are OpenAI's where it has the parameter, vLLM's elsewhere.
    """

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    max_tokens: _TokenCount | None = None
    max_completion_tokens: _TokenCount | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = (
        None
    )
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    min_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] | None = None
    include_reasoning: bool | None = None
    thinking_token_budget: Annotated[int, Field(ge=0, le=MOST_TOKENS)] | None = None
    chat_template_kwargs: TemplateSwitches | None = None


class ChatRequest(Sampling):
    """The whole request."""

    model: Identifier
    messages: Annotated[list[Message], Field(min_length=1)]
    tools: Annotated[list[ToolDefinition], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    response_format: ResponseFormat | None = None
    stop: Stop | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


COVERED = frozenset(ChatRequest.model_fields)
SAMPLING = frozenset(Sampling.model_fields)
