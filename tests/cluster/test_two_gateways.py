"""Two gateways as a ministry runs them: behind a proxy, with one PostgreSQL and one Valkey.

The processes are `gwanmun serve`; only the engine and the issuer are stand-ins.
"""

import asyncio
import json
import shutil
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from issuer import WEB_CLIENT, ScriptedIssuer, access_claims, scripted_issuer, sign
from line import PROMPT, read
from parts.proxy import PROXIES, Gateway, Proxy, nginx
from ports import free_ports
from rehearsal import RunningEngine, rehearsal
from serve import Served, gwanmun, served, write_config

from gateway.demo.engine_script import Script
from gateway.identity.login import LOGIN_COOKIE, SESSION_COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="session")

SLOW = Script(pieces=("[성명_1]님 ",) * 30, between_seconds=0.1)
QUESTION = {"model": "rehearsal", "messages": [{"role": "user", "content": PROMPT}]}
MANY = {
    "requests_per_minute": 10**6,
    "characters_per_minute": 10**9,
    "concurrent_requests": 1_000,
}


@dataclass
class Ministry:
    """Where everything is; `serve` starts one of its gateways."""

    folder: object
    issuer: ScriptedIssuer
    engine: RunningEngine
    database: object
    valkey: object

    def config(self, name: str, **groups):
        """The settings of the gateway `name`: its own data directory, everything else shared."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        store = {**self.database.settings(), "data_dir": str(folder / "data")}
        groups.setdefault("limits", MANY)
        ledger = {"disk_reserve_bytes": 0, "key_dir": str(self.folder / "keys")}
        ledger |= {"seal_seconds": 0.2, "silence_seconds": 6.0}
        server = {
            "trusted_proxies": ["127.0.0.1/32"],
            "drain_delay_seconds": 4.0,
            "public_url": "https://127.0.0.1",
            **groups.pop("server", {}),
        }
        return write_config(
            folder,
            self.issuer.url,
            self.engine.url,
            store=store,
            ledger=ledger,
            valkey={"url": self.valkey.url, "deadline_seconds": 5.0, "lease_seconds": 3.0},
            server=server,
            detector={"processes": 1, "deadline_seconds": 20.0},
            **groups,
        )

    def token(self) -> str:
        return self.issuer.token(exp=2**40)


@pytest_asyncio.fixture(loop_scope="session")
async def ministry(tmp_path, postgres_server, valkey_server):
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(rehearsal(SLOW))
        issuer = await stack.enter_async_context(scripted_issuer())
        made = Ministry(tmp_path, issuer, engine, postgres_server.database(), valkey_server)
        done = gwanmun("keys", "init", tmp_path / "keys")
        assert done.returncode == 0, done.stderr
        yield made
        shutil.rmtree(tmp_path / "keys", ignore_errors=True)


def place(running: Served) -> Gateway:
    return Gateway(urlsplit(running.url).port or 0, urlsplit(running.internal_url).port or 0)


def caller(url: str, token: str, proxy: Proxy | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        headers={"authorization": f"Bearer {token}"},
        verify=proxy.trust() if proxy else True,
        timeout=60,
        trust_env=False,
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=20),
    )


async def logged_in(began: Served, ended: Served, issuer: ScriptedIssuer) -> str:
    """The session's cookie of a login that one gateway began and another one ended."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        browser.headers["host"] = "127.0.0.1"  # as public_url has it
        start = await browser.get(f"{began.url}/login")
        query = parse_qs(urlsplit(start.headers["location"]).query)
        claims = access_claims(issuer.url, typ="ID", aud=WEB_CLIENT, azp=WEB_CLIENT)
        claims |= {"nonce": query["nonce"][0], "sid": "sid-1"}
        issuer.code_answer = {
            "access_token": issuer.token(azp=WEB_CLIENT),
            "id_token": sign(claims, issuer.key, "k1"),
        }
        login = SimpleCookie(start.headers["set-cookie"])[LOGIN_COOKIE].value
        done = await browser.get(
            f"{ended.url}/login/callback",
            params={"code": "code", "state": query["state"][0]},
            headers={"cookie": f"{LOGIN_COOKIE}={login}"},
        )
    cookies = SimpleCookie()
    for line in done.headers.get_list("set-cookie"):
        cookies.load(line)
    return f"{SESSION_COOKIE}={cookies[SESSION_COOKIE].value}"


async def test_limits_and_sessions_hold_over_both_gateways(ministry):
    limits = {**MANY, "concurrent_requests": 3}
    async with (
        served(ministry.config("one", limits=limits)) as one,
        served(ministry.config("two", limits=limits)) as two,
        caller(one.url, ministry.token()) as first,
        caller(two.url, ministry.token()) as second,
    ):
        calls = [
            client.post("/v1/chat/completions", json=QUESTION)
            for _ in range(6)
            for client in (first, second)
        ]
        answers = [read(got) for got in await asyncio.gather(*calls)]
        codes = sorted((one.status, one.code) for one in answers)
        assert codes == [(200, "")] * 3 + [(429, "limit_exceeded")] * 9
        left = [(await client.get("/v1/me")).json()["left"] for client in (first, second)]
        assert [one["concurrent_requests"] for one in left] == [3, 3]
        cookie = {"cookie": await logged_in(one, two, ministry.issuer)}
        async with httpx.AsyncClient(trust_env=False, headers=cookie) as browser:
            for gateway in (one, two):
                me = (await browser.get(f"{gateway.url}/v1/me")).json()
                assert (me["client"], me["agency"]) == (WEB_CLIENT, "agency-a")


