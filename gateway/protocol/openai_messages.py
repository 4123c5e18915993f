"""The messages of a chat as a tree of texts, in the order in which chat templates render them.

Contents of adjacent parts and messages join: a value may stand across them. Tool calls and JSON
results are read as JSON. Ids of tool calls are a caller's words; engines get ours instead.
"""

from collections.abc import Mapping, Sequence

from gateway.errors import InvalidParameter
from gateway.protocol import openai_wire as wire
from gateway.protocol.text_tree import Node, Texts
from redaction.entity import Origin

_ORIGINS = {"system": Origin.SYSTEM, "developer": Origin.DEVELOPER}


def messages_node(
    messages: Sequence[wire.Message], names: Mapping[int, Node], texts: Texts
) -> list[Node]:
    """The messages in vLLM's format.

    `names` holds the participants' names by message. They were asked for before all other texts,
    so that they do not stand between two contents that join; their numbers in the rendering do
    not matter, since a name is never replaced.

    Raises:
        InvalidParameter: a tool's result that answers no call before it.
    """
    ids = _Ids()
    nodes: list[Node] = []
    for number, message in enumerate(messages):
        param = f"messages[{number}]"
        match message:
            case wire.AssistantMessage():
                node = _assistant(message, ids, texts, param)
            case wire.ToolMessage():
                node = _result(message, ids, texts, param)
            case wire.InstructionMessage() | wire.UserMessage():
                origin = _ORIGINS.get(message.role, Origin.USER)
                node = {"role": message.role, "content": _content(message.content, origin, texts)}
        if number in names:
            node["name"] = names[number]
        nodes.append(node)
    return nodes


class _Ids:
    """Ours for the caller's ids of tool calls: nine letters and digits.

    Mistral's chat templates accept no other form, every other template accepts it. An id that is
    used again names its latest call.
    """

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}
        self._calls = 0

    def call(self, theirs: str) -> str:
        """A new id of ours."""
        self._calls += 1
        self._ours[theirs] = f"call{self._calls:05d}"
        return self._ours[theirs]

    def result(self, theirs: str, param: str) -> str:
        """The id of the call that a result answers."""
        if theirs not in self._ours:
            raise InvalidParameter(param)
        return self._ours[theirs]


def _content(content: wire.Content | wire.AssistantContent, origin: Origin, texts: Texts) -> Node:
    if isinstance(content, str):
        return texts.content(content, origin)
    parts: list[Node] = []
    for part in content:
        if isinstance(part, wire.RefusalPart):
            parts.append({"type": "refusal", "refusal": texts.content(part.refusal, origin)})
        else:
            parts.append({"type": "text", "text": texts.content(part.text, origin)})
    return parts


def _assistant(
    message: wire.AssistantMessage, ids: _Ids, texts: Texts, param: str
) -> dict[str, Node]:
    node: dict[str, Node] = {"role": "assistant"}
    reasoning = message.reasoning or message.reasoning_content
    if reasoning:
        node["reasoning"] = texts.content(reasoning, Origin.ASSISTANT)
    if message.content is not None:
        node["content"] = _content(message.content, Origin.ASSISTANT, texts)
    if message.refusal:
        node["refusal"] = texts.content(message.refusal, Origin.ASSISTANT)
    if message.tool_calls:
        node["tool_calls"] = [
            _call(call, ids, texts, f"{param}.tool_calls[{number}].function.name")
            for number, call in enumerate(message.tool_calls)
        ]
    return node


def _call(call: wire.ToolCallItem, ids: _Ids, texts: Texts, param: str) -> Node:
    written = call.function.arguments
    name = texts.name(call.function.name, Origin.ASSISTANT, param)
    arguments = texts.document(written, Origin.ASSISTANT, numbers=True)
    if arguments is None:  # the model wrote no JSON
        arguments = texts.text(written, Origin.ASSISTANT)
    return {
        "id": ids.call(call.id),
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _result(message: wire.ToolMessage, ids: _Ids, texts: Texts, param: str) -> dict[str, Node]:
    return {
        "role": "tool",
        "tool_call_id": ids.result(message.tool_call_id, f"{param}.tool_call_id"),
        "content": _result_content(message.content, texts),
    }


def _result_content(content: wire.Content, texts: Texts) -> Node:
    if isinstance(content, str):
        return _result_text(content, texts)
    return [{"type": "text", "text": _result_text(part.text, texts)} for part in content]


def _result_text(text: str, texts: Texts) -> Node:
    document = texts.document(text, Origin.TOOL, numbers=False)
    return texts.content(text, Origin.TOOL) if document is None else document
