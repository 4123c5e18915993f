"""A gateway behind the nginx and the HAProxy that deploy/ recommends, with those very files."""

import asyncio
import json
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from line import PROMPT, Line, open_line, read
from parts.proxy import PROXIES, Gateway, Proxy
from smuggling import corpus, head, second

from gateway.demo.engine_script import Script

pytestmark = pytest.mark.asyncio(loop_scope="session")

PIECES = ("[성명_1]님 ",) * 6
# What a proxy reads as one clear request, and passes on as such, in its own words. There is nothing
# to smuggle: the gateway gets one request to a connection, with one length.
UNDERSTOOD = {
    "nginx": {
        *("bare-lf-after-a-field", "bare-lf-after-the-start", "bare-lf-at-the-end"),
        *("bare-lf-everywhere", "chunk-bare-lf", "chunk-data-bare-lf", "chunk-extension-bare-lf"),
        *("chunk-trailer-with-a-length", "cr-cr-lf"),
        # Fields that nginx does not understand are left out.
        *("control-in-a-value", "high-byte-in-a-name", "junk-in-a-name", "no-colon"),
        *("http-1.2", "upgrade-h2c", "upgrade-websocket"),
    },
    "haproxy": {
        *("bare-lf-after-a-field", "bare-lf-after-the-start", "bare-lf-at-the-end"),
        *("bare-lf-everywhere", "chunk-bare-lf", "chunk-data-bare-lf", "chunk-extension-bare-lf"),
        *("chunk-trailer-with-a-length", "cl-list", "cl-twice-equal"),
        *("folded", "folded-with-tab", "te-folded"),
        *("http-2.0", "tabs-in-the-start", "upgrade-h2c"),
    },
}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def line(detector, tmp_path_factory):
    """One gateway that believes the proxy at 127.0.0.1, and nobody else."""
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("proxied")
        yield await open_line(
            stack,
            detector,
            folder,
            Script(pieces=PIECES, between_seconds=0.05),
            server={"trusted_proxies": ["127.0.0.1/32"]},
            limits={"requests_per_minute": 10_000, "concurrent_requests": 1_000},
        )


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request, line: Line, tmp_path_factory):
    gateway = Gateway(
        urlsplit(str(line.client.base_url)).port or 0, urlsplit(line.internal_url).port or 0
    )
    folder = tmp_path_factory.mktemp(request.param) / "it"
    with PROXIES[request.param](folder, [gateway]) as running:
        yield running


def client(line: Line, proxy: Proxy, address: str = "127.0.0.2") -> httpx.AsyncClient:
    """A caller at another address than the proxy's, with a token."""
    transport = httpx.AsyncHTTPTransport(verify=proxy.trust(), local_address=address)
    authorization = {"authorization": line.client.headers["authorization"]}
    return httpx.AsyncClient(
        transport=transport, base_url=proxy.url, headers=authorization, timeout=30
    )


async def test_address_in_the_record_is_the_callers(line, proxy):
    async with client(line, proxy) as caller:
        await through(caller)
        got = read(await caller.post("/v1/chat/completions", json=line.question(False)))
    assert got.status == 200
    record = await recorded(line, got.headers["x-gwanmun-audit"])
    assert record["address"] == "127.0.0.2"


async def through(caller: httpx.AsyncClient) -> None:
    """Waits until the proxy has seen that the gateway is ready."""
    async with asyncio.timeout(30):
        while (await caller.get("/v1/me")).status_code != 200:
            await asyncio.sleep(0.05)


async def recorded(line: Line, record_id: str):
    async with asyncio.timeout(10):
        while True:
            for record in await line.records():
                if record["record_id"] == record_id:
                    return record
            await asyncio.sleep(0.02)


FORGED = {
    "x-forwarded-for": "203.0.113.9, 127.0.0.1",
    "forwarded": "for=203.0.113.9;proto=https;host=evil.example",
    "x-real-ip": "203.0.113.9",
    "x-client-ip": "203.0.113.9",
    "true-client-ip": "203.0.113.9",
    "x-forwarded-host": "evil.example",
    "x-forwarded-user": "00000000-0000-4000-8000-00000000beef",
    "x-forwarded-email": "officer@evil.example",
    "x-forwarded-access-token": "forged",
    "x-remote-user": "forged-officer",
    "remote-user": "forged-officer",
    "x-auth-request-user": "forged-officer",
    "x-authenticated-userid": "forged-officer",
    "x-ssl-client-verify": "SUCCESS",
    "x-ssl-client-s-dn": "CN=forged-officer",
    "x-gwanmun-principal": "forged-officer",
    "x-gwanmun-subject": "forged-officer",
    "x-gwanmun-agency": "agency-forged",
    "x-gwanmun-roles": "cpo,auditor,operator",
    "x-gwanmun-audit": "0" * 32,
    "x-gwanmun-ceiling": "C",
    "x-original-url": "/v1/receipts/0",
    "x-rewrite-url": "/v1/receipts/0",
    "x-http-method-override": "DELETE",
}


