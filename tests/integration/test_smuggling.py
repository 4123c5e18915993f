"""The smuggling corpus against the gateway itself: refused, closed, and nothing behind it read."""

import asyncio
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from line import Line, open_line
from smuggling import CHUNKED, corpus, head, second

from gateway.demo.engine_script import Script

RESET = b"reset"
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def line(detector, tmp_path_factory):
    """One gateway for all of them: nothing here may leave a trace in it."""
    async with AsyncExitStack() as stack:
        bounds = {"head_seconds": 2.0, "body_seconds": 2.0}
        folder = tmp_path_factory.mktemp("smuggling")
        yield await open_line(stack, detector, folder, Script(), bounds=bounds)


def token(line: Line) -> str:
    return line.client.headers["authorization"].removeprefix("Bearer ")


async def send(line: Line, *pieces: bytes) -> bytes:
    """All that comes back until the gateway closes the connection.

    Bytes that it never read make the close a reset, which may take the answer with it.
    """
    url = line.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    answer = b""
    try:
        async with asyncio.timeout(20):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            while some := await reader.read(65_536):
                answer += some
    except ConnectionError:
        return answer or RESET
    finally:
        writer.close()
    return answer


@pytest.mark.parametrize("name", corpus("x"))
@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
async def test_ambiguous_request_is_refused_and_nothing_behind_it_is_read(line, name, split):
    first, behind = corpus(token(line))[name], second(token(line))
    pieces = [first[:40], first[40:], behind] if split else [first + behind]
    answer = await send(line, *pieces)
    if answer is not RESET or not split:
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"\r\nconnection: close\r\n" in answer
        assert b"malformed_http" in answer
    # A request whose body broke off is recorded as such; the one behind it is nowhere.
    assert {one["outcome"] for one in await line.records()} <= {"refused"}
    assert line.engines[0].seen == []


async def test_refusal_after_a_good_request_does_not_stand_in_its_answer(line):
    good = head(token(line), "Content-Length: 0").replace(b"POST /v1/chat/completions", b"GET /")
    bad = corpus(token(line))["te-gzip-chunked"]
    answer = await send(line, good + b"\r\n" + bad + second(token(line)))
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert line.engines[0].seen == []


async def test_chunks_as_the_standard_has_them_are_one_request(line):
    body = second(token(line)).split(b"\r\n\r\n", 1)[1]
    chunks = b"%x;note=1\r\n%s\r\n000;last\r\nX-Trailer: 1\r\n\r\n" % (len(body), body)
    answer = await send(line, head(token(line), CHUNKED, "Connection: close") + b"\r\n", chunks)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert len(line.engines[0].seen) == 1
