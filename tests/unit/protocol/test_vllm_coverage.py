"""Every property of vLLM's chat request is covered, dropped or refused: a new one fails here.

The names come from tests/data, derived from the OpenAPI document of a running server. For a newer
vLLM: derive the file anew, and decide about each name that this test then reports.
"""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.protocol import openai_wire as wire

DOCUMENT = Path(__file__).parents[2] / "data" / "vllm-0.32.0-chat-properties.json"
SCHEMAS: dict[str, list[str]] = json.loads(DOCUMENT.read_text())["schemas"]

# Inside a request nothing is dropped: what our model does not name is refused. These names of
# vLLM's document are refused knowingly.
NESTED: dict[str, tuple[type[BaseModel], set[str]]] = {
    "ChatCompletionSystemMessageParam": (wire.InstructionMessage, set()),
    "ChatCompletionDeveloperMessageParam": (wire.InstructionMessage, set()),
    "ChatCompletionUserMessageParam": (wire.UserMessage, set()),
    "ChatCompletionAssistantMessageParam": (wire.AssistantMessage, set()),
    "ChatCompletionToolMessageParam": (wire.ToolMessage, set()),
    "CustomChatCompletionMessageParam": (wire.AssistantMessage, {"task", "tool_call_id", "tools"}),
    "ChatCompletionContentPartTextParam": (wire.TextPart, {"prompt_cache_breakpoint"}),
    "ChatCompletionContentPartRefusalParam": (wire.RefusalPart, set()),
    "ChatCompletionMessageFunctionToolCallParam": (wire.ToolCallItem, set()),
    "ChatCompletionToolsParam": (wire.ToolDefinition, {"defer_loading"}),
    "FunctionDefinition": (wire.FunctionDefinition, {"defer_loading"}),
    "ChatCompletionNamedToolChoiceParam": (wire.NamedToolChoice, set()),
    "ChatCompletionNamedFunction": (wire.ChosenFunction, set()),
    "StreamOptions": (wire.StreamOptions, {"continuous_usage_stats"}),
    "ResponseFormat": (wire.JsonSchemaFormat, set()),
    "JsonSchemaResponseFormat": (wire.SchemaFormat, set()),
}


def test_every_property_of_the_request_has_its_place():
    undecided = set(SCHEMAS["ChatCompletionRequest"]) - wire.COVERED - wire.DROPPED - wire.REFUSED
    assert not undecided


def test_places_do_not_overlap():
    assert not wire.COVERED & wire.DROPPED
    assert not (wire.COVERED | wire.DROPPED) & wire.REFUSED
    assert not wire.UNREADABLE & wire.UNSUPPORTED


@pytest.mark.parametrize("name", sorted(set(SCHEMAS) - {"ChatCompletionRequest"}))
def test_every_nested_property_has_its_place(name: str):
    model, refused = NESTED[name]
    known = {item.alias or field for field, item in model.model_fields.items()}
    assert set(SCHEMAS[name]) - known == refused


def test_all_models_are_closed():
    for model, _ in NESTED.values():
        assert model.model_config["extra"] == "forbid"
        assert model.model_config["strict"]
    assert wire.ChatRequest.model_config["extra"] == "forbid"
