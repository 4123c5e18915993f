"""Access tokens against a running issuer: keys, rotation, absence, memory, outbound bounds."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from issuer import (
    CLIENT,
    WEB_CLIENT,
    ScriptedIssuer,
    access_claims,
    make_key,
    public_jwk,
    rsa_key,
    scripted_issuer,
    sign,
)

from gateway.domain import BearerToken, Grade, Role, SessionSecret
from gateway.errors import IdentityUnavailable, TokenExpired, Unauthenticated
from gateway.identity.authentication import Identity
from gateway.identity.sessions import Sessions
from gateway.settings import IdentitySettings
from gateway.store.database import Database, database_path
from gateway.store.schema import migrate
from gateway.store.sessions import SessionStore


@dataclass
class Running:
    issuer: ScriptedIssuer
    identity: Identity
    seconds: float = 0.0

    def clock(self) -> float:
        return time.monotonic() + self.seconds

    def now(self) -> float:
        return time.time() + self.seconds

    async def verify(self, token: str) -> Any:
        return await self.identity.verify(BearerToken(token))

    async def reason(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.verify(token)
        return refused.value.reason


@asynccontextmanager
async def running(tmp_path: Path, **settings: Any) -> AsyncIterator[Running]:
    async with scripted_issuer() as issuer:
        chosen = IdentitySettings(issuer=issuer.url, clients=(CLIENT, WEB_CLIENT), **settings)
        migrate(tmp_path, database_path(tmp_path))
        async with Database(tmp_path) as database:
            sessions = Sessions(SessionStore(database), b"k" * 32, chosen)
            house = Running(issuer, None)  # type: ignore[arg-type]
            async with Identity(chosen, sessions, now=house.now, clock=house.clock) as identity:
                house.identity = identity
                yield house


async def test_right_token_names_its_principal(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        principal = await house.verify(house.issuer.token())
        assert (principal.agency, principal.client) == ("agency-a", CLIENT)
        assert principal.roles == {Role.STAFF}
        assert principal.ceiling is Grade.S


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "EdDSA"])
async def test_token_of_each_algorithm_is_taken(tmp_path: Path, algorithm: str) -> None:
    async with running(tmp_path) as house:
        key = make_key(algorithm)
        house.issuer.keys.append(public_jwk("other", key, alg=algorithm))
        token = sign(access_claims(house.issuer.url), key, "other", algorithm)
        assert (await house.verify(token)).agency == "agency-a"


async def test_nothing_sent_is_missing(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        with pytest.raises(Unauthenticated) as refused:
            await house.identity.verify(None)
        assert refused.value.reason == "missing"
        with pytest.raises(Unauthenticated) as refused:
            await house.identity.verify(SessionSecret("x"))
        assert refused.value.reason == "session_unknown"


async def test_foreign_and_malformed_tokens_cause_no_fetch(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        foreign = sign(access_claims("https://other.example/realms/x"), rsa_key(), "k9")
        assert await house.reason(foreign) == "wrong_issuer"
        assert await house.reason("x.y.z") == "malformed"
        assert await house.reason("a" * 20_000) == "too_large"
        assert house.issuer.fetches == 0


async def test_flood_of_invented_keys_causes_one_fetch(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        key, claims = rsa_key(), access_claims(house.issuer.url)
        for number in range(200):
            assert await house.reason(sign(claims, key, f"x{number}")) == "unknown_key"
        assert house.issuer.fetches == 1
        await house.verify(house.issuer.token())
        assert house.issuer.fetches == 1


async def test_refused_token_is_not_remembered_as_right(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        good = house.issuer.token()
        await house.verify(good)
        head, claims, signature = good.split(".")
        changed = signature[:-8] + ("A" * 8 if signature[-8:] != "A" * 8 else "B" * 8)
        for _ in range(2):
            assert await house.reason(f"{head}.{claims}.{changed}") == "bad_signature"


async def test_remembered_token_expires_on_time(tmp_path: Path) -> None:
    async with running(tmp_path, leeway_seconds=0) as house:
        token = house.issuer.token(exp=int(time.time()) + 100)
        await house.verify(token)
        house.seconds = 90
        await house.verify(token)
        house.seconds = 101
        with pytest.raises(TokenExpired):
            await house.verify(token)
        with pytest.raises(TokenExpired):
            await house.verify(token)


async def test_remembered_token_costs_a_tenth_of_a_millisecond(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        token = house.issuer.token(padding="x" * 2_000)
        await house.verify(token)
        best = 1.0
        for _ in range(20):
            began = time.perf_counter()
            for _ in range(50):
                await house.verify(token)
            best = min(best, (time.perf_counter() - began) / 50)
        assert best < 0.0001


async def test_memory_of_tokens_is_bounded(tmp_path: Path) -> None:
    async with running(tmp_path, remembered_tokens=3) as house:
        tokens = [house.issuer.token(jti=str(number)) for number in range(10)]
        for token in tokens:
            await house.verify(token)
        assert len(house.identity._remembered) == 3


async def test_rotated_key_is_learnt_while_running_and_the_old_one_dies(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        old = house.issuer.token()
        await house.verify(old)
        house.issuer.key = rsa_key()
        house.issuer.keys = [public_jwk("k2", house.issuer.key)]
        new = sign(access_claims(house.issuer.url), house.issuer.key, "k2")
        assert await house.reason(new) == "unknown_key"
        await house.verify(old)
        house.seconds = 11
        await house.verify(new)
        assert await house.reason(old) == "unknown_key"


async def test_issuer_away_keeps_known_keys_and_refuses_unknown_with_503(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        await house.verify(house.issuer.token())
        house.issuer.mode = "away"
        house.seconds = 3_600
        await house.verify(house.issuer.token(iat=int(house.now()), exp=int(house.now()) + 60))
        with pytest.raises(IdentityUnavailable) as unavailable:
            await house.verify(sign(access_claims(house.issuer.url), rsa_key(), "k2"))
        assert unavailable.value.retry_after_seconds
        house.issuer.mode = "well"
        house.seconds += 20
        await house.verify(house.issuer.token(exp=int(house.now()) + 60))


@pytest.mark.parametrize("mode", ["away", "huge", "redirects"])
async def test_issuer_that_never_answered_well_is_503(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path) as house:
        house.issuer.mode = mode
        with pytest.raises(IdentityUnavailable):
            await house.verify(house.issuer.token())


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example/realms/test"},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "http://127.0.0.1:1/certs"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"token_endpoint": "https://other.example/token"},
    ],
    ids=["another issuer", "metadata address", "another port", "a file", "none", "token elsewhere"],
)
async def test_issuer_that_points_elsewhere_is_not_followed(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    async with running(tmp_path) as house:
        house.issuer.changes = changes
        with pytest.raises(IdentityUnavailable):
            await house.verify(house.issuer.token())
        assert house.issuer.fetches == 0


async def test_key_set_without_keys_does_not_forget_the_known(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        await house.verify(house.issuer.token())
        house.issuer.keys = {"error": "x"}  # type: ignore[assignment]
        house.seconds = 400
        await house.verify(
            house.issuer.token(iat=int(time.time()), jti="2", exp=int(house.now()) + 9)
        )
        with pytest.raises(IdentityUnavailable):
            await house.verify(sign(access_claims(house.issuer.url), rsa_key(), "k2"))
