"""Fixtures: one real Keycloak for the whole run, and a gateway with an engine that believes it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from ports import free_ports
from serve import GWANMUN, gwanmun, write_config
from visiting import Visitor

from gateway.demo.realm import CLIENTS, WEB_CLIENT
from parts.keycloak import Keycloak, running_keycloak

MODEL = "rehearsal"


@dataclass(frozen=True)
class Gateway:
    """A gateway behind the Keycloak of the run."""

    url: str
    log: Path

    def visitor(self) -> Visitor:
        return Visitor(self.url)

    def me(self, token: str) -> httpx.Response:
        bearer = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{self.url}/v1/me", headers=bearer, timeout=30, trust_env=False)

    def ask(self, token: str, text: str) -> httpx.Response:
        return httpx.post(
            f"{self.url}/v1/chat/completions",
            json={"model": MODEL, "messages": [{"role": "user", "content": text}]},
            headers={"authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )


@pytest.fixture(scope="session")
def keycloak_ports() -> int:
    """Gateway, internal listener and engine: the realm must know the gateway's before it starts."""
    return free_ports(3)


@pytest.fixture(scope="session")
def keycloak(keycloak_ports: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    folder = tmp_path_factory.mktemp("keycloak")
    with running_keycloak(folder, f"http://127.0.0.1:{keycloak_ports}") as keycloak:
        yield keycloak


@pytest.fixture(scope="session")
def behind_keycloak(
    keycloak: Keycloak, keycloak_ports: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder, port = tmp_path_factory.mktemp("behind-keycloak"), keycloak_ports
    secret = folder / "web.secret"
    secret.touch(mode=0o600)
    secret.write_text(keycloak.web_secret)
    config = write_config(
        folder,
        keycloak.issuer,
        f"http://127.0.0.1:{port + 2}",
        identity={
            "issuer": keycloak.issuer,
            "clients": [*CLIENTS, "svc-key"],
            "browser_client": WEB_CLIENT,
            "browser_secret_file": str(secret),
            "key_refresh_seconds": 0.5,
        },
        server={
            "port": port,
            "internal_port": port + 1,
            "public_url": f"http://127.0.0.1:{port}",
        },
    )
    assert gwanmun("migrate", "--config", config).returncode == 0
    engine = [sys.executable, "-m", "gateway.demo.engine", "--port", str(port + 2), "--pace", "0"]
    log = folder / "serve.log"
    with (
        _process(engine, f"http://127.0.0.1:{port + 2}/health", folder / "engine.log"),
        _process(
            [str(GWANMUN), "serve", "--config", str(config)],
            f"http://127.0.0.1:{port + 1}/readyz",
            log,
        ),
    ):
        yield Gateway(f"http://127.0.0.1:{port}", log)


@contextmanager
def _process(command: list[str], url: str, log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
            try:
                if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        else:
            raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])
        yield
    finally:
        process.terminate()
        process.wait(60)
