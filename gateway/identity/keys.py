"""The issuer's public keys: read from its key set (RFC 7517), kept, and fetched again in bounds.

Goes in: a `kid` that a token names. Comes out: the key, or a refusal. Tokens with invented key
names cost at most one fetch in `refresh_seconds`, however many come; a fetch in progress is shared
by all who wait for it. While the issuer is away, known keys stay good for `lifetime_seconds`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.errors import IdentityUnavailable
from gateway.identity.tokens import ALGORITHMS, Reason, refuse
from inference.task import JsonObject, JsonValue

MAX_KEYS: Final = 64
# NIST SP 800-131A: at least 2048 bits. The upper bound keeps one verification cheap.
RSA_BITS: Final = range(2048, 8192 + 1)
_BY_TYPE: Final = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_RETRY_SECONDS: Final = 1.0  # after a failed fetch, when waiting longer would keep everyone out


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, ready for each algorithm that it may be used with."""

    source: str
    algorithms: dict[str, jwt.PyJWK]


def read_key_set(document: JsonObject) -> dict[str, Key]:
    """The usable signature keys by `kid`; everything else in the set is passed over.

    A `kid` that stands twice is ambiguous, so neither key counts.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        return {}
    keys: dict[str, Key] = {}
    seen: set[str] = set()
    for entry in entries[:MAX_KEYS]:
        kid = entry.get("kid") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(kid, str) or not kid:
            continue
        if entry.get("use") != "sig":
            continue
        if kid in seen:
            keys.pop(kid, None)
            continue
        seen.add(kid)
        key = _read_key(entry)
        if key:
            keys[kid] = key
    return keys


def _read_key(entry: dict[str, JsonValue]) -> Key | None:
    kind, curve, declared = entry.get("kty"), entry.get("crv"), entry.get("alg")
    allowed = _BY_TYPE.get((str(kind), str(curve) if curve is not None else None), ())
    names = [name for name in allowed if declared in (None, name) and name in ALGORITHMS]
    public = {name: value for name, value in entry.items() if name in _PUBLIC_PARTS}
    try:
        algorithms = {name: jwt.PyJWK(public, algorithm=name) for name in names}
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    for ready in algorithms.values():
        if isinstance(ready.key, rsa.RSAPublicKey) and ready.key.key_size not in RSA_BITS:
            return None
    source = repr(sorted((name, str(value)) for name, value in public.items()))
    return Key(source, algorithms) if algorithms else None


_PUBLIC_PARTS: Final = frozenset({"kty", "crv", "n", "e", "x", "y"})


class KeyRing:
    """Keys by `kid`, with the rules of when they are fetched. One per process and issuer.

    `fetch` gives the key set document or raises IdentityUnavailable. `withdrawn` is called when a
    key that was known has vanished or changed. `clock` gives seconds of any steady origin.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[JsonObject]],
        withdrawn: Callable[[], None],
        *,
        refresh_seconds: float,
        renewal_seconds: float,
        lifetime_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._withdrawn = withdrawn
        self._refresh_seconds = refresh_seconds
        self._renewal_seconds = renewal_seconds
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fetched_at = -float("inf")
        self._tried_at = -float("inf")
        self._reachable = False
        self._fetching: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether known keys still count, be the issuer there or not."""
        return self._clock() - self._fetched_at < self._lifetime_seconds

    def renew(self) -> None:
        """Starts fetching in the background when the keys are no longer fresh; never waits."""
        if self._clock() - self._fetched_at >= self._renewal_seconds and self._may_fetch():
            self._start()

    async def find(self, kid: str, algorithm: str) -> jwt.PyJWK:
        """The key of this name for this algorithm.

        Raises:
            Unauthenticated: unknown_key (the issuer was asked, within the bound of its rate) or
                unsupported_algorithm (the key is for another one).
            IdentityUnavailable: the issuer could not be asked.
        """
        self.renew()
        key = self._known(kid)
        if key is None:
            if self._fetching or self._may_fetch():
                # Shielded: the fetch belongs to all who wait, not to the first caller alone.
                await asyncio.shield(self._start())
            key = self._known(kid)
        if key is None:
            if not self._reachable:
                raise IdentityUnavailable(retry_after_seconds=self._pause())
            refuse(Reason.UNKNOWN_KEY)
        ready = key.algorithms.get(algorithm)
        if ready is None:
            refuse(Reason.UNSUPPORTED_ALGORITHM)
        return ready

    async def close(self) -> None:
        """Ends a fetch in progress."""
        if self._fetching:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _known(self, kid: str) -> Key | None:
        return self._keys.get(kid) if self.usable else None

    def _pause(self) -> float:
        if self._reachable:
            return self._refresh_seconds
        return min(_RETRY_SECONDS, self._refresh_seconds)

    def _may_fetch(self) -> bool:
        return self._clock() - self._tried_at >= self._pause()

    def _start(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._refresh(), name="issuer-keys")
        return self._fetching

    async def _refresh(self) -> None:
        try:
            keys = read_key_set(await self._fetch())
        except IdentityUnavailable:
            self._reachable = False
        else:
            before, self._keys = self._keys, keys
            self._fetched_at, self._reachable = self._clock(), True
            if any(
                kid not in keys or keys[kid].source != key.source for kid, key in before.items()
            ):
                self._withdrawn()
        finally:
            self._tried_at = self._clock()
            self._fetching = None
