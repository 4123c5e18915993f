"""Every way in which a dispatched call can end, on real sockets, and in which order it ends."""

import asyncio
import contextlib
import json

import pytest
from dispatching import MODEL, QUICK, Told, ask, ends_in_order, engines, opened, task
from rehearsal import rehearsal, until

from gateway.demo.engine_script import Script
from gateway.demo.engine_words import NOTICE
from inference.dispatch import EngineOptions, dispatch
from inference.errors import (
    DeadlinePassed,
    EngineFailed,
    EngineRejected,
    Rejection,
)
from inference.replica import EngineKind, Replica
from inference.task import Usage

IMPATIENT = EngineOptions(
    connect_seconds=0.5, queue_seconds=5.0, first_part_seconds=0.2, between_parts_seconds=0.2
)
IMPATIENT_START = EngineOptions(
    connect_seconds=1.0, queue_seconds=5.0, first_part_seconds=0.3, between_parts_seconds=5.0
)
UNREACHABLE = Replica(name="engine-0", url="http://127.0.0.1:1", served_model="m")
BAD_CHUNK = b'data: {"choices":[{"index":7,"delta":{"content":"x"}}]}\n\n'
GOOD_CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'

BEFORE_THE_FIRST_PART = [
    pytest.param(Script(status=500), id="status 500"),
    pytest.param(Script(status=503), id="status 503"),
    pytest.param(Script(status=429), id="status 429"),
    pytest.param(Script(status=404), id="status 404"),
    pytest.param(Script(status=401), id="status 401"),
    pytest.param(Script(status=302, headers=(("location", "/v1/models"),)), id="redirect"),
    pytest.param(Script(error_event_after=0), id="200 with an error event"),
    pytest.param(Script(resets_after=0), id="breaks off"),
    pytest.param(Script(ends_after=0), id="ends"),
    pytest.param(Script(content_type="text/html"), id="wrong media type"),
    pytest.param(Script(headers=(("content-encoding", "gzip"),)), id="coded content"),
    pytest.param(Script(raw_events=(BAD_CHUNK,)), id="choice out of range"),
    pytest.param(Script(raw_events=(b"data: \xff\xfe\n\n",)), id="not UTF-8"),
    pytest.param(Script(raw_events=(b"data: nonsense\n\n",)), id="not JSON"),
    pytest.param(Script(raw_events=(b"data: " + b"[" * 5000 + b"\n\n",)), id="deep JSON"),
    pytest.param(Script(raw_events=(b"data: " + b"x" * 2_000_000,)), id="huge line"),
    pytest.param(Script(raw_events=()), id="only [DONE]"),
    pytest.param(Script(silent_after=0), id="silent"),
    pytest.param(Script(silent_after=0, comments_when_silent=True), id="only comments"),
]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_dispatch_gives_the_whole_answer(stream):
    async with (
        rehearsal() as engine,
        engines(engine, slots=1) as running,
        ends_in_order(running, engine) as gate,
    ):
        told = await ask(running, task(stream=stream), gate())
    assert told.error is None
    assert told.text.startswith(NOTICE)
    assert "[성명_1]은" in told.text
    assert told.usage.attempts == ["engine-1"]
    assert told.usage.parts == len(told.parts) >= 1
    assert told.usage.tokens.output > 50
    assert told.usage.sent_at < told.usage.first_part_at
    finishes = [c.finish_reason for part in told.parts for c in part.choices if c.finish_reason]
    assert finishes == ["stop"]
    assert not stream or (told.parts[-1].choices == () and told.parts[-1].tokens is not None)


async def test_dispatch_sends_its_own_head_and_the_whole_body():
    credential = "engine-key"
    async with rehearsal() as engine:
        replica = Replica(name="e", url=engine.url, served_model="rehearsal", credential=credential)
        async with engines(replica) as running:
            await ask(running, task(temperature=0.5))
    assert json.loads(engine.seen[0]) == {
        "messages": task().body["messages"],
        "temperature": 0.5,
        "model": "rehearsal",
        "stream": True,
        "stream_options": {"include_usage": True},
        "cache_salt": "salt",
    }
    head = engine.witness.heads[0]
    assert head["authorization"] == f"Bearer {credential}"
    assert head["x-request-id"] == task().request_id
    assert head["accept-encoding"] == "identity"
    assert head["user-agent"] == "gwanmun"
    assert credential not in repr(replica)


