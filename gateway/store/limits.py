"""What each principal has left: requests and characters a minute, and calls at once.

`LimitStore` is what the line asks; `LocalLimits` answers for one gateway, in process, and
`gateway.store.shared_limits` for all gateways that share a Valkey. Token buckets refill
continuously and hold one minute's worth. `Accounts` are the buckets in process; nothing in them
waits, and nothing is kept of a principal whose buckets are full and whose calls have ended.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gateway.domain import Limits, Principal
from gateway.errors import LimitExceeded

MINUTE_SECONDS = 60.0


class Left(NamedTuple):
    """What a principal could still use at this moment."""

    requests: int
    characters: int
    concurrent: int


@dataclass(frozen=True, slots=True)
class Lease:
    """One running call: whose it is (`account`, as its store names it) and its own random id."""

    account: str
    limits: Limits
    id: str


class LimitsState(NamedTuple):
    """What observers see: whether this gateway counts alone against its will, and how many live."""

    alone: bool
    replicas: int


class LimitStore(Protocol):
    """Where limits are counted. It never lets a call pass because its store failed."""

    @property
    def state(self) -> LimitsState:
        """How limits are counted now."""
        ...

    async def begin(self, principal: Principal, limits: Limits) -> Lease:
        """Takes one request and one running call, both or none; `end_nowait` ends it.

        Cancelled, it has taken no running call.

        Raises:
            LimitExceeded: says in how many seconds there will be enough.
        """
        ...

    async def take_characters(self, lease: Lease, count: int) -> None:
        """Takes `count` characters of input, all or nothing.

        Raises:
            LimitExceeded: says in how many seconds there will be enough.
        """
        ...

    def end_nowait(self, lease: Lease, give_back: int) -> None:
        """Ends a running call and gives back the characters that it took and did not use.

        Never waits and never fails, so that no cancellation can lose it.
        """
        ...

    async def left(self, principal: Principal, limits: Limits) -> Left:
        """What the principal could still use now; never negative."""
        ...


def account_name(principal: Principal) -> str:
    """One account per agency, subject and client; names cannot be written to look like another."""
    parts = (principal.agency, principal.subject, principal.client)
    return "".join(f"{len(part)}:{part}" for part in parts)


def new_lease(account: str, limits: Limits) -> Lease:
    """A lease that nobody else has."""
    return Lease(account, limits, secrets.token_hex(12))


class LocalLimits:
    """Limits of one gateway that shares them with nobody; forgotten when it ends."""

    state = LimitsState(alone=False, replicas=1)

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = Accounts(clock)

    async def begin(self, principal: Principal, limits: Limits) -> Lease:
        """As LimitStore says."""
        lease = new_lease(account_name(principal), limits)
        self._accounts.begin(lease.account, limits)
        return lease

    async def take_characters(self, lease: Lease, count: int) -> None:
        """As LimitStore says."""
        self._accounts.take_characters(lease.account, lease.limits, count)

    def end_nowait(self, lease: Lease, give_back: int) -> None:
        """As LimitStore says."""
        self._accounts.end(lease.account, lease.limits, give_back)

    async def left(self, principal: Principal, limits: Limits) -> Left:
        """As LimitStore says."""
        return self._accounts.left(account_name(principal), limits)


@dataclass(slots=True)
class _Account:
    requests: float
    characters: float
    running: int
    at: float


class Accounts:
    """Buckets and running calls by account, in this process."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, prune_above: int = 10_000
    ) -> None:
        self._clock, self._prune_above = clock, prune_above
        self._accounts: dict[str, _Account] = {}

    def begin(self, name: str, limits: Limits) -> None:
        """Takes one request and one running call; both or none.

        Raises:
            LimitExceeded: says in how many seconds there will be enough.
        """
        account = self._account(name, limits)
        if account.running >= limits.concurrent_requests:
            raise LimitExceeded(retry_after_seconds=1.0)
        wait = _wait(1, account.requests, limits.requests_per_minute)
        if wait > 0:
            raise LimitExceeded(retry_after_seconds=wait)
        account.requests -= 1
        account.running += 1

    def take_characters(self, name: str, limits: Limits, count: int) -> None:
        """Takes `count` characters of input, all or nothing.

        Raises:
            LimitExceeded: says in how many seconds there will be enough.
        """
        account = self._account(name, limits)
        wait = _wait(count, account.characters, limits.characters_per_minute)
        if wait > 0:
            raise LimitExceeded(retry_after_seconds=wait)
        account.characters -= count

    def note_begun(self, name: str, limits: Limits) -> None:
        """Counts a call that another store let pass; a bucket that is empty stays so."""
        account = self._account(name, limits)
        account.requests = max(account.requests - 1, min(account.requests, 0.0))
        account.running += 1

    def note_characters(self, name: str, limits: Limits, count: int) -> None:
        """Counts characters that another store let pass; a bucket that is empty stays so."""
        account = self._account(name, limits)
        account.characters = max(account.characters - count, min(account.characters, 0.0))

    def end(self, name: str, limits: Limits, give_back: int) -> None:
        """Ends a running call and gives back the characters that it took and did not use."""
        account = self._account(name, limits)
        account.running = max(0, account.running - 1)
        account.characters = min(
            account.characters + give_back, float(limits.characters_per_minute)
        )

    def __len__(self) -> int:
        return len(self._accounts)

    def left(self, name: str, limits: Limits) -> Left:
        """What the account could still use now."""
        account = self._account(name, limits)
        return Left(
            requests=max(0, int(account.requests)),
            characters=max(0, int(account.characters)),
            concurrent=max(0, limits.concurrent_requests - account.running),
        )

    def _account(self, name: str, limits: Limits) -> _Account:
        now = self._clock()
        account = self._accounts.get(name)
        if account is None:
            if len(self._accounts) >= self._prune_above:
                self._prune(now)
            account = _Account(limits.requests_per_minute, limits.characters_per_minute, 0, now)
            self._accounts[name] = account
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
        """Forgets who is idle for a minute and owes nothing: by then its buckets are full again."""
        for name, account in list(self._accounts.items()):
            idle = account.running == 0 and now - account.at >= MINUTE_SECONDS
            if idle and account.requests >= 0 and account.characters >= 0:
                del self._accounts[name]


def _wait(amount: float, left: float, per_minute: int) -> float:
    """Seconds until `amount` is there; more than a minute's worth needs a full bucket only."""
    return max(0.0, (min(amount, per_minute) - left) * MINUTE_SECONDS / per_minute)
