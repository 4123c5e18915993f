"""Browser sessions: a random secret in a cookie, and a row that only we can have written.

Goes in: the Principal of a verified login. Comes out: the secret, once; later the Principal for
that secret. The database keeps the SHA-256 of the secret and the Principal under an authenticated
tag, so that whoever can read it cannot use a session and whoever can write it cannot make one. The
issuer's tokens that a session is renewed with are sealed under a key that only the cookie
completes: the database and this installation's key together do not open them.
"""

import base64
import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

import orjson
from cryptography.fernet import Fernet, InvalidToken

from gateway.domain import Grade, Principal, Role
from gateway.errors import IdentityUnavailable
from gateway.identity.tokens import Reason, refuse
from gateway.settings import IdentitySettings
from gateway.store.errors import StoreUnavailable
from gateway.store.sessions import SessionRow, SessionStore

SECRET_BYTES: Final = 32
_SECRET_CHARACTERS: Final = 43  # base64url of 32 bytes without padding
_TOUCH_SECONDS: Final = 30.0  # the last use is written at most this often
_PURPOSE: Final = b"gwanmun session row v2\0"
_SEAL_PURPOSE: Final = b"gwanmun session tokens v1\0"
_CHANGES: Final = 3  # of one row at once, before a renewal gives up its place


@dataclass(frozen=True, slots=True)
class Kept:
    """The issuer's tokens of a session; empty where the issuer gave none."""

    refresh_token: str = field(repr=False, default="")
    id_token: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Session:
    """A running session. From `confirmed_until` (Unix seconds) on the issuer is to be asked
    again, if `kept` has a refresh token; before that `kept` stays sealed and is empty here.
    """

    principal: Principal
    kept: Kept
    confirmed_until: float


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

    async def begin(self, principal: Principal, issuer_session: str, kept: Kept = Kept()) -> str:
        """Begins a session and returns its secret, which is kept nowhere.

        `issuer_session` is the issuer's own name for the login (`sid`), empty if it gave none. The
        Principal holds as long as its token; the session then asks the issuer again.

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
            subject=principal.subject,
            renewal=self._seal(secret, kept),
            confirmed_until=principal.expires_at,
        )
        with _unavailable():
            await self._store.insert(
                replace(row, tag=self._tag(row)),
                ended_before=now,
                idle_since=now - self._idle_seconds,
            )
        return secret

    async def find(self, secret: str) -> Session:
        """A running session; its use is noted.

        Raises:
            Unauthenticated: session_unknown, session_expired, session_tampered.
            IdentityUnavailable: sessions cannot be read.
        """
        if len(secret) != _SECRET_CHARACTERS or not secret.isascii():
            refuse(Reason.SESSION_UNKNOWN)
        with _unavailable():
            row = await self._row(secret)
            now = self._now()
            if now >= row.expires_at or now - row.last_seen_at >= self._idle_seconds:
                await self._store.delete(row.id_hash)
                refuse(Reason.SESSION_EXPIRED)
            if now - row.last_seen_at >= self._touch_seconds:
                await self._change(row, replace(row, last_seen_at=now))
        due = now >= row.confirmed_until
        kept = self._open(secret, row.renewal) if due else Kept()
        return Session(_read(row.principal), kept, row.confirmed_until)

    async def renew(self, secret: str, principal: Principal, kept: Kept) -> None:
        """Writes what the issuer has said anew; the session's own end stays where it was.

        Raises:
            Unauthenticated: the session has ended meanwhile.
            IdentityUnavailable: it cannot be written.
        """
        with _unavailable():
            for _ in range(_CHANGES):
                row = await self._row(secret)
                renewed = replace(
                    row,
                    principal=_write(replace(principal, expires_at=row.expires_at)),
                    renewal=self._seal(secret, kept),
                    confirmed_until=principal.expires_at,
                )
                if await self._change(row, renewed):
                    return

    async def end(self, secret: str) -> Kept:
        """Ends a session and gives back what it kept; an unknown one is no error.

        Raises:
            IdentityUnavailable: it could not be ended.
        """
        with _unavailable():
            row = await self._store.find(_hash(secret))
            await self._store.delete(_hash(secret))
        return self._open(secret, row.renewal) if row else Kept()

    async def end_issuer_session(self, issuer_session: str) -> int:
        """Ends every session of one login at the issuer (back-channel logout); returns how many.

        Raises:
            IdentityUnavailable: they could not be ended.
        """
        if not issuer_session:  # would be every session whose issuer gave no name
            return 0
        with _unavailable():
            return await self._store.delete_by_issuer_session(issuer_session)

    async def end_subject(self, subject: str) -> int:
        """Ends every session of one person (back-channel logout); returns how many.

        Raises:
            IdentityUnavailable: they could not be ended.
        """
        with _unavailable():
            return await self._store.delete_by_subject(subject)

    async def _row(self, secret: str) -> SessionRow:
        row = await self._store.find(_hash(secret))
        if row is None:
            refuse(Reason.SESSION_UNKNOWN)
        if not hmac.compare_digest(row.tag.encode(), self._tag(row).encode()):
            refuse(Reason.SESSION_TAMPERED)
        return row

    async def _change(self, row: SessionRow, to: SessionRow) -> bool:
        return await self._store.change(row.tag, replace(to, tag=self._tag(to)))

    def _seal(self, secret: str, kept: Kept) -> str:
        if kept == Kept():
            return ""
        content = orjson.dumps([kept.refresh_token, kept.id_token])
        return self._box(secret).encrypt(content).decode("ascii")

    def _open(self, secret: str, sealed: str) -> Kept:
        """Nothing where nothing was kept, or where another hand wrote: no more is lost than that
        the session cannot be renewed.
        """
        try:
            return Kept(*orjson.loads(self._box(secret).decrypt(sealed.encode())))
        except InvalidToken:
            return Kept()

    def _box(self, secret: str) -> Fernet:
        key = hmac.new(self._key, _SEAL_PURPOSE + secret.encode("utf-8", "surrogatepass"), sha256)
        return Fernet(base64.urlsafe_b64encode(key.digest()))

    def _tag(self, row: SessionRow) -> str:
        """HMAC-SHA-256 over every column; JSON keeps the borders between them."""
        fields = [
            row.id_hash,
            row.principal,
            row.issuer_session,
            row.created_at,
            row.last_seen_at,
            row.expires_at,
            row.subject,
            row.renewal,
            row.confirmed_until,
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
