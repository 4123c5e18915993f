"""A browser session lasts as long as the issuer keeps its own: asked again, refused, away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from issuer import WEB_CLIENT, ScriptedIssuer, public_jwk, rsa_key, scripted_issuer
from people import principal

from gateway.domain import Grade, Principal, Role, SessionSecret
from gateway.errors import IdentityUnavailable, Unauthenticated
from gateway.identity.authentication import Identity
from gateway.identity.sessions import Kept, Sessions
from gateway.settings import IdentitySettings
from gateway.store.database import Database, database_path
from gateway.store.schema import migrate
from gateway.store.sessions import SessionStore

SUBJECT = "00000000-0000-4000-8000-000000000001"
PATIENCE = 600.0
KEPT = Kept("refresh-1", "id-1")


@dataclass
class House:
    issuer: ScriptedIssuer
    sessions: Sessions
    identity: Identity
    others: list[Identity] = field(default_factory=list)
    ahead: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    async def log_in(self, kept: Kept = KEPT) -> str:
        who = principal(Role.STAFF, subject=SUBJECT, expires_at=self.now() + 300)
        return await self.sessions.begin(who, "sid-1", kept)

    async def who(self, secret: str) -> Principal:
        return await self.identity.verify(SessionSecret(secret))

    async def reason(self, secret: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.who(secret)
        return refused.value.reason

    def answers(self, refresh: str = "refresh-2", **changes: Any) -> None:
        now = int(self.now())
        changes = {"sub": SUBJECT, "azp": WEB_CLIENT, "iat": now, "exp": now + 300} | changes
        token = self.issuer.token(**changes)
        self.issuer.code_answer = {"access_token": token, "refresh_token": refresh}

    def asked(self) -> list[str]:
        return [form.get("refresh_token", "") for form, _ in self.issuer.code_requests]


@asynccontextmanager
async def house_of(tmp_path: Path) -> AsyncIterator[House]:
    migrate(tmp_path, database_path(tmp_path))
    async with scripted_issuer() as issuer, Database(tmp_path) as database:
        settings = IdentitySettings(issuer=issuer.url, session_unconfirmed_seconds=PATIENCE)
        house = House(issuer, None, None)  # type: ignore[arg-type]
        house.sessions = Sessions(SessionStore(database), b"k" * 32, settings, now=house.now)
        async with (
            Identity(settings, house.sessions, now=house.now) as house.identity,
            Identity(settings, house.sessions, now=house.now) as other,
        ):
            house.others.append(other)
            yield house


async def test_issuer_is_asked_when_the_token_has_run_out_and_new_rights_count(
    tmp_path: Path,
) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        assert (await house.who(secret)).roles == {Role.STAFF}
        assert house.asked() == []
        house.ahead = 301
        house.answers(realm_access={"roles": ["developer"]}, ceiling="C", agency="agency-b")
        found = await house.who(secret)
        assert (found.roles, found.ceiling, found.agency) == ({Role.DEVELOPER}, Grade.C, "agency-b")
        assert (await house.who(secret)).roles == {Role.DEVELOPER}
        assert house.asked() == ["refresh-1"]
        house.ahead = 602
        house.answers("refresh-3")
        await house.who(secret)
        assert house.asked() == ["refresh-1", "refresh-2"]


async def test_session_keeps_its_own_end_however_often_it_is_renewed(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        ends = (await house.who(secret)).expires_at
        house.ahead = 301
        house.answers()
        await house.who(secret)
        assert (await house.who(secret)).expires_at == ends


async def test_many_requests_at_once_ask_once(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        house.ahead = 301
        house.answers()
        found = await asyncio.gather(*(house.who(secret) for _ in range(20)))
        assert {one.subject for one in found} == {SUBJECT}
        assert house.asked() == ["refresh-1"]


async def test_session_that_the_issuer_has_ended_ends_here(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        house.ahead = 301
        house.issuer.code_answer = {"error": "invalid_grant"}
        assert await house.reason(secret) == "session_ended"
        assert await house.reason(secret) == "session_unknown"


WRONG = {
    "another person": {"sub": "someone"},
    "another client": {"azp": "test-client"},
    "not for us": {"aud": "other"},
    "refresh token": {"typ": "Refresh"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
async def test_wrong_new_token_ends_the_session(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        house.ahead = 301
        house.answers(**changes)
        assert await house.reason(secret) == "session_ended"


async def test_session_goes_on_for_a_while_when_the_issuer_is_away(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        house.ahead = 301
        house.issuer.code_answer = {"error": "temporarily_unavailable"}
        assert (await house.who(secret)).subject == SUBJECT
        assert (await house.who(secret)).subject == SUBJECT
        assert len(house.asked()) == 1  # the second one did not wait for another answer
        house.ahead = 301 + PATIENCE
        with pytest.raises(IdentityUnavailable):
            await house.who(secret)
        house.ahead += 6
        house.answers()
        assert (await house.who(secret)).subject == SUBJECT


async def test_refusal_of_our_own_client_ends_no_session(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        house.ahead = 301
        house.issuer.code_answer = {"error": "invalid_client"}
        assert (await house.who(secret)).subject == SUBJECT


async def test_key_that_is_not_known_yet_ends_no_session(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        house.ahead = 301
        house.issuer.key = rsa_key()
        house.issuer.keys = [public_jwk("k2", rsa_key())]
        house.answers()
        assert (await house.who(secret)).subject == SUBJECT


async def test_other_replica_that_was_first_is_believed(tmp_path: Path) -> None:
    """An issuer that takes each refresh token once refuses the slower of two replicas."""
    async with house_of(tmp_path) as house:
        secret = await house.log_in()
        house.ahead = 301
        stale = await house.sessions.find(secret)
        house.answers()
        await house.others[0].verify(SessionSecret(secret))
        house.issuer.code_answer = {"error": "invalid_grant"}
        renewals = house.identity._renewals
        assert (await renewals._renew(secret, stale)).subject == SUBJECT
        assert (await house.who(secret)).subject == SUBJECT


async def test_login_without_refresh_token_lasts_as_the_settings_say(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in(Kept("", "id-1"))
        house.ahead = 1_000
        assert (await house.who(secret)).subject == SUBJECT
        assert house.asked() == []


async def test_tokens_of_the_issuer_are_nowhere_in_the_database(tmp_path: Path) -> None:
    async with house_of(tmp_path) as house:
        secret = await house.log_in(Kept("refresh-secret-1", "id-secret-1"))
        for path in tmp_path.iterdir():
            for token in (b"refresh-secret-1", b"id-secret-1"):
                assert token not in path.read_bytes()
        assert "secret-1" not in repr(await house.sessions.find(secret))
        assert await house.sessions.end(secret) == Kept("refresh-secret-1", "id-secret-1")
        assert await house.sessions.end(secret) == Kept()
