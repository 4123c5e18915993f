"""The browser's login over real sockets: provider, issuer's keys, code with PKCE, session."""

import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from issuer import (
    ABSENT,
    WEB_CLIENT,
    ScriptedIssuer,
    access_claims,
    rsa_key,
    scripted_issuer,
    serving,
    sign,
)

from gateway.demo.provider import ROOT, Provider
from gateway.demo.realm import Realm
from gateway.domain import Grade, Role, SessionSecret
from gateway.errors import IdentityUnavailable, Unauthenticated
from gateway.identity.authentication import Identity
from gateway.identity.login import Login
from gateway.identity.sessions import Sessions
from gateway.settings import IdentitySettings
from gateway.store.database import Database, database_path
from gateway.store.schema import migrate
from gateway.store.sessions import SessionStore

GATEWAY = "http://127.0.0.1:18080"


@dataclass
class House:
    identity: Identity
    login: Login

    async def reason(self, *arguments: Any, **more: Any) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.login.complete(*arguments, **more)
        return refused.value.reason


@asynccontextmanager
async def house_of(tmp_path: Path, issuer: str, secret_file: Path | None) -> AsyncIterator[House]:
    settings = IdentitySettings(issuer=issuer, browser_secret_file=secret_file)
    migrate(tmp_path, database_path(tmp_path))
    async with Database(tmp_path) as database:
        sessions = Sessions(SessionStore(database), b"s" * 32, settings)
        async with Identity(settings, sessions) as identity:
            login = Login(settings, GATEWAY, b"l" * 32, identity=identity, sessions=sessions)
            yield House(identity, login)


@asynccontextmanager
async def with_provider(tmp_path: Path) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    realm = Realm.open(tmp_path / "demo", port)
    async with (
        serving(Provider(realm, GATEWAY).app(), listener),
        house_of(tmp_path, realm.issuer, realm.client_secret_file(WEB_CLIENT)) as house,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as browser,
    ):
        await browser.get(realm.ticket_url(realm.new_ticket()))
        yield house, browser


async def choose(browser: httpx.AsyncClient, url: str, person: str) -> dict[str, str]:
    """Does what a person does at the provider; returns the callback's parameters."""
    page = await browser.get(url)
    sealed = re.search(r'name="request" value="([^"]+)"', page.text)
    assert sealed, page.text
    answer = await browser.post(
        f"{ROOT}/demo/choose", data={"request": sealed[1], "person": person}
    )
    location = answer.headers["location"]
    assert location.startswith(f"{GATEWAY}/login/callback?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def test_person_logs_in_and_out(tmp_path: Path) -> None:
    async with with_provider(tmp_path) as (house, browser):
        start = await house.login.begin("/console?day=1")
        back = await choose(browser, start.redirect_url, "officer-a")
        done = await house.login.complete(
            back["code"], back["state"], start.login_cookie, issuer=back["iss"]
        )
        assert done.return_path == "/console?day=1"
        assert done.principal.roles == {Role.AGENCY_OFFICER}
        who = await house.identity.verify(SessionSecret(done.secret))
        assert (who.subject, who.ceiling) == (done.principal.subject, Grade.C)
        assert who.expires_at > time.time() + 28_000
        away = await house.login.end(done.secret)
        assert "/logout?" in away
        with pytest.raises(Unauthenticated):
            await house.identity.verify(SessionSecret(done.secret))


async def test_code_of_one_browser_is_of_no_use_to_another(tmp_path: Path) -> None:
    async with with_provider(tmp_path) as (house, browser):
        mine, theirs = await house.login.begin("/"), await house.login.begin("/")
        back = await choose(browser, mine.redirect_url, "minsu")
        code, state = back["code"], back["state"]
        assert await house.reason(code, state, theirs.login_cookie) == "login_state"
        assert await house.reason(code, "x", mine.login_cookie) == "login_state"
        assert await house.reason(code, "", mine.login_cookie) == "login_state"
        assert await house.reason(code, state, "") == "login_state"
        assert await house.reason(code, state, "가") == "login_state"
        foreign = Fernet(Fernet.generate_key()).encrypt(b"[]").decode()
        assert await house.reason(code, state, foreign) == "login_state"
        issuer = "https://other.example"
        assert await house.reason(code, state, mine.login_cookie, issuer=issuer) == "wrong_issuer"
        own_state = parse_qs(urlsplit(theirs.redirect_url).query)["state"][0]
        assert await house.reason(code, own_state, theirs.login_cookie) == "login_refused"


async def test_login_cookie_hides_what_it_keeps(tmp_path: Path) -> None:
    async with with_provider(tmp_path) as (house, _):
        start = await house.login.begin("/secret-page")
        query = parse_qs(urlsplit(start.redirect_url).query)
        assert query["code_challenge_method"] == ["S256"]
        assert query["state"][0] not in start.login_cookie
        assert "secret-page" not in start.login_cookie
        assert start.login_cookie not in repr(start)


@dataclass
class Scripted:
    house: House
    issuer: ScriptedIssuer

    async def ends(self, id_changes: dict[str, Any], access_changes: dict[str, Any]) -> str:
        """Completes a login whose tokens were changed; the refusal's word, or its session."""
        start = await self.house.login.begin("/")
        query = parse_qs(urlsplit(start.redirect_url).query)
        claims = access_claims(self.issuer.url, typ="ID", aud=WEB_CLIENT, azp=WEB_CLIENT)
        claims |= {"nonce": query["nonce"][0], "sid": "sid-1"}
        claims = {n: v for n, v in (claims | id_changes).items() if v is not ABSENT}
        self.issuer.code_answer = {
            "access_token": self.issuer.token(**{"azp": WEB_CLIENT} | access_changes),
            "id_token": sign(claims, self.issuer.key, "k1"),
        }
        try:
            done = await self.house.login.complete("code", query["state"][0], start.login_cookie)
        except Unauthenticated as refused:
            return refused.reason
        return done.secret


@asynccontextmanager
async def scripted(tmp_path: Path) -> AsyncIterator[Scripted]:
    async with scripted_issuer() as issuer, house_of(tmp_path, issuer.url, None) as house:
        yield Scripted(house, issuer)


WRONG = {
    "another nonce": ({"nonce": "x"}, {}, "wrong_nonce"),
    "no nonce": ({"nonce": ABSENT}, {}, "wrong_nonce"),
    "nonce a number": ({"nonce": 7}, {}, "wrong_nonce"),
    "ID token for another": ({"aud": "other"}, {}, "wrong_audience"),
    "ID token by another": ({"azp": "other"}, {}, "wrong_client"),
    "ID token expired": ({"exp": 1}, {}, "expired"),
    "ID token is an access token": ({"typ": "Bearer"}, {}, "wrong_type"),
    "ID token of another issuer": ({"iss": "https://other.example"}, {}, "wrong_issuer"),
    "another access token": ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, {}, "bad_signature"),
    "access token of another person": ({}, {"sub": "someone"}, "wrong_subject"),
    "access token of another client": ({}, {"azp": "test-client"}, "wrong_client"),
    "access token not for us": ({}, {"aud": "other"}, "wrong_audience"),
    "access token is a refresh token": ({}, {"typ": "Refresh"}, "wrong_type"),
}


