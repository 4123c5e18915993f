"""Rehearsal engines on real loopback sockets, for every test that needs an engine.

    async with rehearsal(Script(resets_after=2)) as engine:
        engine.url, engine.seen, engine.working

The engine runs in the test's own event loop. A test that ends while an answer is still being
given cuts it.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from gateway.demo.engine import create_app, listen
from gateway.demo.engine_script import GOOD, MODEL_NAME, Script, Witness
from inference.replica import Replica


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """A running engine: where it is and what it has seen."""

    url: str
    witness: Witness

    @property
    def seen(self) -> list[bytes]:
        """The bodies of all requests, as received."""
        return self.witness.seen

    @property
    def working(self) -> int:
        """Answers that are being given now."""
        return self.witness.working

    def replica(self, name: str = "engine-1") -> Replica:
        """The engine as a replica of a model."""
        return Replica(name=name, url=self.url, served_model=MODEL_NAME)


class _Server(uvicorn.Server):
    """Leaves pytest's signal handlers alone, and stops at once instead of at its next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.stopping.wait()


@contextlib.asynccontextmanager
async def serving(app: object, *, path: str | None = None, **config: Any) -> AsyncIterator[str]:
    """Serves an ASGI application; gives its URL (`unix://…` if `path` names a socket).

    `config` goes to uvicorn.
    """
    if path is None:
        listener = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        url = f"unix://{path}"
    settings = {"log_config": None, "lifespan": "off", "timeout_graceful_shutdown": 1, **config}
    server = _Server(uvicorn.Config(app, **settings))
    running = asyncio.create_task(server.serve([listener]))
    try:
        await until(lambda: server.started)
        yield url
    finally:
        server.should_exit = server.force_exit = True
        server.stopping.set()
        await running
        listener.close()


@contextlib.asynccontextmanager
async def rehearsal(
    script: Script = GOOD, *, pace: float = 0.0, path: str | None = None
) -> AsyncIterator[RunningEngine]:
    """A rehearsal engine that follows `script`."""
    witness = Witness()
    async with serving(create_app(script, pace=pace, witness=witness), path=path) as url:
        yield RunningEngine(url, witness)


async def until(holds: Callable[[], object], *, seconds: float = 5.0) -> None:
    """Waits until `holds()` is true; TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.002)
