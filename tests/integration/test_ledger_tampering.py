"""A superuser at the database: every edit, deletion and reordering is found, and named."""

import asyncio
import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from keeping import Kept, KeptInFile, KeptInServer
from recording import (
    AGENCY,
    OTHER_AGENCY,
    SIGNED,
    ask,
    cut_tail,
    record,
    running,
    tamper,
    verified,
)

from gateway.ledger.keys import LedgerKeys, open_keys
from gateway.proofs.entry import event_hash, leaf_entry, promise
from gateway.proofs.records import Flaw
from gateway.store.database import database_path

RECORDS = 12
TABLES = ("event", "leaf", "subtree", "checkpoint", "tree_head", "agency_head")


@dataclass(frozen=True, kw_only=True)
class Log:
    """A pristine ledger: kept as bytes or as copies of its tables, and laid anew for each crime."""

    kept: Kept
    database: bytes
    trust: str
    events: list[tuple[int, str, str]]  # position, record id, action
    keys: LedgerKeys
    bits: int  # how many bits of a value are flipped, one after the other


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.cluster)]
)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Log:
    data_dir = tmp_path_factory.mktemp("log")
    kept: Kept = KeptInFile(data_dir)
    if request.param == "postgresql":
        kept = KeptInServer.of(request.getfixturevalue("postgres_server").database(), data_dir)

    async def write() -> None:
        async with running(kept) as ledger:
            for number in range(RECORDS // 2):
                await record(ledger, AGENCY if number % 3 else OTHER_AGENCY)
        async with running(kept, silence_seconds=0) as ledger:
            for _ in range(RECORDS // 2):
                await record(ledger)

    asyncio.run(write())
    events = ask(kept, "SELECT position, record_id, action FROM event ORDER BY position")
    return Log(
        kept=kept,
        database=copied(kept),
        trust=kept.trust_file.read_text(),
        events=[*events],
        keys=open_keys(data_dir),
        bits=12 if isinstance(kept, KeptInFile) else 2,
    )


def copied(kept: Kept) -> bytes:
    """The file's bytes; of a server's database the tables are copied into a schema of their own."""
    if isinstance(kept, KeptInFile):
        path = database_path(kept.data_dir)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        return path.read_bytes()
    with kept.superuser() as connection:
        connection.execute("CREATE SCHEMA pristine")
        connection.execute("CREATE TABLE pristine.tail AS SELECT last_value FROM event_tail")
        for table in TABLES:
            connection.execute(f"CREATE TABLE pristine.{table} AS SELECT * FROM {table}")
    return b""


def lay(log: Log, data_dir: Path) -> Kept:
    if isinstance(log.kept, KeptInFile):
        database_path(data_dir).write_bytes(log.database)
        (data_dir / "trust.json").write_text(log.trust)
        return KeptInFile(data_dir)
    log.kept.tamper(
        f"TRUNCATE {', '.join(TABLES)}",
        *(f"INSERT INTO {table} SELECT * FROM pristine.{table}" for table in TABLES),
        "SELECT setval('event_tail', last_value) FROM pristine.tail",
    )
    return log.kept


def unsealed(log: Log, data_dir: Path) -> Kept:
    """The same log as it was before anything was sealed."""
    kept = lay(log, data_dir)
    tamper(
        kept,
        "DELETE FROM leaf",
        *(f"DELETE FROM {table}" for table in SIGNED),
        "DELETE FROM subtree",
        (
            "UPDATE tree_head SET size = 0, frontier = ?, position = 0, root = ?",
            (
                b"",
                bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ),
        ),
    )
    return kept


def test_the_pristine_log_verifies(log: Log, tmp_path: Path) -> None:
    report = verified(lay(log, tmp_path))
    assert report.problem is None
    assert report.events == report.size == len(log.events)
    assert (report.unsealed, report.open, report.writers, report.running) == (0, 0, 2, 0)
    assert report.checkpoints >= 2
    assert not report.witnessed


@pytest.mark.parametrize("column", ["body", "salt", "signature"])
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "unsealed"])
def test_any_single_bit_of_an_event_is_found_and_its_record_named(
    log: Log, tmp_path: Path, column: str, sealed: bool
) -> None:
    random.seed(7)
    chosen = log.events[::2] if sealed else log.events[::9]
    for position, record_id, _ in chosen:
        kept = (lay if sealed else unsealed)(log, tmp_path)
        (value,) = ask(kept, f"SELECT {column} FROM event WHERE position = ?", position)[0]
        for bit in random.sample(range(len(value) * 8), log.bits):
            tamper(kept, edit("event", column, flip(value, bit), position))
            problem = verified(kept).problem
            assert problem is not None
            assert (problem.position, problem.record_id) == (position, record_id)
        tamper(kept, edit("event", column, value, position))
    assert verified(kept).problem is None


