"""Pruning: events whose retention has ended are deleted, told in a signed act, and provable still.

Age counts since the event was sealed, or from its own time where that is a day later or more. A
request's two events go together, by the grade of what the engine received. Kept for ever: what no
rule names, the log's own life (writers, keys, acts), and what is not as it was sealed. Each act is
one transaction: its event, what stays of each event, and their deletion, at most MOST_IN_ACT of one
agency. `gateway.proofs.pruned` says how the act is verified.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Final, NamedTuple

from gateway.domain import Grade
from gateway.ledger.errand import append_alone
from gateway.ledger.events import (
    CLOSED,
    OPENED,
    bounded,
    bounded_count,
    iso_time,
    new_id,
)
from gateway.ledger.keys import LedgerKeys
from gateway.proofs.entry import event_hash, leaf_entry
from gateway.proofs.pruned import RECORDS_PRUNED, Digest, PrunedLeaf
from gateway.proofs.retention import Kind, kind_of, rule_of
from gateway.store.database import Database
from gateway.store.pruning import (
    SealedEvent,
    position_before,
    prune,
    sealed_events,
    sealed_of_records,
    size_before,
)
from inference.task import JsonObject, JsonValue

MOST_IN_ACT: Final = 500
_DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How many days events are kept since they were sealed; `requests` by grade."""

    requests: Mapping[Grade, int]
    refusals: int
    inquiries: int
    rights: int

    @property
    def every(self) -> set[int]:
        """All numbers of days in it."""
        return {*self.requests.values(), self.refusals, self.inquiries, self.rights}

    def days(self, action: str) -> int | None:
        """Of an event that is no request's; None keeps it for ever."""
        days = {
            Kind.REFUSAL: self.refusals,
            Kind.INQUIRY: self.inquiries,
            Kind.RIGHTS: self.rights,
        }
        kind = kind_of(action)
        return days.get(kind) if kind else None


class Rule(NamedTuple):
    """What an act went by: events sealed before `at` (Unix seconds), `size` leaves then."""

    days: int
    at: float
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsPruned:
    """An act of pruning; `rules` by their names, `account` the system's user who ran it."""

    record_id: str
    agency: str
    account: str
    events: int
    first_leaf: int
    last_leaf: int
    digest: str
    rules: Mapping[str, Rule]

    def facts(self) -> JsonObject:
        """The body without what all events share."""
        rules: dict[str, JsonValue] = {
            name: {
                "days": rule.days,
                "sealed_before": iso_time(rule.at),
                "size": bounded_count(rule.size),
            }
            for name, rule in self.rules.items()
        }
        return {
            "action": RECORDS_PRUNED,
            "account": bounded(self.account),
            "events": bounded_count(self.events),
            "leaves": {"first": self.first_leaf, "last": self.last_leaf},
            "digest": self.digest,
            "rules": rules,
        }


def _to_nobody(_act: RecordsPruned) -> None:
    """Whoever waits for all acts is told of none."""


