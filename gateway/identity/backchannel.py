"""Logout that the issuer tells us about: OpenID Connect Back-Channel Logout 1.0.

Goes in: a logout token as it came. Comes out: how many sessions it has ended. The token itself is
the only proof; nothing else of the request is believed. A token works once per process; a second
replica that sees it again ends what is ended already.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gateway.identity.authentication import Identity
from gateway.identity.sessions import Sessions
from gateway.identity.tokens import LOGOUT_HEADER_TYPES, Reason, check_logout_claims, refuse
from gateway.settings import IdentitySettings

LOGOUT_PATH: Final = "/logout/backchannel"
_MOST_REMEMBERED: Final = 10_000


class BackChannel:
    """Ends sessions for logout tokens of the issuer. One per process."""

    def __init__(
        self,
        settings: IdentitySettings,
        *,
        identity: Identity,
        sessions: Sessions,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._sessions = sessions
        self._now = now
        self._seen: OrderedDict[str, float] = OrderedDict()  # jti: until when it must be known

    async def end(self, token: str) -> int:
        """Section 2.6: 1. structure and header, 2. issuer, 3. key, 4. signature, 5. claims,
        6. never used before; then ends the sessions of its `sid`, or without one of its `sub`.

        Raises:
            Unauthenticated: what is wrong with the token, by its word.
            IdentityUnavailable: the issuer's keys cannot be had, or sessions not be ended; the
                token then counts as unused.
        """
        settings = self._settings
        claims = await self._identity.signed(token, settings.issuer, LOGOUT_HEADER_TYPES)
        logout = check_logout_claims(
            claims,
            issuer=settings.issuer,
            audience=settings.browser_client,
            leeway_seconds=settings.leeway_seconds,
            now=self._now(),
        )
        self._forget()
        if logout.token_id in self._seen:
            refuse(Reason.REPLAYED)
        self._seen[logout.token_id] = logout.expires_at
        try:
            if logout.issuer_session:
                return await self._sessions.end_issuer_session(logout.issuer_session)
            return await self._sessions.end_subject(logout.subject)
        except BaseException:
            del self._seen[logout.token_id]
            raise

    def _forget(self) -> None:
        """Drops what has expired; of more than fit, the oldest."""
        while self._seen:
            first = next(iter(self._seen))
            if self._seen[first] > self._now() and len(self._seen) < _MOST_REMEMBERED:
                return
            del self._seen[first]