async def test_dispatch_tells_only_vllm_of_the_cache_salt():
    async with rehearsal() as engine:
        replica = Replica(
            name="e", url=engine.url, served_model="rehearsal", kind=EngineKind.OPENAI
        )
        async with engines(replica) as running:
            await ask(running, task(stream=False))
    sent = json.loads(engine.seen[0])
    assert "cache_salt" not in sent
    assert "stream_options" not in sent


async def test_dispatch_keeps_no_cookie_of_an_engine():
    script = Script(headers=(("set-cookie", "a=b; Path=/"),))
    async with rehearsal(script) as engine, engines(engine) as running:
        await ask(running)
        await ask(running)
    assert len(engine.seen) == 2
    assert all("cookie" not in head for head in engine.witness.heads)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_dispatch_reuses_the_connection_after_whole_answers(stream):
    async with rehearsal() as engine, engines(engine) as running:
        for _ in range(20):
            assert (await ask(running, task(stream=stream))).error is None
    assert len(engine.witness.peers) == 20
    assert len(set(engine.witness.peers)) == 1


async def test_dispatch_speaks_over_a_unix_socket(tmp_path):
    path = str(tmp_path / "engine.sock")
    async with rehearsal(path=path) as engine, engines(engine) as running:
        told = await ask(running)
    assert told.error is None
    assert told.text.startswith(NOTICE)


@pytest.mark.parametrize("bad", BEFORE_THE_FIRST_PART)
async def test_dispatch_turns_to_the_next_replica_before_the_first_part(bad):
    async with (
        rehearsal(bad) as first,
        rehearsal() as second,
        engines(first, second, slots=1, options=IMPATIENT_START) as running,
        ends_in_order(running, first, second) as gate,
    ):
        told = await ask(running, gate=gate())
    assert told.error is None
    assert told.text.startswith(NOTICE)
    assert told.usage.attempts == ["engine-1", "engine-2"]
    assert first.seen == second.seen


async def test_dispatch_turns_from_an_unreachable_replica_to_the_next():
    async with rehearsal() as second, engines(UNREACHABLE, second) as running:
        told = await ask(running)
    assert told.error is None
    assert told.usage.attempts == ["engine-0", "engine-2"]


@pytest.mark.parametrize("bad", BEFORE_THE_FIRST_PART)
async def test_dispatch_fails_without_words_when_every_replica_fails(bad):
    async with (
        rehearsal(bad) as first,
        rehearsal(bad) as second,
        engines(first, second, slots=1, options=IMPATIENT) as running,
        ends_in_order(running, first, second) as gate,
    ):
        told = await ask(running, gate=gate())
    silent = bad.silent_after is not None
    assert type(told.error) is (DeadlinePassed if silent else EngineFailed)
    assert told.error.args == ()
    assert told.error.__context__ is None
    assert told.parts == []
    assert told.usage.parts == 0
    assert told.usage.attempts == ["engine-1", "engine-2"]


