"""`gwanmun doctor` on this machine: what it looks at, and what it does not call a fault."""

import asyncio
import socket
from pathlib import Path

import pytest
from recording import record, running
from serve import gwanmun, write_config
from tiling import Cosigner

from gateway.store.data_dir import DataDirectoryLock


def configuration(folder: Path, port: int, **groups: object) -> Path:
    server = {"port": port, "internal_port": 0}
    return write_config(folder, "http://127.0.0.1:9", "http://127.0.0.1:9", server=server, **groups)


def test_doctor_without_settings_calls_none_of_them_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GWANMUN_CONFIG", raising=False)
    done = gwanmun("doctor")
    assert "정상  설정" not in done.stdout
    assert "생략  설정" in done.stdout


def test_doctor_names_wrong_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GWANMUN_CONFIG", "/nonexistent/gwanmun.yaml")
    done = gwanmun("doctor")
    assert done.returncode == 1
    assert "문제  설정" in done.stdout


def test_doctor_looks_at_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = configuration(tmp_path, 0, store={"data_dir": str(tmp_path / "file")})
    done = gwanmun("doctor", "--config", config)
    assert done.returncode == 1
    assert "문제  데이터 디렉터리" in done.stdout


def test_doctor_knows_the_ports_of_the_gateway_that_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = configuration(tmp_path, listener.getsockname()[1])
        assert "문제  공개 포트" in gwanmun("doctor", "--config", config).stdout
        with DataDirectoryLock(tmp_path / "data"):
            told = gwanmun("doctor", "--config", config).stdout
    assert "정상  공개 포트" in told
    assert "실행 중입니다" in told


def test_doctor_asks_outside_witnesses_and_says_how_long_a_quorum_is_missing(
    tmp_path: Path,
) -> None:
    data, policy = tmp_path / "data", tmp_path / "policy"
    asyncio.run(one_record(data))
    key = Cosigner("far.example.go.kr/1").key
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        policy.write_text(f"witness far {key} http://127.0.0.1:{port}\nquorum far\n")
        silent.close()
        witnesses = {"policy_file": str(policy), "stale_seconds": 0.01}
        config = configuration(tmp_path, 0, store={"data_dir": str(data)}, witnesses=witnesses)
        told = gwanmun("doctor", "--config", config).stdout
    assert "문제  외부 확인자 far" in told
    assert "문제  외부 확인자의 정족수" in told
    for text, said in (
        ("garbage", "외부 확인자의 파일이 아닙니다"),
        (f"witness far {key} file:///nonexistent\nquorum far\n", "없습니다"),
        (f"witness far {key} ftp://x.example\nquorum far\n", "주소도"),
    ):
        policy.write_text(text)
        told = gwanmun("doctor", "--config", config)
        assert (told.returncode, "문제  설정" in told.stdout, said in told.stdout) == (
            1,
            True,
            True,
        )


async def one_record(data_dir: Path) -> None:
    async with running(data_dir) as ledger:
        await record(ledger)