def test_any_single_bit_of_a_leaf_is_found_and_its_record_named(log: Log, tmp_path: Path) -> None:
    random.seed(7)
    kept = lay(log, tmp_path)
    for position, record_id, _ in log.events:
        (entry,) = ask(kept, "SELECT entry FROM leaf WHERE position = ?", position)[0]
        for bit in random.sample(range(len(entry) * 8), log.bits):
            tamper(kept, edit("leaf", "entry", flip(entry, bit), position))
            problem = verified(kept).problem
            assert problem is not None
            assert (problem.flaw, problem.record_id) == (Flaw.ENTRY, record_id)
        tamper(kept, edit("leaf", "entry", entry, position))


@pytest.mark.parametrize("column", ["record_id", "action", "agency", "writer", "sequence"])
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "unsealed"])
def test_an_edited_column_is_found(log: Log, tmp_path: Path, column: str, sealed: bool) -> None:
    for position, record_id, _ in log.events[::3]:
        kept = (lay if sealed else unsealed)(log, tmp_path)
        tamper(kept, edit("event", column, "7" * 32 if column != "sequence" else 99, position))
        problem = verified(kept).problem
        assert problem is not None
        assert problem.position == position
        assert column == "record_id" or problem.record_id == record_id


@pytest.mark.parametrize("value", [None, 5, 1.5, "text", b"", b"\xff" * 40, "x" * 70_000])
@pytest.mark.parametrize("column", ["body", "salt", "signature", "agency", "record_id"])
def test_garbage_in_a_column_is_named_and_never_crashes(
    log: Log, tmp_path: Path, column: str, value: object
) -> None:
    kept = lay(log, tmp_path)
    position = log.events[4][0]
    try:
        tamper(kept, edit("event", column, value, position))
    except (sqlite3.IntegrityError, psycopg.Error):
        return  # the table itself refuses it: NULL, and in PostgreSQL all of a wrong type
    problem = verified(kept).problem
    assert problem is not None
    assert problem.position == position


def test_every_deleted_event_is_found(log: Log, tmp_path: Path) -> None:
    for index, (position, _, _) in enumerate(log.events):
        kept = lay(log, tmp_path)
        tamper(kept, ("DELETE FROM event WHERE position = ?", (position,)))
        problem = verified(kept).problem
        assert problem is not None
        assert (problem.flaw, problem.leaf_index) == (Flaw.EVENT_MISSING, index)


def test_every_event_deleted_with_its_leaf_is_found(log: Log, tmp_path: Path) -> None:
    for index, (position, _, _) in enumerate(log.events):
        kept = lay(log, tmp_path)
        tamper(
            kept,
            ("DELETE FROM event WHERE position = ?", (position,)),
            ("DELETE FROM leaf WHERE position = ?", (position,)),
        )
        problem = verified(kept).problem
        assert problem is not None
        assert (problem.flaw, problem.leaf_index) == (Flaw.LEAF_MISSING, index)


def test_every_unsealed_event_deleted_from_the_middle_is_found(log: Log, tmp_path: Path) -> None:
    for number, (position, _, _) in enumerate(log.events[:-1]):
        kept = unsealed(log, tmp_path)
        tamper(kept, ("DELETE FROM event WHERE position = ?", (position,)))
        problem = verified(kept).problem
        assert problem is not None
        assert problem.flaw in (Flaw.SEQUENCE, Flaw.PREVIOUS_MISSING)
        assert problem.position == log.events[number + 1][0]


