"""OpenAI's own Node client against a running gateway: it works unchanged, errors included.

The client is installed by npm from the lock in tests/integration/node into .cache/, once per lock.
Without node, npm or a registry these tests are skipped, and the summary says so.
"""

import asyncio
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from line import NAME, PHONE, PROMPT, Line

from gateway.demo.engine_script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[2] / ".cache"
INSTALLED_FROM = (".npmrc", "package.json", "package-lock.json")

SAYS = ("민원인 [성", "명_1]은 ", "010-", "으로 연락 바랍", "니다.")
SAID = f"민원인 {NAME}는 010-으로 연락 바랍니다."
MESSAGES = [{"role": "user", "content": PROMPT}]
ASKED = {"model": "rehearsal", "messages": MESSAGES}
PROPERTIES = {"성명": {"type": "string"}, "전화": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "properties": PROPERTIES,
    "required": ["성명", "전화"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "notice", "schema": SCHEMA}}
DIAL = {"type": "function", "function": {"name": "dial", "parameters": SCHEMA}}


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """A folder with the script and the installed client."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(
            "node 또는 npm이 없습니다. (node or npm is missing: the Node client is not tested.)"
        )
    lock = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in INSTALLED_FROM))
    folder = CACHE / f"openai-node-{lock.hexdigest()[:16]}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in INSTALLED_FROM:
            shutil.copy(HERE / name, folder / name)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-fund", "--no-audit"],
            cwd=folder,
            capture_output=True,
            timeout=100,
            check=False,
        )
        if done.returncode:
            pytest.skip("npm ci가 실패했습니다. (npm ci failed: the Node client is not tested.)")
        (folder / "installed").touch()
    shutil.copy(HERE / "client.mjs", folder / "client.mjs")
    return folder


async def run(folder: Path, line: Line, *cases: dict[str, Any]) -> dict[str, Any]:
    """What the client read, by the names of the cases."""
    asked = {
        "url": str(line.client.base_url).rstrip("/"),
        "key": line.client.headers["authorization"].removeprefix("Bearer "),
        "cases": [{"headers": {}, "with": ASKED} | case for case in cases],
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        "client.mjs",
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(json.dumps(asked).encode()), 60)
    assert process.returncode == 0, err.decode()
    results: dict[str, Any] = json.loads(out)
    return results


def text(chunks: list[dict[str, Any]]) -> str:
    return "".join(c["delta"].get("content") or "" for k in chunks for c in k["choices"])


async def test_chat_stream_and_models(a_line, node_folder):
    line = await a_line(Script(pieces=SAYS))
    usage = ASKED | {"stream_options": {"include_usage": True}}
    results = await run(
        node_folder,
        line,
        {"name": "chat", "do": "chat"},
        {"name": "stream", "do": "stream", "with": usage},
        {"name": "assembled", "do": "assembled"},
        {"name": "models", "do": "models", "with": {}},
    )
    assert results["chat"]["answer"]["choices"][0]["message"]["content"] == SAID
    assert results["chat"]["answer"]["id"] == f"chatcmpl-{results['chat']['requestId']}"
    chunks = results["stream"]["chunks"]
    assert text(chunks) == SAID
    assert "error" not in results["stream"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert results["assembled"]["answer"]["choices"][0]["message"]["content"] == SAID
    assert [model["id"] for model in results["models"]["listed"]] == ["rehearsal"]
    assert results["models"]["found"]["object"] == "model"


async def test_tools_and_json_schema(a_line, node_folder):
    line = await a_line(Script())
    with_tools = ASKED | {"tools": [DIAL], "tool_choice": "required"}
    results = await run(
        node_folder,
        line,
        {"name": "tools", "do": "tools", "with": with_tools},
        {"name": "assembled", "do": "assembled", "with": with_tools},
        {"name": "parse", "do": "parse", "with": ASKED | {"response_format": FORMAT}},
    )
    real = {"성명": NAME, "전화": PHONE}
    assert json.loads(results["tools"]["call"]["function"]["arguments"]) == real
    assert NAME in results["tools"]["answer"]["choices"][0]["message"]["content"]
    (call,) = results["assembled"]["answer"]["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == real
    assert results["parse"]["answer"]["choices"][0]["message"]["parsed"] == real
    for seen in line.engines[0].seen:
        assert not any(secret in seen.decode() for secret in line.secrets)


IMAGE = [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]
REFUSED: list[tuple[dict[str, Any], tuple[str, int, str]]] = [
    ({"key": "not a token"}, ("AuthenticationError", 401, "invalid_token")),
    (
        {"headers": {"x-gwanmun-grade": "C"}},
        ("PermissionDeniedError", 403, "grade_above_ceiling"),
    ),
    ({"with": ASKED | {"model": "none"}}, ("NotFoundError", 404, "model_not_found")),
    (
        {"with": ASKED | {"messages": [{"role": "user", "content": IMAGE}]}},
        ("BadRequestError", 400, "unredactable_content"),
    ),
    (
        {"with": ASKED | {"cache_salt": "x"}},
        ("BadRequestError", 400, "unsupported_parameter"),
    ),
]


async def test_refusals_are_the_clients_typed_errors(a_line, node_folder):
    line = await a_line(Script())
    cases = [
        {"name": f"{do} {wanted[2]}", "do": do} | case
        for case, wanted in REFUSED
        for do in ("chat", "stream")
    ]
    results = await run(node_folder, line, *cases)
    for _, wanted in REFUSED:
        for do in ("chat", "stream"):
            error = results[f"{do} {wanted[2]}"]["error"]
            assert (error["kind"], error["status"], error["code"]) == wanted
            assert error["requestId"] in error["message"]
            assert not any(secret in json.dumps(error) for secret in line.secrets)
    assert line.engines[0].seen == []


async def test_a_used_up_limit_is_a_rate_limit_error(a_line, node_folder):
    line = await a_line(Script(), limits={"requests_per_minute": 1})
    results = await run(
        node_folder, line, {"name": "first", "do": "chat"}, {"name": "second", "do": "chat"}
    )
    error = results["second"]["error"]
    assert (error["kind"], error["code"]) == ("RateLimitError", "limit_exceeded")


async def test_failures_of_engines_are_errors_before_and_after_the_first_part(a_line, node_folder):
    line = await a_line(Script(status=500))
    results = await run(node_folder, line, {"name": "failed", "do": "chat"})
    error = results["failed"]["error"]
    assert (error["kind"], error["status"]) == ("InternalServerError", 502)

    line = await a_line(Script(pieces=SAYS, ends_after=4))
    results = await run(node_folder, line, {"name": "died", "do": "stream"})
    assert NAME in text(results["died"]["chunks"])
    error = results["died"]["error"]
    assert (error["kind"], error["code"]) == ("APIError", "engine_failed")
