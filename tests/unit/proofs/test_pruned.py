"""What an act of pruning has to say, to be believed."""

import hashlib
from typing import Any

import pytest

from gateway.proofs.pruned import Acts, Digest, PrunedLeaf, PruningRule
from gateway.proofs.records import Broken, Event, Flaw

ACT, AGENCY, WRITER = "a" * 32, "1741000", "0b" * 16
ENTRY = b"\x01" + b"e" * 32
LEAVES = [PrunedLeaf(index, index - 3, WRITER, index, "request.opened", ENTRY) for index in (3, 5)]
RULE = {"days": 730, "sealed_before": "2026-11-27T00:00:00.000Z", "size": 6}


def digest(*leaves: PrunedLeaf) -> str:
    made = Digest()
    for leaf in leaves:
        made.add(leaf)
    return made.value


def act(**changes: Any) -> Event:
    facts: dict[str, Any] = {
        "time": "2028-11-26T00:00:00.000Z",
        "events": 2,
        "digest": digest(*LEAVES),
        "rules": {"request.S": RULE},
    }
    facts |= changes
    agency = facts.pop("agency", AGENCY)
    return Event(9, WRITER, 9, ACT, "records.pruned", agency, b"", b"", b"", facts=facts)


def met() -> Acts:
    acts = Acts()
    for leaf in LEAVES:
        acts.met(leaf, AGENCY, ACT)
    return acts


def test_digest_is_of_the_bytes_that_are_told() -> None:
    raw = b"".join(
        (
            b"gwanmun/pruned/v1\n",
            (3).to_bytes(8, "big"),
            (0).to_bytes(8, "big"),
            bytes.fromhex(WRITER),
            (3).to_bytes(8, "big"),
            b"\x0erequest.opened",
            ENTRY,
        )
    )
    assert digest(LEAVES[0]) == hashlib.sha256(raw).hexdigest()
    assert digest(*LEAVES) != digest(*reversed(LEAVES))


def test_act_that_tells_what_is_gone_gives_its_rules() -> None:
    acts = met()
    assert acts.untold == {ACT}
    assert acts.told(act(), None) == (PruningRule(730, 1_795_737_600.0, 6),)
    acts.finish()
    assert (acts.events, acts.acts, acts.untold) == (2, 1, set())


@pytest.mark.parametrize(
    "changes",
    [
        {"events": 1},
        {"digest": digest(LEAVES[0])},
        {"agency": "1352000"},
        {"rules": {}},
        {"rules": {"request.S": RULE | {"size": 5}}},
        {"rules": {"request.S": RULE | {"days": 731}}},
        {"rules": {"request.S": RULE | {"sealed_before": "2026-11-28T00:00:00.000Z"}}},
        {"rules": {"request.S": RULE | {"sealed_before": "soon"}}},
        {"rules": ["request.S"]},
        {"time": None},
    ],
    ids=lambda changes: str(changes)[:50],
)
def test_act_that_tells_something_else_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(Broken) as broken:
        met().told(act(**changes), 7)
    problem = broken.value.problem
    assert (problem.flaw, problem.record_id, problem.leaf_index) == (Flaw.PRUNED, ACT, 7)


def test_act_of_nothing_and_nothing_of_an_act_are_named() -> None:
    with pytest.raises(Broken):
        Acts().told(act(), None)
    with pytest.raises(Broken):
        met().finish()
    told = met()
    told.told(act(), None)
    with pytest.raises(Broken):
        told.told(act(), None)


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "writer.started"},
        {"action": "records.pruned"},
        {"action": "x" * 256},
        {"writer": "x"},
        {"entry": b"e"},
        {"leaf_index": -1},
        {"sequence": 2**64},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_row_that_no_act_could_have_left_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        Acts().met(LEAVES[0]._replace(**changes), AGENCY, ACT)


def test_leaf_of_another_agency_is_not_of_the_act() -> None:
    with pytest.raises(Broken):
        met().met(LEAVES[1], "1352000", ACT)


FOR_EVER = [
    *("writer.started", "writer.lost", "records.pruned", "key.issued", "key.destroyed"),
    *("database.restored", "log.full", "nobody.knows", "audit", "requests.opened", "request.later"),
]


@pytest.mark.parametrize("action", FOR_EVER)
def test_what_is_kept_for_ever_no_act_prunes(action: str) -> None:
    with pytest.raises(Broken, match="pruned") as broken:
        Acts().met(LEAVES[0]._replace(action=action), AGENCY, ACT)
    assert broken.value.problem.detail == f"{action} is kept for ever"


def told(action: str, rules: dict[str, Any]) -> Acts:
    """An act that was met with one leaf of an action, and tells it by these rules."""
    acts, leaf = Acts(), LEAVES[0]._replace(action=action)
    acts.met(leaf, AGENCY, ACT)
    acts.told(act(events=1, digest=digest(leaf), rules=rules), 7)
    return acts


def rule(days: int) -> dict[str, Any]:
    return {"days": days, "sealed_before": "2025-01-01T00:00:00.000Z", "size": 6}


@pytest.mark.parametrize(
    ("action", "name", "least"),
    [
        ("request.opened", "request.O", 365),
        ("request.opened", "request.S", 365),
        ("request.closed", "request.C", 365),
        ("request.refused", "request.refused", 365),
        ("auth.refused", "auth.refused", 365),
        ("audit.queried", "audit.queried", 730),
        ("content.reveal.opened", "content.reveal.opened", 730),
        ("export.made", "export.made", 730),
        ("review.signed", "review.signed", 730),
        ("rights.changed", "rights.changed", 1_095),
        ("policy.changed", "policy.changed", 1_095),
        ("config.applied", "config.applied", 1_095),
    ],
)
def test_act_that_keeps_less_than_the_law_is_named(action: str, name: str, least: int) -> None:
    assert told(action, {name: rule(least)}).acts == 1
    for days in (least - 1, 0, -1):
        with pytest.raises(Broken) as broken:
            told(action, {name: rule(days)})
        assert f"the least is {least}" in broken.value.problem.detail


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("audit.queried", "request.S"),  # which is kept for less
        ("audit.queried", "request.refused"),
        ("config.applied", "audit.queried"),
        ("request.opened", "auth.refused"),
        ("request.opened", "request.opened"),
        ("request.opened", "request.X"),
        ("request.opened", "key.issued"),
    ],
)
def test_event_goes_by_its_own_rule_alone(action: str, name: str) -> None:
    with pytest.raises(Broken) as broken:
        told(action, {name: rule(1_095)})
    assert broken.value.problem.record_id == ACT
