"""A demo OpenID provider on loopback that speaks Keycloak's URLs and claims.

It exists only under `gwanmun up`. Its people have no passwords: a browser may choose one only after
it opened the one-time link that `up` printed, and every request must name this host, so that no
web page elsewhere can reach it by a name of its own (DNS rebinding). Authorization code with PKCE
and client credentials; no implicit flow, no password grant, no refresh tokens, no scripts.
"""

import argparse
import base64
import binascii
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import orjson
import uvicorn
from cryptography.fernet import Fernet, InvalidToken
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.demo.pages import STYLE, choose_person, refusal
from gateway.demo.people import ACCOUNTS, PEOPLE, Account
from gateway.demo.realm import ACCESS_SECONDS, CLI_CLIENT, REALM, WEB_CLIENT, Realm

ROOT: Final = f"/realms/{REALM}"
_OPENID: Final = f"{ROOT}/protocol/openid-connect"
COOKIE: Final = "gwanmun-demo-browser"
COOKIE_SECONDS: Final = 12 * 3_600
_REQUEST_SECONDS: Final = 600
_CODE_SECONDS: Final = 60
_MOST_CODES: Final = 1_000
_MAX_FORM_BYTES: Final = 16 * 1024
_MAX_PARAMETER: Final = 2_048
_CHALLENGE_CHARACTERS: Final = 43  # RFC 7636 section 4.2: SHA-256 in base64url
_BROWSER: Final = b"opened"


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorization code stands for, until it is used or `expires_at` (Unix seconds)."""

    account: Account
    redirect_uri: str
    challenge: str = field(repr=False)
    nonce: str = field(repr=False)
    expires_at: float


class OAuthError(Exception):
    """An error answer of RFC 6749 section 5.2: `error` is one of its words."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


