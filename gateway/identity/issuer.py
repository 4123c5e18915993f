"""The OpenID issuer: what it says of itself, its key set, and the exchange of a login's code.

Everything is read below the issuer's own origin, over gateway.outward.http. Comes out: JSON as the
issuer sent it, not yet believed; tokens are checked by their readers. What the issuer writes into
an error is never passed on.
"""

import base64
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from gateway.errors import IdentityUnavailable
from gateway.identity.tokens import Reason, refuse
from gateway.outward.http import Answer, Outward, OutwardFailed, origin_of
from gateway.settings import IdentitySettings
from inference.task import JsonObject

DISCOVERY: Final = "/.well-known/openid-configuration"  # OpenID Connect Discovery section 4
_OK: Final = 200
_BAD_REQUEST: Final = 400
_REFUSED: Final = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the issuer answers what; each URL stands at the issuer's own origin."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str  # empty where the issuer has none


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the issuer gave; no token is checked yet. Empty: it gave none of this kind."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False, default="")


class GrantEnded(Exception):
    """The issuer no longer honours a refresh token: its own session has ended."""


class Issuer:
    """One issuer; an async context manager that owns the connections to it.

    Its description is read when first needed and kept: it changes with an upgrade of the issuer,
    and then the key set's next fetch reads it again.
    """

    def __init__(self, settings: IdentitySettings) -> None:
        self.url = settings.issuer.rstrip("/")
        self._settings = settings
        self._outward = Outward([settings.issuer], private_ca_file=settings.private_ca_file)
        self._metadata: Metadata | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._outward)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def metadata(self) -> Metadata:
        """Where the issuer answers what.

        Raises:
            IdentityUnavailable: it does not say, or says something that is not its own.
        """
        if self._metadata is None:
            self._metadata = await self._discover()
        return self._metadata

    async def current_metadata(self) -> Metadata:
        """The same, asked for now: whoever is sent there finds somebody.

        Raises:
            IdentityUnavailable: as `metadata`.
        """
        self._metadata = await self._discover()
        return self._metadata

    async def key_set(self) -> JsonObject:
        """The key set document, fetched now.

        Raises:
            IdentityUnavailable: it cannot be had.
        """
        metadata = await self.current_metadata()
        document = await self._json(metadata.jwks_uri)
        if not isinstance(document.get("keys"), list):
            raise IdentityUnavailable
        return document

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """Exchanges an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

        Raises:
            Unauthenticated: login_refused: the issuer does not accept the code.
            IdentityUnavailable: it could not be asked, or its answer is none.
        """
        answer = await self._ask_for_tokens(
            {
                "grant_type": "authorization_code",
                "code": code,
                "code_verifier": verifier,
                "redirect_uri": redirect_uri,
            }
        )
        if answer.status in _REFUSED:
            refuse(Reason.LOGIN_REFUSED)
        tokens = _tokens(answer)
        if not tokens.id_token:
            raise IdentityUnavailable
        return tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        """Asks for tokens anew (RFC 6749 section 6).

        Raises:
            GrantEnded: the issuer says `invalid_grant` (section 5.2), and nothing else.
            IdentityUnavailable: it could not be asked, or its answer is none. A refusal of our own
                client is one of these: it tells nothing about the person.
        """
        answer = await self._ask_for_tokens(
            {"grant_type": "refresh_token", "refresh_token": refresh_token}
        )
        if answer.status == _BAD_REQUEST and _error(answer) == "invalid_grant":
            raise GrantEnded
        return _tokens(answer)

    async def _ask_for_tokens(self, fields: Mapping[str, str]) -> Answer:
        metadata = await self.metadata()
        fields = {**fields, "client_id": self._settings.browser_client}
        try:
            return await self._outward.post_form(
                metadata.token_endpoint, fields, self._client_authentication()
            )
        except OutwardFailed:
            raise IdentityUnavailable from None

    def _client_authentication(self) -> Mapping[str, str]:
        """HTTP Basic with both halves form-encoded (RFC 6749 section 2.3.1); none if public.

        The secret is read each time, so that a mounted file can be rotated.
        """
        path = self._settings.browser_secret_file
        if path is None:
            return {}
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise IdentityUnavailable from None
        pair = f"{quote(self._settings.browser_client, safe='')}:{quote(secret, safe='')}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}

    async def _discover(self) -> Metadata:
        document = await self._json(self.url + DISCOVERY)
        if document.get("issuer") != self._settings.issuer:  # Discovery section 4.3
            raise IdentityUnavailable
        end = document.get("end_session_endpoint")
        return Metadata(
            authorization_endpoint=self._own(document.get("authorization_endpoint")),
            token_endpoint=self._own(document.get("token_endpoint")),
            jwks_uri=self._own(document.get("jwks_uri")),
            end_session_endpoint=self._own(end) if end is not None else "",
        )

    def _own(self, url: object) -> str:
        if not isinstance(url, str) or origin_of(url) != origin_of(self.url):
            raise IdentityUnavailable
        return url

    async def _json(self, url: str) -> JsonObject:
        try:
            return _successful(await self._outward.get(url)).json()
        except OutwardFailed:
            raise IdentityUnavailable from None


def _tokens(answer: Answer) -> Tokens:
    try:
        body = _successful(answer).json()
    except OutwardFailed:
        raise IdentityUnavailable from None
    kinds = ("access_token", "id_token", "refresh_token")
    found = [body.get(kind) for kind in kinds]
    access, identity, refresh = (token if isinstance(token, str) else "" for token in found)
    if not access:
        raise IdentityUnavailable
    return Tokens(access, identity, refresh)


def _error(answer: Answer) -> object:
    try:
        return answer.json().get("error")
    except OutwardFailed:
        return None


def _successful(answer: Answer) -> Answer:
    if answer.status != _OK:
        raise IdentityUnavailable
    return answer
