"""`gwanmun up --engine …` as people run it: a model on this machine, through the whole gateway."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from parts import vllm
from ports import free_ports

pytestmark = pytest.mark.timeout(900)

GWANMUN = (sys.executable, "-c", "from gateway.cli import main; main()")
READY = "관문이 준비되었습니다"
DIAL = {
    "type": "function",
    "function": {
        "name": "dial",
        "parameters": {
            "type": "object",
            "properties": {"성명": {"type": "string"}, "전화": {"type": "string"}},
            "required": ["성명", "전화"],
        },
    },
}
PROMPT = "민원인 김철수(010-1234-5678)에게 보낼 안내문을 써 줘"
ANSWER = "안녕하십니까. 김철수는 접수되었습니다. 결과는 010-1234-5678로 알려 드립니다."


@dataclass
class Up:
    """A running `gwanmun up`."""

    process: asyncio.subprocess.Process
    data: Path
    port: int
    said: str
    environ: dict[str, str]

    def config(self) -> str:
        return (self.data / "config.yaml").read_text(encoding="utf-8")

    def family(self) -> dict[int, str]:
        """Every process below the supervisor, by its command line or the name it gave itself."""
        parents, words = {}, {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents[int(entry.name)] = int(parent)
                    said = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    words[int(entry.name)] = said.decode("utf-8", "replace")
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid: words[pid] for pid in found if pid in words}

    async def ask(self, prompt: str, **more: Any) -> httpx.Response:
        token = subprocess.run(
            [*GWANMUN, "demo", "token", "minsu", "--data", str(self.data)],
            capture_output=True,
            text=True,
            env=self.environ,
            check=True,
        ).stdout.strip()
        model = more.pop("model")
        asked = {"model": model, "messages": [{"role": "user", "content": prompt}], **more}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return await client.post(
                f"http://127.0.0.1:{self.port}/v1/chat/completions",
                json={"temperature": 0, "max_tokens": 120, **asked},
                headers={"authorization": f"Bearer {token}"},
            )


@asynccontextmanager
async def up(tmp_path: Path, *words: str, **environ: str) -> AsyncIterator[Up]:
    """Starts it and waits until it is ready; what is left of it at the end is ended."""
    port, data = free_ports(), tmp_path / "data"
    found = {**os.environ, "XDG_STATE_HOME": str(data), **environ}
    process = await asyncio.create_subprocess_exec(
        *GWANMUN,
        *("up", "--data", str(data), "--port", str(port), *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=found,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(vllm.START_SECONDS):
            while "Ctrl-C" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, said
                said += line
        assert READY in said
        yield Up(process, data, port, said, found)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def texts(raw: str) -> str:
    events = [json.loads(line[6:]) for line in raw.split("\n") if line.startswith("data: {")]
    return "".join(
        choice["delta"].get("content") or "" for event in events for choice in event["choices"]
    )


async def stopped(running: Up) -> None:
    """Ctrl-C ends all of it, the engine's own children too."""
    family = running.family()
    running.process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        assert await running.process.wait() == 0
        while any(_lives(pid) for pid in family):
            await asyncio.sleep(0.1)


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def hidden_key(running: Up) -> str:
    """The engine's key: a file for this user alone, and on nobody's command line."""
    file = running.data / "engine-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = file.read_text().strip()
    assert len(key) > 30
    assert not any(key in words for words in running.family().values())
    assert key not in running.config()
    return key


async def test_gguf_file_is_served_by_llama_cpp(tmp_path: Path) -> None:
    file = vllm.tiny_model() / "tiny.gguf"
    async with up(tmp_path, "--engine", f"llama:{file}", "--engine-flags=--parallel 2") as running:
        assert f"llama.cpp ({file})" in running.said
        whole = await running.ask(PROMPT, model="tiny")
        assert whole.json()["choices"][0]["message"]["content"] == ANSWER
        assert whole.json()["usage"]["completion_tokens"] > 10
        stream = await running.ask(f"{PROMPT} #7", model="tiny", stream=True)
        assert texts(stream.text) == "漢字 😀 ñ 그리고 김철수는 끝."
        assert stream.text.endswith("data: [DONE]\n\n")
        called = await running.ask(f"{PROMPT} #4", model="tiny", tools=[DIAL])
        (call,) = called.json()["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == {
            "성명": "김철수",
            "전화": "010-1234-5678",
        }
        schema = {"type": "object", "properties": {"글": {"enum": ["성명: 김철수"]}}}
        shape = {"name": "n", "schema": {**schema, "required": ["글"]}}
        formed = await running.ask(
            "안내", model="tiny", response_format={"type": "json_schema", "json_schema": shape}
        )
        said = formed.json()["choices"][0]["message"]["content"]
        assert json.loads(said) == {"글": "성명: 김철수"}
        long = await running.ask("가 나 " * 5_000, model="tiny")
        assert (long.status_code, long.json()["error"]["code"]) == (400, "context_length_exceeded")
        hidden_key(running)
        await stopped(running)
    for log in (tmp_path / "data/logs").iterdir():
        assert "김철수" not in log.read_text(encoding="utf-8")


async def test_file_that_llama_cpp_cannot_take_is_told_with_its_log(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes((vllm.tiny_model() / "tiny.gguf").read_bytes()[:4_000])
    done = await asyncio.create_subprocess_exec(
        *GWANMUN,
        *("up", "--data", str(tmp_path / "data"), "--port", str(free_ports())),
        *("--engine", f"llama:{file}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    _, errors = await done.communicate()
    assert done.returncode == 1
    assert "engine 프로세스가 끝났습니다" in errors.decode()
    assert "engine.log" in errors.decode()


async def test_model_folder_is_served_by_vllm(tmp_path: Path) -> None:
    folder = tmp_path / "Gwanmun-Tiny"
    folder.symlink_to(vllm.tiny_model() / "vllm")
    flags = "--max-model-len 1024 --max-num-seqs 4"
    words = ("--vllm", str(vllm.environment()), f"--engine-flags={flags}")
    async with up(tmp_path, "--engine", f"vllm:{folder}", *words, **vllm.ENVIRON) as running:
        assert f"vLLM ({folder})" in running.said
        stream = await running.ask(PROMPT, model="Gwanmun-Tiny", stream=True)
        assert texts(stream.text) == ANSWER
        called = await running.ask(f"{PROMPT} #4", model="Gwanmun-Tiny", tools=[DIAL])
        (call,) = called.json()["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"])["성명"] == "김철수"
        long = await running.ask("가 나 " * 1_000, model="Gwanmun-Tiny")
        assert (long.status_code, long.json()["error"]["code"]) == (400, "context_length_exceeded")
        key = hidden_key(running)
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{running.port + 2}/v1/models"
            assert (await client.get(url)).status_code == 401
            known = await client.get(url, headers={"authorization": f"Bearer {key}"})
            assert known.json()["data"][0]["max_model_len"] == 1_024
        assert any("EngineCore" in words for words in running.family().values())
        await stopped(running)
    log = (tmp_path / "data/logs/engine.log").read_text(encoding="utf-8")
    assert "김철수" not in log
    assert "[성명_1]" not in log
