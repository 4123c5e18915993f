import json
from typing import Any

import pytest
import rfc8785
from recording import ORIGIN, closed, opened, person, refused

from gateway.domain import Grade, Outcome, PeerOrigin
from gateway.ledger.events import (
    AuthRefused,
    LogFull,
    RefusedNetwork,
    RequestLost,
    WriterLost,
    WriterStarted,
    WriterStopped,
    canonical,
    new_id,
)
from gateway.ledger.in_force import (
    ConfigApplied,
    InForce,
    KeyAct,
    KeysInForce,
    PolicyChanged,
    digests,
)
from gateway.ledger.rights import RightsChanged
from gateway.os_clock import ClockState
from gateway.proofs.entry import is_canonical
from inference.task import Tokens, Usage

AT = 1_800_000_000.1239
IN_FORCE = InForce(
    build="1.0",
    detector="kr/1",
    policy="기본-1@sha256:aa",
    packs=("kr",),
    groups=digests({"server": {"port": 8080}}),
    keys=KeysInForce(sealer=("a", "b"), writers=("w",)),
)
EVERY_EVENT = {
    "opened": opened(),
    "closed": closed("0" * 32),
    "lost": RequestLost(record_id="0" * 32, agency="1741000", writer="1" * 32),
    "refused": refused(person()),
    "refused by a stranger": refused(),
    "auth": AuthRefused(
        record_id="0" * 32, minute_at=AT, networks=(RefusedNetwork("expired", "192.0.2.0/24", 3),)
    ),
    "started": WriterStarted(
        record_id="0" * 32, key_id="k", build="1.0", schema="0001", previous=("1" * 32, 7)
    ),
    "stopped": WriterStopped(record_id="0" * 32),
    "writer lost": WriterLost(record_id="0" * 32, writer="1" * 32, last_sequence=9, closed=2),
    "log full": LogFull(record_id="0" * 32, cause="disk", since=AT - 60, until=AT, refused=17),
    "config": ConfigApplied(record_id="0" * 32, applied=IN_FORCE, changed=("server",)),
    "first config": ConfigApplied(record_id="0" * 32, applied=IN_FORCE, changed=None),
    "rights": RightsChanged(
        record_id="0" * 32,
        agency="1741000",
        subject="clerk-1",
        client="chat-app",
        before=None,
        after={"roles": ["staff"], "department": "주민과", "ceiling": "S"},
    ),
    "policy": PolicyChanged(
        record_id="0" * 32, before="기본-1@sha256:aa", after="엄격-1@sha256:bb"
    ),
    "key": KeyAct(
        action="key.rotated", record_id="0" * 32, role="sealer", keys=("c",), before=("a", "b")
    ),
    "clock": opened(build="1.0", clock=ClockState(True, -17, 2_000)),
}


def read(event: Any) -> dict[str, Any]:
    return dict(json.loads(canonical(event, AT).body))


@pytest.mark.parametrize("event", EVERY_EVENT.values(), ids=EVERY_EVENT.keys())
def test_every_event_is_canonical_json_with_the_shared_keys(event: Any) -> None:
    action, agency, body = canonical(event, AT)
    facts = json.loads(body)
    assert rfc8785.dumps(facts) == body
    assert is_canonical(facts, body)
    assert facts["action"] == action
    assert facts["time"] == "2027-01-15T08:00:00.123Z"
    assert facts["id"] == event.record_id
    assert facts["agency"] == agency == event.agency


def test_opening_holds_counts_and_no_name_of_a_person() -> None:
    event = opened(claimed_grade=Grade.O)
    facts = read(event)
    assert facts["actor"] == {
        "sub": "clerk-1",
        "agency": "1741000",
        "department": "주민과",
        "roles": ["developer", "staff"],
        "acr": "1",
        "client": "chat-app",
    }
    assert facts["grade"] == {"claimed": "O", "input": "S", "engine": "S"}
    assert facts["found"] == {
        "occurrences": {"KR_RRN": 1, "PERSON": 3},
        "values": {"KR_RRN": 1, "PERSON": 2},
    }
    assert event.principal.name not in canonical(event, AT).body.decode()


def test_opening_tells_how_the_clock_was() -> None:
    facts = read(opened(build="1.0", clock=ClockState(True, -17, 2_000)))
    assert facts["clock"] == {"synchronised": True, "offset_us": -17, "error_us": 2_000}
    assert facts["build"] == "1.0"
    assert read(opened())["clock"] is None


def test_closing_tells_durations_in_whole_milliseconds() -> None:
    facts = read(closed("0" * 32, first_part_seconds=0.0419, whole_seconds=2.0))
    assert facts["duration_ms"] == {"queued": 0, "first_part": 42, "whole": 2000}
    assert facts["tokens"] == {"input": 10, "output": 20, "cached": 0, "reasoning": 0}
    assert facts["outcome"] == Outcome.COMPLETE


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0193d2a4-7e70-7bd4-8d55-0d9e5f0a1c11", "0193d2a4-7e70-7bd4-8d55-0d9e5f0a1c11"),
        ("0" * 31 + "a", "0" * 31 + "a"),
        ("010-1234-5678", ""),
        ("900101-1234567", ""),
        ("hong-gildong", ""),
        ("가", ""),
        ("0" * 32 + "\n", ""),
        ("", ""),
    ],
    ids=["uuid", "trace-id", "phone", "resident-number", "name", "hangul", "newline", "none"],
)
def test_the_callers_own_request_id_is_kept_only_if_it_is_harmless(given: str, kept: str) -> None:
    origin = PeerOrigin(address="192.0.2.1", surface="x", caller_request_id=given)
    assert read(opened(origin=origin))["origin"]["caller_request_id"] == kept


@pytest.mark.parametrize(
    "usage",
    [
        Usage(tokens=Tokens(2**80, -5, 2**53, 1), engine_model="x" * 1000),
        Usage(queued_seconds=float("nan"), engine_model="모델\n"),
        Usage(queued_seconds=float("inf"), parts=2**70),
    ],
    ids=["huge", "not a number", "infinite"],
)
def test_closing_bounds_whatever_an_engine_reports(usage: Usage) -> None:
    facts = read(closed("0" * 32, usage=usage, whole_seconds=float("-inf")))
    assert facts["engine_model"] == ""
    assert all(0 <= value < 2**53 for value in facts["tokens"].values())
    assert facts["duration_ms"]["whole"] == 0


def test_half_a_surrogate_pair_in_a_token_does_not_break_the_record() -> None:
    assert read(opened(principal=person(subject="a\ud800b")))["actor"]["sub"] == "a?b"


def test_a_stranger_is_refused_without_an_actor() -> None:
    facts = read(refused())
    assert facts["actor"] is None
    assert facts["origin"]["address"] == ORIGIN.address


def test_new_ids_are_uuid_7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(len(one) == 32 and one[12] == "7" and one[16] in "89ab" for one in ids)
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
