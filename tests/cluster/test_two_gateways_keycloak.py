"""Two gateways that share one real Keycloak beside PostgreSQL and Valkey: tokens, logins, logouts.

The gateways are `gwanmun serve`, reached one by one: what a person begins at one is gone on with at
the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from line import PROMPT, read
from parts.keycloak import Keycloak, Person
from parts.postgres import PostgresServer
from parts.valkey import RunningValkey
from rehearsal import rehearsal
from serve import Served, gwanmun, served, write_config
from visiting import CSRF, Visitor

from gateway.demo.engine_script import Script
from gateway.demo.realm import CLIENTS, WEB_CLIENT
from gateway.identity.login import LOGIN_COOKIE, SESSION_COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 3
SLOW = Script(pieces=("[성명_1]님 ",) * 20, between_seconds=0.1)
QUESTION = {"model": "rehearsal", "messages": [{"role": "user", "content": PROMPT}]}


@pytest_asyncio.fixture(loop_scope="session")
async def both(
    tmp_path: Path,
    keycloak: Keycloak,
    postgres_server: PostgresServer,
    valkey_server: RunningValkey,
) -> AsyncIterator[tuple[Served, Served]]:
    """Two gateways for which everything but the data directory is the same."""
    secret = tmp_path / "web.secret"
    secret.touch(mode=0o600)
    secret.write_text(keycloak.web_secret)
    made = await asyncio.to_thread(gwanmun, "keys", "init", tmp_path / "keys")
    assert made.returncode == 0, made.stderr
    database = postgres_server.database()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(rehearsal(SLOW))
        gateways = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            config = write_config(
                folder,
                keycloak.issuer,
                engine.url,
                identity={
                    "issuer": keycloak.issuer,
                    "clients": list(CLIENTS),
                    "browser_client": WEB_CLIENT,
                    "browser_secret_file": str(secret),
                },
                server={"public_url": keycloak.gateway_url},
                store={**database.settings(), "data_dir": str(folder / "data")},
                ledger={"disk_reserve_bytes": 0, "key_dir": str(tmp_path / "keys")},
                valkey={"url": valkey_server.url, "deadline_seconds": 5.0},
                limits={"concurrent_requests": AT_ONCE},
                detector={"processes": 1, "deadline_seconds": 20.0},
            )
            gateways.append(await stack.enter_async_context(served(config)))
        yield gateways[0], gateways[1]


def at(keycloak: Keycloak, gateway: Served, cookie: str = "") -> httpx.AsyncClient:
    """A browser at one gateway, which it knows by the address that both are known by."""
    headers = {"host": urlsplit(keycloak.gateway_url).netloc}
    if cookie:
        headers["cookie"] = cookie
    return httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=60, trust_env=False)


async def logged_in(keycloak: Keycloak, person: Person, began: Served, ended: Served) -> str:
    """The session's cookie of a login that one gateway began and the other one ended."""
    async with at(keycloak, began) as browser:
        start = await browser.get("/login")
    login = SimpleCookie(start.headers["set-cookie"])[LOGIN_COOKIE].value

    def through_keycloak() -> str:
        visitor = Visitor(keycloak.gateway_url)
        visitor.go(start.headers["location"])
        callback = f"{keycloak.gateway_url}/login/callback"
        visitor.fill_in(callback, username=person.name, password=person.password)
        return str(visitor.page.headers["location"])

    back = urlsplit(await asyncio.to_thread(through_keycloak))
    async with at(keycloak, ended, f"{LOGIN_COOKIE}={login}") as browser:
        done = await browser.get(f"{back.path}?{back.query}")
    cookies = SimpleCookie()
    for line in done.headers.get_list("set-cookie"):
        cookies.load(line)
    return f"{SESSION_COOKIE}={cookies[SESSION_COOKIE].value}"


async def test_login_holds_at_both_gateways_and_a_logout_at_one_ends_it_at_both(
    keycloak: Keycloak, both: tuple[Served, Served]
) -> None:
    one, two = both
    person = await asyncio.to_thread(keycloak.new_person, "staff")
    cookie = await logged_in(keycloak, person, one, two)
    async with at(keycloak, one, cookie) as first, at(keycloak, two, cookie) as second:
        for browser in (first, second):
            assert (await browser.get("/v1/me")).json()["subject"] == person.id
        token = CSRF.search((await first.get("/", headers={"accept": "text/html"})).text)
        assert token is not None
        ours = {"origin": keycloak.gateway_url, "sec-fetch-site": "same-origin"}
        out = await first.post("/logout", data={"csrf": token[1]}, headers=ours)
        assert out.headers["refresh"].partition("url=")[2].startswith(f"{keycloak.endpoint}/logout")
        for browser in (first, second):
            assert (await browser.get("/v1/me")).status_code == 401


async def test_limits_of_a_token_of_keycloak_hold_over_both_gateways(
    keycloak: Keycloak, both: tuple[Served, Served]
) -> None:
    token = await asyncio.to_thread(keycloak.service_token, "svc-civil")
    bearer = {"authorization": f"Bearer {token}"}
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(at(keycloak, gateway)) for gateway in both]
        calls = [
            client.post("/v1/chat/completions", json=QUESTION, headers=bearer)
            for _ in range(AT_ONCE)
            for client in clients
        ]
        answers = [read(got) for got in await asyncio.gather(*calls)]
    codes = sorted((answer.status, answer.code) for answer in answers)
    assert codes == [(200, "")] * AT_ONCE + [(429, "limit_exceeded")] * AT_ONCE
