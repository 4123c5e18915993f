"""Debian's nginx and HAProxy in front of gateways, with the very files that deploy/ recommends.

Each is a process of its own in a folder of its own. Only addresses, ports and paths of the files
are changed; a place that is not found any more fails the test.
"""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from ports import free_ports

from parts import authority

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def binary(name: str) -> str:
    """The proxy's program, or a skip that says how to get it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        package = {"nginx": "nginx-light"}.get(name, name)
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return found


@contextmanager
def process(
    command: Sequence[str | Path], *ports: int, output: IO[bytes] | int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens on these ports; stopped at the end."""
    running = subprocess.Popen([str(word) for word in command], stdout=output)
    try:
        deadline = time.monotonic() + 30
        for port in ports:
            while not _listens(port):
                if running.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} does not listen on {port}")
                time.sleep(0.02)
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Gateway:
    """The two ports of a gateway on this machine."""

    port: int
    internal_port: int


@dataclass(frozen=True)
class Proxy:
    """A running proxy; `log` is what it writes of requests."""

    name: str
    port: int
    ca_file: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)


def _replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, gateways: Sequence[Gateway]) -> Iterator[Proxy]:
    """nginx with deploy/nginx/gwanmun.conf in its http block."""
    program, port = binary("nginx"), free_ports(1)
    folder.mkdir()
    ca_file, pem = authority.server_certificate(folder, "localhost", "127.0.0.1")
    places = {
        f"server 10.0.0.{11 + number}:8080 {words};": f"server 127.0.0.1:{one.port} {words};"
        if one
        else ""
        for number, one in enumerate([*gateways, None][:2])
        for words in ("max_fails=1 fail_timeout=5s", "max_fails=0 backup")
    }
    text = _replaced(
        (DEPLOY / "nginx" / "gwanmun.conf").read_text(encoding="utf-8"),
        places
        | {
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "/etc/nginx/tls/gwanmun.pem": str(pem),
            "/etc/nginx/tls/gwanmun.key": str(pem),
            "/var/log/nginx/gwanmun.log": str(folder / "access.log"),
        },
    )
    (folder / "gwanmun.conf").write_text(text, encoding="utf-8")
    folders = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; {user} worker_processes 2; pid {folder}/nginx.pid;"
        f"error_log {folder}/error.log; events {{}}"
        f"http {{ {folders} include {folder}/gwanmun.conf; }}",
        encoding="utf-8",
    )
    command = [program, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    with process(command, port):
        yield Proxy("nginx", port, ca_file, folder / "access.log")


@contextmanager
def haproxy(folder: Path, gateways: Sequence[Gateway]) -> Iterator[Proxy]:
    """HAProxy with deploy/haproxy/gwanmun.cfg."""
    program, port = binary("haproxy"), free_ports(1)
    folder.mkdir()
    ca_file, pem = authority.server_certificate(folder, "localhost", "127.0.0.1")
    servers = [
        f"server gateway-{number} 127.0.0.1:{one.port} port {one.internal_port}"
        for number, one in enumerate(gateways, 1)
    ]
    old = "server gateway-{} 10.0.0.1{}:8080 port 8083"
    text = _replaced(
        (DEPLOY / "haproxy" / "gwanmun.cfg").read_text(encoding="utf-8"),
        {
            old.format(1, 1): servers[0],
            old.format(2, 2): servers[1] if len(servers) > 1 else "",
            "bind :443 ssl": f"bind 127.0.0.1:{port} ssl",
            "/etc/haproxy/tls/gwanmun.pem": str(pem),
        },
    )
    config, log = folder / "haproxy.cfg", folder / "access.log"
    config.write_text(text, encoding="utf-8")
    with log.open("wb") as output, process([program, "-db", "-f", config], port, output=output):
        yield Proxy("haproxy", port, ca_file, log)


PROXIES = {"nginx": nginx, "haproxy": haproxy}
