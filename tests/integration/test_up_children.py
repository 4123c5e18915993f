"""The supervisor's children as real processes: ready, dead, stopped, and never left behind."""

import asyncio
import os
import re
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
# As vLLM: a process of its own that does not notice when the first one is gone.
VLLM = """#!/bin/sh
echo "$VLLM_API_KEY $HF_HUB_OFFLINE $*" >"$2/asked"
(trap '' TERM; exec sleep 600) &
echo $! >"$2/worker.new"
mv "$2/worker.new" "$2/worker"
trap 'exit 0' TERM
wait
"""
PARENT = """
import asyncio, sys
from pathlib import Path
from gateway.demo.children import Children
async def main():
    async with Children(Path(sys.argv[1]), 1.0, asyncio.Event()) as children:
        child = await children.start("sleeper", sys.argv[2:])
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


async def test_program_finds_only_the_environment_that_it_is_given(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        child = await children.start_program(
            "shell", ["/bin/sh", "-c", "echo $GIVEN $HOME."], {"GIVEN": "this"}
        )
        assert await child.process.wait() == 0
    assert child.log.read_text() == "this .\n"


async def test_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        child = await children.start_program("java", [str(tmp_path / "none")])
        assert await child.process.wait() == 1
        assert f"{tmp_path / 'none'}: " in str(child.death())


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is the Linux kernel's")
async def test_children_die_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path), "-c", "import time; time.sleep(600)"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout
    child = int(await parent.stdout.readline())
    assert alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await until_dead(child)


def keeps_vllm(tmp_path: Path) -> list[str]:
    """The command of a child that keeps the stand-in."""
    program, key = tmp_path / "vllm", tmp_path / "key"
    program.write_text(VLLM)
    program.chmod(0o755)
    key.write_text("secret\n")
    place = ["--port", "8", "--key-file", str(key)]
    return ["-m", "gateway.demo.vllm", *place, str(program), str(tmp_path), "--", "--flag"]


async def worker_of(tmp_path: Path) -> int:
    async with asyncio.timeout(20):
        while not (tmp_path / "worker").exists():
            await asyncio.sleep(0.02)
    return int((tmp_path / "worker").read_text())


async def test_vllm_gets_its_key_unseen_and_ends_with_all_its_own(tmp_path: Path) -> None:
    async with children_of(tmp_path) as children:
        child = await children.start("engine", keeps_vllm(tmp_path))
        worker = await worker_of(tmp_path)
        commands = [
            Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (child.process.pid, worker)
        ]
        assert not any(b"secret" in command for command in commands)
    await until_dead(worker)
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f"secret 1 serve {tmp_path} --host 127.0.0.1 --port 8 ")
    assert asked.endswith(" --flag\n")


async def test_vllm_that_is_not_there_is_named(tmp_path: Path) -> None:
    command = keeps_vllm(tmp_path)
    (tmp_path / "vllm").unlink()
    async with children_of(tmp_path) as children:
        child = await children.start("engine", command)
        with pytest.raises(UpFailed, match=re.escape(f"{tmp_path / 'vllm'}: ")):
            await children.ready(child, "http://127.0.0.1:1/", 20.0, print)


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is the Linux kernel's")
async def test_vllm_and_all_its_own_die_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path), *keeps_vllm(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout
    child, worker = int(await parent.stdout.readline()), await worker_of(tmp_path)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await until_dead(child)
    await until_dead(worker)
