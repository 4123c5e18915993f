"""A real Keycloak in the demo provider's place: `gwanmun up --keycloak`.

Its database lives in memory, so every start makes everything anew: keys, the systems' secrets, and
one password for the invented people, which stands in the terminal alone.
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from gateway.demo.children import Child, Children
from gateway.demo.keycloak_realm import demo_realm, shipped_realm
from gateway.demo.keycloak_server import Server, find_java, place
from gateway.demo.people import SERVICES
from gateway.demo.realm import REALM, WEB_CLIENT, RealmError, write_private
from gateway.identity.backchannel import LOGOUT_PATH
from gateway.outward.http import Outward, OutwardFailed

READY_SECONDS: Final = 600.0  # the first start on a slow machine: a build, a schema, an import
_SECRETS: Final = "keycloak"
_DATABASE: Final = "jdbc:h2:mem:gwanmun;NON_KEYWORDS=VALUE;DB_CLOSE_DELAY=-1"
_OK: Final = 200


class TokenRefused(Exception):
    """Keycloak gave no token; the message says so in Korean and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keycloak:
    """Keycloak for one demo: where it stands, what it is told, and the people's password."""

    directory: Path
    port: int
    gateway_url: str
    environ: Mapping[str, str] = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def open(cls, directory: Path, port: int, gateway_url: str, environ: Mapping[str, str]) -> Self:
        """Makes this start's secrets below `directory`. `environ` finds Java and Maven.

        Raises:
            RealmError: a file cannot be written.
        """
        folder = directory / _SECRETS
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for client in (WEB_CLIENT, *(service.key for service in SERVICES)):
                path = secret_file(directory, client)
                path.unlink(missing_ok=True)
                write_private(path, secrets.token_urlsafe(32).encode())
        except OSError as error:
            raise RealmError.of(folder, error) from None
        return cls(
            directory=directory,
            port=port,
            gateway_url=gateway_url,
            environ=environ,
            password=new_password(),
        )

    @property
    def issuer(self) -> str:
        """The realm's URL."""
        return issuer_at(self.port)

    def client_secret_file(self, client: str) -> Path:
        """Where a client's secret stands."""
        return secret_file(self.directory, client)

    async def start(
        self, children: Children, distribution: Path | None, say: Callable[[str], None]
    ) -> Child:
        """Brings the distribution here if it is not, builds it once, and starts it.

        Raises:
            UpFailed: Java or the distribution is missing, or a step failed.
            RealmError: the realm cannot be written.
        """
        java = await find_java(self.environ)
        home = self.directory / _SECRETS / "home"

        async def fetch(argv: Sequence[str]) -> None:
            await children.complete_program("maven", argv, self.environ)

        await place(distribution, home, fetch, say)
        server = Server(java, home)
        if not server.built:
            say("Keycloak을 처음으로 준비합니다 (1분쯤 걸립니다) …")
            await children.complete_program("keycloak-build", server.build(), self.environ)
            server.mark_built()
        self._write_realm(server)
        say("Keycloak을 시작합니다 …")
        return await children.start_program(
            "keycloak", server.run(self.port, _DATABASE), self._environ()
        )

    def forget_realm(self) -> None:
        """Removes the realm's file, which holds secrets, once Keycloak has read it."""
        self._import_file().unlink(missing_ok=True)

    def _import_file(self) -> Path:
        return Server(Path(), self.directory / _SECRETS / "home").import_file

    def _write_realm(self, server: Server) -> None:
        read = {
            service.key: self.client_secret_file(service.key).read_text("ascii")
            for service in SERVICES
        }
        realm = demo_realm(shipped_realm(), password=self.password, secrets=read)
        try:
            server.import_file.parent.mkdir(parents=True, exist_ok=True)
            server.import_file.unlink(missing_ok=True)
        except OSError as error:
            raise RealmError.of(server.import_file, error) from None
        write_private(server.import_file, json.dumps(realm, ensure_ascii=False).encode())

    def _environ(self) -> dict[str, str]:
        secret = self.client_secret_file(WEB_CLIENT).read_text("ascii")
        return {**self.environ, **realm_environ(self.gateway_url, secret)}


def realm_environ(gateway_url: str, web_secret: str) -> dict[str, str]:
    """What the placeholders of the realm's file stand for (docs/keycloak.md)."""
    return {
        "REALM_PUBLIC_URL": gateway_url,
        "REALM_LOGOUT_URL": gateway_url + LOGOUT_PATH,
        "REALM_WEB_SECRET": web_secret,
    }


def issuer_at(port: int) -> str:
    """The realm's URL on this machine."""
    return f"http://127.0.0.1:{port}/realms/{REALM}"


def secret_file(directory: Path, client: str) -> Path:
    """Where a client's secret stands below the demo's directory."""
    return directory / _SECRETS / f"{client}.secret"


def new_password() -> str:
    """A password that the realm's policy takes: small letters, digits and a sign."""
    return f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-g7"


async def system_token(directory: Path, port: int, client: str) -> str:
    """An access token of a system, by its client credentials (RFC 6749 section 4.4).

    Raises:
        TokenRefused: Keycloak gives none.
    """
    url = f"{issuer_at(port)}/protocol/openid-connect/token"
    try:
        secret = secret_file(directory, client).read_text("ascii").strip()
        pair = f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()
        basic = {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        async with Outward([url]) as outward:
            answer = await outward.post_form(url, {"grant_type": "client_credentials"}, basic)
        token = answer.json().get("access_token") if answer.status == _OK else None
    except (OSError, OutwardFailed):
        token = None
    if not isinstance(token, str):
        raise TokenRefused(
            f"Keycloak이 {client}의 토큰을 주지 않았습니다. `gwanmun up --keycloak`의 로그를 "
            f"보십시오.\nKeycloak gave no token for {client}; see the log of `gwanmun up`."
        )
    return token