class Provider:
    """The endpoints. `gateway_url` is where browsers go back to; nothing else is redirected to."""

    def __init__(self, realm: Realm, gateway_url: str) -> None:
        self._realm = realm
        self._gateway_url = gateway_url.rstrip("/")
        self._redirect_uri = f"{self._gateway_url}/login/callback"
        self._box = Fernet(realm.box_key)
        self._codes: OrderedDict[str, Grant] = OrderedDict()

    def app(self) -> ASGIApp:
        """The application, behind the check of Host and the headers that every answer has."""
        routes = [
            Route(f"{ROOT}/.well-known/openid-configuration", self.discovery),
            Route(f"{_OPENID}/certs", self.certs),
            Route(f"{_OPENID}/auth", self.authorize),
            Route(f"{_OPENID}/token", self.token, methods=["POST"]),
            Route(f"{_OPENID}/logout", self.logout),
            Route(f"{ROOT}/demo/open", self.open),
            Route(f"{ROOT}/demo/choose", self.choose, methods=["POST"]),
            Route(f"{ROOT}/demo/style.css", self.style),
        ]
        port = urlsplit(self._realm.issuer).port
        hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        app = Starlette(routes=routes, exception_handlers={OAuthError: _oauth_error})
        return _Guard(app, hosts, self._gateway_url)

    async def discovery(self, _request: Request) -> Response:
        """OpenID Connect Discovery section 4."""
        here = self._realm.issuer + "/protocol/openid-connect"
        return JSONResponse(
            {
                "issuer": self._realm.issuer,
                "authorization_endpoint": f"{here}/auth",
                "token_endpoint": f"{here}/token",
                "jwks_uri": f"{here}/certs",
                "end_session_endpoint": f"{here}/logout",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "profile"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def certs(self, _request: Request) -> Response:
        """The key set."""
        return JSONResponse(self._realm.key_set())

    async def style(self, _request: Request) -> Response:
        """The pages' style sheet."""
        return Response(STYLE, media_type="text/css")

    async def open(self, request: Request) -> Response:
        """Takes the one-time ticket and marks this browser; then on to the gateway's login, which
        leads back here to the list of people.
        """
        if "prefetch" in request.headers.get("sec-purpose", ""):
            return Response(status_code=503)  # a browser that only guesses must not use it up
        if not self._realm.take_ticket(request.query_params.get("ticket", "")):
            return self._refusal(
                "쓸 수 없는 링크입니다",
                "이미 쓴 링크이거나 올바르지 않습니다. 터미널에서 `gwanmun demo link`를 실행하면 "
                "새 링크가 나옵니다.",
            )
        answer = RedirectResponse(f"{self._gateway_url}/login", status_code=303)
        answer.set_cookie(
            COOKIE,
            self._box.encrypt(_BROWSER).decode("ascii"),
            max_age=COOKIE_SECONDS,
            path=f"{ROOT}/",
            httponly=True,
            samesite="lax",
        )
        return answer

    async def authorize(self, request: Request) -> Response:
        """RFC 6749 section 4.1.1 with RFC 7636: shows the people to a browser that may choose."""
        asked = request.query_params
        if not self._opened(request):
            return self._refusal(
                "먼저 시작 링크를 여십시오",
                "이 브라우저에서는 아직 시작 링크를 열지 않았습니다. `gwanmun up`이 보여 준 링크를 "
                "여십시오. `gwanmun demo link`를 실행하면 새 링크가 나옵니다.",
            )
        if asked.get("client_id") != WEB_CLIENT or asked.get("redirect_uri") != self._redirect_uri:
            return self._refusal(
                "잘못된 요청입니다", "등록되지 않은 클라이언트나 돌아갈 주소입니다."
            )
        state = asked.get("state", "")
        error = _authorization_error(asked)
        if error:
            return self._back({"error": error, "state": state})
        names = ("state", "nonce", "code_challenge")
        kept = orjson.dumps({name: asked.get(name, "") for name in names})
        page = choose_person(
            PEOPLE,
            action=f"{ROOT}/demo/choose",
            style=f"{ROOT}/demo/style.css",
            request=self._box.encrypt(kept).decode("ascii"),
            client="관문",
        )
        return HTMLResponse(page)

    async def choose(self, request: Request) -> Response:
        """The person was chosen: back to the gateway with a code. The form itself is the proof
        that our page was read in this browser, so no other site can choose for it.
        """
        form = await _form(request)
        account = ACCOUNTS.get(form.get("person", ""))
        try:
            sealed = form.get("request", "").encode("utf-8", "replace")
            asked = orjson.loads(self._box.decrypt(sealed, ttl=_REQUEST_SECONDS))
        except InvalidToken:
            asked = None
        if not self._opened(request) or account not in PEOPLE or not isinstance(asked, dict):
            return self._refusal(
                "다시 로그인하십시오", "로그인 화면이 오래되었거나 올바르지 않습니다."
            )
        code = secrets.token_urlsafe(32)
        self._codes[code] = Grant(
            account,
            self._redirect_uri,
            asked["code_challenge"],
            asked["nonce"],
            time.time() + _CODE_SECONDS,
        )
        while len(self._codes) > _MOST_CODES:
            self._codes.popitem(last=False)
        return self._back({"code": code, "state": asked["state"]})

    async def token(self, request: Request) -> Response:
        """RFC 6749 sections 4.1.3 and 4.4."""
        form = await _form(request)
        client = self._client(request, form)
        grant_type = form.get("grant_type")
        if grant_type == "authorization_code" and client == WEB_CLIENT:
            return JSONResponse(self._exchange(form))
        if grant_type == "client_credentials" and client in ACCOUNTS:
            return JSONResponse(_bearer(self._realm.access_token(ACCOUNTS[client], client)))
        if grant_type in ("authorization_code", "client_credentials"):
            raise OAuthError("unauthorized_client")
        raise OAuthError("unsupported_grant_type")

    async def logout(self, request: Request) -> Response:
        """RP-initiated logout: there is no session here, so it only leads back."""
        target = request.query_params.get("post_logout_redirect_uri")
        if target == f"{self._gateway_url}/":
            return RedirectResponse(target, status_code=303)
        return self._refusal("로그아웃되었습니다", "이 창을 닫아도 됩니다.", status=200)

    def _exchange(self, form: Mapping[str, str]) -> dict[str, str | int]:
        grant = self._codes.pop(form.get("code", ""), None)  # used up, whatever comes next
        if grant is None or time.time() >= grant.expires_at:
            raise OAuthError("invalid_grant")
        digest = sha256(form.get("code_verifier", "").encode("utf-8", "replace")).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        if not hmac.compare_digest(challenge, grant.challenge):
            raise OAuthError("invalid_grant")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise OAuthError("invalid_grant")
        session = secrets.token_hex(16)
        access = self._realm.access_token(grant.account, WEB_CLIENT, session=session)
        identity = self._realm.id_token(
            grant.account, WEB_CLIENT, session=session, nonce=grant.nonce, access_token=access
        )
        return {**_bearer(access), "id_token": identity, "scope": "openid profile"}

    def _client(self, request: Request, form: Mapping[str, str]) -> str:
        """The client that proved itself, by HTTP Basic or in the form."""
        client, given = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(encoded, validate=True).decode("ascii")
            except (binascii.Error, UnicodeDecodeError):
                raise OAuthError("invalid_client", 401) from None
            client, given = map(unquote_plus, (pair.partition(":")[0], pair.partition(":")[2]))
        secret = self._realm.client_secret(client)
        if client == CLI_CLIENT or secret is None:
            raise OAuthError("invalid_client", 401)
        if not hmac.compare_digest(secret.encode(), given.encode("utf-8", "replace")):
            raise OAuthError("invalid_client", 401)
        return client

    def _opened(self, request: Request) -> bool:
        try:
            cookie = request.cookies.get(COOKIE, "").encode("utf-8", "replace")
            return self._box.decrypt(cookie, ttl=COOKIE_SECONDS) == _BROWSER
        except InvalidToken:
            return False

    def _back(self, parameters: Mapping[str, str]) -> Response:
        query = urlencode({**parameters, "iss": self._realm.issuer})  # iss: RFC 9207
        return RedirectResponse(f"{self._redirect_uri}?{query}", status_code=303)

    def _refusal(self, title: str, words: str, status: int = 403) -> Response:
        return HTMLResponse(refusal(title, words, style=f"{ROOT}/demo/style.css"), status)


class _Guard:
    """Refuses any other Host, and gives every answer the same strict headers."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], gateway_url: str) -> None:
        self._app = app
        self._hosts = hosts
        # Chrome applies form-action to the redirect that follows a form as well.
        policy = (
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action 'self' {gateway_url}"
        )
        self._headers = [
            (b"content-security-policy", policy.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"cache-control", b"no-store"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                message = {**message, "headers": [*headers, *self._headers]}
            await send(message)

        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) != 1 or named[0].decode("latin-1") not in self._hosts:
            await Response("421 Misdirected Request", 421)(scope, receive, sending)
            return
        await self._app(scope, receive, sending)


def _authorization_error(asked: Mapping[str, str]) -> str:
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in asked.get("scope", "").split():
        return "invalid_scope"
    if asked.get("code_challenge_method") != "S256":
        return "invalid_request"
    if len(asked.get("code_challenge", "")) != _CHALLENGE_CHARACTERS:
        return "invalid_request"
    if any(len(value) > _MAX_PARAMETER for value in asked.values()):
        return "invalid_request"
    return ""


async def _oauth_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, OAuthError):
        raise error
    return JSONResponse({"error": error.error}, error.status)


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM_BYTES:
            raise OAuthError("invalid_request", 413)
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=32))
    except ValueError:
        raise OAuthError("invalid_request") from None


def _bearer(token: str) -> dict[str, str | int]:
    return {"access_token": token, "token_type": "Bearer", "expires_in": ACCESS_SECONDS}


def main() -> None:
    """Serves the provider on 127.0.0.1 until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--gateway", required=True)
    chosen = parser.parse_args()
    provider = Provider(Realm.open(chosen.directory, chosen.port), chosen.gateway)
    uvicorn.run(
        provider.app(),
        host="127.0.0.1",
        port=chosen.port,
        log_level="warning",
        access_log=False,  # request lines hold tickets and codes
        server_header=False,
    )


if __name__ == "__main__":
    main()
