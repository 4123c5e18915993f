"""`gwanmun up` as people run it: one command, real processes, and nothing left behind."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from ports import free_ports

from gateway.store.data_dir import DataDirectoryLock

GWANMUN = (sys.executable, "-c", "from gateway.cli import main; main()")
READY = "관문이 준비되었습니다"
START_SECONDS = 90.0
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


def living() -> dict[int, int]:
    """The parent of every living process, by process id."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            if words[0] != "Z":
                found[int(entry.name)] = int(words[1])
    return found


def family(parent: int) -> set[int]:
    """All processes below this one, whatever session they are in."""
    parents = living()
    found: set[int] = set()
    while more := {pid for pid, of in parents.items() if of in found | {parent}} - found:
        found |= more
    return found


async def until_gone(processes: set[int], seconds: float = 20.0) -> None:
    """Waits until none of these processes lives."""
    ends = time.monotonic() + seconds
    while left := processes & living().keys():
        assert time.monotonic() < ends, f"left behind: {left}"
        await asyncio.sleep(0.05)


@dataclass
class Up:
    process: asyncio.subprocess.Process
    data: Path
    port: int
    state: Path
    output: list[str] = field(default_factory=list)

    async def line(self, text: str) -> None:
        """Reads on until a line holds this text."""
        assert self.process.stdout
        async with asyncio.timeout(START_SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                self.output.append(line)
                if text in line:
                    return
        raise AssertionError("".join(self.output) + await self.errors())

    async def errors(self) -> str:
        assert self.process.stderr
        return (await self.process.stderr.read()).decode()

    async def end(self) -> tuple[int, str]:
        """Waits for the end; the exit status and what stood on standard error."""
        assert self.process.stdout
        async with asyncio.timeout(60):
            self.output.append((await self.process.stdout.read()).decode())
            return await self.process.wait(), await self.errors()

    def gwanmun(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*GWANMUN, *words],
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.state)},
            timeout=60,
        )


@asynccontextmanager
async def up(tmp_path: Path, *words: str) -> AsyncIterator[Up]:
    port, state, data = free_ports(), tmp_path / "state", tmp_path / "data"
    process = await asyncio.create_subprocess_exec(
        *GWANMUN,
        "up",
        "--data",
        str(data),
        "--port",
        str(port),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(state)},
    )
    try:
        yield Up(process, data, port, state)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_up_starts_everything_prints_what_works_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    async with up(tmp_path, "--pace", "0") as running:
        await running.line(READY)
        await running.line("Ctrl-C")
        processes = family(running.process.pid)

        # The curl line, exactly as printed.
        printed = "".join(running.output)
        curl = re.search(r"^curl .*?\n(?:  .*\n)+", printed, re.MULTILINE)
        assert curl
        line = re.sub(r"\$\(\S*gwanmun ", f"$({_shell(GWANMUN)} ", curl[0])
        asked = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
        assert asked.stdout.rstrip().endswith("data: [DONE]"), asked.stdout + asked.stderr
        said = "".join(
            choice["delta"].get("content") or ""
            for event in asked.stdout.splitlines()
            if event.startswith("data: {")
            for choice in json.loads(event[6:])["choices"]
        )
        assert "김철수" in said
        assert "900101-1234567" not in said

        # Tokens and links for the most recent demo, without naming it.
        token = running.gwanmun("demo", "token", "svc-civil")
        assert (token.returncode, token.stdout.count(".")) == (0, 2)
        unknown = running.gwanmun("demo", "token", "nobody")
        assert (unknown.returncode, unknown.stdout) == (2, "")
        assert "officer-a" in unknown.stderr
        link = running.gwanmun("demo", "link").stdout.strip()
        async with httpx.AsyncClient(trust_env=False) as browser:
            assert (await browser.get(link)).status_code == 303
            assert (await browser.get(link)).status_code == 403

        # A second one on the same directory, and one on a port that is taken.
        again = running.gwanmun("up", "--data", str(running.data), "--port", str(free_ports()))
        assert again.returncode == 1
        assert "이미 사용" in again.stderr
        assert "in use by another process" in again.stderr
        taken = running.gwanmun("up", "--data", str(tmp_path / "b"), "--port", str(running.port))
        assert taken.returncode == 1
        assert f"포트 {running.port}번" in taken.stderr
        assert f"Port {running.port} is in use" in taken.stderr
        assert not (tmp_path / "b").exists()

        running.process.send_signal(signal.SIGINT)
        status, errors = await running.end()
        assert (status, errors) == (0, "")
        await until_gone(processes)
        assert not list((running.state / "gwanmun" / "running").iterdir())
        assert running.gwanmun("demo", "token", "minsu").returncode == 1
        for log in (running.data / "logs").iterdir():
            assert "김철수" not in log.read_text()


async def test_dead_child_is_named_and_everything_stops(tmp_path: Path) -> None:
    async with up(tmp_path) as running:
        await running.line(READY)
        processes = family(running.process.pid)
        commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes}
        engine = next(pid for pid, words in commands.items() if b"gateway.demo.engine" in words)
        os.kill(engine, signal.SIGKILL)
        status, errors = await running.end()
        assert status == 1
        assert "engine 프로세스가 끝났습니다 (signal SIGKILL)" in errors
        assert "The engine process has ended" in errors
        await until_gone(processes)


async def test_killed_supervisor_takes_everything_along(tmp_path: Path) -> None:
    async with up(tmp_path) as running:
        await running.line(READY)
        processes = family(running.process.pid)
        assert len(processes) > 3  # the detectors of the gateway, too
        running.process.kill()
        await until_gone(processes)
        # The directory is free again.
        with DataDirectoryLock(running.data), DataDirectoryLock(running.data, "up.lock"):
            pass


async def test_ctrl_c_while_starting_leaves_nothing(tmp_path: Path) -> None:
    async with up(tmp_path) as running:
        await running.line("시작하는 중")
        await asyncio.sleep(1.0)
        processes = family(running.process.pid)
        running.process.send_signal(signal.SIGINT)
        status, errors = await running.end()
        assert (status, errors) == (0, "")
        assert READY not in "".join(running.output)
        await until_gone(processes)


@pytest.mark.parametrize(
    "words",
    [
        ("--engine", "http://127.0.0.1:1"),
        ("--model", "m"),
        ("--engine", "localhost:8000", "--model", "m"),
        ("--port", "65533"),
        ("--pace", "-1"),
    ],
    ids=["engine alone", "model alone", "no scheme", "no room for four ports", "negative pace"],
)
def test_wrong_options_are_refused_before_anything_starts(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [*GWANMUN, "up", "--data", str(tmp_path / "data"), *words], capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert not (tmp_path / "data").exists()


def test_broken_signing_key_is_told_in_korean_and_english(tmp_path: Path) -> None:
    key = tmp_path / "data" / "demo" / "signing-key.pem"
    key.parent.mkdir(parents=True)
    key.write_text("no key")
    done = subprocess.run(
        [*GWANMUN, "up", "--data", str(tmp_path / "data"), "--port", str(free_ports())],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "개인키가 아닙니다" in done.stderr
    assert "not an RSA private key" in done.stderr


def _shell(words: tuple[str, ...]) -> str:
    return " ".join(f"'{word}'" for word in words)
