"""Several processes on one database: writers beside each other, dead ones, and two sealers."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from issuer import scripted_issuer
from keeping import KeptInServer
from line import PROMPT
from parts.postgres import PostgresServer
from ports import free_ports
from recording import record, running
from rehearsal import rehearsal
from serve import GWANMUN, gwanmun, served, write_config

from gateway.demo.engine_script import Script
from gateway.ledger.sealer import Sealer, Sealing

SOURCE = Path(__file__).parents[2]
SILENCE = 1.0
SOON = {"silence_seconds": SILENCE, "heartbeat_seconds": SILENCE / 6, "durable_seconds": 20.0}
OTHER = f"""
import asyncio, sys
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from gateway.ledger.keys import open_keys
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.errors import AuditUnavailable
from keeping import kept_by
from recording import FAST, closed, opened

async def one(ledger):
    while True:
        try:
            opening = ledger.open(opened())
            try:
                await opening.durable
                print("opened", opening.record_id, flush=True)
                await asyncio.sleep(0.02)
            finally:
                ledger.close(opening, closed(opening.record_id))
        except AuditUnavailable:
            await asyncio.sleep(0.02)

async def main():
    options = LedgerOptions(**FAST | {SOON!r})
    async with kept_by(sys.argv[1]).database() as database:
        async with Ledger(options, database, open_keys(Path(sys.argv[2]))) as ledger:
            await asyncio.gather(*(one(ledger) for _ in range(4)))

asyncio.run(main())
"""


@pytest.fixture
def kept(postgres_server: PostgresServer, tmp_path: Path) -> KeptInServer:
    return KeptInServer.of(postgres_server.database(), tmp_path / "one")


@contextmanager
def another_process(kept: KeptInServer, data_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Writes to the same ledger until it is killed; it has written when this gives it."""
    spec = kept.beside(data_dir).spec
    arguments = [sys.executable, "-c", OTHER, spec, str(kept.data_dir), str(SOURCE)]
    with subprocess.Popen([*arguments, str(SOURCE / "tests")], stdout=subprocess.PIPE) as other:
        try:
            yield other
        finally:
            other.kill()


async def written(other: "subprocess.Popen[bytes]", count: int) -> list[str]:
    """The next record ids that the other process was told were durable."""
    assert other.stdout is not None
    lines = [await asyncio.to_thread(other.stdout.readline) for _ in range(count)]
    assert all(lines), "the other process has ended"
    return [line.split()[1].decode() for line in lines]


async def until_lost(kept: KeptInServer, count: int) -> None:
    query = "SELECT count(*) FROM event WHERE action = 'writer.lost'"
    async with asyncio.timeout(120):
        while kept.ask(query) != [(count,)]:
            await asyncio.sleep(0.05)