LONG = "This model's maximum context length is 4096 tokens. However, your request has 5000"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(Script(status=400, error_message=LONG), Rejection.TOO_LONG, id="too long"),
        pytest.param(
            Script(status=400, error_message="[성명_1]: bad grammar"),
            Rejection.INVALID,
            id="invalid",
        ),
        pytest.param(Script(status=422), Rejection.INVALID, id="unprocessable"),
        pytest.param(
            Script(error_event_after=0, error_code=400), Rejection.INVALID, id="200 with invalid"
        ),
        pytest.param(
            Script(error_event_after=0, error_code=400, error_message=LONG),
            Rejection.TOO_LONG,
            id="200 with too long",
        ),
    ],
)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_dispatch_asks_no_other_replica_when_the_request_is_wrong(script, reason, stream):
    async with (
        rehearsal(script) as first,
        rehearsal() as second,
        engines(first, second, slots=1) as running,
    ):
        async with ends_in_order(running, first) as gate:
            told = await ask(running, task(stream=stream), gate())
        assert running.available(MODEL)
    assert isinstance(told.error, EngineRejected)
    assert told.error.reason is reason
    assert told.error.args == (reason,)
    assert second.seen == []


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Script(resets_after=2), id="breaks off"),
        pytest.param(Script(ends_after=2), id="ends without [DONE]"),
        pytest.param(Script(error_event_after=2), id="error event"),
        pytest.param(Script(raw_events=(GOOD_CHUNK, GOOD_CHUNK, BAD_CHUNK)), id="nonsense"),
        pytest.param(Script(raw_events=(GOOD_CHUNK, GOOD_CHUNK)), id="[DONE] too soon"),
        pytest.param(Script(silent_after=2), id="silent"),
        pytest.param(Script(silent_after=2, comments_when_silent=True), id="only comments"),
    ],
)
async def test_dispatch_never_retries_after_the_first_part(bad):
    async with (
        rehearsal(bad, pace=100) as first,
        rehearsal() as second,
        engines(first, second, slots=1, options=IMPATIENT) as running,
        ends_in_order(running, first) as gate,
    ):
        told = await ask(running, gate=gate())
    silent = bad.silent_after is not None
    assert type(told.error) is (DeadlinePassed if silent else EngineFailed)
    assert told.error.args == ()
    assert told.usage.parts == len(told.parts) == 2
    assert told.usage.attempts == ["engine-1"]
    assert second.seen == []


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Script(status=500), id="status 500"),
        pytest.param(Script(resets_after=0), id="breaks off"),
        pytest.param(Script(ends_after=0), id="half a body"),
        pytest.param(Script(error_event_after=0), id="200 with an error"),
        pytest.param(Script(content_type="text/event-stream"), id="wrong media type"),
        pytest.param(Script(whole=b"nonsense"), id="not JSON"),
        pytest.param(Script(whole=b'{"choices":[]}'), id="no choices"),
        pytest.param(Script(whole=b'{"choices":[{"index":0,"message":{"content":5}}]}'), id="type"),
        pytest.param(Script(whole=b'"' + b"x" * 34_000_000 + b'"'), id="huge"),
    ],
)
async def test_dispatch_turns_to_the_next_replica_for_a_whole_answer(bad):
    async with (
        rehearsal(bad) as first,
        rehearsal() as second,
        engines(first, second) as running,
    ):
        told = await ask(running, task(stream=False))
    assert told.error is None
    assert told.usage.attempts == ["engine-1", "engine-2"]
    assert len(told.parts) == 1


class Refusal(Exception):
    """What a gate may raise: nothing that inference knows."""


@pytest.mark.parametrize(
    "raised",
    [
        pytest.param(Refusal("no record"), id="refusal"),
        pytest.param(TimeoutError(), id="a timeout of the gate's own"),
    ],
)
async def test_dispatch_passes_what_the_gate_raises_and_touches_no_engine(raised):
    async def gate():
        raise raised

    usage = Usage()
    async with rehearsal() as engine, engines(engine) as running:
        with pytest.raises(type(raised)) as caught:
            async with dispatch(task(), running, gate=gate(), usage=usage):
                pass
        assert running.running(MODEL) == 0
    assert caught.value is raised
    assert engine.seen == []
    assert usage.attempts == []
    assert usage.sent_at is None


async def test_dispatch_sends_nothing_before_the_gate_opens():
    gate = asyncio.get_running_loop().create_future()
    async with rehearsal() as engine, engines(engine) as running:
        asking = asyncio.create_task(ask(running, gate=gate))
        await until(lambda: running.running(MODEL) == 1)
        await asyncio.sleep(0.05)
        assert engine.witness.peers == []
        gate.set_result(None)
        assert (await asking).error is None


