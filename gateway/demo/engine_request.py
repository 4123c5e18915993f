"""What a client asks of the rehearsal engine: read as vLLM reads it, refused as vLLM refuses it."""

import json
from dataclasses import dataclass

from gateway.demo.engine_words import Message
from inference.task import JsonObject, JsonValue


class Wrong(Exception):
    """A request that vLLM would refuse, in vLLM's own error shape."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "NotFoundError" if status == 404 else "BadRequestError"
        self.body: JsonObject = {
            "error": {"message": message, "type": kind, "param": param, "code": status}
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A chat completion request. `tool` is the function to call, if one is to be called.

    `tool_named` says that the request named it; vLLM then finishes with "stop".
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool
    include_usage: bool
    n: int
    logprobs: bool
    top_logprobs: int
    stop: tuple[str, ...]
    most_tokens: int | None
    tool: JsonObject | None
    tool_named: bool
    schema: JsonObject | None
    prompt: str


def read_ask(raw: bytes) -> Ask:
    """Reads a request's body.

    Raises:
        Wrong: it is not a chat completion request.
    """
    body = _body(raw)
    model = body.get("model")
    if not isinstance(model, str):
        raise Wrong("Field required", param="model")
    messages = _messages(body.get("messages"))
    tool, named = _tool(body, messages)
    options = body.get("stream_options")
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    return Ask(
        model=model,
        messages=messages,
        stream=body.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        n=_integer(body, "n", least=1, otherwise=1),
        logprobs=body.get("logprobs") is True,
        top_logprobs=_integer(body, "top_logprobs", least=0, otherwise=0),
        stop=_stop(body.get("stop")),
        most_tokens=None if most is None else _positive(most),
        tool=tool,
        tool_named=named,
        schema=_schema(body.get("response_format")),
        prompt="\n".join(
            [*(message.text for message in messages), json.dumps(body.get("tools") or "")]
        ),
    )


def _body(raw: bytes) -> JsonObject:
    try:
        body: JsonValue = json.loads(raw)
    except (ValueError, RecursionError):
        raise Wrong("JSON decode error") from None
    if not isinstance(body, dict):
        raise Wrong("Input should be a valid dictionary")
    return body


def _messages(value: JsonValue) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise Wrong("Field required", param="messages")
    messages = []
    for item in value:
        if not isinstance(item, dict) or not isinstance(role := item.get("role"), str):
            raise Wrong("Invalid message", param="messages")
        messages.append(Message(role, _content(item.get("content"))))
    return tuple(messages)


def _content(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if not isinstance(value, list):
        raise Wrong("Invalid content", param="messages")
    texts = [part.get("text") for part in value if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _tool(body: JsonObject, messages: tuple[Message, ...]) -> tuple[JsonObject | None, bool]:
    """The function to call: the named one, or the first unless a tool has just answered."""
    choice = body.get("tool_choice") or ("auto" if body.get("tools") else "none")
    tools = body.get("tools")
    functions = [
        function
        for tool in (tools if isinstance(tools, list) else [])
        if isinstance(tool, dict) and isinstance(function := tool.get("function"), dict)
    ]
    if isinstance(choice, dict):
        wanted = choice.get("function")
        name = wanted.get("name") if isinstance(wanted, dict) else None
        named = next((function for function in functions if function.get("name") == name), None)
        if named is None:
            raise Wrong("The tool named in `tool_choice` is not in `tools`", param="tool_choice")
        return named, True
    if choice == "required" and not functions:
        raise Wrong("`tool_choice` is required but there are no `tools`", param="tool_choice")
    answered = messages[-1].role == "tool"
    calls = choice == "required" or (choice == "auto" and not answered)
    return (functions[0] if functions and calls else None), False


def _schema(value: JsonValue) -> JsonObject | None:
    if not isinstance(value, dict):
        return None
    if value.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    if value.get("type") != "json_schema":
        return None
    wrapper = value.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
    if not isinstance(schema, dict):
        raise Wrong("Field required", param="response_format")
    return schema


def _stop(value: JsonValue) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise Wrong("Input should be a valid string or list", param="stop")
    return tuple(item for item in listed if isinstance(item, str) and item)


def _integer(body: JsonObject, key: str, *, least: int, otherwise: int) -> int:
    value = body.get(key)
    if value is None:
        return otherwise
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 128:
        raise Wrong(f"{key} is out of range", param=key)
    return value


def _positive(value: JsonValue) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Wrong("max_tokens must be at least 1", param="max_tokens")
    return value
