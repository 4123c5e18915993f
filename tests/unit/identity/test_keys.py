"""The issuer's keys: which count, and how often they are fetched."""

import asyncio
from typing import Any

import pytest
from issuer import make_key, public_jwk, rsa_key

from gateway.errors import IdentityUnavailable, Unauthenticated
from gateway.identity.keys import KeyRing, read_key_set

KEY = rsa_key()
OTHER = rsa_key()
REFRESH, RENEWAL, LIFETIME = 10.0, 300.0, 86_400.0


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Source:
    """What the issuer would publish, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [public_jwk("k1", KEY)]
        self.away = False
        self.fetches = 0
        self.withdrawn = 0
        self.clock = Clock()
        self.hold = asyncio.Event()
        self.hold.set()
        self.ring = KeyRing(
            self.fetch,
            self.note_withdrawn,
            refresh_seconds=REFRESH,
            renewal_seconds=RENEWAL,
            lifetime_seconds=LIFETIME,
            clock=self.clock,
        )

    def note_withdrawn(self) -> None:
        self.withdrawn += 1

    async def fetch(self) -> dict[str, Any]:
        self.fetches += 1
        await self.hold.wait()
        if self.away:
            raise IdentityUnavailable
        return {"keys": self.keys}


async def reason(source: Source, kid: str, algorithm: str = "RS256") -> str:
    with pytest.raises(Unauthenticated) as refused:
        await source.ring.find(kid, algorithm)
    return refused.value.reason


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_flood_of_unknown_names_costs_one_fetch_in_the_interval() -> None:
    source = Source()
    await source.ring.find("k1", "RS256")
    for interval in range(3):
        source.clock.seconds += REFRESH
        for number in range(500):
            assert await reason(source, f"x{interval}-{number}") == "unknown_key"
    assert source.fetches == 4


async def test_fetch_is_shared_and_outlives_the_caller_who_began_it() -> None:
    source = Source()
    source.hold.clear()
    first = asyncio.create_task(source.ring.find("k1", "RS256"))
    others = [asyncio.create_task(source.ring.find("k1", "RS256")) for _ in range(20)]
    await settle()
    first.cancel()
    await settle()
    source.hold.set()
    assert len(await asyncio.gather(*others)) == 20
    assert source.fetches == 1


async def test_rotated_key_is_found_after_the_interval() -> None:
    source = Source()
    await source.ring.find("k1", "RS256")
    source.keys = [public_jwk("k2", OTHER)]
    assert await reason(source, "k2") == "unknown_key"
    source.clock.seconds += REFRESH
    await source.ring.find("k2", "RS256")
    assert await reason(source, "k1") == "unknown_key"
    assert source.withdrawn == 1


async def test_known_key_is_renewed_in_the_background_without_waiting() -> None:
    source = Source()
    await source.ring.find("k1", "RS256")
    source.clock.seconds += RENEWAL
    source.hold.clear()
    await asyncio.wait_for(source.ring.find("k1", "RS256"), 1)
    await settle()
    assert source.fetches == 2
    await source.ring.close()


async def test_key_that_changed_under_its_name_counts_as_withdrawn() -> None:
    source = Source()
    await source.ring.find("k1", "RS256")
    source.keys = [public_jwk("k1", OTHER)]
    source.clock.seconds += RENEWAL
    source.ring.renew()
    await settle()
    assert source.withdrawn == 1


async def test_issuer_away_leaves_known_keys_for_their_lifetime() -> None:
    source = Source()
    await source.ring.find("k1", "RS256")
    source.away = True
    source.clock.seconds += LIFETIME - 1
    await source.ring.find("k1", "RS256")
    await settle()
    with pytest.raises(IdentityUnavailable):
        await source.ring.find("k2", "RS256")
    source.clock.seconds += 1
    assert not source.ring.usable
    with pytest.raises(IdentityUnavailable):
        await source.ring.find("k1", "RS256")
    source.away = False
    source.clock.seconds += 1
    await source.ring.find("k1", "RS256")


async def test_issuer_away_is_asked_at_most_once_a_second() -> None:
    source = Source()
    source.away = True
    for _ in range(200):
        with pytest.raises(IdentityUnavailable):
            await source.ring.find("k1", "RS256")
        source.clock.seconds += 0.01
    assert source.fetches in (2, 3)


async def test_key_of_another_algorithm_is_refused() -> None:
    source = Source()
    source.keys = [public_jwk("k1", KEY, alg="RS256")]
    assert await reason(source, "k1", "PS256") == "unsupported_algorithm"
    assert await reason(source, "k1", "ES256") == "unsupported_algorithm"


@pytest.mark.parametrize(
    "entry",
    [
        public_jwk("k", KEY, use="enc"),
        {name: value for name, value in public_jwk("k", KEY).items() if name != "use"},
        public_jwk("k", rsa_key(1024)),
        public_jwk("k", KEY, alg="RS512"),
        public_jwk("k", KEY, alg="HS256"),
        public_jwk("k", KEY, kid=7),
        public_jwk("k", KEY, kid=""),
        public_jwk("k", KEY, n="AQAB"),
        {"kty": "oct", "k": "AAAA", "kid": "k", "use": "sig", "alg": "HS256"},
        public_jwk("k", make_key("ES256"), crv="P-384"),
        public_jwk("k", make_key("ES256"), x="AAAA"),
        {"kid": "k", "use": "sig"},
        "k",
        None,
    ],
    ids=[
        "for encryption",
        "use unsaid",
        "RSA 1024",
        "RS512",
        "HS256",
        "kid a number",
        "kid empty",
        "tiny modulus",
        "symmetric",
        "curve mismatch",
        "point off the curve",
        "no type",
        "a string",
        "null",
    ],
)
def test_unfit_keys_are_passed_over(entry: Any) -> None:
    good = public_jwk("good", KEY)
    assert set(read_key_set({"keys": [entry, good]})) == {"good"}


def test_name_that_stands_twice_counts_for_neither() -> None:
    keys = [public_jwk("k", KEY), public_jwk("k", OTHER), public_jwk("k", KEY)]
    assert read_key_set({"keys": keys}) == {}
