"""Sealed texts: two keys and the week's key open them, and nothing less does."""

from pathlib import Path

import pytest
from sealing import DAYS, Pair, private_pem

from gateway.domain import Grade
from gateway.errors import AuditUnavailable
from gateway.ledger.content import (
    MOST_BYTES,
    ContentSealer,
    RecordSeal,
    Sealed,
    approve,
    is_meant,
    open_text,
)
from gateway.ledger.content_keys import ContentKeysUnusable, read_recipients
from gateway.ledger.jwe import CannotOpen, decrypt
from gateway.ledger.week_keys import WeekKeyMissing, WeekKeys, week_of

AGENCY, RECORD = "1741000", "0" * 32
NOVEMBER = 1_794_700_800.0  # 2026-11-15, a Sunday
DAY = 86_400.0
TEXT = "민원인 [성명_1]에게 보낼 안내문"


@pytest.fixture
def pair() -> Pair:
    return Pair.made()


@pytest.fixture
def sealer(pair: Pair, tmp_path: Path) -> ContentSealer:
    return pair.sealer(tmp_path / "weeks", AGENCY)


def begun(sealer: ContentSealer, **changes: str) -> RecordSeal:
    place = {"record_id": RECORD, "agency": AGENCY} | changes
    seal = sealer.begin(place["record_id"], place["agency"], Grade.S, NOVEMBER)
    assert seal is not None
    return seal


def opened(sealer: ContentSealer, pair: Pair, sealed: Sealed):
    inner = approve(sealer.outer(sealed.row), pair.cpo)
    return open_text(inner, pair.officers, sealed.row, sealed.commitment)


def test_two_people_open_what_was_sealed(sealer: ContentSealer, pair: Pair) -> None:
    seal = begun(sealer)
    prompt, answer = seal.seal("prompt", TEXT), seal.seal("answer", "[성명_1] 귀하")
    assert opened(sealer, pair, prompt) == (TEXT, False)
    assert opened(sealer, pair, answer) == ("[성명_1] 귀하", False)
    assert is_meant(prompt.commitment, prompt.salt, TEXT)
    for row in (prompt.row, answer.row):
        assert TEXT.encode() not in row.body + row.key
    assert TEXT not in repr(seal)


def test_nothing_opens_with_one_private_key_and_all_that_a_gateway_has(
    sealer: ContentSealer, pair: Pair
) -> None:
    """The rows, the week keys and the public keys are given; one of the two people is missing."""
    sealed = begun(sealer).seal("prompt", TEXT)
    outer = sealer.outer(sealed.row)
    with pytest.raises(CannotOpen):  # the officers' key alone: the CPO's layer is outside
        decrypt(outer, pair.officers)
    with pytest.raises(CannotOpen):
        open_text(outer, pair.officers, sealed.row, sealed.commitment)
    inner = approve(outer, pair.cpo)  # the CPO's key alone: the officers' layer is inside
    with pytest.raises(CannotOpen):
        decrypt(inner, pair.cpo)
    with pytest.raises(CannotOpen):
        open_text(inner, pair.cpo, sealed.row, sealed.commitment)


def test_nothing_opens_without_the_weeks_key_though_both_people_want_it(
    sealer: ContentSealer, pair: Pair
) -> None:
    sealed = begun(sealer).seal("prompt", TEXT)
    assert sealer.weeks.due(NOVEMBER + 100 * DAY, DAYS) == [sealed.row.week]
    sealer.weeks.destroy([sealed.row.week])
    with pytest.raises(CannotOpen):
        sealer.outer(sealed.row)
    sealer.weeks.current(sealed.row.week)  # another key of the same name opens nothing
    with pytest.raises(CannotOpen):
        sealer.outer(sealed.row)


@pytest.mark.parametrize(
    "changes", [{"record_id": "1" * 32}, {"agency": "1352000"}, {"part": "answer"}]
)
def test_a_text_moved_to_another_place_does_not_open(
    sealer: ContentSealer, pair: Pair, changes: dict[str, str]
) -> None:
    sealed = begun(sealer).seal("prompt", TEXT)
    inner = approve(sealer.outer(sealed.row), pair.cpo)
    with pytest.raises(CannotOpen):
        open_text(inner, pair.officers, sealed.row._replace(**changes), sealed.commitment)