class _Due(NamedTuple):
    event: SealedEvent
    name: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """Prunes one ledger. `upto` is the last position that may go; `now` in Unix seconds; `tell` is
    called with each act that stands, whatever becomes of those behind it.
    """

    database: Database
    keys: LedgerKeys
    keep: Keep
    account: str
    build: str
    now: float
    upto: int = 2**63 - 1
    tell: Callable[[RecordsPruned], None] = _to_nobody

    async def run(self) -> list[RecordsPruned]:
        """Prunes everything that is due, and tells the acts.

        Raises:
            StoreUnavailable: the database cannot be read or written; acts until then stand.
            ValueError: an event that is due is not what was sealed: it stays, and all behind it.
        """
        acts, after, rules = list[RecordsPruned](), 0, await self._rules()
        async with self.database.reading() as connection:
            oldest = max(rule.size for rule in rules.values())
            upto = min(self.upto, await position_before(connection, oldest))
        while page := await self._page(after, upto):
            after = page[-1].position
            acts += await self._prune(await self._due(page, rules))
        return acts

    async def _rules(self) -> dict[int, Rule]:
        """Days → the rule that they make now."""
        rules = {}
        async with self.database.reading() as connection:
            for days in self.keep.every:
                at = self.now - days * _DAY_SECONDS
                rules[days] = Rule(days, at, await size_before(connection, at))
        return rules

    async def _page(self, after: int, upto: int) -> list[SealedEvent]:
        """The next events, whatever they are: no look takes longer as the log grows."""
        async with self.database.reading() as connection:
            most = MOST_IN_ACT // 2  # a request has two events, and the opening may lie before
            return await sealed_events(connection, after=after, upto=upto, limit=most)

    async def _due(self, page: Sequence[SealedEvent], rules: Mapping[int, Rule]) -> list[_Due]:
        closed = [event.record_id for event in page if event.action == CLOSED]
        async with self.database.reading() as connection:
            openings = await sealed_of_records(connection, closed, OPENED)
        due = []
        for event in page:
            name, days, gone = rule_of(event.action), self.keep.days(event.action), [event]
            if event.action == CLOSED:
                opening = openings.get(event.record_id)
                if opening is None:
                    raise ValueError("a closing without its opening")
                grade = _grade(opening)
                name, days = rule_of(CLOSED, grade.name), self.keep.requests[grade]
                gone = [opening, event]
            if days is not None and event.leaf_index < rules[days].size:
                times = [_time_of_whole(each) for each in gone]
                if max(times) < rules[days].at + _DAY_SECONDS:  # clocks are not that far apart
                    due += [_Due(each, name, rules[days]) for each in gone]
        return due

    async def _prune(self, due: Iterable[_Due]) -> list[RecordsPruned]:
        """One act for each agency."""
        ordered = sorted(due, key=lambda each: (each.event.agency, each.event.leaf_index))
        groups = groupby(ordered, key=lambda each: each.event.agency)
        return [await self._act(list(group)) for _, group in groups]

    async def _act(self, due: Sequence[_Due]) -> RecordsPruned:
        events, digest = [each.event for each in due], Digest()
        for event in events:
            digest.add(
                PrunedLeaf(
                    event.leaf_index,
                    event.agency_number,
                    event.writer,
                    event.sequence,
                    event.action,
                    event.entry,
                )
            )
        act = RecordsPruned(
            record_id=new_id(),
            agency=events[0].agency,
            account=self.account,
            events=digest.count,
            first_leaf=events[0].leaf_index,
            last_leaf=events[-1].leaf_index,
            digest=digest.value,
            rules={each.name: each.rule for each in due},
        )
        also = partial(prune, events=events, act=act.record_id)
        await append_alone(self.database, self.keys, act, build=self.build, at=self.now, also=also)
        self.tell(act)
        return act


def _time_of_whole(event: SealedEvent) -> float:
    """The event's own time, if it is what its leaf was made of: no evidence of a change may be
    pruned. The time is signed, as that of sealing is not: whoever changes the latter in the
    database makes no event due that is younger by its own.

    Raises:
        ValueError: it is not.
    """
    entry = leaf_entry(
        salt=event.salt,
        agency=event.agency,
        agency_number=event.agency_number,
        body_hash=event_hash(event.body),
    )
    if entry != event.entry:
        raise ValueError("not what was sealed")
    facts = json.loads(event.body)
    if (facts["id"], facts["action"]) != (event.record_id, event.action):
        raise ValueError("not what was sealed")
    return datetime.fromisoformat(facts["time"]).timestamp()


def _grade(opening: SealedEvent) -> Grade:
    """The grade of what the engine received."""
    try:
        return Grade[json.loads(opening.body)["grade"]["engine"]]
    except (KeyError, TypeError):
        raise ValueError("an opening without a grade") from None