async def test_records_of_a_killed_gateway_are_closed_as_lost_by_one_that_lives(
    kept: KeptInServer, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    async with running(kept, **SOON) as ledger:
        for number in range(2):
            with another_process(kept, tmp_path / f"other-{number}") as other:
                acknowledged += await written(other, 20)
                mine = [await record(ledger) for _ in range(5)]
                other.send_signal(signal.SIGKILL)
                assert other.stdout is not None
                rest = await asyncio.to_thread(other.stdout.read)
                acknowledged += [line.split()[1].decode() for line in rest.splitlines()]
            await until_lost(kept, number + 1)
            acknowledged += mine
    ids = {row[0] for row in kept.ask("SELECT record_id FROM event")}
    assert set(acknowledged) <= ids
    report = kept.verified()
    assert (report.problem, report.open, report.running, report.writers) == (None, 0, 0, 3)
    bodies = [body for (body,) in kept.ask("SELECT body FROM event")]
    assert any(b'"outcome":"lost"' in body for body in bodies)


async def test_a_gateway_that_was_only_silent_finds_out_and_goes_on_as_another_writer(
    kept: KeptInServer, tmp_path: Path
) -> None:
    """Stopped in its tracks, taken for dead, and then it wakes: its old number writes no more."""
    async with running(kept, **SOON) as ledger:
        with another_process(kept, tmp_path / "other") as other:
            await written(other, 5)
            other.send_signal(signal.SIGSTOP)
            await until_lost(kept, 1)
            await record(ledger)
            other.send_signal(signal.SIGCONT)
            async with asyncio.timeout(60):
                while kept.ask("SELECT count(*) FROM writer") != [(3,)]:
                    await asyncio.sleep(0.05)
            before = kept.ask("SELECT count(*) FROM event WHERE action = 'request.opened'")
            while kept.ask("SELECT count(*) FROM event WHERE action = 'request.opened'") == before:
                await asyncio.sleep(0.05)
            assert kept.verified().problem is None
    assert kept.verified().problem is None


async def test_two_sealers_do_no_harm(kept: KeptInServer, tmp_path: Path) -> None:
    async with running(kept, seal_seconds=60) as ledger:
        two, three = (kept.beside(tmp_path / name).database() for name in ("two", "three"))
        async with two, three:
            sealers = [
                Sealer(database, kept.keys(), Sealing(seal_seconds=60)) for database in (two, three)
            ]
            for _ in range(20):
                await asyncio.gather(record(ledger), record(ledger))
                await asyncio.gather(*(sealer.seal() for sealer in sealers))
            while any([await sealer.seal() for sealer in sealers]):
                pass
            assert all(sealer.sound for sealer in sealers)
    report = kept.verified()
    assert (report.problem, report.unsealed) == (None, 0)


class Asked:
    """A caller, and a look at the internal listeners."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._last = ""

    async def once(self) -> int:
        messages = [{"role": "user", "content": PROMPT}]
        got = await self._client.post(
            "/v1/chat/completions", json={"model": "rehearsal", "messages": messages}
        )
        self._last = got.headers.get("x-gwanmun-audit", self._last)
        return got.status_code

    async def until(self, status: int) -> None:
        async with asyncio.timeout(180):
            while await self.once() != status:
                await asyncio.sleep(0.2)

    async def receipt(self, *, sealed: bool) -> dict[str, Any]:
        """The last answer's, once both of its promises are there, sealed or not."""
        async with asyncio.timeout(30):
            while True:
                got = (await self._client.get(f"/v1/receipts/{self._last}")).json()
                promises = got["promises"]
                if len(promises) == 2 and all(bool(each["sealed"]) is sealed for each in promises):
                    return dict(got)
                await asyncio.sleep(0.05)

    async def text(self, url: str) -> str:
        return (await self._client.get(url)).text


@contextmanager
def sealing(config: Path) -> Iterator[str]:
    """`gwanmun seal` as a process; gives the URL of its listener, and checks that it ends well."""
    port = free_ports(1)
    environ = {**os.environ, "GWANMUN_SERVER__INTERNAL_PORT": str(port)}
    with subprocess.Popen([GWANMUN, "seal", "--config", config], env=environ) as sealer:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            sealer.send_signal(signal.SIGTERM)
    assert sealer.returncode == 0


async def test_gateway_that_does_not_seal_and_a_sealer_of_its_own(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """As an operator runs the commands: shared keys, a gateway, a sealer that comes and goes."""
    found, keys = postgres_server.database(), tmp_path / "keys"
    assert gwanmun("keys", "init", keys).returncode == 0
    assert gwanmun("keys", "init", keys).returncode == 2
    ledger = {"key_dir": str(keys), "seals": False, "unsealed_limit": 20, "seal_seconds": 0.1}
    store = {"data_dir": str(tmp_path / "data"), **found.settings()}
    async with scripted_issuer() as issuer, rehearsal(Script()) as engine:
        groups = {"ledger": ledger, "store": store, "limits": {"requests_per_minute": 10**6}}
        config = write_config(tmp_path, issuer.url, engine.url, **groups)
        kept = KeptInServer.of(found, tmp_path / "data")
        (keys / "sealer.pem").rename(tmp_path / "sealer.pem")  # a gateway needs it not
        headers = {"authorization": f"Bearer {issuer.token(exp=2**40)}"}
        async with (
            served(config) as gateway,
            httpx.AsyncClient(
                base_url=gateway.url, headers=headers, timeout=30, trust_env=False
            ) as client,
        ):
            asked, ready = Asked(client), f"{gateway.internal_url}/readyz"
            assert await asked.once() == 200
            assert (await asked.receipt(sealed=False))["checkpoint"] is None
            await asked.until(503)
            assert await asked.text(ready) == "not ready: ledger (backlog)\n"
            (tmp_path / "sealer.pem").rename(keys / "sealer.pem")
            (keys / "writer.pem").rename(tmp_path / "writer.pem")  # and a sealer not this one
            with sealing(config) as sealer:
                await asked.until(200)
                await asked.receipt(sealed=True)
                assert await asked.text(f"{sealer}/readyz") == "ready\n"
                assert "gateway_ledger_tree_size" in await asked.text(f"{sealer}/metrics")
                assert await asked.text(f"{sealer}/healthz") == "ok\n"
    trust = ("--trust", keys / "trust.json")
    secret = ("--password-file", found.password_file("gwanmun_reader"))
    done = gwanmun("audit", "verify", found.url("gwanmun_reader"), *trust, *secret)
    assert done.returncode == 0, done.stdout
    assert kept.ask("SELECT count(*) FROM checkpoint") != [(0,)]
