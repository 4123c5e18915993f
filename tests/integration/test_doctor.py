"""`gwanmun doctor` on this machine: what it looks at, and what it does not call a fault."""

import socket
from pathlib import Path

import pytest
from serve import gwanmun, write_config

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
