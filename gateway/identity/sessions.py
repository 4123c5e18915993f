"""Browser sessions: a random secret in a cookie, and a row that only we can have written.

Goes in: the Principal of a verified login. Comes out: the secret, once; later the Principal for
that secret. The database keeps the SHA-256 of the secret and the Principal under an authenticated
tag, so that whoever can read it cannot use a session and whoever can write it cannot make one.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Final

import orjson

from gateway.domain import Grade, Principal, Role
from gateway.errors import IdentityUnavailable
from gateway.identity.tokens import Reason, refuse
from gateway.settings import IdentitySettings
from gateway.store.errors import StoreUnavailable
from gateway.store.sessions import SessionRow, SessionStore

SECRET_BYTES: Final = 32
_SECRET_CHARACTERS: Final = 43  # base64url of 32 bytes without padding
_TOUCH_SECONDS: Final = 30.0  # the last use is written at most this often
_PURPOSE: Final = b"gwanmun session row v1\0"


class Sessions:
    """Begins, finds and ends sessions.

    `key` (32 bytes) authenticates rows, `now` gives Unix seconds.
    """

    def __init__(
        self,
        store: SessionStore,
        key: bytes,
        settings: IdentitySettings,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._key = key
        self._idle_seconds = settings.session_idle_seconds
        self._whole_seconds = settings.session_seconds
        # The last use may be written late, but never so late that a used session looks idle.
        self._touch_seconds = min(_TOUCH_SECONDS, self._idle_seconds / 4)
        self._now = now

    async def begin(self, principal: Principal, issuer_session: str) -> str:
        """Begins a session and returns its secret, which is kept nowhere.

        `issuer_session` is the issuer's own name for the login (`sid`), empty if it gave none.

        Raises:
            IdentityUnavailable: the session cannot be kept.
        """
        now = self._now()
        secret = secrets.token_urlsafe(SECRET_BYTES)
        ends = now + self._whole_seconds
        row = SessionRow(
            id_hash=_hash(secret),
            principal=_write(replace(principal, expires_at=ends)),
            tag="",
            created_at=now,
            last_seen_at=now,
            expires_at=ends,
            issuer_session=issuer_session,
        )
        with _unavailable():
            await self._store.insert(
                replace(row, tag=self._tag(row)),
                ended_before=now,
                idle_since=now - self._idle_seconds,
            )
        return secret

    async def find(self, secret: str) -> Principal:
        """The Principal of a running session; its use is noted.

        Raises:
            Unauthenticated: session_unknown, session_expired, session_tampered.
            IdentityUnavailable: sessions cannot be read.
        """
        if len(secret) != _SECRET_CHARACTERS or not secret.isascii():
            refuse(Reason.SESSION_UNKNOWN)
        with _unavailable():
            row = await self._store.find(_hash(secret))
            if row is None:
                refuse(Reason.SESSION_UNKNOWN)
            if not hmac.compare_digest(row.tag.encode(), self._tag(row).encode()):
                refuse(Reason.SESSION_TAMPERED)
            now = self._now()
            if now >= row.expires_at or now - row.last_seen_at >= self._idle_seconds:
                await self._store.delete(row.id_hash)
                refuse(Reason.SESSION_EXPIRED)
            if now - row.last_seen_at >= self._touch_seconds:
                seen = replace(row, last_seen_at=now)
                await self._store.touch(row.id_hash, now, self._tag(seen))
        return _read(row.principal)

    async def end(self, secret: str) -> None:
        """Ends a session; an unknown one is no error.

        Raises:
            IdentityUnavailable: it could not be ended.
        """
        with _unavailable():
            await self._store.delete(_hash(secret))

    async def end_issuer_session(self, issuer_session: str) -> int:
        """Ends every session of one login at the issuer (back-channel logout); returns how many.

        Raises:
            IdentityUnavailable: they could not be ended.
        """
        if not issuer_session:  # would be every session whose issuer gave no name
            return 0
        with _unavailable():
            return await self._store.delete_by_issuer_session(issuer_session)

    def _tag(self, row: SessionRow) -> str:
        """HMAC-SHA-256 over every column; JSON keeps the borders between them."""
        fields = [
            row.id_hash,
            row.principal,
            row.issuer_session,
            row.created_at,
            row.last_seen_at,
            row.expires_at,
        ]
        return hmac.new(self._key, _PURPOSE + orjson.dumps(fields), sha256).hexdigest()


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable:
        raise IdentityUnavailable from None


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _write(principal: Principal) -> str:
    return orjson.dumps(
        {
            "subject": principal.subject,
            "name": principal.name,
            "agency": principal.agency,
            "department": principal.department,
            "roles": sorted(principal.roles),
            "ceiling": principal.ceiling.name,
            "client": principal.client,
            "acr": principal.acr,
            "expires_at": principal.expires_at,
        }
    ).decode()


def _read(text: str) -> Principal:
    """The opposite of _write; only called on text whose tag held."""
    kept = orjson.loads(text)
    return Principal(
        subject=kept["subject"],
        name=kept["name"],
        agency=kept["agency"],
        department=kept["department"],
        roles=frozenset(Role(role) for role in kept["roles"]),
        ceiling=Grade[kept["ceiling"]],
        client=kept["client"],
        acr=kept["acr"],
        expires_at=kept["expires_at"],
    )
