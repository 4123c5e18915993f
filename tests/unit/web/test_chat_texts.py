"""The chat page's conversation is read and composed exactly as the API's messages are."""

import json

import pytest
from starlette.datastructures import Headers

from gateway.api.chat import ChatCompletions
from gateway.domain import Call, SessionSecret
from gateway.errors import TooComplex
from gateway.identity.login import SESSION_COOKIE
from gateway.settings import BoundSettings
from gateway.web import csrf
from gateway.web.chat import ChatSurface
from redaction.detect import detect
from redaction.pool import Detector, DetectorOptions

HOME = "https://gwanmun.example.go.kr"
BOUNDS = BoundSettings()
SPLIT = [("user", "주민번호 900101-"), ("assistant", "1234567 맞나요"), ("user", "네")]  # invented


def messages(*said: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in said]


def on_the_page(said: list[dict[str, str]], bounds: BoundSettings = BOUNDS) -> Call:
    session = SessionSecret("s" * 43)
    headers = Headers(
        {
            "cookie": f"{SESSION_COOKIE}={session.value}",
            "origin": HOME,
            "sec-fetch-site": "same-origin",
            csrf.HEADER: csrf.token(session),
        }
    )
    body = json.dumps({"model": "m", "messages": said}).encode()
    return ChatSurface(bounds, HOME).read(headers, body, "0" * 32)


def on_the_api(said: list[dict[str, str]]) -> Call:
    body = json.dumps({"model": "m", "messages": said, "stream": True}).encode()
    return ChatCompletions(BOUNDS, clock=0.0).read(Headers(), body, "0" * 32)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([("user", "안녕")], id="one"),
        pytest.param(SPLIT, id="value-across-messages"),
        pytest.param([("user", "010-"), ("user", "1234-5678")], id="same-side-twice"),
        pytest.param([("user", " "), ("assistant", "\n"), ("user", "끝")], id="blanks"),
        pytest.param([("user", '{"전화": "010-1234-5678"}')], id="json-is-text"),
        pytest.param([("assistant", "먼저 묻습니다"), ("user", "😀 네")], id="model-first"),
    ],
)
def test_both_surfaces_read_and_compose_the_same(said):
    page, api = on_the_page(messages(*said)), on_the_api(messages(*said))
    assert page.fields == api.fields
    assert page.path == api.path
    assert page.compose([text.text for text in page.fields]) == {"messages": messages(*said)}
    safe = [f"[{number}]" for number, _ in enumerate(page.fields)]
    assert page.compose(safe) == api.compose(safe)


async def test_value_that_stands_across_two_messages_is_found_on_the_page():
    async with Detector(DetectorOptions()) as detector:
        found = await detect(on_the_page(messages(*SPLIT)).fields, detector)
    assert [[span.entity for span in spans] for spans in found.spans] == [
        ["KR_RRN"],
        ["KR_RRN"],
        [],
    ]


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(BOUNDS.model_copy(update={"texts": 2}), id="texts"),
        pytest.param(BOUNDS.model_copy(update={"characters": 10}), id="characters"),
    ],
)
def test_conversation_beyond_the_bounds_is_too_complex(bounds):
    with pytest.raises(TooComplex):
        on_the_page(messages(*SPLIT), bounds)
