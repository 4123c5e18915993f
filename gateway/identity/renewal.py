"""Keeps a browser's session only as long as the issuer keeps its own.

When the access token of a session has run out, the issuer is asked for another one: new rights
count from then on, and a session that has ended there ends here. One question per session at a
time, however many requests wait for it. While the issuer is away, sessions go on for a bounded time
(architecture.md section 10), and not every request waits for an answer that does not come.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

from gateway.domain import Principal
from gateway.errors import IdentityUnavailable, Unauthenticated
from gateway.identity.issuer import GrantEnded, Issuer
from gateway.identity.sessions import Kept, Session, Sessions
from gateway.identity.tokens import Reason, refuse
from gateway.settings import IdentitySettings

_PAUSE_SECONDS: Final = 5.0  # between two questions to an issuer that is away


class Renewals:
    """Finds sessions, renewing those that are due. `verify` reads an access token's Principal."""

    def __init__(
        self,
        settings: IdentitySettings,
        sessions: Sessions,
        issuer: Issuer,
        verify: Callable[[str], Awaitable[Principal]],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = settings.browser_client
        self._patience_seconds = settings.session_unconfirmed_seconds
        self._sessions = sessions
        self._issuer = issuer
        self._verify = verify
        self._now = now
        self._running: dict[bytes, asyncio.Task[Principal]] = {}
        self._away_until = 0.0

    async def find(self, secret: str) -> Principal:
        """The Principal of a running session, as the issuer has last described it.

        Raises:
            Unauthenticated: as Sessions.find, or session_ended: the issuer's session is over.
            IdentityUnavailable: sessions cannot be read, or the issuer is away for too long.
        """
        session = await self._sessions.find(secret)
        if not session.kept.refresh_token:  # not due, or nothing to ask with
            return session.principal
        name = sha256(secret.encode()).digest()
        running = self._running.get(name)
        if running is None:
            running = asyncio.create_task(self._still_due(secret), name="session-renewal")
            self._running[name] = running
            running.add_done_callback(lambda _: self._running.pop(name, None))
        # Shielded: the answer belongs to all who wait, not to the first request alone.
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Ends the questions in progress."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _still_due(self, secret: str) -> Principal:
        """Reads again: what a request saw may be from before another one's renewal."""
        session = await self._sessions.find(secret)
        if not session.kept.refresh_token:
            return session.principal
        return await self._renew(secret, session)

    async def _renew(self, secret: str, session: Session) -> Principal:
        try:
            principal, kept = await self._ask(session)
        except IdentityUnavailable:
            if self._now() < session.confirmed_until + self._patience_seconds:
                return session.principal
            raise
        except (GrantEnded, Unauthenticated):
            # Another replica may have been first, and the issuer may take a token only once.
            again = await self._sessions.find(secret)
            if again.confirmed_until > session.confirmed_until:
                return again.principal
            await self._sessions.end(secret)
            refuse(Reason.SESSION_ENDED)
        await self._sessions.renew(secret, principal, kept)
        return principal

    async def _ask(self, session: Session) -> tuple[Principal, Kept]:
        if self._now() < self._away_until:
            raise IdentityUnavailable
        try:
            tokens = await self._issuer.refresh(session.kept.refresh_token)
            principal = await self._verify(tokens.access_token)
        except IdentityUnavailable:
            self._away_until = self._now() + _PAUSE_SECONDS
            raise
        except Unauthenticated as refused:
            if refused.reason == Reason.UNKNOWN_KEY:  # its keys were asked for a moment ago
                raise IdentityUnavailable from None
            raise
        if principal.client != self._client or principal.subject != session.principal.subject:
            refuse(Reason.WRONG_SUBJECT)
        # The ID token is not read here: it only goes back to the issuer as a logout's hint.
        return principal, Kept(
            tokens.refresh_token or session.kept.refresh_token,
            tokens.id_token or session.kept.id_token,
        )