async def test_dispatch_leaves_the_gate_alone_when_the_caller_departs():
    gate = asyncio.get_running_loop().create_future()
    async with rehearsal() as engine, engines(engine) as running:
        asking = asyncio.create_task(ask(running, gate=gate))
        await until(lambda: running.running(MODEL) == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not gate.done()
        assert running.running(MODEL) == 0
    assert engine.seen == []


async def test_dispatch_waits_for_the_gate_no_longer_than_the_deadline():
    gate = asyncio.get_running_loop().create_future()
    async with rehearsal() as engine, engines(engine) as running:
        told = await ask(running, task(seconds=0.1), gate)
    assert type(told.error) is DeadlinePassed
    assert engine.seen == []


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_dispatch_frees_the_engine_when_cancelled_before_the_first_part(stream):
    async with (
        rehearsal(Script(first_seconds=30)) as engine,
        engines(engine, slots=1) as running,
        ends_in_order(running, engine) as gate,
    ):
        asking = asyncio.create_task(ask(running, task(stream=stream), gate()))
        await until(lambda: engine.working)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: engine.working == 0, seconds=0.5)


async def _leave(kind: str, asking: asyncio.Task[Told], leave: asyncio.Event) -> None:
    if kind == "cancelled":
        asking.cancel()
    leave.set()
    with contextlib.suppress(asyncio.CancelledError, Refusal):
        await asking


@pytest.mark.parametrize("kind", ["cancelled", "left", "raised"])
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(endless=True), id="endless"),
        pytest.param(Script(silent_after=1), id="silent"),
    ],
)
async def test_dispatch_frees_the_engine_when_left_in_the_middle(kind, script):
    begun, leave = asyncio.Event(), asyncio.Event()

    async def call(running, gate):
        async with dispatch(task(), running, gate=gate, usage=Usage()) as parts:
            await anext(parts)
            begun.set()
            await leave.wait()
            if kind == "raised":
                raise Refusal

    async with rehearsal(script, pace=500) as engine, engines(engine, slots=1) as running:
        async with ends_in_order(running, engine) as gate:
            asking = asyncio.create_task(call(running, gate()))
            await begun.wait()
            assert engine.working == 1
            await _leave(kind, asking, leave)
            await until(lambda: engine.working == 0, seconds=0.5)
        assert running.available(MODEL)


async def test_dispatch_ends_at_once_though_the_engine_goes_on():
    script = Script(ignores_departure=True)
    async with rehearsal(script, pace=200) as engine, engines(engine, slots=1) as running:
        usage = Usage()
        async with dispatch(task(), running, gate=opened(), usage=usage) as parts:
            await anext(parts)
            left_at = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - left_at < 0.2
        assert running.running(MODEL) == 0
        assert engine.working == 1
        await until(lambda: engine.working == 0)


async def test_dispatch_deadline_before_the_first_part_is_not_retried():
    async with (
        rehearsal(Script(silent_after=0)) as first,
        rehearsal() as second,
        engines(first, second, slots=1) as running,
        ends_in_order(running, first) as gate,
    ):
        told = await ask(running, task(seconds=0.3), gate())
    assert type(told.error) is DeadlinePassed
    assert told.usage.attempts == ["engine-1"]
    assert second.seen == []


async def test_dispatch_deadline_cuts_a_stream_that_never_ends():
    async with rehearsal(Script(endless=True)) as engine, engines(engine, slots=1) as running:
        async with ends_in_order(running, engine) as gate:
            told = await ask(running, task(seconds=0.3), gate())
        assert running.available(MODEL)
    assert type(told.error) is DeadlinePassed
    assert told.usage.parts == len(told.parts) > 1


async def test_dispatch_survives_every_byte_of_an_answer_coming_alone():
    script = Script(byte_by_byte=True, by_character=True, comments=True)
    async with (
        rehearsal(script) as bytewise,
        rehearsal() as whole,
        engines(bytewise) as one,
        engines(whole) as other,
    ):
        slow, quick = await ask(one), await ask(other)
    assert slow.error is None
    assert slow.text == quick.text


async def test_dispatch_counts_the_tokens_of_a_call_that_was_left():
    script = Script(usage_in_every_chunk=True, endless=True)
    usage = Usage()
    async with (
        rehearsal(script) as engine,
        engines(engine, options=QUICK) as running,
        dispatch(task(), running, gate=opened(), usage=usage) as parts,
    ):
        for _ in range(5):
            await anext(parts)
    assert usage.tokens.output >= 5
    assert usage.tokens.input > 0
