"""Events whose retention has ended: gone, and told in an event of their agency, the act.

A pruned event leaves its leaf, which every proof needs, and a row that says which number of its
writer it had. The act's event `records.pruned` counts these rows and holds their digest, so that
what is missing is exactly what a signed act tells: an event without row or act was removed by
somebody else. The digest is

    SHA-256("gwanmun/pruned/v1" LF ‖ for each, in the order of leaves: leaf index (8 bytes, big
    endian) ‖ agency's number (8) ‖ writer (16) ‖ sequence (8) ‖ length of the action (1) ‖ action
    ‖ leaf entry (33))

The act names the rules by which it went, each with its days and the size of the tree that was
sealed before that: what is gone must be among those leaves, and that day be so many days before
the act. Nothing goes but by a rule of its own, and no rule is below the law (`retention`). That the
tree had that size so early is the act's word, and the witnesses': where a quorum saw a smaller tree
more than GRACE_DAYS after it, the act went too early. So it did where the first quorum that saw the
act itself signed more than a day before the act's own time.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from gateway.proofs.entry import WRITER_BYTES, is_entry
from gateway.proofs.reader import LeafRow, PrunedRow
from gateway.proofs.records import Broken, Event, Flaw, Problem
from gateway.proofs.retention import LEAST_DAYS, covers, kind_of, kind_of_rule
from gateway.proofs.witnessed import Witnessed

RECORDS_PRUNED: Final = "records.pruned"
_CONTEXT: Final = b"gwanmun/pruned/v1\n"
GRACE_DAYS: Final = 31  # a witness may sign by hand, weeks after it was asked
_DAY_SECONDS: Final = 86_400.0
_CLOCKS_SECONDS: Final = 3_600.0  # between those of the act's two times


class PrunedLeaf(NamedTuple):
    """What is left of one event."""

    leaf_index: int
    agency_number: int
    writer: str
    sequence: int
    action: str
    entry: bytes


@dataclass(slots=True)
class Digest:
    """Feed it what is pruned in the order of leaves."""

    count: int = 0
    _state: Any = field(default_factory=lambda: hashlib.sha256(_CONTEXT), repr=False)

    def add(self, leaf: PrunedLeaf) -> None:
        """One more.

        Raises:
            ValueError: a part does not have its form.
        """
        writer, action = bytes.fromhex(leaf.writer), leaf.action.encode()
        if len(writer) != WRITER_BYTES or not is_entry(leaf.entry) or len(action) > 255:
            raise ValueError("a part has a wrong length")
        numbers = (leaf.leaf_index, leaf.agency_number, leaf.sequence)
        index, number, sequence = (each.to_bytes(8, "big") for each in numbers)
        parts = (index, number, writer, sequence, bytes((len(action),)), action, leaf.entry)
        self._state.update(b"".join(parts))
        self.count += 1

    @property
    def value(self) -> str:
        """Of all that was added, in hex."""
        return str(self._state.hexdigest())


@dataclass(slots=True)
class _Act:
    agency: str
    last: dict[str, int] = field(default_factory=dict)  # by action
    digest: Digest = field(default_factory=Digest)


class PruningRule(NamedTuple):
    """What an act says of a rule: `size` leaves were sealed before `before` (Unix seconds)."""

    days: int
    before: float
    size: int


class Acts:
    """Feed it every pruned leaf and every event in the log's order; it raises Broken at the first
    that does not fit.

    `events` counts what was pruned, `acts` the events that told of it. Memory grows with the acts
    that are under way.
    """

    def __init__(self) -> None:
        self.events = self.acts = 0
        self._open: dict[str, _Act] = {}

    @property
    def untold(self) -> set[str]:
        """The acts of which leaves were met, and which have not been met themselves."""
        return set(self._open)

    def met(self, leaf: PrunedLeaf, agency: str, act: str) -> None:
        """A leaf whose event is gone, and the act that is said to tell of it."""
        found = self._open.setdefault(act, _Act(agency))
        try:
            found.digest.add(leaf)
        except (ValueError, OverflowError):
            raise _broken("a row of a wrong form", leaf.leaf_index) from None
        if found.agency != agency:
            raise _broken(f"not of the act {act}", leaf.leaf_index)
        if kind_of(leaf.action) is None:
            raise _broken(f"{leaf.action} is kept for ever", leaf.leaf_index)
        found.last[leaf.action] = leaf.leaf_index
        self.events += 1

    def told(self, event: Event, leaf_index: int | None) -> tuple[PruningRule, ...]:
        """Any event; those that tell of a pruning must tell what was met, and give their rules."""
        if event.action != RECORDS_PRUNED:
            return ()
        act = self._open.pop(event.record_id, None)
        met = (act.agency, act.digest.count, act.digest.value) if act else None
        told = (event.agency, event.facts.get("events"), event.facts.get("digest"))
        rules = _rules(event)
        detail = _below_the_law(rules)
        if act is None or met != told:
            detail = f"the act tells of {told[1]} events, {met[1] if met else 0} are gone"
        elif not all(_reach(rules, action, last) for action, last in act.last.items()):
            detail = detail or "the act's rules do not reach so far"
        if detail:
            raise Broken(_of_act(event, leaf_index, detail))
        self.acts += 1
        return (*rules.values(),)

    def finish(self) -> None:
        """After the last event: nothing is gone of which no act tells."""
        for name, act in self._open.items():
            raise _broken(f"no act {name} tells of {act.digest.count} events that are gone", None)


def pruned_leaf(leaf: LeafRow, row: PrunedRow) -> PrunedLeaf:
    """A leaf with what is left of its event, as they are stored.

    Raises:
        Broken: a column has a wrong type.
    """
    found = (leaf.leaf_index, leaf.agency_number, row.writer, row.sequence, row.action, leaf.entry)
    kinds = (int, int, str, int, str, bytes)
    if not all(isinstance(value, kind) for value, kind in zip(found, kinds, strict=True)):
        index = leaf.leaf_index if isinstance(leaf.leaf_index, int) else None
        raise _broken("a column of a wrong type", index)
    return PrunedLeaf(*found)  # type: ignore[arg-type]


def too_early(event: Event, leaf_index: int | None, rule: PruningRule, seen: Witnessed) -> None:
    """A quorum that saw a smaller tree than the rule's, later than the rule says, is against it.

    Raises:
        Broken: it is.
    """
    if seen.size < rule.size and seen.signed_at > rule.before + GRACE_DAYS * _DAY_SECONDS:
        detail = f"witnesses saw {seen.size} leaves later than the act says of {rule.size}"
        raise Broken(_of_act(event, leaf_index, detail))


def before_its_time(event: Event, leaf_index: int, seen: Witnessed) -> None:
    """A quorum that saw the act itself, a day and more before the time that it tells, is against
    it: else a clock set ahead would make everything old enough.

    Raises:
        Broken: it is.
    """
    if seen.signed_at + _DAY_SECONDS < _time(event):
        raise Broken(_of_act(event, leaf_index, "witnesses saw the act before its time"))


def _time(event: Event) -> float:
    return datetime.fromisoformat(str(event.facts["time"])).timestamp()


def _rules(event: Event) -> dict[str, PruningRule]:
    """The rules of an act that go together with its time, by name; none if one does not."""
    try:
        told: Any = event.facts["rules"]
        at = _time(event)
        rules = {
            str(name): PruningRule(
                int(rule["days"]),
                datetime.fromisoformat(rule["sealed_before"]).timestamp(),
                int(rule["size"]),
            )
            for name, rule in told.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
    latest = at + _CLOCKS_SECONDS
    fits = all(rule.before + rule.days * _DAY_SECONDS <= latest for rule in rules.values())
    return rules if fits else {}


def _below_the_law(rules: Mapping[str, PruningRule]) -> str:
    """The first rule that nothing may go by, in words."""
    for name, rule in rules.items():
        kind = kind_of_rule(name)
        if kind is None:
            return f"the act has a rule for {name}, which is kept for ever"
        if rule.days < LEAST_DAYS[kind]:
            return f"the act keeps {name} for {rule.days} days, the least is {LEAST_DAYS[kind]}"
    return ""


def _reach(rules: Mapping[str, PruningRule], action: str, last: int) -> bool:
    """Whether one of the rules lets the leaves of an action go up to the last that is gone."""
    return any(last < rule.size for name, rule in rules.items() if covers(name, action))


def _of_act(event: Event, leaf_index: int | None, detail: str) -> Problem:
    return Problem(
        flaw=Flaw.PRUNED,
        record_id=event.record_id,
        leaf_index=leaf_index,
        position=event.position,
        detail=detail,
    )


def _broken(detail: str, leaf_index: int | None) -> Broken:
    return Broken(Problem(flaw=Flaw.PRUNED, leaf_index=leaf_index, detail=detail))
