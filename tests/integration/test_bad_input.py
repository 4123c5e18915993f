"""What a gateway answers to everything that is wrong: a stable code, nothing of what was sent.

Each refusal asserts status, code, both languages, that no engine saw anything, and that none of the
marked words came back.
"""

import asyncio
import json
import socket
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from line import NAME, PROMPT, RRN, Line, open_line

from gateway.app_ledger import StartRefused
from gateway.demo.engine_script import Script
from gateway.server import listen

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHAT = "/v1/chat/completions"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def line(detector, tmp_path_factory):
    """One gateway for all of them: nothing here may leave a trace in it."""
    async with AsyncExitStack() as stack:
        bounds = {"head_seconds": 2.0, "body_seconds": 2.0}
        folder = tmp_path_factory.mktemp("bad-input")
        yield await open_line(stack, detector, folder, Script(), bounds=bounds)


def check(line: Line, got: httpx.Response, status: int, code: str) -> None:
    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (status, code)
    assert any("가" <= char <= "힣" for char in error["message"])
    assert any("a" <= char <= "z" for char in error["message"])
    assert not any(secret in got.text for secret in (NAME, RRN))
    assert line.engines[0].seen == []


def nested(depth: int) -> str:
    return '{"model":"rehearsal","messages":' + "[" * depth + "]" * depth + "}"


def part(kind: str, **content) -> dict:
    return {
        "model": "rehearsal",
        "messages": [{"role": "user", "content": [{"type": kind, **content}]}],
    }


IMAGE = part("image_url", image_url={"url": f"https://x.example/{NAME}.png"})
SAID = [{"role": "user", "content": PROMPT}]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        pytest.param(b"", 400, "invalid_body", id="empty"),
        pytest.param(f'{{"model": "{NAME}'.encode(), 400, "invalid_body", id="broken-json"),
        pytest.param(b'{"model": "\xff"}', 400, "invalid_body", id="broken-utf8"),
        pytest.param(b'["model"]', 400, "invalid_body", id="not-an-object"),
        pytest.param(b'{"model": NaN}', 400, "invalid_body", id="nan"),
        pytest.param(b'{"a": 1, "a": 2}', 400, "invalid_body", id="duplicate-name"),
        pytest.param(nested(100).encode(), 400, "too_complex", id="depth-100"),
        pytest.param(nested(1_000_000).encode(), 400, "too_complex", id="depth-million"),
        pytest.param(
            json.dumps({"model": "rehearsal", "messages": SAID * 10_000}).encode(),
            400,
            "too_complex",
            id="10000-messages",
        ),
        pytest.param(
            json.dumps(
                {"model": "rehearsal", "messages": [{"role": "user", "content": "가" * 1_000_001}]}
            ).encode(),
            400,
            "too_complex",
            id="million-characters",
        ),
        pytest.param(json.dumps(IMAGE).encode(), 400, "unredactable_content", id="remote-image"),
        pytest.param(
            json.dumps(part("input_audio", input_audio={"data": "", "format": "wav"})).encode(),
            400,
            "unredactable_content",
            id="audio",
        ),
        pytest.param(
            json.dumps({"model": "rehearsal", "messages": SAID, NAME: RRN}).encode(),
            400,
            "unsupported_parameter",
            id="unknown-field",
        ),
        pytest.param(
            json.dumps({"model": "rehearsal", "messages": SAID, "cache_salt": "x"}).encode(),
            400,
            "unsupported_parameter",
            id="cache-salt",
        ),
        pytest.param(
            json.dumps({"model": "rehearsal", "messages": [1, 2, 3]}).encode(),
            400,
            "invalid_parameter",
            id="token-ids",
        ),
        pytest.param(
            json.dumps({"model": "rehearsal", "messages": SAID, "temperature": RRN}).encode(),
            400,
            "invalid_parameter",
            id="wrong-type",
        ),
        pytest.param(
            json.dumps({"model": NAME, "messages": SAID}).encode(),
            404,
            "model_not_found",
            id="unknown-model",
        ),
    ],
)
async def test_wrong_body_is_refused_with_a_stable_code(line, content, status, code):
    got = await line.client.post(
        CHAT, content=content, headers={"content-type": "application/json"}
    )
    check(line, got, status, code)
    await line.refused(code)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"content-type": "text/plain"}, 415, "wrong_media_type", id="text"),
        pytest.param(
            {"content-type": "application/json", "content-encoding": "gzip"},
            415,
            "encoding_not_allowed",
            id="gzip",
        ),
        pytest.param(
            {"content-type": "application/json", "x-gwanmun-grade": NAME.encode().hex()},
            400,
            "invalid_parameter",
            id="unknown-grade",
        ),
    ],
)
async def test_wrong_headers_are_refused(line, headers, status, code):
    got = await line.client.post(CHAT, content=json.dumps(line.question(False)), headers=headers)
    check(line, got, status, code)


