"""The supervisor's children as real processes: ready, dead, stopped, and never left behind."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.demo.children import Child, Children, UpFailed

SERVES = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
NOT_READY = SERVES.replace("200", "503").replace('b"{}"', 'b"not ready: ledger\\n"')
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
FAILS = "import sys; print('첫 줄'); sys.exit('mend: the thing')"
PARENT = """
import asyncio, sys
from pathlib import Path
from gateway.demo.children import Children
async def main():
    async with Children(Path(sys.argv[1]), 1.0, asyncio.Event()) as children:
        child = await children.start("sleeper", ["-c", "import time; time.sleep(600)"])
        print(child.process.pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def until_dead(pid: int, seconds: float = 10.0) -> None:
    ends = time.monotonic() + seconds
    while alive(pid):
        assert time.monotonic() < ends, f"{pid} is still alive"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def children_of(tmp_path: Path, grace: float = 5.0) -> AsyncIterator[Children]:
    async with Children(tmp_path / "logs", grace, asyncio.Event()) as children:
        yield children


async def started(children: Children, port: int) -> Child:
    return await children.start("server", ["-c", SERVES, str(port)])


async def test_child_is_ready_when_it_answers_and_gone_at_the_end(tmp_path: Path) -> None:
    port = free_port()
    async with children_of(tmp_path) as children:
        child = await started(children, port)
        await children.ready(child, f"http://127.0.0.1:{port}/", 20.0, print)
        assert child.process.returncode is None
    assert not alive(child.process.pid)


async def test_dead_child_is_named_with_its_status_and_its_last_words(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        child = await children.start("engine", ["-c", FAILS])
        with pytest.raises(UpFailed) as failed:
            await children.ready(child, "http://127.0.0.1:1/", 20.0, print)
    words = str(failed.value)
    assert "engine" in words
    assert "exit status 1" in words
    assert "mend: the thing" in words
    assert "engine.log" in words


async def test_killed_child_is_told_by_its_signal(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        await children.start("steady", ["-c", "import time; time.sleep(600)"])
        child = await children.start("gateway", ["-c", "import time; time.sleep(600)"])
        watching = asyncio.create_task(children.first_death())
        child.process.send_signal(signal.SIGKILL)
        assert "gateway 프로세스가 끝났습니다 (signal SIGKILL)" in str(await watching)


async def test_child_that_never_answers_is_told_after_its_time(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        child = await children.start("engine", ["-c", "import time; time.sleep(600)"])
        with pytest.raises(UpFailed, match="준비되지 않았습니다"):
            await children.ready(child, f"http://127.0.0.1:{free_port()}/", 0.5, print)


async def test_slow_child_is_told_by_its_own_words_and_once(tmp_path: Path) -> None:
    port, said = free_port(), list[str]()
    async with children_of(tmp_path) as children:
        child = await children.start("gateway", ["-c", NOT_READY, str(port)])
        with pytest.raises(UpFailed) as failed:
            await children.ready(child, f"http://127.0.0.1:{port}/", 6.0, said.append)
    assert "not ready: ledger" in str(failed.value)
    assert len(said) == 1
    assert "아직 준비되지 않았습니다" in said[0]
    assert "빈 공간" in said[0]
    assert "(not ready: ledger)" in said[0]


async def test_first_failure_of_several_waits_ends_all(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        slow = await children.start("slow", ["-c", "import time; time.sleep(600)"])
        dead = await children.start("dead", ["-c", FAILS])
        with pytest.raises(UpFailed, match="dead"):
            await children.all_ready(
                children.ready(child, "http://127.0.0.1:1/", 30.0, print) for child in (slow, dead)
            )


async def test_stubborn_child_is_killed_after_the_grace(tmp_path: Path) -> None:
    began = time.monotonic()
    async with children_of(tmp_path, grace=0.3) as children:
        child = await children.start("stubborn", ["-c", STUBBORN])
        await asyncio.sleep(1.0)
    assert time.monotonic() - began < 10
    assert not alive(child.process.pid)


async def test_failed_preparation_is_told_and_a_right_one_leaves_nothing(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        await children.complete("migrate", ["-c", "print('ok')"])
        with pytest.raises(UpFailed, match="migrate"):
            await children.complete("migrate", ["-c", FAILS])
        assert (tmp_path / "logs" / "migrate.log.old").read_text() == "ok\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is the Linux kernel's")
async def test_children_die_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    child = int(await parent.stdout.readline())
    assert alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await until_dead(child)
