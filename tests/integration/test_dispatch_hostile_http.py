"""Engines that break HTTP itself: each is a failure without a word, and leaves nothing behind."""

import asyncio
import contextlib
import logging

import pytest
from dispatching import MODEL, ask, engines, task
from rehearsal import rehearsal

from inference.dispatch import EngineOptions
from inference.errors import DeadlinePassed, EngineFailed
from inference.replica import Replica

SECRET = b"secret-words-of-the-engine"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
# Whoever gives up on silence does so soon; no other test here hangs on a clock.
IMPATIENT = EngineOptions(
    connect_seconds=3.0, queue_seconds=3.0, first_part_seconds=0.5, between_parts_seconds=0.5
)
PATIENT = EngineOptions(
    connect_seconds=30.0, queue_seconds=30.0, first_part_seconds=30.0, between_parts_seconds=30.0
)


@contextlib.asynccontextmanager
async def listening(handle):
    """A TCP server on loopback, given as a replica; its connections are cut at the end."""
    handlers = set()

    async def cut_at_the_end(reader, writer):
        handlers.add(asyncio.current_task())
        try:
            with contextlib.suppress(
                ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
            ):
                await handle(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(cut_at_the_end, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Replica(name="raw", url=f"http://127.0.0.1:{port}", served_model="m")
    finally:
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await asyncio.sleep(0.02)  # both sides' transports hear of it


def raw_engine(*pieces, then_close=True):
    """An engine that answers any request with these bytes."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if not then_close:
            await asyncio.sleep(60)

    return listening(handle)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


BROKEN = [
    pytest.param([], id="closes without a word"),
    pytest.param([SECRET + b"\r\n\r\n"], id="no HTTP"),
    pytest.param([b"HTTP/1.1 abc " + SECRET + b"\r\n\r\n"], id="bad status"),
    pytest.param([b"HTTP/1.1 200 OK\r\n" + SECRET + b"\r\n\r\n"], id="bad header"),
    pytest.param([b"HTTP/1.1 200 OK\r\nx: " + SECRET * 9_000 + b"\r\n\r\n"], id="huge header"),
    pytest.param([HEAD + b"x-%d: y\r\n" % n for n in range(3)], id="head never ends"),
    pytest.param([CHUNKED, b"ffff\r\n" + EVENT[:9]], id="body breaks off"),
    pytest.param([HEAD + b"content-length: 9999\r\n\r\n" + SECRET], id="body too short"),
    pytest.param([HEAD + b"content-length: -1\r\n\r\n"], id="bad length"),
    pytest.param([CHUNKED, chunk(SECRET)], id="ends inside an event"),
    pytest.param([b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"], id="switches protocol"),
    pytest.param(
        [b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"],
        id="redirect",
    ),
]


@pytest.mark.parametrize("pieces", BROKEN)
async def test_dispatch_broken_http_is_a_silent_failure(pieces, caplog):
    caplog.set_level(logging.DEBUG)
    async with (
        raw_engine(*pieces) as raw,
        rehearsal() as good,
        engines(raw, good, options=PATIENT) as running,
        engines(raw, options=PATIENT) as alone,
    ):
        failed = await ask(alone)
        retried = await ask(running)
        assert [load.in_flight for load in alone.loads(MODEL)] == [0]
    assert type(failed.error) is EngineFailed
    assert failed.error.args == ()
    assert failed.error.__context__ is None
    assert retried.error is None
    assert retried.usage.attempts == ["raw", "engine-2"]
    assert SECRET.decode() not in caplog.text


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="no head"),
        pytest.param([CHUNKED], id="no body"),
        pytest.param([CHUNKED, b"zz" + SECRET + b"\r\n"], id="bad chunk size"),
        pytest.param([CHUNKED, *[chunk(b"d")] * 40], id="bytes that are no event"),
        pytest.param([CHUNKED, *[chunk(b": ping\n\n")] * 40], id="comments"),
    ],
)
async def test_dispatch_a_connection_that_only_stays_open_is_given_up(pieces):
    async with (
        raw_engine(*pieces, then_close=False) as raw,
        engines(raw, options=IMPATIENT) as running,
    ):
        told = await ask(running)
    assert type(told.error) is DeadlinePassed


async def test_dispatch_a_body_that_breaks_off_in_the_middle_keeps_what_came():
    async with raw_engine(CHUNKED, chunk(EVENT), b"5\r\nda") as raw, engines(raw) as running:
        told = await ask(running)
    assert type(told.error) is EngineFailed
    assert told.text == "x"


async def test_dispatch_an_answer_whose_body_never_ends_is_still_whole():
    end = EVENT.replace(b'"}}', b'"},"finish_reason":"stop"}')
    pieces = [CHUNKED, chunk(end + b"data: [DONE]\n\n")]
    async with raw_engine(*pieces, then_close=False) as raw, engines(raw) as running:
        told = await ask(running)
    assert told.error is None
    assert told.text == "x"


async def test_dispatch_an_engine_that_takes_no_byte_of_the_request_is_given_up():
    async def handle(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(60)

    async with listening(handle) as raw, engines(raw, options=IMPATIENT) as running:
        told = await ask(running, task(seconds=3_600, filling="x" * 30_000_000))
    assert type(told.error) is DeadlinePassed


async def test_dispatch_a_large_request_arrives_whole():
    async with rehearsal() as engine, engines(engine) as running:
        told = await ask(running, task(filling="가" * 2_700_000))
    assert told.error is None
    assert engine.witness.heads[0]["content-length"] == str(len(engine.seen[0]))
    assert "transfer-encoding" not in engine.witness.heads[0]
    assert engine.seen[0].count("가".encode()) == 2_700_000
