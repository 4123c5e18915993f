"""OCSF, CEF and JSON Lines: what other systems read, held against their specifications."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from exporting import BUILD, as_record, every_event
from hypothesis import given
from hypothesis import strategies as st
from recording import AGENCY, ORIGIN, closed, opened, person

from gateway.domain import Outcome, PeerOrigin
from gateway.exports.cef import cef_line
from gateway.exports.formats import json_line
from gateway.exports.ocsf import api_activity, ocsf_line
from gateway.exports.record import to_record
from gateway.ledger.events import Event
from gateway.store.events import EventRow, StoredEvent

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "ocsf-1.5.0-api-activity.json").read_text()
)
EVENTS = every_event()
_KINDS = {"integer_t": int, "long_t": int, "string_t": str, "timestamp_t": int, "ip_t": str}


def breaches(tree: dict[str, Any], shape: dict[str, Any], place: str) -> list[str]:
    """What OCSF's schema says against an object, or nothing."""
    known = shape["attributes"]
    found = [f"{place}.{name}: unknown" for name in tree if name not in known]
    found += [
        f"{place}.{name}: required"
        for name, attribute in known.items()
        if attribute.get("requirement") == "required" and name not in tree
    ]
    one = shape["constraints"].get("at_least_one", [])
    found += [f"{place}: one of {one}"] if one and not set(one) & set(tree) else []
    for name in set(tree) & set(known):
        attribute, value = known[name], tree[name]
        for each in value if attribute.get("array") else [value]:
            found += _value(each, attribute, f"{place}.{name}")
    return found


def _value(value: Any, attribute: dict[str, Any], place: str) -> list[str]:
    if attribute["type"] in SCHEMA["objects"]:
        return breaches(value, SCHEMA["objects"][attribute["type"]], place)
    kind = _KINDS.get(attribute["type"], object)
    if not isinstance(value, kind):
        return [f"{place}: not {attribute['type']}"]
    allowed = attribute.get("enum")
    return [f"{place}: {value} is not in the list"] if allowed and value not in allowed else []


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_every_event_is_an_api_activity_of_the_schema(event: Event) -> None:
    tree = json.loads(ocsf_line(as_record(event), BUILD))
    assert breaches(tree, SCHEMA["class"], "event") == []
    assert (tree["class_uid"], tree["category_uid"]) == (6003, 6)
    assert tree["type_uid"] == 600_300 + tree["activity_id"]
    assert tree["metadata"]["version"] == "1.5.0"
    assert tree["time"] == 1_800_000_000_123
    assert tree["unmapped"]["event"] == as_record(event).facts


@pytest.mark.parametrize("missing", ["actor", "api", "src_endpoint", "metadata", "time"])
def test_the_check_above_misses_no_required_attribute(missing: str) -> None:
    tree = api_activity(as_record(opened()), BUILD)
    del tree[missing]
    assert breaches(tree, SCHEMA["class"], "event") == [f"event.{missing}: required"]


@pytest.mark.parametrize(
    ("outcome", "status", "severity"),
    [
        (Outcome.COMPLETE, "Success", "Informational"),
        (Outcome.ENGINE_DIED, "Failure", "Low"),
        (Outcome.STALLED, "Failure", "Low"),
        (Outcome.LOST, "Unknown", "Medium"),
    ],
)
def test_ocsf_says_how_a_request_ended_and_who_had_asked(
    outcome: Outcome, status: str, severity: str
) -> None:
    opening = opened()
    ending = closed(opening.record_id, outcome=outcome, agency="1741000")
    tree: Any = api_activity(as_record(ending, opening=opening), BUILD)
    assert (tree["status"], tree["severity"]) == (status, severity)
    assert tree["actor"]["user"]["uid"] == "clerk-1"
    assert tree["src_endpoint"] == {"ip": "192.0.2.17"}
    assert tree["metadata"]["correlation_uid"] == opening.record_id


