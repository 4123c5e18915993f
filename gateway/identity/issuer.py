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
    """What a code was exchanged for; neither token is checked yet."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)


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

    async def key_set(self) -> JsonObject:
        """The key set document, fetched now.

        Raises:
            IdentityUnavailable: it cannot be had.
        """
        self._metadata = await self._discover()
        document = await self._json(self._metadata.jwks_uri)
        if not isinstance(document.get("keys"), list):
            raise IdentityUnavailable
        return document

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """Exchanges an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

        Raises:
            Unauthenticated: login_refused: the issuer does not accept the code.
            IdentityUnavailable: it could not be asked, or its answer is none.
        """
        metadata = await self.metadata()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
            "client_id": self._settings.browser_client,
        }
        try:
            answer = await self._outward.post_form(
                metadata.token_endpoint, fields, self._client_authentication()
            )
            if answer.status in _REFUSED:
                refuse(Reason.LOGIN_REFUSED)
            body = _successful(answer).json()
        except OutwardFailed:
            raise IdentityUnavailable from None
        access_token, id_token = body.get("access_token"), body.get("id_token")
        if not isinstance(access_token, str) or not isinstance(id_token, str):
            raise IdentityUnavailable
        return Tokens(access_token, id_token)

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


def _successful(answer: Answer) -> Answer:
    if answer.status != _OK:
        raise IdentityUnavailable
    return answer
