"""`gwanmun up --keycloak` as people run it, from a distribution that they have."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from parts.keycloak import START_SECONDS, built
from ports import free_ports
from visiting import Visitor

from gateway.demo.people import ACCOUNTS

GWANMUN = (sys.executable, "-c", "from gateway.cli import main; main()")
READY = "관문이 준비되었습니다"
PASSWORD = re.compile(r"비밀번호\(이번 실행에서만.*\n\s+(\S+)")


@dataclass
class Up:
    url: str
    data: Path
    output: str
    environ: dict[str, str]

    def demo(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*GWANMUN, "demo", *words, "--data", str(self.data)],
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environ,
        )


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    cached = built() / "home"
    folder = tmp_path_factory.mktemp("up-keycloak")
    port, output = free_ports(4), folder / "output.txt"
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    command = [*GWANMUN, "up", "--data", str(folder / "data"), "--port", str(port), "--pace", "0"]
    command += ["--keycloak", "--keycloak-dist", str(cached)]
    with output.open("wb") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=subprocess.STDOUT, env=environ, start_new_session=True
        )
    try:
        until = time.monotonic() + START_SECONDS
        while "Ctrl-C를 누르십시오" not in (text := output.read_text("utf-8")):
            assert process.poll() is None, text
            assert time.monotonic() < until, text
            time.sleep(0.2)
        yield Up(f"http://127.0.0.1:{port}", folder / "data", text, environ)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    for number in range(4):  # nothing is left behind that listens
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port + number}/", trust_env=False)


def test_newcomer_logs_in_at_once_with_the_password_that_is_shown(up: Up) -> None:
    assert READY in up.output
    password = PASSWORD.search(up.output)
    assert password, up.output
    for name in ("minsu", "officer-a"):
        visitor = Visitor(up.url)
        visitor.log_in(name, password[1])
        me = visitor.me().json()
        account = ACCOUNTS[name]
        assert (me["name"], me["subject"]) == (account.name, account.subject)
        assert (me["ceiling"], me["department"]) == (account.ceiling.name, account.department)


def test_password_stands_in_no_file(up: Up) -> None:
    password = PASSWORD.search(up.output)
    assert password
    for path in up.data.rglob("*"):
        if path.is_file() and path.stat().st_size < 10_000_000:
            assert password[1].encode() not in path.read_bytes(), path


def test_systems_token_comes_from_keycloak(up: Up) -> None:
    got = up.demo("token", "svc-records")
    assert got.returncode == 0, got.stderr
    bearer = {"authorization": f"Bearer {got.stdout.strip()}"}
    me = httpx.get(f"{up.url}/v1/me", headers=bearer, timeout=30, trust_env=False).json()
    assert (me["client"], me["ceiling"]) == ("svc-records", "C")
    assert "demo token svc-civil" in up.output  # what people are told to paste works, too


def test_persons_token_and_link_are_explained(up: Up) -> None:
    got = up.demo("token", "minsu")
    assert (got.returncode, got.stdout) == (1, "")
    assert "svc-civil" in got.stderr
    assert "direct grants are off" in got.stderr
    got = up.demo("link")
    assert (got.returncode, got.stdout) == (1, "")
    assert "비밀번호로 로그인하십시오" in got.stderr
