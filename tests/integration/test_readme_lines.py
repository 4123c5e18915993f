"""The lines that the README shows work as pasted, beside a running `gwanmun up`."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
GWANMUN = Path(sys.executable).with_name("gwanmun")
DEFAULT_PORT = "8080"
START_SECONDS = 120

pytestmark = pytest.mark.timeout(300)


def shown(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, dict[str, str]]]:
    """A running `gwanmun up`; its port, and the environment in which a shell would find it."""
    folder = tmp_path_factory.mktemp("readme")
    port = free_ports()
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    command = [str(GWANMUN), "up", "--data", str(folder / "data"), "--port", str(port)]
    said = folder / "said"
    with said.open("wb") as output:
        running = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            ends = time.monotonic() + START_SECONDS
            while "준비되었습니다" not in said.read_text(encoding="utf-8"):
                assert running.poll() is None, said.read_text(encoding="utf-8")
                assert time.monotonic() < ends, "did not start in time"
                time.sleep(0.1)
            yield port, environ
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(20)


def at(port: int, line: str) -> str:
    assert f"127.0.0.1:{DEFAULT_PORT}" in line
    return line.replace(f"127.0.0.1:{DEFAULT_PORT}", f"127.0.0.1:{port}")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_line_of_the_readme_streams_an_answer(place: tuple[int, dict[str, str]]) -> None:
    port, environ = place
    (line,) = [block for block in shown("sh") if block.startswith("curl")]
    done = subprocess.run(
        ["sh", "-c", at(port, line)], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "data: [DONE]" in done.stdout
    assert "[성명_1]" not in done.stdout


def test_openai_lines_of_the_readme_print_an_answer(place: tuple[int, dict[str, str]]) -> None:
    port, environ = place
    (lines,) = shown("python")
    done = subprocess.run(
        [sys.executable, "-c", at(port, lines)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "김철수" in done.stdout
    assert "[성명_1]" not in done.stdout
