"""POST /v1/chat/completions: bytes of a request → its texts, and the engine's body from them.

Takes the body as it came; gives a Chat whose fields are every text a model could read, in the
order in which chat templates render them (tools, then messages), and whose `compose` builds the
request in vLLM's wire format from replaced texts. No input or output; nothing here looks into what
a text says. What is not described by `openai_wire` is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from pydantic import ValidationError

from gateway.domain import Expected
from gateway.errors import InvalidParameter, TooComplex, Unredactable, UnsupportedParameter
from gateway.protocol import openai_wire as wire
from gateway.protocol.json_body import read_json_object
from gateway.protocol.json_schema import check_schema, is_widenable, schema_node
from gateway.protocol.openai_messages import messages_node
from gateway.protocol.openai_problems import refusal
from gateway.protocol.text_tree import Filling, Node, Texts
from gateway.settings import BoundSettings
from inference.task import JsonObject
from redaction.entity import Field, Origin

PATH = "/v1/chat/completions"

_SCHEMA = "response_format.json_schema.schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One chat completion request, in the gateway's own words.

    `include_usage` says that a stream must end with a chunk of token counts. `widenable` says that
    the engine's copy of a JSON schema loses its constraints on strings (pattern, format, lengths)
    as soon as anything in the request is replaced, since a surrogate might break them.
    """

    model: str
    stream: bool
    include_usage: bool
    expected: Expected
    widenable: bool
    fields: tuple[Field, ...] = field(repr=False)
    _body: Node = field(repr=False)

    def compose(self, texts: Sequence[str]) -> JsonObject:
        """The engine's body without model, stream and stream_options.

        `texts` answer `fields` one by one; unchanged texts give the caller's request again.

        Raises:
            Unredactable: a name of a function, tool, schema or participant holds a personal datum.
            ValueError: the texts do not answer the fields.
        """
        changed = any(text != item.text for text, item in zip(texts, self.fields, strict=True))
        return cast(JsonObject, Filling(self.fields, texts, widen=changed).fill(self._body))


def read_chat(body: bytes, bounds: BoundSettings) -> Chat:
    """Reads and checks a request body.

    Raises:
        InvalidBody, TooComplex: see `read_json_object`; also too many texts or characters.
        UnsupportedParameter, InvalidParameter, Unredactable: with the path as `param`.
    """
    request = _validated(_offered(read_json_object(body, bounds)), bounds)
    _check(request)
    texts = Texts(bounds)
    node = _body_node(request, texts)
    return Chat(
        model=request.model,
        stream=bool(request.stream),
        include_usage=bool(request.stream_options and request.stream_options.include_usage),
        expected=_expected(request),
        widenable=is_widenable(node),
        fields=tuple(texts.fields),
        _body=node,
    )


def _offered(members: JsonObject) -> JsonObject:
    """The members without those that are dropped or say nothing."""
    offered: JsonObject = {}
    for name, value in members.items():
        if name in wire.DROPPED:
            continue
        if name in wire.REFUSED:
            if value is None or value == wire.HARMLESS.get(name):
                continue
            kind = Unredactable if name in wire.UNREADABLE else UnsupportedParameter
            raise kind(name)
        offered[name] = value
    return offered


def _validated(members: JsonObject, bounds: BoundSettings) -> wire.ChatRequest:
    messages = members.get("messages")
    if isinstance(messages, list) and len(messages) > bounds.texts:
        raise TooComplex("messages")
    try:
        return wire.ChatRequest.model_validate(members)
    except ValidationError as error:
        raise refusal(error) from None


def _check(request: wire.ChatRequest) -> None:
    """What no single field can say."""
    if request.stream_options is not None and not request.stream:
        raise InvalidParameter("stream_options")
    if request.top_logprobs and not request.logprobs:
        raise InvalidParameter("top_logprobs")
    names = [tool.function.name for tool in request.tools or ()]
    if len(set(names)) != len(names):
        raise InvalidParameter("tools")
    choice = request.tool_choice
    if choice == "required" and not names:
        raise InvalidParameter("tool_choice")
    if isinstance(choice, wire.NamedToolChoice) and choice.function.name not in names:
        raise InvalidParameter("tool_choice.function.name")
    for number, tool in enumerate(request.tools or ()):
        parameters = cast(JsonObject, tool.function.parameters or {})
        check_schema(parameters, f"tools[{number}].function.parameters", validated=False)
    if isinstance(request.response_format, wire.JsonSchemaFormat):
        schema = cast(JsonObject, request.response_format.json_schema.body or {})
        check_schema(schema, _SCHEMA, validated=True)


def _expected(request: wire.ChatRequest) -> Expected:
    match request.response_format:
        case wire.JsonSchemaFormat(json_schema=asked):
            return Expected(is_json=True, schema=cast(JsonObject | None, asked.body))
        case wire.JsonObjectFormat():
            return Expected(is_json=True)
        case _:
            return Expected()


def _body_node(request: wire.ChatRequest, texts: Texts) -> Node:
    """Texts are asked for in rendering order; see `messages_node` for the names before them."""
    names = {
        number: texts.name(message.name, Origin.DEFINITION, f"messages[{number}].name")
        for number, message in enumerate(request.messages)
        if message.name is not None
    }
    body: dict[str, Node] = {}
    if request.tools:
        tools = [_tool(tool, n, texts) for n, tool in enumerate(request.tools)]
        body["tools"] = tools
        _put_choice(body, request, tools)
    if request.response_format is not None:
        body["response_format"] = _format(request.response_format, texts)
    body["messages"] = messages_node(request.messages, names, texts)
    if request.stop:
        stops = [request.stop] if isinstance(request.stop, str) else request.stop
        body["stop"] = [texts.text(stop, Origin.DEFINITION) for stop in stops]
    body.update(request.model_dump(include=set(wire.SAMPLING), exclude_none=True))
    return body


def _tool(tool: wire.ToolDefinition, number: int, texts: Texts) -> dict[str, Node]:
    function = tool.function
    node: dict[str, Node] = {
        "name": texts.name(function.name, Origin.DEFINITION, f"tools[{number}].function.name")
    }
    if function.description is not None:
        node["description"] = texts.text(function.description, Origin.DEFINITION)
    if function.parameters is not None:
        node["parameters"] = schema_node(cast(JsonObject, function.parameters), texts)
    if function.strict is not None:
        node["strict"] = function.strict
    return {"type": "function", "function": node}


def _put_choice(
    body: dict[str, Node], request: wire.ChatRequest, tools: list[dict[str, Node]]
) -> None:
    """A named choice uses the place of the tool's own name: it is the same text."""
    choice = request.tool_choice
    if isinstance(choice, str):
        body["tool_choice"] = choice
    elif choice is not None:
        wanted = choice.function.name
        number = [tool.function.name for tool in request.tools or ()].index(wanted)
        function = cast(dict[str, Node], tools[number]["function"])
        body["tool_choice"] = {"type": "function", "function": {"name": function["name"]}}


def _format(response_format: wire.ResponseFormat, texts: Texts) -> Node:
    if not isinstance(response_format, wire.JsonSchemaFormat):
        return {"type": response_format.type}
    asked = response_format.json_schema
    node: dict[str, Node] = {
        "name": texts.name(asked.name, Origin.DEFINITION, "response_format.json_schema.name")
    }
    if asked.description is not None:
        node["description"] = texts.text(asked.description, Origin.DEFINITION)
    if asked.body is not None:
        node["schema"] = schema_node(cast(JsonObject, asked.body), texts)
    if asked.strict is not None:
        node["strict"] = asked.strict
    return {"type": "json_schema", "json_schema": node}
