"""The seven endings of a call, each over real sockets, streaming and not.

Every case asserts what the caller reads, what the engines saw, that they stopped, that the record
says how the call ended, and that what was reserved came back.
"""

import asyncio
import json
import socket

import pytest
from line import NAME
from rehearsal import until

from gateway.demo.engine_script import Script
from gateway.domain import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANSWER = ("민원인 [성", "명_1]은 ", "안내문을 받", "으세요 [성")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_complete_answer_is_restored_with_the_right_particle(a_line, stream):
    line = await a_line(Script(pieces=ANSWER))
    answer = await line.ask(stream=stream)
    assert (answer.status, answer.text) == (200, f"민원인 {NAME}는 안내문을 받으세요 [성")
    assert answer.done is stream
    assert answer.headers["x-gwanmun-redacted"] == "person=1,phone=1,rrn=1"
    assert answer.headers["x-ai-generated"] == "true"
    assert float(answer.headers["x-gwanmun-overhead-ms"]) >= 0
    (seen,) = line.engines[0].seen
    body = json.loads(seen)
    assert body["model"] == "rehearsal"
    assert "[성명_1]" in seen.decode()
    assert not any(secret in seen.decode() for secret in line.secrets)
    assert body["cache_salt"]
    await line.ended(Outcome.COMPLETE, answer.headers["x-gwanmun-audit"])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_refused_call_reaches_no_engine(a_line, stream):
    line = await a_line(Script())
    answer = await line.ask(stream=stream, headers={"x-gwanmun-grade": "C"})
    assert (answer.status, answer.code) == (403, "grade_above_ceiling")
    assert line.engines[0].seen == []
    await line.refused("grade_above_ceiling")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    "first",
    [
        pytest.param(Script(status=500), id="says-500"),
        pytest.param(Script(error_event_after=0), id="error-event-first"),
        pytest.param(Script(resets_after=0), id="resets"),
        pytest.param(Script(content_type="text/html"), id="wrong-type"),
        pytest.param(None, id="unreachable"),
    ],
)
async def test_next_replica_answers_when_one_fails_before_its_first_part(a_line, stream, first):
    line = await a_line(first, Script(pieces=ANSWER))
    answer = await line.ask(stream=stream)
    assert answer.status == 200
    assert answer.text.startswith(f"민원인 {NAME}는")
    record = await line.ended(Outcome.COMPLETE, answer.headers["x-gwanmun-audit"])
    assert record["attempts"] == ["r0", "r1"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_failure_of_every_replica_is_a_clean_502(a_line, stream):
    line = await a_line(Script(status=500), None)
    answer = await line.ask(stream=stream)
    assert (answer.status, answer.code) == (502, "engine_failed")
    assert "secret" not in answer.raw
    await line.ended(Outcome.FAILED_BEFORE_FIRST_BYTE, answer.headers["x-gwanmun-audit"])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_deadline_before_the_first_part_is_504(a_line, stream):
    line = await a_line(Script(first_seconds=60), deadlines={"whole_seconds": 0.5})
    answer = await line.ask(stream=stream)
    assert (answer.status, answer.code) == (504, "deadline_passed")
    await until(lambda: line.engines[0].working == 0)
    await line.ended(Outcome.FAILED_BEFORE_FIRST_BYTE, answer.headers["x-gwanmun-audit"])


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(pieces=ANSWER, resets_after=2), id="resets"),
        pytest.param(Script(pieces=ANSWER, ends_after=2), id="ends-without-done"),
        pytest.param(Script(pieces=ANSWER, error_event_after=2), id="error-event"),
    ],
)
async def test_engine_that_dies_mid_stream_ends_in_an_error_event_without_done(a_line, script):
    line = await a_line(script, Script(pieces=ANSWER))
    answer = await line.ask(stream=True)
    assert answer.status == 200
    assert answer.text.startswith("민원인")
    assert (answer.code, answer.done) == ("engine_failed", False)
    assert "secret" not in answer.raw
    assert line.engines[1].seen == []
    await line.ended(Outcome.ENGINE_DIED, answer.headers["x-gwanmun-audit"])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_client_that_leaves_before_the_first_byte_frees_the_engine(a_line, stream):
    line = await a_line(Script(first_seconds=60))
    asking = asyncio.create_task(line.ask(stream=stream))
    await until(lambda: line.engines[0].working)
    asking.cancel()
    await until(lambda: line.engines[0].working == 0, seconds=2)
    await line.ended(Outcome.LEFT_BEFORE_FIRST_BYTE)


async def test_client_that_leaves_mid_stream_frees_the_engine(a_line):
    line = await a_line(Script(endless=True, between_seconds=0.01))
    async with line.client.stream("POST", "/v1/chat/completions", json=line.question(True)) as got:
        await anext(got.aiter_bytes())
    await until(lambda: line.engines[0].working == 0, seconds=2)
    await line.ended(Outcome.LEFT)


async def test_client_that_takes_no_byte_is_cut(a_line):
    script = Script(pieces=("가" * 50_000,), endless=True)
    line = await a_line(script, deadlines={"client_stall_seconds": 0.5})
    body = json.dumps(line.question(True)).encode()
    host, port = line.client.base_url.host, line.client.base_url.port
    with socket.create_connection((host, port)) as silent:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
            f"authorization: {line.client.headers['authorization']}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        silent.sendall(head.encode() + body)
        await line.ended(Outcome.STALLED)
        await until(lambda: line.engines[0].working == 0, seconds=2)


async def test_unwritable_ledger_is_503_and_the_engine_sees_nothing(a_line):
    line = await a_line(Script(), ledger={"durable_seconds": 0.5})
    (line.data_dir / "gwanmun.db").rename(line.data_dir / "gone")
    answer = await line.ask(stream=True)
    assert (answer.status, answer.code) == (503, "audit_unavailable")
    assert "retry-after" in answer.headers
    assert line.engines[0].seen == []
    (line.data_dir / "gone").rename(line.data_dir / "gwanmun.db")
    async with asyncio.timeout(10):
        while (await line.ask(stream=True)).status != 200:
            await asyncio.sleep(0.1)


async def test_shutdown_ends_running_answers_with_an_error_event(a_line):
    line = await a_line(Script(endless=True, between_seconds=0.01))
    asking = asyncio.create_task(line.ask(stream=True))
    await until(lambda: line.engines[0].working)
    await asyncio.sleep(0.2)
    line.house.edge.cut.set()
    answer = await asking
    assert (answer.code, answer.done) == ("shutting_down", False)
    await line.ended(Outcome.SHUT_DOWN)


async def test_dry_run_shows_what_would_be_sent_and_calls_nobody(a_line):
    line = await a_line(Script())
    answer = await line.ask(stream=True, headers={"x-gwanmun-dry-run": "true"})
    shown = json.loads(answer.raw)
    assert answer.status == 200
    assert "[성명_1]" in shown["request"]["messages"][0]["content"]
    assert {one["entity"] for one in shown["surrogates"]} == {"PERSON", "KR_RRN", "PHONE_NUMBER"}
    assert all({"text", "start", "end", "rule", "score"} <= set(one) for one in shown["found"])
    assert not any(secret in answer.raw for secret in line.secrets)
    assert line.engines[0].seen == []
    await line.ended(Outcome.PREVIEWED, shown["record"])


async def test_limits_and_slots_come_back_after_every_ending(a_line):
    line = await a_line(Script(resets_after=1), limits={"concurrent_requests": 1})
    for _ in range(2):
        assert (await line.ask(stream=True)).status in (200, 502)
    me = (await line.client.get("/v1/me")).json()
    assert me["left"]["concurrent_requests"] == 1
