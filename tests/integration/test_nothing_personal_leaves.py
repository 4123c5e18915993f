"""Marked personal data goes through every ending, and is found nowhere afterwards.

Looked through: the engine's received bytes, logs and all output, metrics, every file of the data
directory byte for byte (tables, journals, keys), and records as officers see them; each also
decoded from JSON escapes.
"""

import asyncio
import json
import os
import random
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from line import Line
from rehearsal import until

from gateway.demo.engine_script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

PIECES = ("[성명_1]님의 번호는 ", "[전화번호_1], 메일은 [이메일_1]", "입니다.")


@dataclass(frozen=True)
class Marked:
    """One invented person; every value is unlikely to stand anywhere by chance."""

    name: str
    rrn: str
    phone: str
    email: str

    @property
    def prompt(self) -> str:
        return (
            f"민원인 {self.name}({self.rrn}, {self.phone}, {self.email})에게 회신할 글을 써 줘. "
            f"{self.name} 씨는 어제 방문했습니다."
        )

    def traces(self) -> Iterator[bytes]:
        for value in (self.name, self.rrn, self.phone, self.email):
            yield value.encode()
            yield json.dumps(value)[1:-1].encode()
            if value[0].isdigit():
                yield value.replace("-", "").encode()


@pytest.fixture
def marked() -> Marked:
    number = random.Random(20261122).randrange
    rrn = f"{number(60, 99)}1231-1{number(10**5, 10**6)}"
    return Marked(
        name="남궁별하",
        rrn=rrn,
        phone=f"010-{number(2000, 9999)}-{number(1000, 9999)}",
        email=f"byeolha{number(10**5)}@mail.example",
    )


def everything(line: Line, capfd) -> Iterator[tuple[str, bytes]]:
    """All that was written anywhere, with where it stands."""
    for number, engine in enumerate(line.engines):
        for body in engine.seen:
            yield f"engine {number}", body
            yield (
                f"engine {number}, decoded",
                json.dumps(json.loads(body), ensure_ascii=False).encode(),
            )
    for path in line.data_dir.rglob("*"):
        if path.is_file():
            yield str(path.name), path.read_bytes()
    out, err = capfd.readouterr()
    yield "stdout", out.encode()
    yield "stderr", err.encode()


async def look_everywhere(line: Line, marked: Marked, capfd) -> None:
    metrics = (await line.client.get(f"{line.internal_url}/metrics")).content
    records = json.dumps(await line.records(), ensure_ascii=False).encode()
    places = [("metrics", metrics), ("records", records), *everything(line, capfd)]
    assert len(places) > 5
    for where, content in places:
        for trace in marked.traces():
            assert trace not in content, where


async def ask(line: Line, marked: Marked, *, stream: bool, **more) -> object:
    return await line.ask(stream=stream, prompt=marked.prompt, **more)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_complete_and_refused_calls_leave_no_trace(a_line, marked, capfd, stream):
    line = await a_line(Script(pieces=PIECES))
    answer = await ask(line, marked, stream=stream)
    assert marked.name in answer.text
    assert marked.phone in answer.text
    assert marked.rrn not in answer.text
    refused = await ask(line, marked, stream=stream, headers={"x-gwanmun-grade": "C"})
    assert refused.status == 403
    unknown = await ask(line, marked, stream=stream, model=marked.name)
    assert unknown.status == 404
    wrong = await ask(line, marked, stream=stream, temperature=marked.rrn)
    assert wrong.status == 400
    odd = await ask(line, marked, stream=stream, headers={"x-request-id": marked.phone})
    assert odd.status == 200
    preview = await ask(line, marked, stream=stream, headers={"x-gwanmun-dry-run": "true"})
    assert not any(trace.decode() in preview.raw for trace in marked.traces())
    assert not any(trace.decode() in got.raw for trace in marked.traces() for got in (wrong,))
    await look_everywhere(line, marked, capfd)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script(status=500), id="failed-before-first-byte"),
        pytest.param(Script(pieces=PIECES, resets_after=1), id="engine-died"),
        pytest.param(
            Script(raw_events=(b"data: {nonsense\n\n",), whole=b"{nonsense"), id="engine-nonsense"
        ),
        pytest.param(Script(status=400), id="engine-rejects"),
    ],
)
async def test_failing_engines_leave_no_trace(a_line, marked, capfd, script):
    line = await a_line(script)
    for stream in (True, False):
        answer = await ask(line, marked, stream=stream)
        assert answer.code
    await look_everywhere(line, marked, capfd)


async def test_departed_clients_leave_no_trace(a_line, marked, capfd):
    line = await a_line(Script(pieces=PIECES, first_seconds=0.3, endless=True))
    for wait in (0.1, 0.6):
        asking = asyncio.create_task(ask(line, marked, stream=True))
        await until(lambda: line.engines[0].working)
        await asyncio.sleep(wait)
        asking.cancel()
        await until(lambda: line.engines[0].working == 0)
    await look_everywhere(line, marked, capfd)


async def test_internal_errors_leave_no_trace(a_line, marked, capfd):
    line = await a_line(Script(pieces=PIECES))
    object.__setattr__(line.house.edge.services.policies, "salt_key", None)
    answer = await ask(line, marked, stream=True)
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "internal_error" in capfd.readouterr().err
    await look_everywhere(line, marked, capfd)


async def test_hanging_detector_is_503_in_time_and_leaves_no_trace(a_line, marked, capfd):
    line = await a_line(Script(pieces=PIECES))
    detector = line.house.edge.services.detector
    stopped = detector.pids
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(10):
        unseen = f"{secrets.token_hex(8)} {marked.prompt}"
        answer = await line.ask(stream=True, prompt=unseen)
    assert (answer.status, answer.code) == (503, "redaction_unavailable")
    assert line.engines[0].seen == []
    async with asyncio.timeout(10):
        while (await ask(line, marked, stream=True)).status != 200:
            await asyncio.sleep(0.05)
    assert set(stopped) != set(detector.pids)
    for pid in set(stopped) & set(detector.pids):
        os.kill(pid, signal.SIGCONT)
    await look_everywhere(line, marked, capfd)