def test_the_last_unsealed_events_deleted_without_thought_are_found(
    log: Log, tmp_path: Path
) -> None:
    kept = unsealed(log, tmp_path)
    tamper(kept, ("DELETE FROM event WHERE position > ?", (log.events[-4][0],)))
    problem = verified(kept).problem
    assert problem is not None
    assert problem.flaw is Flaw.TAIL_MISSING


async def test_a_cut_tail_of_a_vanished_writer_is_found_after_the_next_start(
    log: Log, tmp_path: Path
) -> None:
    """What is cut off before a restart is not missed; what a later writer has seen is."""
    kept = unsealed(log, tmp_path)
    first_of_second = [p for p, _, action in log.events if action == "writer.started"][1]
    last_of_first = first_of_second - 1
    tamper(kept, ("DELETE FROM event WHERE position = ?", (last_of_first,)))
    problem = verified(kept).problem
    assert problem is not None
    assert (problem.flaw, problem.position) == (Flaw.PREVIOUS_MISSING, first_of_second)


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "unsealed"])
def test_two_events_that_change_places_are_found(log: Log, tmp_path: Path, sealed: bool) -> None:
    for number in range(1, len(log.events) - 1, 3):
        kept = (lay if sealed else unsealed)(log, tmp_path)
        (one, record_id, _), (two, _, _) = log.events[number], log.events[number + 1]
        swap(kept, "event", one, two)
        problem = verified(kept).problem
        assert problem is not None
        assert problem.position == one
        assert record_id


def test_two_leaves_that_change_places_are_found(log: Log, tmp_path: Path) -> None:
    kept = lay(log, tmp_path)
    swap(kept, "leaf", log.events[5][0], log.events[6][0])
    problem = verified(kept).problem
    assert problem is not None
    assert problem.leaf_index == 5


def test_an_event_signed_anew_with_a_stolen_key_breaks_the_root(log: Log, tmp_path: Path) -> None:
    """Event, signature and leaf all fit each other; only the signed checkpoints do not."""
    kept = lay(log, tmp_path)
    position = log.events[-2][0]
    columns = "body, salt, agency, writer, sequence"
    row = ask(kept, f"SELECT {columns} FROM event WHERE position = ?", position)[0]
    body, salt, agency, writer, sequence = row
    body = body.replace(b'"outcome":"complete"', b'"outcome":"stalled"')
    (number,) = ask(kept, "SELECT agency_number FROM leaf WHERE position = ?", position)[0]
    hash_ = event_hash(body)
    message = promise(writer, sequence, agency=agency, salt=salt, body_hash=hash_)
    entry = leaf_entry(salt=salt, agency=agency, agency_number=number, body_hash=hash_)
    tamper(
        kept,
        edit("event", "body", body, position),
        edit("event", "signature", log.keys.writer.sign(message), position),
        edit("leaf", "entry", entry, position),
    )
    problem = verified(kept).problem
    assert problem is not None
    assert problem.flaw is Flaw.ROOT


def test_a_foreign_event_slipped_in_is_found(log: Log, tmp_path: Path) -> None:
    kept = lay(log, tmp_path)
    tamper(
        kept,
        "INSERT INTO event SELECT -5, writer, 10000 + sequence, record_id, action, agency, body, "
        "salt, signature FROM event WHERE position = 3",
    )
    problem = verified(kept).problem
    assert problem is not None
    assert problem.position == -5


def test_an_unsealed_event_slipped_in_is_found(log: Log, tmp_path: Path) -> None:
    """A copy of an event that its writer has signed, at the end, under a number of its own."""
    kept = unsealed(log, tmp_path)
    last = log.events[-1][0]
    tamper(
        kept,
        f"INSERT INTO event SELECT {last + 1}, writer, 10000 + sequence, record_id, action, "
        "agency, body, salt, signature FROM event WHERE position = 3",
        kept.forget_behind(last + 1),
    )
    problem = verified(kept).problem
    assert problem is not None
    assert problem.position == last + 1