def outcomes(records: list[str], ministry: Ministry) -> dict[str, str]:
    """What the ledger says became of these records."""
    with ministry.database.superuser() as connection:
        rows = connection.execute("SELECT body FROM gwanmun.event ORDER BY position").fetchall()
    events = [json.loads(bytes(row[0])) for row in rows]
    return {
        event["id"]: event["outcome"]
        for event in events
        if event["action"] == "request.closed" and event["id"] in records
    }


async def test_open_records_of_a_killed_gateway_are_closed_as_lost_by_the_other(ministry):
    async with (
        served(ministry.config("one")) as one,
        served(ministry.config("two")) as two,
        caller(one.url, ministry.token()) as first,
        caller(two.url, ministry.token()) as second,
    ):
        records: list[str] = []

        async def ask() -> None:
            question = {**QUESTION, "stream": True}
            async with first.stream("POST", "/v1/chat/completions", json=question) as got:
                records.append(got.headers["x-gwanmun-audit"])
                async for _ in got.aiter_bytes():
                    pass

        asking = [asyncio.create_task(ask()) for _ in range(5)]
        async with asyncio.timeout(30):
            while len(records) < 5:
                await asyncio.sleep(0.02)
        one.process.send_signal(signal.SIGKILL)
        broken = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(one, httpx.HTTPError) for one in broken), broken
        async with asyncio.timeout(110):
            while len(found := outcomes(records, ministry)) < 5:
                await asyncio.sleep(0.5)
        assert set(found.values()) == {"lost"}
        # Its running calls are free again, and the other serves on.
        assert (await second.get("/v1/me")).json()["left"]["concurrent_requests"] == 1_000
        assert (await second.post("/v1/chat/completions", json=QUESTION)).status_code == 200


@pytest.mark.parametrize("name", PROXIES)
async def test_rolling_restart_under_load_fails_no_request(ministry, tmp_path, name):
    async with AsyncExitStack() as stack:
        configs = {one: ministry.config(one) for one in ("one", "two")}
        stacks = {one: AsyncExitStack() for one in configs}
        running: dict[str, Served] = {}
        for one, config in configs.items():
            await stack.enter_async_context(stacks[one])
            running[one] = await stacks[one].enter_async_context(served(config))
        folder = tmp_path / name
        gateways = [place(one) for one in running.values()]
        proxy = stack.enter_context(PROXIES[name](folder, gateways))
        client = await stack.enter_async_context(caller(proxy.url, ministry.token(), proxy))
        async with asyncio.timeout(30):
            while (await client.get("/v1/me")).status_code != 200:
                await asyncio.sleep(0.1)
        stop, served_by = asyncio.Event(), []

        async def load(stream: bool) -> None:
            while not stop.is_set():
                got = await client.post("/v1/chat/completions", json={**QUESTION, "stream": stream})
                answer = read(got)
                assert answer.status == 200, answer.raw
                assert answer.done or not stream
                served_by.append(got.headers["x-gwanmun-audit"])

        loads = [asyncio.create_task(load(stream)) for stream in (True, False) * 4]
        for one, at in zip(configs, gateways, strict=True):
            before = len(served_by)
            await stacks[one].aclose()  # SIGTERM, and waits for its end
            assert running[one].process.returncode == 0
            config = ministry.config(
                one, server={"port": at.port, "internal_port": at.internal_port}
            )
            running[one] = await stacks[one].enter_async_context(served(config))
            async with asyncio.timeout(60):
                while len(served_by) < before + 8:
                    assert not any(task.done() for task in loads), loads
                    await asyncio.sleep(0.1)
        stop.set()
        await asyncio.gather(*loads)  # raises what failed
        async with asyncio.timeout(60):  # a closing is written behind its answer
            while len(found := outcomes(served_by, ministry)) < len(served_by):
                await asyncio.sleep(0.1)
        assert set(found.values()) == {"complete"}
        assert len(found) == len(served_by) == len(set(served_by))


async def test_nginx_never_takes_all_gateways_for_dead_while_one_answers(tmp_path):
    """One was away and is back, but its first answer is not complete; then the other one stops."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        await asyncio.sleep(4 if "/slow" in head else 0)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    first = free_ports(2)
    gateways = [Gateway(first, first), Gateway(first + 1, first + 1)]
    with nginx(tmp_path / "nginx", gateways) as proxy:
        async with caller(proxy.url, "-", proxy) as client:

            async def all_answered(times: int = 8) -> bool:
                got = await asyncio.gather(*(client.post("/", content=b"x") for _ in range(times)))
                return [one.status_code for one in got] == [200] * times

            two = await asyncio.start_server(answer, "127.0.0.1", first + 1)
            assert await all_answered()  # the first one is known as dead now
            one = await asyncio.start_server(answer, "127.0.0.1", first)
            await asyncio.sleep(5.2)  # fail_timeout
            slow = [asyncio.create_task(client.post("/slow", content=b"x")) for _ in range(4)]
            await asyncio.sleep(0.5)
            two.close()
            assert await all_answered()
            assert [got.status_code for got in await asyncio.gather(*slow)] == [200] * 4
            one.close()
