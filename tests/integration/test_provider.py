"""The demo provider on a real socket: who may open it, and what it gives to whom."""

import base64
import re
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from issuer import serving

from gateway.demo.people import PEOPLE, SERVICES
from gateway.demo.provider import ROOT, Provider
from gateway.demo.realm import WEB_CLIENT, Realm

GATEWAY = "http://127.0.0.1:18080"
CALLBACK = f"{GATEWAY}/login/callback"
AUTH = f"{ROOT}/protocol/openid-connect/auth"
TOKEN = f"{ROOT}/protocol/openid-connect/token"
VERIFIER = secrets.token_urlsafe(32)
CHALLENGE = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = {
    "response_type": "code",
    "client_id": WEB_CLIENT,
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@dataclass
class Running:
    realm: Realm
    port: int
    browser: httpx.AsyncClient

    async def open(self) -> None:
        answer = await self.browser.get(self.realm.ticket_url(self.realm.new_ticket()))
        assert (answer.status_code, answer.headers["location"]) == (303, f"{GATEWAY}/login")

    async def code(self, person: str = "minsu", **changes: Any) -> str:
        page = await self.browser.get(AUTH, params=REQUEST | changes)
        assert page.status_code == 200
        sealed = re.search(r'name="request" value="([^"]+)"', page.text)
        assert sealed
        form = {"request": sealed[1], "person": person}
        answer = await self.browser.post(f"{ROOT}/demo/choose", data=form)
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        assert query["state"] == ["state-1"]
        assert query["iss"] == [self.realm.issuer]
        return query["code"][0]

    async def exchange(self, code: str, /, **changes: Any) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_id": WEB_CLIENT,
            "client_secret": self.realm.client_secret(WEB_CLIENT),
        }
        return await self.browser.post(TOKEN, data=form | changes)


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    realm = Realm.open(tmp_path / "demo", port)
    base = f"http://127.0.0.1:{port}"
    async with (
        serving(Provider(realm, GATEWAY).app(), listener),
        httpx.AsyncClient(base_url=base, trust_env=False) as browser,
    ):
        yield Running(realm, port, browser)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "gwanmun.localhost:{port}", ""],
)
@pytest.mark.parametrize("path", [AUTH, f"{ROOT}/protocol/openid-connect/certs", "/nowhere"])
async def test_another_host_name_is_refused_everywhere(
    tmp_path: Path, host: str, path: str
) -> None:
    async with running(tmp_path) as house:
        answer = await house.browser.get(path, headers={"host": host.format(port=house.port)})
        assert answer.status_code == 421
        named = await house.browser.get(path, headers={"host": f"localhost:{house.port}"})
        assert named.status_code != 421


async def test_browser_without_the_link_may_choose_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        page = await house.browser.get(AUTH, params=REQUEST)
        assert page.status_code == 403
        assert "gwanmun demo link" in page.text
        assert not any(person.name in page.text for person in PEOPLE)
        forged = await house.browser.post(
            f"{ROOT}/demo/choose", data={"request": "x", "person": "minsu"}
        )
        assert forged.status_code == 403
        assert "location" not in forged.headers