def test_json_line_is_byte_for_byte_what_was_signed() -> None:
    record = as_record(opened())
    assert json_line(record) == record.body + b"\n"


def read_cef(line: bytes) -> tuple[list[str], dict[str, str]]:
    """As a receiver reads it: bars that no backslash escapes, then keys before equals signs."""
    text = line.decode().removesuffix("\n")
    assert "\n" not in text
    assert "\r" not in text
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", text, maxsplit=7)
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", parts[7]))
    ends = [key.start() for key in keys[1:]] + [len(parts[7])]
    plain = {"\\n": "\n", "\\r": "\r", "\\=": "=", "\\\\": "\\"}
    fields = {
        key[1]: re.sub(r"\\[nr=\\]", lambda each: plain[each[0]], parts[7][key.end() : end])
        for key, end in zip(keys, ends, strict=True)
    }
    return parts[:7], fields


def test_cef_header_and_fields() -> None:
    opening = opened()
    ending = closed(opening.record_id, agency="1741000")
    header, fields = read_cef(cef_line(as_record(ending, opening=opening), BUILD))
    assert header == [
        *("CEF:0", "Gwanmun", "Gwanmun", "0.1.0", "request.closed", "Request closed", "1")
    ]
    assert fields["suid"] == "clerk-1"
    assert (fields["src"], fields["rt"]) == ("192.0.2.17", "1800000000123")
    assert (fields["cs1Label"], fields["cs1"]) == ("agency", "1741000")
    assert (fields["cn3Label"], fields["cn3"]) == ("outputTokens", "20")
    assert fields["outcome"] == "complete"


def test_cef_gives_an_ipv6_address_its_own_field() -> None:
    origin = PeerOrigin(address="2001:db8::1", surface=ORIGIN.surface)
    _, fields = read_cef(cef_line(as_record(opened(origin=origin)), BUILD))
    assert "src" not in fields
    assert fields["c6a2"] == "2001:db8::1"


def test_cef_header_escapes_bars_and_backslashes() -> None:
    line = cef_line(as_record(opened()), "1|2\\3\n4")
    assert line.startswith(b"CEF:0|Gwanmun|Gwanmun|1\\|2\\\\3 4|request.opened|")


@given(st.text(st.sampled_from("a=\\|\n\r 가"), max_size=30))
def test_cef_field_comes_back_whatever_a_caller_calls_himself(client: str) -> None:
    _, fields = read_cef(cef_line(as_record(opened(principal=person(client=f"x{client}y"))), BUILD))
    assert fields["requestClientApplication"] == f"x{client}y"
    assert fields["requestContext"] == "openai.chat"


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_every_event_is_one_line_of_cef(event: Event) -> None:
    header, fields = read_cef(cef_line(as_record(event), BUILD))
    assert header[0] == "CEF:0"
    assert 0 <= int(header[6]) <= 10
    labelled = {key for key in fields if re.fullmatch(r"c[sn]\d", key)}
    assert {f"{key}Label" for key in labelled} <= set(fields)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="no time"),
        pytest.param(b'{"time": "2027-01-15T08:00:00"}', id="time of no zone"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b"\xff", id="no text"),
    ],
)
def test_row_that_another_hand_wrote_is_told_as_unreadable(body: bytes) -> None:
    """Forwarding and exports know of this one error: any other would end them without a word."""
    row = EventRow("2" * 32, 4, "0" * 32, "request.closed", AGENCY, body, b"s" * 32, b"g" * 64)
    with pytest.raises(ValueError, match=r"."):
        to_record(StoredEvent(5, row))


def test_every_event_has_a_name_of_its_own_in_cef() -> None:
    named = {
        event.facts()["action"]: read_cef(cef_line(as_record(event), BUILD))[0][5]
        for event in EVENTS.values()
    }
    assert [action for action, name in named.items() if name == action] == []
    assert len(set(named.values())) == len(named)
