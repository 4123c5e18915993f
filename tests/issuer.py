"""A scripted OpenID issuer on a real socket, and tokens of every wrongness, for the tests.

Its keys can be rotated, it can be away, and it counts what it was asked. All names are invented.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

AUDIENCE = "gwanmun"
CLIENT = "test-client"
WEB_CLIENT = "gwanmun-web"
ABSENT = object()
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def make_key(algorithm: str) -> Private:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa_key()


def public_jwk(kid: str, key: Private, /, **more: Any) -> dict[str, Any]:
    handler = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    for kind, algorithm in handler.items():
        if isinstance(key, kind):
            public = algorithm.to_jwk(key.public_key(), as_dict=True)
            return {**public, "kid": kid, "use": "sig", **more}
    raise TypeError(kind)


def access_claims(issuer: str, /, **changes: Any) -> dict[str, Any]:
    """Right claims of an access token, then the changes; ABSENT takes a claim away."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": [AUDIENCE, "account"],
        "sub": "00000000-0000-4000-8000-000000000001",
        "typ": "Bearer",
        "azp": CLIENT,
        "iat": now,
        "exp": now + 300,
        "acr": "1",
        "realm_access": {"roles": ["staff", "offline_access"]},
        "preferred_username": "tester",
        "name": "시험자",
        "agency": "agency-a",
        "department": "시험과",
        "ceiling": "S",
    } | changes
    return {name: value for name, value in claims.items() if value is not ABSENT}


def sign(
    claims: Mapping[str, Any], key: Any, kid: str, algorithm: str = "RS256", /, **header: Any
) -> str:
    headers = {"kid": kid, "typ": "JWT"} | header
    headers = {name: value for name, value in headers.items() if value is not ABSENT}
    headers.setdefault("typ", "")  # PyJWT leaves an empty one out
    payload = json.dumps(dict(claims)).encode()
    return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers=headers)


class ScriptedIssuer:
    """`keys` is what it publishes; `mode` is how it answers: well, away, slow, huge, foreign."""

    def __init__(self) -> None:
        self.url = ""
        self.key = rsa_key()
        self.keys: list[dict[str, Any]] = [public_jwk("k1", self.key)]
        self.mode = "well"
        self.fetches = 0
        self.changes: dict[str, Any] = {}
        self.code_answer: dict[str, Any] = {}
        self.code_requests: list[tuple[dict[str, str], str]] = []

    def token(self, **changes: Any) -> str:
        return sign(access_claims(self.url, **changes), self.key, "k1")

    async def discovery(self, _request: Request) -> Response:
        here = f"{self.url}/protocol/openid-connect"
        return self._answer(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{here}/auth",
                "token_endpoint": f"{here}/token",
                "jwks_uri": f"{here}/certs",
                "end_session_endpoint": f"{here}/logout",
            }
            | self.changes
        )

    async def certs(self, _request: Request) -> Response:
        self.fetches += 1
        if self.mode == "slow":
            await asyncio.sleep(0.3)
        if self.mode == "huge":
            return Response(b"[" * 4_000_000, media_type="application/json")
        if self.mode == "redirects":
            return Response(status_code=302, headers={"location": "http://127.0.0.1:1/"})
        return self._answer({"keys": self.keys})

    async def token_endpoint(self, request: Request) -> Response:
        form = dict(await request.form())
        self.code_requests.append((form, request.headers.get("authorization", "")))  # type: ignore[arg-type]
        status = 400 if "error" in self.code_answer else 200
        return JSONResponse(self.code_answer, status)

    def _answer(self, body: Mapping[str, Any]) -> Response:
        return Response(status_code=503) if self.mode == "away" else JSONResponse(dict(body))

    def app(self) -> Starlette:
        here = "/realms/test/protocol/openid-connect"
        return Starlette(
            routes=[
                Route("/realms/test/.well-known/openid-configuration", self.discovery),
                Route(f"{here}/certs", self.certs),
                Route(f"{here}/token", self.token_endpoint, methods=["POST"]),
            ]
        )


@asynccontextmanager
async def serving(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serves an ASGI app on this listener, in this event loop."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await running
        listener.close()


@asynccontextmanager
async def scripted_issuer() -> AsyncIterator[ScriptedIssuer]:
    """A running ScriptedIssuer."""
    issuer = ScriptedIssuer()
    listener = socket.create_server(("127.0.0.1", 0))
    issuer.url = f"http://127.0.0.1:{listener.getsockname()[1]}/realms/test"
    async with serving(issuer.app(), listener):
        yield issuer
