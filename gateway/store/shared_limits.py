"""Limits that all gateways of one Valkey share, and what holds while Valkey is away.

Each operation is one script in Valkey. A running call is a lease there: renewed while its gateway
lives, gone by itself when it does not. Valkey holds HMACs, random ids and numbers, never who
somebody is. While it is away, this gateway enforces its share alone (the limit divided by the
number of gateways that last lived, at least one call); it counts its own calls all the time, so
that nobody starts afresh then. No request waits for more than one late answer: the first that is
late makes all count alone until `_keep` has connected again, in the background.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Self

from gateway.domain import Limits, Principal
from gateway.errors import LimitExceeded
from gateway.store.errors import ValkeyAway
from gateway.store.limit_scripts import ALL, BEAT, BEGIN, END, LEFT, RENEW, TAKE
from gateway.store.limits import Accounts, Lease, Left, LimitsState, account_name, new_lease
from gateway.store.valkey import ValkeyLine, ValkeyOptions
from gateway.telemetry import Log

PREFIX: Final = "gwanmun:limits:1"  # the number of the scripts' layout: another one, other keys
PROBE_SECONDS: Final = 0.5
UNSETTLED_MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """How gateways share; `key` hides from Valkey whose account is whose: one for all gateways."""

    valkey: ValkeyOptions
    key: bytes = field(repr=False)
    lease_seconds: float
    assumed_replicas: int


@dataclass(frozen=True, slots=True)
class _End:
    lease: Lease
    give_back: int


class SharedLimits:
    """A LimitStore in Valkey, as an async context manager."""

    def __init__(self, options: SharedOptions, log: Log) -> None:
        self._options, self._log = options, log
        self._line = ValkeyLine(options.valkey)
        self._own = Accounts()
        self._id = secrets.token_hex(12)
        self._replicas = options.assumed_replicas
        self._taken: dict[Lease, int] = {}  # running calls, and the characters taken in Valkey
        self._unsettled: deque[_End] = deque(maxlen=UNSETTLED_MOST)
        self._fingerprint = self._hash("installation")[:16]

    async def __aenter__(self) -> Self:
        await self._line.__aenter__()
        if await self._connected():
            await self._beat()
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        with suppress(ValkeyAway):
            self._line.ask(BEAT, [self._replicas_key], [self._id, 0]).add_done_callback(_read)
        await self._line.__aexit__()

    @property
    def state(self) -> LimitsState:
        """As LimitStore says."""
        return LimitsState(alone=not self._line.here, replicas=self._replicas)

    async def begin(self, principal: Principal, limits: Limits) -> Lease:
        """As LimitStore says."""
        lease = new_lease(self._hash(account_name(principal)), limits)
        arguments = _with(limits, limits.concurrent_requests, lease.id, self._milliseconds)
        try:
            (wait,) = await self._line.ask(BEGIN, _keys(lease.account), arguments)
        except ValkeyAway:
            try:
                self._own.begin(lease.account, self._share(limits))
            except LimitExceeded:
                self._settle(_End(lease, 0))  # Valkey may have done what it did not answer
                raise
            self._taken[lease] = 0
            return lease
        except asyncio.CancelledError:
            self._settle(_End(lease, 0))
            raise
        if wait:
            raise LimitExceeded(retry_after_seconds=wait / 1000)
        self._own.note_begun(lease.account, self._share(limits))
        self._taken[lease] = 0
        return lease

    async def take_characters(self, lease: Lease, count: int) -> None:
        """As LimitStore says."""
        share = self._share(lease.limits)
        try:
            arguments = _with(lease.limits, count)
            (wait,) = await self._line.ask(TAKE, _keys(lease.account), arguments)
        except ValkeyAway:
            self._own.take_characters(lease.account, share, count)
            return
        if wait:
            raise LimitExceeded(retry_after_seconds=wait / 1000)
        self._own.note_characters(lease.account, share, count)
        self._taken[lease] = self._taken.get(lease, 0) + count

    def end_nowait(self, lease: Lease, give_back: int) -> None:
        """As LimitStore says; Valkey gets back only what was taken there."""
        taken = self._taken.pop(lease, 0)
        self._own.end(lease.account, self._share(lease.limits), give_back)
        self._settle(_End(lease, min(give_back, taken)))

    async def left(self, principal: Principal, limits: Limits) -> Left:
        """As LimitStore says."""
        account = self._hash(account_name(principal))
        try:
            reply = await self._line.ask(LEFT, _keys(account), _with(limits))
            requests, characters, running = reply
        except ValkeyAway:
            return self._own.left(account, self._share(limits))
        return Left(requests, characters, max(0, limits.concurrent_requests - running))

    def _share(self, limits: Limits) -> Limits:
        """What this gateway may give by itself."""
        live = max(1, self._replicas)
        return Limits(
            requests_per_minute=max(1, limits.requests_per_minute // live),
            characters_per_minute=max(1, limits.characters_per_minute // live),
            concurrent_requests=max(1, limits.concurrent_requests // live),
        )

    def _settle(self, end: _End) -> None:
        """Tells Valkey of an ended call, now or once it is back; its lease ends anyway."""
        try:
            told = self._line.ask(
                END,
                _keys(end.lease.account),
                _with(end.lease.limits, end.lease.id, end.give_back),
            )
        except ValkeyAway:
            self._unsettled.append(end)
        else:
            told.add_done_callback(partial(self._told, end))

    def _told(self, end: _End, told: "asyncio.Future[list[int]]") -> None:
        if told.exception() is not None:
            self._unsettled.append(end)

    async def _keep(self) -> None:
        """Beats, and reconnects when the line is lost, for as long as the gateway runs."""
        while True:
            if self._line.here:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._options.lease_seconds / 3):
                        await self._line.lost.wait()
            if self._line.here:
                await self._beat()
                continue
            self._log.error("limits.valkey_away", replicas=self._replicas)
            while not await self._connected():  # noqa: ASYNC110 nothing here could tell us
                await asyncio.sleep(PROBE_SECONDS)
            await self._beat()
            self._log.info("limits.valkey_back", replicas=self._replicas)

    async def _connected(self) -> bool:
        """Connects; what ended meanwhile is the first thing that Valkey is told."""
        try:
            await self._line.connect(ALL)
        except ValkeyAway:
            return False
        for _ in range(len(self._unsettled)):
            self._settle(self._unsettled.popleft())
        return True

    async def _beat(self) -> None:
        """Says that this gateway lives and which calls run here; learns how many gateways live.

        Calls that began while Valkey was away, or that it has forgotten, are counted from here on.
        """
        by_account: dict[str, list[Lease]] = {}
        for lease in self._taken:
            by_account.setdefault(lease.account, []).append(lease)
        with suppress(ValkeyAway):
            beat = self._line.ask(BEAT, [self._replicas_key], [self._id, self._milliseconds])
            for account, leases in by_account.items():
                ids = (lease.id for lease in leases)
                arguments = _with(leases[0].limits, self._milliseconds, *ids)
                renewed = self._line.ask(RENEW, _keys(account), arguments)
                renewed.add_done_callback(_read)
            (replicas,) = await beat
            self._replicas = max(1, replicas)

    @property
    def _milliseconds(self) -> int:
        return round(self._options.lease_seconds * 1000)

    @property
    def _replicas_key(self) -> str:
        return f"{PREFIX}:{{{self._fingerprint}}}:replicas"

    def _hash(self, name: str) -> str:
        return hmac.new(self._options.key, name.encode(), hashlib.sha256).hexdigest()


def _keys(account: str) -> list[str]:
    """An account's two keys; braces keep them on one shard (Valkey's documentation, hash tags)."""
    return [f"{PREFIX}:{{{account}}}:left", f"{PREFIX}:{{{account}}}:running"]


def _with(limits: Limits, *more: str | int) -> list[str | int]:
    return [limits.requests_per_minute, limits.characters_per_minute, *more]


def _read(answer: "asyncio.Future[list[int]]") -> None:
    """Nobody waits for this answer; asyncio wants to know that its failure was seen."""
    answer.exception()
