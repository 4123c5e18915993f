"""The demo provider's secrets and tokens: what a Keycloak realm of the same name would issue.

Everything secret is made at first start and stays in one private directory; there is no default.
Tokens carry Keycloak's claims, so that the gateway sees no difference.
"""

import base64
import json
import os
import secrets
import time
import uuid
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway import os_words
from gateway.demo.people import SERVICES, Account
from gateway.identity.keyfile import read_or_create_key
from inference.task import JsonObject

REALM: Final = "gwanmun"
AUDIENCE: Final = "gwanmun"
WEB_CLIENT: Final = "gwanmun-web"
CLI_CLIENT: Final = "gwanmun-cli"
CLIENTS: Final = (WEB_CLIENT, CLI_CLIENT, *(service.key for service in SERVICES))
ACCESS_SECONDS: Final = 300  # Keycloak's default
TICKET_SECONDS: Final = 24 * 3_600
_KEY_FILE: Final = "signing-key.pem"
_TICKETS: Final = "tickets"
_RSA_BITS: Final = 2048  # NIST SP 800-131A; a demo's key needs no more


class RealmError(Exception):
    """The demo provider's directory cannot be used; the message names the file and the mend."""

    def __init__(self, path: Path, korean: str, english: str) -> None:
        super().__init__(f"{path}: {korean}\n{path}: {english}")

    @classmethod
    def of(cls, path: Path, error: OSError) -> Self:
        """What the system says about a file."""
        return cls(
            path,
            f"읽거나 쓸 수 없습니다 ({os_words.korean(error)}).",
            f"cannot be read or written ({os_words.english(error)}).",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """The provider's secrets, and the tokens that it issues for them."""

    directory: Path
    issuer: str
    key: rsa.RSAPrivateKey = field(repr=False)
    box_key: bytes = field(repr=False)

    @classmethod
    def open(cls, directory: Path, port: int) -> Self:
        """Reads the secrets in `directory`, making those that are missing.

        Raises:
            RealmError, KeyFileError: a file cannot be read or written.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            (directory / _TICKETS).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise RealmError.of(directory, error) from None
        for client in (WEB_CLIENT, *(service.key for service in SERVICES)):
            path = directory / f"{client}.secret"
            if not path.exists():
                write_private(path, secrets.token_urlsafe(32).encode())
        key_path = directory / _KEY_FILE
        if not key_path.exists():
            write_private(key_path, _new_key())
        return cls(
            directory=directory,
            issuer=f"http://127.0.0.1:{port}/realms/{REALM}",
            key=_read_key(key_path),
            box_key=base64.urlsafe_b64encode(read_or_create_key(directory / "browser.key")),
        )

    @property
    def kid(self) -> str:
        """The key's name: its thumbprint (RFC 7638)."""
        numbers = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        members = {name: numbers[name] for name in ("e", "kty", "n")}
        canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
        return _base64(sha256(canonical.encode()).digest())

    def key_set(self) -> JsonObject:
        """The public key, as Keycloak's `certs` shows it."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {
            "keys": [
                {
                    "kid": self.kid,
                    "kty": "RSA",
                    "alg": "RS256",
                    "use": "sig",
                    "n": public["n"],
                    "e": public["e"],
                }
            ]
        }

    def client_secret_file(self, client: str) -> Path:
        """Where a confidential client's secret stands."""
        return self.directory / f"{client}.secret"

    def client_secret(self, client: str) -> str | None:
        """A confidential client's secret; None for a client that has none."""
        if client not in CLIENTS or client == CLI_CLIENT:
            return None
        return self.client_secret_file(client).read_text(encoding="ascii").strip()

    def access_token(
        self, account: Account, client: str, *, session: str = "", lifetime: int = ACCESS_SECONDS
    ) -> str:
        """An access token for the gateway, valid for `lifetime` seconds."""
        preferred = f"service-account-{account.key}" if account.service else account.key
        claims: JsonObject = {
            **self._times(lifetime),
            "jti": str(uuid.uuid4()),
            "iss": self.issuer,
            "aud": [AUDIENCE, "account"],
            "sub": account.subject,
            "typ": "Bearer",
            "azp": client,
            "acr": "1",
            "realm_access": {"roles": [*(role.value for role in account.roles), "offline_access"]},
            "scope": "profile" if account.service else "openid profile",
            "preferred_username": preferred,
            "name": account.name,
            "agency": account.agency.code,
            "department": account.department,
            "ceiling": account.ceiling.name,
        }
        if session:
            claims["sid"] = session
        return self._sign(claims)

    def id_token(
        self, account: Account, client: str, *, session: str, nonce: str, access_token: str
    ) -> str:
        """The ID token of a browser's login."""
        half = sha256(access_token.encode()).digest()[:16]
        claims: JsonObject = {
            **self._times(ACCESS_SECONDS),
            "jti": str(uuid.uuid4()),
            "iss": self.issuer,
            "aud": client,
            "sub": account.subject,
            "typ": "ID",
            "azp": client,
            "auth_time": int(time.time()),
            "acr": "1",
            "sid": session,
            "at_hash": _base64(half),
            "preferred_username": account.key,
            "name": account.name,
        }
        if nonce:
            claims["nonce"] = nonce
        return self._sign(claims)

    def new_ticket(self) -> str:
        """A one-time ticket for a browser; it is a file, so that taking it is atomic."""
        ticket = secrets.token_urlsafe(32)
        write_private(self._ticket_file(ticket), b"")
        return ticket

    def take_ticket(self, ticket: str) -> bool:
        """Whether this was a ticket; from now on it is none."""
        path = self._ticket_file(ticket)
        try:
            age_seconds = time.time() - path.stat().st_mtime
            path.unlink()
        except OSError:
            return False
        return age_seconds < TICKET_SECONDS

    def ticket_url(self, ticket: str) -> str:
        """The link that opens the provider to a browser."""
        return f"{self.issuer}/demo/open?ticket={ticket}"

    def _ticket_file(self, ticket: str) -> Path:
        return self.directory / _TICKETS / sha256(ticket.encode("utf-8", "replace")).hexdigest()

    def _times(self, lifetime: int) -> JsonObject:
        now = int(time.time())
        return {"exp": now + lifetime, "iat": now}

    def _sign(self, claims: JsonObject) -> str:
        headers = {"kid": self.kid, "typ": "JWT"}
        return jwt.encode(claims, self.key, algorithm="RS256", headers=headers)


def _read_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise RealmError.of(path, error) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise RealmError(
            path,
            "PEM 형식의 RSA 개인키가 아닙니다. 지우면 다음에 시작할 때 새로 만듭니다.",
            "is not an RSA private key in PEM. Remove it, and the next start makes a new one.",
        )
    return key


def _new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_private(path: Path, content: bytes) -> None:
    """Writes a new file that only its owner can read.

    Raises:
        RealmError: it cannot be written, or is there already.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:
        raise RealmError.of(path, error) from None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
