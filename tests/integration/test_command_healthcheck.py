"""`gwanmun healthcheck`: what container engines ask, on a real gateway's internal listener."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from serve import gwanmun, write_config

from gateway.commands.healthcheck import ask
from gateway.demo.engine_script import Script
from gateway.settings import ServerSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
async def test_gateway_that_runs_is_healthy_and_ready(a_line, bound: str) -> None:
    line = await a_line(Script())
    port = urlsplit(line.internal_url).port
    server = ServerSettings(internal_host=bound, internal_port=port)
    assert await asyncio.to_thread(ask, server, "/healthz", 5.0) == (200, "ok")
    assert await asyncio.to_thread(ask, server, "/readyz", 5.0) == (200, "ready")


async def test_gateway_that_drains_is_healthy_and_not_ready(a_line) -> None:
    line = await a_line(Script())
    server = ServerSettings(internal_port=urlsplit(line.internal_url).port)
    line.house.edge.draining.set()
    assert (await asyncio.to_thread(ask, server, "/healthz", 5.0))[0] == 200
    status, said = await asyncio.to_thread(ask, server, "/readyz", 5.0)
    assert status == 503
    assert "not ready" in said


async def test_nobody_there_is_unhealthy_and_nothing_of_the_settings_is_told(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # bound, and never answered
        port = taken.getsockname()[1]
        config = write_config(
            tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9", server={"internal_port": port}
        )
        silent = await asyncio.to_thread(
            gwanmun, "healthcheck", "--config", config, "--timeout", "0.2"
        )
    gone = await asyncio.to_thread(gwanmun, "healthcheck", "--config", config)
    for done in (silent, gone):
        assert done.returncode == 1
        assert "답하지 않습니다" in done.stdout
        assert done.stderr == ""


async def test_wrong_settings_are_told_with_their_own_status(tmp_path: Path) -> None:
    done = await asyncio.to_thread(gwanmun, "healthcheck", "--config", tmp_path / "none.yaml")
    assert done.returncode == 2