@pytest.mark.parametrize(
    ("statement", "flaw"),
    [
        ("DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)", "checkpoint"),
        ("DELETE FROM checkpoint", "checkpoint"),
        ("UPDATE checkpoint SET root = salt FROM event WHERE position = 1", "root"),
        ("UPDATE checkpoint SET note = replace(note, 'A', 'B')", "checkpoint"),
        ("UPDATE checkpoint SET note = 5", "checkpoint"),
        (
            "UPDATE checkpoint SET size = size + 1 WHERE size = (SELECT min(size) FROM checkpoint "
            "WHERE size + 1 NOT IN (SELECT size FROM checkpoint))",
            "checkpoint",
        ),
        ("UPDATE tree_head SET size = 0", "head"),
        ("DELETE FROM tree_head", "head"),
        ("UPDATE leaf SET agency_number = 99 WHERE leaf_index = 3", "agency_number"),
        ("UPDATE leaf SET position = -7 WHERE leaf_index = 3", "event_missing"),
        ("DELETE FROM leaf WHERE leaf_index = (SELECT max(leaf_index) FROM leaf)", "leaf_missing"),
        ("INSERT INTO leaf VALUES (-1, -1, '', -1, '')", "leaf_index"),
    ],
    ids=lambda value: value[:60],
)
def test_what_belongs_to_the_tree_is_found(
    log: Log, tmp_path: Path, statement: str, flaw: str
) -> None:
    kept = lay(log, tmp_path)
    try:
        tamper(kept, statement)
    except psycopg.errors.DatatypeMismatch:
        return  # PostgreSQL itself keeps a number from a text's place
    problem = verified(kept).problem
    assert problem is not None
    assert problem.flaw == flaw


def test_a_deleted_inner_checkpoint_is_not_missed_as_later_ones_sign_the_same_leaves(
    log: Log, tmp_path: Path
) -> None:
    """The limit that docs/limits.md states: checkpoints have no numbers of their own."""
    kept = lay(log, tmp_path)
    tamper(
        kept,
        "DELETE FROM checkpoint WHERE size < (SELECT max(size) FROM checkpoint) "
        "AND size NOT IN (SELECT size FROM agency_head)",
    )
    report = verified(kept)
    assert report.problem is None
    assert report.size == len(log.events)
    tamper(kept, "DELETE FROM checkpoint WHERE size < (SELECT max(size) FROM checkpoint)")
    problem = verified(kept).problem
    assert problem is not None
    assert problem.flaw is Flaw.AGENCY_HEAD  # but one for which heads were signed is missed


def test_other_pins_verify_nothing(log: Log, tmp_path: Path) -> None:
    kept = lay(log, tmp_path)
    foreign = open_keys(tmp_path / "foreign").trust()
    problem = kept.verified(foreign).problem
    assert problem is not None
    assert (problem.flaw, problem.leaf_index) == (Flaw.UNKNOWN_KEY, 0)


def test_a_whole_tail_cut_with_every_counter_is_only_seen_by_a_receipt(
    log: Log, tmp_path: Path
) -> None:
    """The limit that the report states: without a witness a consistent past looks like the end."""
    kept = lay(log, tmp_path)
    sizes = [size for (size,) in ask(kept, "SELECT size FROM checkpoint ORDER BY size")]
    cut = sizes[-2]
    cut_tail(kept, cut)
    report = verified(kept)
    assert report.size == cut
    assert report.problem is None or report.problem.flaw is Flaw.NEVER_CLOSED
    assert not report.witnessed


def test_the_last_leaf_and_record_of_all_can_be_read_from_the_problem(
    log: Log, tmp_path: Path
) -> None:
    kept = lay(log, tmp_path)
    position, record_id, action = log.events[-1]
    (body,) = ask(kept, "SELECT body FROM event WHERE position = ?", position)[0]
    assert json.loads(body)["action"] == action == "writer.stopped"
    tamper(kept, edit("event", "body", body + b" ", position))
    problem = verified(kept).problem
    assert problem is not None
    assert (problem.record_id, problem.leaf_index) == (record_id, len(log.events) - 1)


def edit(table: str, column: str, value: object, position: int) -> tuple[str, tuple[object, ...]]:
    return f"UPDATE {table} SET {column} = ? WHERE position = ?", (value, position)


def flip(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def swap(kept: Kept, table: str, one: int, two: int) -> None:
    positions: Sequence[tuple[int, int]] = [(-1, one), (one, two), (two, -1)]
    tamper(
        kept,
        *(
            (f"UPDATE {table} SET position = ? WHERE position = ?", (new, old))
            for new, old in positions
        ),
    )