@pytest.mark.parametrize("direct", [False, True], ids=["through", "direct"])
async def test_forged_headers_change_nothing(line, proxy, direct):
    if direct:
        # Straight to the gateway from an address that is no proxy's.
        transport = httpx.AsyncHTTPTransport(local_address="127.0.0.3")
        authorization = {"authorization": line.client.headers["authorization"]}
        caller = httpx.AsyncClient(
            transport=transport, base_url=line.client.base_url, headers=authorization, timeout=30
        )
    else:
        caller = client(line, proxy)
    async with caller:
        await through(caller)
        honest = (await caller.get("/v1/me")).json()
        forged = (await caller.get("/v1/me", headers=FORGED)).json()
        got = read(
            await caller.post("/v1/chat/completions", json=line.question(False), headers=FORGED)
        )
    for volatile in ("left", "expires_at"):
        assert forged.pop(volatile).__class__ is honest.pop(volatile).__class__
    assert forged == honest
    assert got.status == 200
    record = await recorded(line, got.headers["x-gwanmun-audit"])
    assert record["address"] == ("127.0.0.3" if direct else "127.0.0.2")
    assert not any(word in json.dumps(record) for word in ("forged", "203.0.113", "evil"))


async def test_first_part_comes_while_the_engine_is_still_speaking(line, proxy):
    question = line.question(True, PROMPT)
    async with client(line, proxy) as caller:
        await through(caller)
        async with caller.stream("POST", "/v1/chat/completions", json=question) as got:
            assert got.headers["content-type"].startswith("text/event-stream")
            parts = got.aiter_text()
            text = ""
            while "님" not in text:
                text += await anext(parts)
            assert line.engines[0].working == 1
            text += "".join([part async for part in parts])
    assert text.endswith("data: [DONE]\n\n")


async def test_caller_who_leaves_through_the_proxy_frees_the_engine(line, proxy):
    question = line.question(True, PROMPT)
    async with client(line, proxy) as caller:
        await through(caller)
        async with caller.stream("POST", "/v1/chat/completions", json=question) as got:
            await anext(got.aiter_text())
    async with asyncio.timeout(20):
        while line.engines[0].working:
            await asyncio.sleep(0.02)


async def test_body_above_the_bound_is_refused(line, proxy):
    async with client(line, proxy) as caller:
        await through(caller)
        try:
            got = await caller.post(
                "/v1/chat/completions",
                content=b" " * (8 * 1024 * 1024 + 1),
                headers={"content-type": "application/json"},
            )
        except (httpx.WriteError, httpx.ReadError):
            return  # cut while sending: equally refused
    assert got.status_code == 413


async def test_proxy_writes_no_word_of_a_person(line, proxy):
    async with client(line, proxy) as caller:
        await through(caller)
        await caller.get("/v1/me?q=marked-query", headers={"referer": "https://x/marked-referrer"})
        await caller.post(
            "/v1/chat/completions",
            json=line.question(False),
            headers={"user-agent": "marked-agent"},
        )

    async def written() -> bool:
        return "/v1/chat/completions" in proxy.log.read_text()

    async with asyncio.timeout(10):
        while not await written():
            await asyncio.sleep(0.05)
    log = proxy.log.read_text()
    assert "marked" not in log
    assert "127.0.0.2" in log


async def exchange(proxy: Proxy, sent: bytes) -> bytes:
    """All that the proxy says to these bytes until it closes, or has been silent for long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=proxy.trust())
    answer = b""
    try:
        writer.write(sent)
        async with asyncio.timeout(15):
            while some := await reader.read(65_536):
                answer += some
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.close()
    return answer


async def test_smuggling_corpus_gets_no_hidden_request_through(line, proxy):
    token = line.client.headers["authorization"].removeprefix("Bearer ")
    async with client(line, proxy) as caller:
        await through(caller)
    at_once = asyncio.Semaphore(8)
    before = len(line.engines[0].seen)

    async def attempt(name: str, first: bytes) -> tuple[str, bytes]:
        async with at_once:
            return name, await exchange(proxy, first + second(token, f"behind-{name}."))

    answers = dict(
        await asyncio.gather(*(attempt(name, first) for name, first in corpus(token).items()))
    )
    seen = [body.decode() for body in line.engines[0].seen[before:]]
    passed = {name for name in answers if any(f"behind-{name}." in body for body in seen)}
    # Whatever reached an engine was answered to who had sent it, as a request that the proxy knew.
    for name, answer in answers.items():
        served = answer.count(b" 200 ")
        assert served == sum(f"behind-{name}." in body for body in seen), (name, answer)
        assert served <= 1
    assert passed == UNDERSTOOD[proxy.name], json.dumps(sorted(passed))
    # And nobody's next request is answered with what somebody else has left behind.
    async with client(line, proxy) as caller:
        for _ in range(3):
            got = await caller.get("/v1/me")
            assert (got.status_code, got.json()["object"]) == (200, "principal")


async def test_gateway_gets_one_request_to_a_connection(line, proxy):
    token = line.client.headers["authorization"].removeprefix("Bearer ")
    get = head(token, target="/v1/me").replace(b"POST", b"GET")
    last = head(token, "Connection: close", target="/v1/me").replace(b"POST", b"GET")
    answer = await exchange(proxy, (get + b"\r\n") * 3 + last + b"\r\n")
    assert answer.count(b"HTTP/1.1 200") == 4