def test_a_text_that_the_event_did_not_commit_to_does_not_open(
    sealer: ContentSealer, pair: Pair
) -> None:
    seal = begun(sealer)
    one, other = seal.seal("prompt", TEXT), seal.seal("prompt", "다른 글")
    inner = approve(sealer.outer(one.row), pair.cpo)
    with pytest.raises(CannotOpen):
        open_text(inner, pair.officers, other.row, one.commitment)


def test_no_bit_of_a_row_can_change(sealer: ContentSealer, pair: Pair) -> None:
    sealed = begun(sealer).seal("prompt", "글")
    inner = approve(sealer.outer(sealed.row), pair.cpo)
    for bit in range(8 * len(sealed.row.body)):
        body = bytearray(sealed.row.body)
        body[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen):
            open_text(
                inner, pair.officers, sealed.row._replace(body=bytes(body)), sealed.commitment
            )
    key = bytearray(sealed.row.key)
    key[-1] ^= 1
    with pytest.raises(CannotOpen):
        sealer.outer(sealed.row._replace(key=bytes(key)))


def test_a_long_text_loses_its_end_and_says_so(sealer: ContentSealer, pair: Pair) -> None:
    whole = "가" * (MOST_BYTES // 3)
    kept = opened(sealer, pair, begun(sealer).seal("prompt", whole + "나다"))
    assert kept == (whole, True)
    assert opened(sealer, pair, begun(sealer).seal("prompt", whole)) == (whole, False)


def test_agencies_without_keys_keep_nothing(sealer: ContentSealer) -> None:
    assert sealer.begin(RECORD, "1352000", Grade.S, NOVEMBER) is None


def test_where_no_week_key_can_be_made_nothing_is_sealed_or_passed(
    pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "weeks").write_text("no folder", encoding="ascii")
    with pytest.raises(AuditUnavailable):
        pair.sealer(tmp_path / "weeks", AGENCY).begin(RECORD, AGENCY, Grade.S, NOVEMBER)


def test_week_keys_of_gateways_that_share_a_folder_are_one(tmp_path: Path) -> None:
    week = week_of(NOVEMBER, Grade.S)
    assert week == "2026-W46.S"
    assert WeekKeys(tmp_path / "w").current(week) == WeekKeys(tmp_path / "w").current(week)
    (tmp_path / "w" / f"{week}.key").chmod(0o644)
    with pytest.raises(WeekKeyMissing):
        WeekKeys(tmp_path / "w").read(week)


@pytest.mark.parametrize("week", ["../2026-W46.S", "2026-W46", "2026-W46.X", ""])
def test_a_rows_week_names_no_other_file(tmp_path: Path, week: str) -> None:
    with pytest.raises(WeekKeyMissing):
        WeekKeys(tmp_path).read(week)


def test_week_keys_live_as_long_as_their_grade_says(tmp_path: Path) -> None:
    weeks = WeekKeys(tmp_path / "w")
    for grade in Grade:
        weeks.current(week_of(NOVEMBER, grade))
    end = NOVEMBER + DAY  # the week ends with that Sunday
    assert sorted(weeks.made) == ["2026-W46.C", "2026-W46.O", "2026-W46.S"]
    assert weeks.due(end + 10 * DAY - 1, DAYS) == []
    assert weeks.due(end + 10 * DAY, DAYS) == ["2026-W46.C"]
    weeks.destroy(["2026-W46.C", "2026-W46.C"])
    assert weeks.due(end + 30 * DAY, DAYS) == ["2026-W46.O", "2026-W46.S"]
    weeks.destroy(["2026-W46.O", "2026-W46.S"])
    assert list((tmp_path / "w").iterdir()) == []


def test_public_keys_are_read_by_agency(pair: Pair, tmp_path: Path) -> None:
    pair.publish(tmp_path / AGENCY)
    assert read_recipients(tmp_path).keys() == {AGENCY}


def test_private_key_same_key_twice_and_no_key_are_refused(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(ContentKeysUnusable):
        read_recipients(tmp_path)
    pair.publish(tmp_path / AGENCY)
    officers, cpo = tmp_path / AGENCY / "officers.pem", tmp_path / AGENCY / "cpo.pem"
    for wrong in (private_pem(pair.cpo), officers.read_bytes(), b"", b"-----BEGIN"):
        cpo.write_bytes(wrong)
        with pytest.raises(ContentKeysUnusable):
            read_recipients(tmp_path)
    cpo.unlink()
    with pytest.raises(ContentKeysUnusable):
        read_recipients(tmp_path)