@pytest.mark.parametrize(("identity", "access", "reason"), WRONG.values(), ids=WRONG.keys())
async def test_wrong_tokens_begin_no_session(
    tmp_path: Path, identity: dict[str, Any], access: dict[str, Any], reason: str
) -> None:
    async with scripted(tmp_path) as case:
        assert await case.ends(identity, access) == reason
        assert len(await case.ends({}, {})) == 43


async def test_verifier_and_client_go_to_the_issuer(tmp_path: Path) -> None:
    async with scripted(tmp_path) as case:
        await case.ends({}, {})
        form, authorization = case.issuer.code_requests[0]
        assert len(form["code_verifier"]) == 43
        assert form["redirect_uri"] == f"{GATEWAY}/login/callback"
        assert (form["client_id"], authorization) == (WEB_CLIENT, "")


async def test_issuer_that_refuses_or_fails_begins_no_session(tmp_path: Path) -> None:
    async with scripted(tmp_path) as case:
        start = await case.house.login.begin("/")
        state = parse_qs(urlsplit(start.redirect_url).query)["state"][0]
        case.issuer.code_answer = {"error": "invalid_grant"}
        assert await case.house.reason("c", state, start.login_cookie) == "login_refused"
        case.issuer.code_answer = {"access_token": "x"}
        with pytest.raises(IdentityUnavailable):
            await case.house.login.complete("c", state, start.login_cookie)
        case.issuer.code_answer = {"access_token": "x", "id_token": "y"}
        assert await case.house.reason("c", state, start.login_cookie) == "malformed"


async def test_id_token_signed_by_a_stranger_begins_no_session(tmp_path: Path) -> None:
    async with scripted(tmp_path) as case:
        case.issuer.key = rsa_key()
        assert await case.ends({}, {}) == "bad_signature"


async def test_logout_ends_the_session_though_the_issuer_is_away(tmp_path: Path) -> None:
    async with scripted(tmp_path) as case:
        secret = await case.ends({}, {})
        async with house_of(tmp_path / "other", case.issuer.url, None) as house:
            case.issuer.mode = "away"
            assert await house.login.end("a" * 43) == "/"
        assert "/logout?" in await case.house.login.end(secret)
        with pytest.raises(Unauthenticated):
            await case.house.identity.verify(SessionSecret(secret))
