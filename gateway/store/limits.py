"""What each principal has left: requests and characters a minute, and calls at once.

In process, for one gateway. Token buckets refill continuously and hold one minute's worth. Nothing
here waits, and nothing is kept of a principal whose buckets are full and whose calls have ended.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain import Limits, Principal
from gateway.errors import LimitExceeded

MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Left:
    """What a principal could still use at this moment."""

    requests: int
    characters: int
    concurrent: int


@dataclass(slots=True)
class _Account:
    requests: float
    characters: float
    running: int
    at: float


class LimitStore:
    """One account per agency, subject and client."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, prune_above: int = 10_000
    ) -> None:
        self._clock, self._prune_above = clock, prune_above
        self._accounts: dict[tuple[str, str, str], _Account] = {}

    def begin_nowait(self, principal: Principal, limits: Limits) -> None:
        """Takes one request and one running call; both or none.

        Raises:
            LimitExceeded: says in how many seconds there will be enough.
        """
        account = self._account(principal, limits)
        if account.running >= limits.concurrent_requests:
            raise LimitExceeded(retry_after_seconds=1.0)
        wait = _wait(1, account.requests, limits.requests_per_minute)
        if wait > 0:
            raise LimitExceeded(retry_after_seconds=wait)
        account.requests -= 1
        account.running += 1

    def take_characters_nowait(self, principal: Principal, limits: Limits, count: int) -> None:
        """Takes `count` characters of input, all or nothing.

        Raises:
            LimitExceeded: says in how many seconds there will be enough.
        """
        account = self._account(principal, limits)
        wait = _wait(count, account.characters, limits.characters_per_minute)
        if wait > 0:
            raise LimitExceeded(retry_after_seconds=wait)
        account.characters -= count

    def end_nowait(self, principal: Principal, limits: Limits, give_back: int) -> None:
        """Ends a running call and gives back the characters that it took and did not use."""
        account = self._account(principal, limits)
        account.running = max(0, account.running - 1)
        account.characters = min(
            account.characters + give_back, float(limits.characters_per_minute)
        )

    def __len__(self) -> int:
        return len(self._accounts)

    def left(self, principal: Principal, limits: Limits) -> Left:
        """What the principal could still use now."""
        account = self._account(principal, limits)
        return Left(
            requests=max(0, int(account.requests)),
            characters=max(0, int(account.characters)),
            concurrent=limits.concurrent_requests - account.running,
        )

    def _account(self, principal: Principal, limits: Limits) -> _Account:
        key = (principal.agency, principal.subject, principal.client)
        now = self._clock()
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= self._prune_above:
                self._prune(now)
            account = _Account(limits.requests_per_minute, limits.characters_per_minute, 0, now)
            self._accounts[key] = account
        passed = (now - account.at) / MINUTE_SECONDS
        account.at = now
        account.requests = min(
            account.requests + passed * limits.requests_per_minute,
            float(limits.requests_per_minute),
        )
        account.characters = min(
            account.characters + passed * limits.characters_per_minute,
            float(limits.characters_per_minute),
        )
        return account

    def _prune(self, now: float) -> None:
        """Forgets who is idle for a minute: by then its buckets are full again."""
        for key, account in list(self._accounts.items()):
            if account.running == 0 and now - account.at >= MINUTE_SECONDS:
                del self._accounts[key]


def _wait(amount: float, left: float, per_minute: int) -> float:
    """Seconds until `amount` is there; more than a minute's worth needs a full bucket only."""
    return max(0.0, (min(amount, per_minute) - left) * MINUTE_SECONDS / per_minute)
