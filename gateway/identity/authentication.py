"""Who is calling: access tokens of the issuer, and browser sessions. Nothing else is believed.

Goes in: credentials as they came. Comes out: a Principal, or a refusal by a closed word. A verified
token is remembered by the SHA-256 of the whole token until it expires or a key is withdrawn;
refusals are not remembered. It never logs, stores or repeats a token.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Set
from contextlib import AsyncExitStack
from hashlib import sha256
from types import TracebackType
from typing import Final, NamedTuple, Self

from gateway.domain import BearerToken, Credentials, Principal
from gateway.identity.issuer import Issuer
from gateway.identity.keys import KeyRing
from gateway.identity.renewal import Renewals
from gateway.identity.sessions import Sessions
from gateway.identity.tokens import (
    HEADER_TYPES,
    MAX_TOKEN_CHARACTERS,
    Expected,
    Reason,
    check_claims,
    principal_of,
    read_unverified,
    read_verified,
    refuse,
)
from gateway.settings import IdentitySettings
from inference.task import JsonObject

ACCESS: Final = "Bearer"  # Keycloak's claim `typ` of an access token, and of an ID token
ID: Final = "ID"


class VerifiedToken(NamedTuple):
    """The claims of a token that holds, and the Principal that they describe."""

    claims: JsonObject
    principal: Principal


class Identity:
    """Verifies credentials; an async context manager that owns the connections to the issuer.

    One per process. It starts without the issuer: keys are fetched when a token first names one.
    `seen` is called with each Principal that is found, and must not wait.
    """

    def __init__(
        self,
        settings: IdentitySettings,
        sessions: Sessions,
        *,
        seen: Callable[[Principal], None] = lambda _: None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = Issuer(settings)
        self._settings = settings
        self._seen = seen
        self._now = now
        self._remembered: OrderedDict[bytes, Principal] = OrderedDict()
        self._keys = KeyRing(
            self.issuer.key_set,
            self._remembered.clear,
            refresh_seconds=settings.key_refresh_seconds,
            renewal_seconds=settings.key_renewal_seconds,
            lifetime_seconds=settings.key_lifetime_seconds,
            clock=clock,
        )
        self._access = Expected(
            issuer=settings.issuer,
            audience=settings.audience,
            clients=frozenset(settings.clients),
            kind=ACCESS,
            leeway_seconds=settings.leeway_seconds,
        )
        self._renewals = Renewals(settings, sessions, self.issuer, self._read_access_token, now=now)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.issuer)
        self._stack.push_async_callback(self._keys.close)
        self._stack.push_async_callback(self._renewals.close)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def verify(self, credentials: Credentials) -> Principal:
        """The Principal that these credentials prove.

        Raises:
            Unauthenticated: `reason` is a word of `gateway.identity.tokens.Reason`.
            TokenExpired: the token held once.
            IdentityUnavailable: the issuer's keys are needed and cannot be had.
        """
        if credentials is None:
            refuse(Reason.MISSING)
        if isinstance(credentials, BearerToken):
            principal = await self._verify_token(credentials.value)
        else:
            principal = await self._renewals.find(credentials.value)
        self._seen(principal)
        return principal

    async def _verify_token(self, token: str) -> Principal:
        if len(token) > MAX_TOKEN_CHARACTERS:
            refuse(Reason.TOO_LARGE)
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._remembered.get(digest)
        if known is not None and self._keys.usable:
            if known.expires_at <= self._now() - self._settings.leeway_seconds:
                del self._remembered[digest]
                refuse(Reason.EXPIRED)
            self._remembered.move_to_end(digest)
            self._keys.renew()
            return known
        principal = await self._read_access_token(token)
        self._remembered[digest] = principal
        if len(self._remembered) > self._settings.remembered_tokens:
            self._remembered.popitem(last=False)
        return principal

    async def _read_access_token(self, token: str) -> Principal:
        return principal_of(await self.claims(token, self._access))

    async def verify_login(self, access_token: str, id_token: str) -> VerifiedToken:
        """Both tokens of a browser's login, each by its own rules; the ID token's claims come back.

        The caller still compares `nonce`.

        Raises:
            Unauthenticated, TokenExpired, IdentityUnavailable: as `verify`, for either token.
        """
        client = self._settings.browser_client
        expected = Expected(
            issuer=self._settings.issuer,
            audience=client,
            clients=frozenset({client}),
            kind=ID,
            leeway_seconds=self._settings.leeway_seconds,
        )
        claims = await self.claims(id_token, expected)
        principal = await self._verify_token(access_token)
        if principal.client != client:
            refuse(Reason.WRONG_CLIENT)
        if principal.subject != claims.get("sub"):
            refuse(Reason.WRONG_SUBJECT)
        return VerifiedToken(claims, principal)

    async def claims(self, token: str, expected: Expected) -> JsonObject:
        """The claims of a token: 1. structure, 2. issuer's name, 3. key, 4. signature, 5. claims.

        Raises:
            Unauthenticated, TokenExpired, IdentityUnavailable: as `verify`.
        """
        claims = await self.signed(token, expected.issuer)
        check_claims(claims, expected, self._now())
        return claims

    async def signed(
        self, token: str, issuer: str, header_types: Set[str] = HEADER_TYPES
    ) -> JsonObject:
        """What the issuer has signed; the caller still checks every claim but the issuer's name.

        The name is compared before a key is looked up, so that foreign tokens cause no fetch.

        Raises:
            Unauthenticated, IdentityUnavailable: as `verify`.
        """
        header = read_unverified(token, header_types)
        if header.issuer != issuer:
            refuse(Reason.WRONG_ISSUER)
        key = await self._keys.find(header.kid, header.algorithm)
        return read_verified(token, header.algorithm, key)