async def test_link_opens_one_browser_once(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        link = house.realm.ticket_url(house.realm.new_ticket())
        guess = await house.browser.get(link, headers={"sec-purpose": "prefetch;prerender"})
        assert (guess.status_code, house.browser.cookies.jar.__len__()) == (503, 0)
        opened = await house.browser.get(link)
        assert opened.status_code == 303
        cookie = opened.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert f"path={ROOT}/" in cookie
        async with httpx.AsyncClient(trust_env=False) as second:
            assert (await second.get(link)).status_code == 403
        invented = house.realm.ticket_url("../signing-key.pem")
        assert (await house.browser.get(invented)).status_code == 403
        assert (await house.browser.get(AUTH, params=REQUEST)).status_code == 200


async def test_pages_carry_a_strict_policy_and_no_script(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        await house.open()
        page = await house.browser.get(AUTH, params=REQUEST)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert "<script" not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert all(person.name in page.text for person in PEOPLE)


async def test_person_logs_in_with_code_and_verifier(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        await house.open()
        answer = (await house.exchange(await house.code())).json()
        key = jwt.PyJWK(house.realm.key_set()["keys"][0])  # type: ignore[index]
        access = jwt.decode(answer["access_token"], key, audience="gwanmun")
        identity = jwt.decode(answer["id_token"], key, audience=WEB_CLIENT)
        assert (access["typ"], identity["typ"]) == ("Bearer", "ID")
        assert (access["azp"], identity["nonce"]) == (WEB_CLIENT, "nonce-1")
        assert access["sid"] == identity["sid"]
        assert access["realm_access"]["roles"] == ["staff", "offline_access"]
        assert (access["agency"], access["ceiling"]) == ("demo-ministry", "S")


async def test_code_works_once(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        await house.open()
        code = await house.code()
        assert (await house.exchange(code)).status_code == 200
        again = await house.exchange(code)
        assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code_verifier": "x" * 43}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": "https://evil.example/"}, 400, "invalid_grant"),
        ({"code": "x"}, 400, "invalid_grant"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "gwanmun-cli"}, 401, "invalid_client"),
        ({"client_id": "../signing-key"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 400, "unauthorized_client"),
        ({"padding": "x" * 20_000}, 413, "invalid_request"),
    ],
)
async def test_wrong_exchange_is_refused_by_its_word(
    tmp_path: Path, changes: dict[str, str], status: int, error: str
) -> None:
    async with running(tmp_path) as house:
        await house.open()
        answer = await house.exchange(await house.code(), **changes)
        assert (answer.status_code, answer.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "svc-civil"}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": ""}],
)
async def test_request_of_another_client_is_never_redirected(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    async with running(tmp_path) as house:
        await house.open()
        answer = await house.browser.get(AUTH, params=REQUEST | changes)
        assert answer.status_code == 403
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
    ],
)
async def test_unfit_request_goes_back_with_an_error(
    tmp_path: Path, changes: dict[str, str], error: str
) -> None:
    async with running(tmp_path) as house:
        await house.open()
        answer = await house.browser.get(AUTH, params=REQUEST | changes)
        location = answer.headers["location"]
        assert location.startswith(CALLBACK)
        assert parse_qs(urlsplit(location).query)["error"] == [error]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.key)
async def test_agency_system_gets_a_token_for_its_secret(tmp_path: Path, service: Any) -> None:
    async with running(tmp_path) as house:
        secret = house.realm.client_secret(service.key)
        assert secret
        answer = await house.browser.post(
            TOKEN, data={"grant_type": "client_credentials"}, auth=(service.key, secret)
        )
        key = jwt.PyJWK(house.realm.key_set()["keys"][0])  # type: ignore[index]
        claims = jwt.decode(answer.json()["access_token"], key, audience="gwanmun")
        assert claims["azp"] == service.key
        assert claims["preferred_username"] == f"service-account-{service.key}"
        wrong = await house.browser.post(
            TOKEN, data={"grant_type": "client_credentials"}, auth=(service.key, "x")
        )
        assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})


async def test_person_cannot_be_a_service(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        await house.open()
        page = await house.browser.get(AUTH, params=REQUEST)
        sealed = re.search(r'name="request" value="([^"]+)"', page.text)
        assert sealed
        for name in ("svc-civil", "nobody", ""):
            form = {"request": sealed[1], "person": name}
            answer = await house.browser.post(f"{ROOT}/demo/choose", data=form)
            assert answer.status_code == 403


async def test_logout_leads_back_to_the_gateway_only(tmp_path: Path) -> None:
    path = f"{ROOT}/protocol/openid-connect/logout"
    async with running(tmp_path) as house:
        back = await house.browser.get(path, params={"post_logout_redirect_uri": f"{GATEWAY}/"})
        assert back.headers["location"] == f"{GATEWAY}/"
        away = {"post_logout_redirect_uri": "https://evil.example/"}
        assert (await house.browser.get(path, params=away)).status_code == 200


def test_secrets_are_generated_private_and_kept(tmp_path: Path) -> None:
    first, second = Realm.open(tmp_path / "a", 1), Realm.open(tmp_path / "b", 1)
    assert Realm.open(tmp_path / "a", 1).key_set() == first.key_set()
    assert first.key_set() != second.key_set()
    assert first.client_secret(WEB_CLIENT) != second.client_secret(WEB_CLIENT)
    for path in (tmp_path / "a").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert "PRIVATE" not in repr(first)