async def test_body_above_the_limit_is_refused_before_it_is_read(line):
    got = await line.client.post(
        CHAT, content=b" " * (9 << 20), headers={"content-type": "application/json"}
    )
    check(line, got, 413, "body_too_large")


async def test_body_above_the_limit_without_a_length_is_refused(line):
    async def endless():
        for _ in range(200):
            yield b" " * (1 << 16)

    try:
        got = await line.client.post(
            CHAT, content=endless(), headers={"content-type": "application/json"}
        )
    except httpx.WriteError:
        return  # cut while sending: equally refused
    check(line, got, 413, "body_too_large")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        pytest.param(None, "invalid_token", id="missing"),
        pytest.param("Bearer nonsense", "invalid_token", id="nonsense"),
        pytest.param("Basic dXNlcjpwdw==", "invalid_token", id="basic"),
        pytest.param("Bearer " + "a" * 30_000, "invalid_token", id="huge"),
    ],
)
async def test_nobody_gets_in_and_the_body_is_not_read(line, authorization, code):
    headers = {"content-type": "application/json"}
    if authorization is not None:
        headers["authorization"] = authorization
    async with httpx.AsyncClient(base_url=line.client.base_url, trust_env=False) as stranger:
        got = await stranger.post(CHAT, content=b"{" * 100, headers=headers)
    check(line, got, 401, code)
    assert got.headers["www-authenticate"].startswith("Bearer")


async def send_raw(line: Line, *pieces: bytes, pause: float = 0.0) -> bytes:
    url = line.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def test_slow_head_is_answered_408(line):
    answer = await send_raw(line, b"GET /v1/models HTTP/1.1\r\n", b"host: x\r\n", pause=1.5)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"head_timeout" in answer


async def test_connection_that_says_nothing_is_closed(line):
    assert await send_raw(line, b"") == b""


async def test_huge_head_is_answered_431(line):
    head = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-much: " + b"a" * 100_000
    answer = await send_raw(line, head)
    assert answer.startswith(b"HTTP/1.1 431")
    assert b"head_too_large" in answer


async def test_what_is_not_http_is_answered_400(line):
    answer = await send_raw(line, b"\x16\x03\x01 this is TLS\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"malformed_http" in answer


async def test_slow_body_is_answered_408(line):
    token = line.client.headers["authorization"].encode()
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: %s\r\n"
        b"content-type: application/json\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{"
    ) % token
    answer = await send_raw(line, head)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_timeout" in answer


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/v1/nothing", 404, "not_found", id="unknown-path"),
        pytest.param("GET", CHAT, 405, "method_not_allowed", id="wrong-method"),
        pytest.param("GET", "/v1/models/nothing", 404, "model_not_found", id="unknown-model"),
        pytest.param("GET", f"/v1/receipts/{'0' * 32}", 404, "not_found", id="unknown-receipt"),
        pytest.param("GET", "/v1/receipts/..%2F..", 404, "not_found", id="receipt-traversal"),
    ],
)
async def test_wrong_address_is_refused_in_the_api_envelope(line, method, path, status, code):
    check(line, await line.client.request(method, path), status, code)


TRAILERS = b"0\r\nx-gwanmun-dry-run: true\r\nauthorization: Bearer forged\r\n\r\n"


@pytest.mark.parametrize("apart", [False, True], ids=["same-packet", "later-packet"])
async def test_trailers_are_no_headers(a_line, apart):
    line = await a_line(Script())
    body = json.dumps(line.question(False, prompt="안녕하세요")).encode()
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: %s\r\n"
        b"content-type: application/json\r\ntransfer-encoding: chunked\r\n"
        b"trailer: x-gwanmun-dry-run\r\nconnection: close\r\n\r\n%x\r\n%s\r\n"
    ) % (line.client.headers["authorization"].encode(), len(body), body)
    pieces = (head, TRAILERS) if apart else (head + TRAILERS,)
    answer = await send_raw(line, *pieces, pause=0.2)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"chat.completion" in answer
    assert b"gwanmun.preview" not in answer


@pytest.mark.parametrize("name", ["x-gwanmun-grade", "x-gwanmun-dry-run", "content-type"])
async def test_header_that_stands_twice_is_refused(line, name):
    value = {"x-gwanmun-grade": "O", "x-gwanmun-dry-run": "false"}.get(name, "application/json")
    headers = [("content-type", "application/json"), (name, value)]
    headers += [(name, value)] if name != "content-type" else []
    got = await line.client.post(CHAT, content=json.dumps(line.question(False)), headers=headers)
    check(line, got, 400, "invalid_parameter")


async def test_connections_above_the_limit_are_refused_with_a_code(a_line):
    line = await a_line(Script(), bounds={"connections": 2})
    url = line.client.base_url
    waiting = [await asyncio.open_connection(url.host, url.port) for _ in range(3)]
    answer = await send_raw(line, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"too_many_connections" in answer
    assert b"retry-after" in answer
    for _, writer in waiting:
        writer.close()


async def test_two_servers_on_one_port_name_the_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused, match=str(port)), listen("127.0.0.1", port):
            pass
