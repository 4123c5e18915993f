"""One writer's events in memory: any changed bit, and any other order, is refused and named."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from recording import closed, opened

from gateway.ledger.events import WriterStarted, WriterStopped, canonical
from gateway.proofs.entry import event_hash, promise
from gateway.proofs.reader import EventRow
from gateway.proofs.records import Broken, Records
from gateway.proofs.trust import key_id

KEY = Ed25519PrivateKey.generate()
KEYS = {key_id(KEY.public_key()): KEY.public_key()}
WRITER = "5" * 32
FIRST = opened()


def rows() -> list[EventRow]:
    second = opened("1352000")
    events = [
        WriterStarted(
            record_id=WRITER, key_id=next(iter(KEYS)), build="1", schema="1", previous=None
        ),
        FIRST,
        second,
        closed(FIRST.record_id, agency=FIRST.agency),
        closed(second.record_id, agency="1352000"),
        WriterStopped(record_id="6" * 32),
    ]
    found = []
    for number, event in enumerate(events):
        action, agency, body = canonical(event, 1_800_000_000.0)
        salt = os.urandom(32)
        message = promise(WRITER, number, agency=agency, salt=salt, body_hash=event_hash(body))
        found.append(
            EventRow(
                number + 1,
                WRITER,
                number,
                event.record_id,
                action,
                agency,
                body,
                salt,
                KEY.sign(message),
            )
        )
    return found


ROWS = rows()


def check(given_rows: list[EventRow]) -> None:
    records = Records(KEYS)
    for row in given_rows:
        records.feed(row, None)
    records.finish()


def test_the_untouched_events_pass() -> None:
    check(ROWS)


@given(
    st.integers(0, len(ROWS) - 1),
    st.sampled_from(["body", "salt", "signature"]),
    st.integers(0, 10_000),
)
def test_any_flipped_bit_is_found_at_its_event(number: int, column: str, bit: int) -> None:
    value = bytearray(getattr(ROWS[number], column))
    value[bit // 8 % len(value)] ^= 1 << bit % 8
    changed = ROWS[number]._replace(**{column: bytes(value)})
    with pytest.raises(Broken) as broken:
        check([*ROWS[:number], changed, *ROWS[number + 1 :]])
    assert broken.value.problem.position == number + 1
    assert broken.value.problem.record_id == ROWS[number].record_id


@given(st.permutations(ROWS))
def test_any_other_order_is_refused(order: list[EventRow]) -> None:
    if order == ROWS:
        return
    with pytest.raises(Broken):
        check(order)


@given(st.sets(st.integers(0, len(ROWS) - 1), min_size=1))
def test_any_missing_event_but_the_last_ones_is_refused(missing: set[int]) -> None:
    kept = [row for number, row in enumerate(ROWS) if number not in missing]
    if kept == ROWS[: len(kept)]:
        return  # a cut tail: found through positions, a later writer, a receipt or a witness
    with pytest.raises(Broken):
        check(kept)


@given(
    st.integers(0, len(ROWS) - 1),
    st.sampled_from(EventRow._fields),
    st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary()),
)
def test_any_value_in_any_column_is_refused_without_a_crash(
    number: int, column: str, value: object
) -> None:
    if column == "position" or value == getattr(ROWS[number], column):
        return
    with pytest.raises(Broken):
        check([*ROWS[:number], ROWS[number]._replace(**{column: value}), *ROWS[number + 1 :]])
