"""`gwanmun serve` as a process of its own, for tests that kill it or flood it."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from ports import free_ports

GWANMUN = Path(sys.executable).parent / "gwanmun"


@dataclass
class Served:
    """A running process: where it listens, and its handle."""

    url: str
    internal_url: str
    process: subprocess.Popen[bytes]
    log: Path


def write_config(folder: Path, issuer: str, engine: str, **groups: Any) -> Path:
    """The YAML file of a gateway with one replica."""
    replica = {"name": "r0", "url": engine, "served_model": "rehearsal"}
    tree: dict[str, Any] = {
        "identity": {"issuer": issuer},
        "store": {"data_dir": str(folder / "data")},
        "models": [{"name": "rehearsal", "replicas": [replica]}],
        "ledger": {"disk_reserve_bytes": 0},
        **groups,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    return path


def gwanmun(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [GWANMUN, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )


@contextlib.asynccontextmanager
async def served(config: Path, environ: dict[str, str] | None = None) -> AsyncIterator[Served]:
    """A gateway process that is ready; it is stopped (or reaped, if it was killed) at the end.

    Without an environment it has that of the tests.
    """
    tree = yaml.safe_load(config.read_text(encoding="utf-8"))
    free = free_ports(2)
    tree["server"] = {"port": free, "internal_port": free + 1, **tree.get("server", {})}
    public, internal = tree["server"]["port"], tree["server"]["internal_port"]
    mine = config.with_name("serving.yaml")
    mine.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    log = config.with_name("serve.log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [GWANMUN, "serve", "--config", mine], stdout=output, stderr=output, env=environ
        )
    running = Served(f"http://127.0.0.1:{public}", f"http://127.0.0.1:{internal}", process, log)
    try:
        await _ready(running)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 60)


async def _ready(running: Served) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(180):
        while True:
            if running.process.poll() is not None:
                raise RuntimeError(running.log.read_text(encoding="utf-8")[-2000:])
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"{running.internal_url}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
