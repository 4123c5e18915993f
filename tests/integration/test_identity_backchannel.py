"""POST /logout/backchannel over real sockets: tokens that end sessions, and every wrong one."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from house import RunningHouse, running_house, settings_for
from issuer import ABSENT, WEB_CLIENT, ScriptedIssuer, rsa_key, scripted_issuer, sign
from people import principal

from gateway.domain import SessionSecret
from gateway.errors import Unauthenticated
from gateway.identity.tokens import LOGOUT_EVENT
from redaction.pool import Detector

PATH = "/logout/backchannel"


@dataclass
class Case:
    house: RunningHouse
    issuer: ScriptedIssuer

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer.url,
            "aud": WEB_CLIENT,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
            "sub": "someone",
            "sid": "sid-1",
            "typ": "Logout",
            "events": {LOGOUT_EVENT: {}},
        }
        claims |= changes
        return {name: value for name, value in claims.items() if value is not ABSENT}

    def token(self, kind: str = "logout+jwt", **changes: Any) -> str:
        return sign(self.claims(**changes), self.issuer.key, "k1", "RS256", typ=kind)

    async def post(self, token: str) -> httpx.Response:
        return await self.house.client.post(PATH, data={"logout_token": token})

    async def log_in(self, sid: str = "sid-1", subject: str = "someone") -> str:
        sessions = self.house.house.back_channel._sessions
        who = principal(subject=subject, expires_at=time.time() + 300)
        return await sessions.begin(who, sid)

    async def lives(self, secret: str) -> bool:
        try:
            await self.house.house.edge.services.identity.verify(SessionSecret(secret))
        except Unauthenticated:
            return False
        return True


@asynccontextmanager
async def opened(tmp_path: Path, detector: Detector) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(scripted_issuer())
        settings = settings_for(tmp_path / "data", issuer.url, "http://127.0.0.1:1")
        yield Case(await stack.enter_async_context(running_house(settings, detector)), issuer)


async def test_logout_of_a_login_ends_its_sessions_and_no_other(
    tmp_path: Path, detector: Detector
) -> None:
    async with opened(tmp_path, detector) as case:
        mine = [await case.log_in(), await case.log_in()]
        same_person, stranger = await case.log_in("sid-2"), await case.log_in("sid-3", "other")
        got = await case.post(case.token())
        assert (got.status_code, got.headers["cache-control"]) == (200, "no-store")
        assert [await case.lives(one) for one in mine] == [False, False]
        assert await case.lives(same_person)
        assert await case.lives(stranger)


@pytest.mark.parametrize("kind", ["logout+jwt", "application/logout+jwt", "JWT"])
async def test_logout_of_a_person_ends_all_that_persons_sessions(
    tmp_path: Path, detector: Detector, kind: str
) -> None:
    async with opened(tmp_path, detector) as case:
        mine, other = [await case.log_in("a"), await case.log_in("")], await case.log_in("b", "x")
        assert (await case.post(case.token(kind, sid=ABSENT, typ=ABSENT))).status_code == 200
        assert [await case.lives(one) for one in mine] == [False, False]
        assert await case.lives(other)


async def test_logout_of_an_unknown_login_is_no_error(tmp_path: Path, detector: Detector) -> None:
    async with opened(tmp_path, detector) as case:
        assert (await case.post(case.token(sid="never"))).status_code == 200


async def test_token_works_once(tmp_path: Path, detector: Detector) -> None:
    async with opened(tmp_path, detector) as case:
        token = case.token()
        assert (await case.post(token)).status_code == 200
        later = await case.log_in()
        assert (await case.post(token)).status_code == 400
        assert await case.lives(later)


NOW = time.time()
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "another issuer": ("logout+jwt", {"iss": "https://other.example"}),
    "another client": ("logout+jwt", {"aud": "test-client"}),
    "no event": ("logout+jwt", {"events": ABSENT}),
    "another event": ("logout+jwt", {"events": {"x": {}}}),
    "event is no object": ("logout+jwt", {"events": {LOGOUT_EVENT: True}}),
    "a nonce": ("logout+jwt", {"nonce": "x"}),
    "an empty nonce": ("logout+jwt", {"nonce": None}),
    "no jti": ("logout+jwt", {"jti": ABSENT}),
    "no iat": ("logout+jwt", {"iat": ABSENT}),
    "iat is text": ("logout+jwt", {"iat": "1"}),
    "too old": ("logout+jwt", {"iat": int(NOW) - 200, "exp": int(NOW) + 600}),
    "expired": ("logout+jwt", {"iat": int(NOW) - 60, "exp": int(NOW) - 30}),
    "of the future": ("logout+jwt", {"iat": int(NOW) + 600, "exp": int(NOW) + 660}),
    "neither sid nor sub": ("logout+jwt", {"sid": ABSENT, "sub": ABSENT}),
    "both empty": ("logout+jwt", {"sid": "", "sub": ""}),
    "sid is a number": ("logout+jwt", {"sid": 7}),
    "an access token": ("JWT", {"typ": "Bearer"}),
    "an ID token": ("JWT", {"typ": "ID", "events": ABSENT}),
    "header of an access token": ("at+jwt", {}),
}


@pytest.mark.parametrize(("kind", "changes"), WRONG.values(), ids=WRONG.keys())
async def test_wrong_token_ends_nothing(
    tmp_path: Path, detector: Detector, kind: str, changes: dict[str, Any]
) -> None:
    async with opened(tmp_path, detector) as case:
        mine = await case.log_in()
        got = await case.post(case.token(kind, **changes))
        assert (got.status_code, got.json()["code"]) == (400, "logout_token_invalid")
        assert await case.lives(mine)


async def test_token_that_the_issuer_did_not_sign_ends_nothing(
    tmp_path: Path, detector: Detector
) -> None:
    async with opened(tmp_path, detector) as case:
        mine = await case.log_in()
        for forged in (
            sign(case.claims(), rsa_key(), "k1", "RS256", typ="logout+jwt"),
            sign(case.claims(), "s" * 32, "k1", "HS256", typ="logout+jwt"),
            case.token()[:-4],
            "",
            "가",
        ):
            assert (await case.post(forged)).status_code == 400
        assert await case.lives(mine)


async def test_form_must_be_one_small_form_with_one_token(
    tmp_path: Path, detector: Detector
) -> None:
    async with opened(tmp_path, detector) as case:
        client, token = case.house.client, case.token()
        mine = await case.log_in()
        twice = f"logout_token={token}&logout_token={token}"
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await client.post(PATH, content=twice, headers=form)).status_code == 400
        assert (await client.post(PATH, json={"logout_token": token})).status_code == 400
        assert (await client.post(PATH, params={"logout_token": token})).status_code == 400
        packed = form | {"content-encoding": "gzip"}
        assert (await client.post(PATH, content=twice, headers=packed)).status_code == 415
        huge = f"logout_token={token}&x={'a' * 40_000}"
        assert (await client.post(PATH, content=huge, headers=form)).status_code == 413
        assert (await client.get(PATH)).status_code == 405
        assert await case.lives(mine)


async def test_logout_token_is_no_access_token(tmp_path: Path, detector: Detector) -> None:
    async with opened(tmp_path, detector) as case:
        for kind in ("JWT", "logout+jwt", "at+jwt"):
            bearer = {"authorization": f"Bearer {case.token(kind, aud='gwanmun', azp=WEB_CLIENT)}"}
            assert (await case.house.client.get("/v1/me", headers=bearer)).status_code == 401


async def test_issuer_that_is_away_can_end_nothing(tmp_path: Path, detector: Detector) -> None:
    async with opened(tmp_path, detector) as case:
        mine, token = await case.log_in(), case.token()
        case.issuer.mode = "away"
        assert (await case.post(token)).status_code == 503
        assert await case.lives(mine)
        case.issuer.mode = "well"
        time.sleep(1.1)  # the key ring's pause after a failed fetch
        assert (await case.post(token)).status_code == 200
        assert not await case.lives(mine)
