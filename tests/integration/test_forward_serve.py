"""`gwanmun serve` with a webhook: killed as the first batch arrives, nothing is lost."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from keeping import KeptInFile
from receivers import SECRET, WebhookReceiver, tls
from serve import Served, served, write_config

from gateway.store.database import database_path
from gateway.store.schema import migrate


async def test_gateway_killed_in_the_midst_of_a_batch_sends_it_again(tmp_path: Path) -> None:
    authority, context = tls(tmp_path)
    (tmp_path / "secret").write_text(SECRET)
    receiver = WebhookReceiver(context)
    forward = {
        "webhook_url": receiver.url,
        "webhook_ca_file": str(authority),
        "webhook_secret_file": str(tmp_path / "secret"),
        "longest_pause_seconds": 1,
    }
    nobody = "http://127.0.0.1:9"
    config = write_config(tmp_path, nobody, nobody, forward=forward)
    data = tmp_path / "data"
    migrate(data, database_path(data))
    gateways: list[Served] = []

    def kill() -> None:
        if len(gateways) == 1 and gateways[0].process.poll() is None:
            gateways[0].process.send_signal(signal.SIGKILL)

    receiver.on_hook = kill
    async with killed(config, gateways), receiver.listening():
        await until(lambda: gateways[0].process.poll() is not None)
    lost, receiver.on_hook = receiver.hooks[-1], lambda: None
    receiver.taken.clear()
    async with receiver.listening(), served(config):
        await until(lambda: bool(receiver.taken))
    assert receiver.taken[0].positions[0] == lost.positions[0] == 1
    assert all(hook.signed for hook in receiver.hooks)
    kept = KeptInFile(data)
    last = kept.ask("SELECT max(position) FROM event WHERE action = 'writer.started'")[0][0]
    assert last in {position for hook in receiver.taken for position in hook.positions}


@contextlib.asynccontextmanager
async def killed(config: Path, gateways: list[Served]) -> AsyncIterator[None]:
    """A gateway that serves before its webhook listens, for that to end it."""
    async with served(config) as gateway:
        gateways.append(gateway)
        yield


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.01)
