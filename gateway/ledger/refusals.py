"""Refusals, counted per minute so that nobody fills the log with them. No input, no output.

Of a known caller the first refusal of a key (code, subject, client) in a minute is an event of its
own; further ones become one event when the minute has ended. Where nobody is known, all refusals of
a minute become one event that lists how often which reason met which network.
"""

import ipaddress
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gateway.domain import PeerOrigin
from gateway.ledger.events import AuthRefused, RefusedNetwork, RequestRefused, new_id

MOST_NETWORKS = 50
MOST_REASONS = 20
MOST_KEYS = 500
OTHER = "other"
_MINUTE_SECONDS = 60
_IPV4_PREFIX, _IPV6_PREFIX = 24, 64  # as much of an address as one site usually has


class _Key(NamedTuple):
    agency: str
    subject: str
    client: str
    code: str


@dataclass(slots=True)
class _Minute:
    start: int
    strangers: Counter[tuple[str, str]] = field(default_factory=Counter)
    networks: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)
    again: dict[_Key, RequestRefused] = field(default_factory=dict)


class Refusals:
    """The running minute; times are Unix seconds and may go backwards, which changes nothing."""

    def __init__(self) -> None:
        self._minute = _Minute(0)
        self._dropped = 0

    def add(self, event: RequestRefused, at: float) -> RequestRefused | None:
        """Counts a refusal; returns it if it is to be written now, as an event of its own.

        Call `ended` first: whatever is added belongs to the running minute.
        """
        if not self._minute.start:
            self._minute.start = _minute(at)
        if event.principal is None:
            self._add_stranger(event.reason, network(event.origin))
            return None
        who = event.principal
        key = _Key(who.agency, who.subject, who.client, event.code)
        known = self._minute.again.get(key)
        if known is None:
            if len(self._minute.again) >= MOST_KEYS:
                self._dropped += 1
                return None
            self._minute.again[key] = replace(event, count=0)
            return event
        self._minute.again[key] = replace(known, count=known.count + 1)
        return None

    def drop(self, count: int = 1) -> None:
        """Counts refusals for which there was no place; the next aggregate says so."""
        self._dropped += count

    def ended(self, at: float) -> list[AuthRefused | RequestRefused]:
        """The aggregates of a minute that has ended; nothing while it runs."""
        return [] if self._minute.start in (0, _minute(at)) else self.flush(at)

    def flush(self, at: float) -> list[AuthRefused | RequestRefused]:
        """The aggregates so far; a new minute begins with the next refusal."""
        minute, self._minute = self._minute, _Minute(0)
        known = [
            replace(event, record_id=new_id()) for event in minute.again.values() if event.count
        ]
        if not minute.strangers and not self._dropped:
            return [*known]
        networks = tuple(
            RefusedNetwork(reason, network, times)
            for (reason, network), times in sorted(minute.strangers.items())
        )
        dropped, self._dropped = self._dropped, 0
        strangers = AuthRefused(
            record_id=new_id(),
            minute_at=minute.start or _minute(at),
            networks=networks,
            dropped=dropped,
        )
        return [strangers, *known]

    def _add_stranger(self, reason: str, where: str) -> None:
        minute = self._minute
        reason = _bounded(reason, minute.reasons, MOST_REASONS)
        minute.strangers[reason, _bounded(where, minute.networks, MOST_NETWORKS)] += 1


def network(origin: PeerOrigin) -> str:
    """The /24 or /64 of an address; "unknown" for what is none, such as a Unix socket."""
    try:
        address = ipaddress.ip_address(origin.address)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((int(address), _IPV4_PREFIX), strict=False))


def _bounded(word: str, known: set[str], most: int) -> str:
    if word not in known:
        if len(known) >= most:
            return OTHER
        known.add(word)
    return word


def _minute(at: float) -> int:
    return int(at) // _MINUTE_SECONDS * _MINUTE_SECONDS
