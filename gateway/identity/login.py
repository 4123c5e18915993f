"""Browser login: OpenID Connect's authorization code with PKCE, run wholly in the backend.

Goes in: a wish to log in, later the issuer's callback. Comes out: a redirect, later a session. The
browser holds only an encrypted cookie between the two, so that any replica may finish a login and a
restart forgets none. Tokens stay here: once checked, the session keeps what it is renewed and ended
with, sealed.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from typing import Final
from urllib.parse import urlencode, urlsplit

import orjson
from cryptography.fernet import Fernet, InvalidToken

from gateway.domain import Principal
from gateway.errors import IdentityUnavailable
from gateway.identity.authentication import Identity
from gateway.identity.sessions import Kept, Sessions
from gateway.identity.tokens import Reason, refuse
from gateway.settings import IdentitySettings
from inference.task import JsonObject

SESSION_COOKIE: Final = "__Host-gwanmun-session"
LOGIN_COOKIE: Final = "__Host-gwanmun-login"
CALLBACK_PATH: Final = "/login/callback"
LOGIN_SECONDS: Final = 600
_MAX_PARAMETER: Final = 4_096
_MAX_RETURN_PATH: Final = 1_024
_MAX_HINT: Final = 4_096  # the address that it stands in must pass every proxy


@dataclass(frozen=True, slots=True)
class LoginStart:
    """Where the browser goes, and the value of LOGIN_COOKIE that it takes along."""

    redirect_url: str
    login_cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session: the value of SESSION_COOKIE, who it is, and where the browser was going."""

    secret: str = field(repr=False)
    principal: Principal
    return_path: str


class Login:
    """Begins and completes logins. `key` (32 bytes) encrypts what the browser holds meanwhile."""

    def __init__(
        self,
        settings: IdentitySettings,
        public_url: str,
        key: bytes,
        *,
        identity: Identity,
        sessions: Sessions,
    ) -> None:
        self._settings = settings
        self._public_url = public_url.rstrip("/")
        self._box = Fernet(base64.urlsafe_b64encode(key))
        self._identity = identity
        self._sessions = sessions

    async def begin(self, return_path: str) -> LoginStart:
        """Starts a login that ends at a path of our own; any other target becomes "/".

        Raises:
            IdentityUnavailable: the issuer does not answer: no browser is led to a dead end.
        """
        metadata = await self._identity.issuer.current_metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = sha256(verifier.encode("ascii")).digest()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._settings.browser_client,
                "redirect_uri": self._redirect_uri,
                "scope": "openid",
                "state": state,
                "nonce": nonce,
                "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii"),
                "code_challenge_method": "S256",
            }
        )
        kept = orjson.dumps([state, nonce, verifier, local_path(return_path)])
        mark = "&" if "?" in metadata.authorization_endpoint else "?"
        return LoginStart(
            f"{metadata.authorization_endpoint}{mark}{query}",
            self._box.encrypt(kept).decode("ascii"),
        )

    async def complete(
        self, code: str, state: str, login_cookie: str, *, issuer: str | None = None
    ) -> LoggedIn:
        """Finishes the login that this browser began, and begins its session.

        `issuer` is the callback's `iss` parameter (RFC 9207), if it came. A code works once; the
        caller deletes LOGIN_COOKIE whatever happens.

        Raises:
            Unauthenticated: login_state (another browser's, too old, or invented), login_refused,
                wrong_nonce, or what is wrong with a token.
            IdentityUnavailable: the issuer could not be asked.
        """
        begun_state, nonce, verifier, return_path = self._open(login_cookie)
        if not hmac.compare_digest(begun_state.encode(), state.encode("utf-8", "replace")):
            refuse(Reason.LOGIN_STATE)
        if issuer is not None and issuer != self._settings.issuer:
            refuse(Reason.WRONG_ISSUER)
        if not 0 < len(code) <= _MAX_PARAMETER:
            refuse(Reason.LOGIN_REFUSED)
        tokens = await self._identity.issuer.exchange(
            code, verifier=verifier, redirect_uri=self._redirect_uri
        )
        checked = await self._identity.verify_login(tokens.access_token, tokens.id_token)
        claimed = checked.claims.get("nonce")
        if not isinstance(claimed, str) or not hmac.compare_digest(
            claimed.encode(), nonce.encode()
        ):
            refuse(Reason.WRONG_NONCE)
        _check_at_hash(checked.claims, tokens.access_token)
        login = checked.claims.get("sid")
        issuer_session = login if isinstance(login, str) and len(login) <= 255 else ""
        kept = Kept(tokens.refresh_token, tokens.id_token)
        secret = await self._sessions.begin(checked.principal, issuer_session, kept)
        return LoggedIn(secret, checked.principal, return_path)

    async def end(self, secret: str) -> str:
        """Ends the session and returns where the browser logs out at the issuer.

        It is our "/" where the issuer has no such place or cannot be asked: the session here has
        ended all the same.

        Raises:
            IdentityUnavailable: the session could not be ended.
        """
        kept = await self._sessions.end(secret)
        try:
            metadata = await self._identity.issuer.metadata()
        except IdentityUnavailable:
            return "/"
        if not metadata.end_session_endpoint:
            return "/"
        fields = {
            "client_id": self._settings.browser_client,
            "post_logout_redirect_uri": f"{self._public_url}/",
        }
        # RP-Initiated Logout 1.0 section 2: with the hint the issuer need not ask the person.
        if 0 < len(kept.id_token) <= _MAX_HINT:
            fields["id_token_hint"] = kept.id_token
        query = urlencode(fields)
        return f"{metadata.end_session_endpoint}?{query}"

    @property
    def _redirect_uri(self) -> str:
        return self._public_url + CALLBACK_PATH

    def _open(self, login_cookie: str) -> tuple[str, str, str, str]:
        if len(login_cookie) > _MAX_PARAMETER:
            refuse(Reason.LOGIN_STATE)
        try:
            kept = self._box.decrypt(login_cookie.encode("utf-8", "replace"), ttl=LOGIN_SECONDS)
        except InvalidToken:
            refuse(Reason.LOGIN_STATE)
        state, nonce, verifier, return_path = orjson.loads(kept)
        return state, nonce, verifier, return_path


def local_path(path: str) -> str:
    """The path if it stays on this site, else "/".

    Browsers read `//host`, `/\\host` and control characters before them as another site
    (WHATWG URL Standard, section 4.4), so only printable ASCII without backslashes passes.
    """
    if not path.startswith("/") or path.startswith("//") or len(path) > _MAX_RETURN_PATH:
        return "/"
    if not path.isascii() or not path.isprintable() or "\\" in path or " " in path:
        return "/"
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else path


def _check_at_hash(claims: JsonObject, access_token: str) -> None:
    """OpenID Connect Core section 3.1.3.6, for algorithms that hash with SHA-256 (all of ours
    but EdDSA, whose issuers use SHA-512).
    """
    given = claims.get("at_hash")
    if given is None:
        return
    for digest in (sha256(access_token.encode()).digest(), sha512(access_token.encode()).digest()):
        half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
        if given == half:
            return
    refuse(Reason.BAD_SIGNATURE)
