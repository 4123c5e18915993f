"""A superuser at the database: every edit, deletion and reordering is found, and named."""

import asyncio
import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from recording import AGENCY, OTHER_AGENCY, ask, record, running, tamper, verified

from gateway.ledger.keys import LedgerKeys, open_keys
from gateway.proofs.entry import event_hash, leaf_entry, promise
from gateway.proofs.records import Flaw
from gateway.proofs.verify import verify_log
from gateway.store.database import database_path

RECORDS = 12
BITS_OF_EACH = 12


class Log(NamedTuple):
    """A pristine ledger: kept as bytes, written out anew for each crime."""

    database: bytes
    trust: str
    events: list[tuple[int, str, str]]  # position, record id, action
    keys: LedgerKeys


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    data_dir = tmp_path_factory.mktemp("log")

    async def write() -> None:
        async with running(data_dir) as ledger:
            for number in range(RECORDS // 2):
                await record(ledger, AGENCY if number % 3 else OTHER_AGENCY)
        async with running(data_dir) as ledger:
            for _ in range(RECORDS // 2):
                await record(ledger)

    asyncio.run(write())
    with closing(sqlite3.connect(database_path(data_dir))) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    events = ask(data_dir, "SELECT position, record_id, action FROM event ORDER BY position")
    trust = (data_dir / "trust.json").read_text()
    return Log(database_path(data_dir).read_bytes(), trust, [*events], open_keys(data_dir))


def lay(log: Log, data_dir: Path) -> Path:
    database_path(data_dir).write_bytes(log.database)
    (data_dir / "trust.json").write_text(log.trust)
    return data_dir


def unsealed(log: Log, data_dir: Path) -> Path:
    """The same log as it was before anything was sealed."""
    lay(log, data_dir)
    tamper(
        data_dir,
        "DELETE FROM leaf",
        "DELETE FROM checkpoint",
        "DELETE FROM subtree",
        (
            "UPDATE tree_head SET size = 0, frontier = x'', position = 0, root = ?",
            (bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),),
        ),
    )
    return data_dir


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
        (lay if sealed else unsealed)(log, tmp_path)
        (value,) = ask(tmp_path, f"SELECT {column} FROM event WHERE position = ?", position)[0]
        for bit in random.sample(range(len(value) * 8), BITS_OF_EACH):
            tamper(tmp_path, edit("event", column, flip(value, bit), position))
            problem = verified(tmp_path).problem
            assert problem is not None
            assert (problem.position, problem.record_id) == (position, record_id)
        tamper(tmp_path, edit("event", column, value, position))
    assert verified(tmp_path).problem is None


def test_any_single_bit_of_a_leaf_is_found_and_its_record_named(log: Log, tmp_path: Path) -> None:
    random.seed(7)
    lay(log, tmp_path)
    for position, record_id, _ in log.events:
        (entry,) = ask(tmp_path, "SELECT entry FROM leaf WHERE position = ?", position)[0]
        for bit in random.sample(range(len(entry) * 8), BITS_OF_EACH):
            tamper(tmp_path, edit("leaf", "entry", flip(entry, bit), position))
            problem = verified(tmp_path).problem
            assert problem is not None
            assert (problem.flaw, problem.record_id) == (Flaw.ENTRY, record_id)
        tamper(tmp_path, edit("leaf", "entry", entry, position))


@pytest.mark.parametrize("column", ["record_id", "action", "agency", "writer", "sequence"])
def test_an_edited_column_is_found(log: Log, tmp_path: Path, column: str) -> None:
    for position, record_id, _ in log.events[::3]:
        lay(log, tmp_path)
        tamper(tmp_path, edit("event", column, "7" * 32 if column != "sequence" else 99, position))
        problem = verified(tmp_path).problem
        assert problem is not None
        assert problem.position == position
        assert column == "record_id" or problem.record_id == record_id


@pytest.mark.parametrize("value", [None, 5, 1.5, "text", b"", b"\xff" * 40, "x" * 70_000])
@pytest.mark.parametrize("column", ["body", "salt", "signature", "agency", "record_id"])
def test_garbage_in_a_column_is_named_and_never_crashes(
    log: Log, tmp_path: Path, column: str, value: object
) -> None:
    lay(log, tmp_path)
    position = log.events[4][0]
    try:
        tamper(tmp_path, edit("event", column, value, position))
    except sqlite3.IntegrityError:
        return  # NULL: the table itself refuses it
    problem = verified(tmp_path).problem
    assert problem is not None
    assert problem.position == position


def test_every_deleted_event_is_found(log: Log, tmp_path: Path) -> None:
    for index, (position, _, _) in enumerate(log.events):
        lay(log, tmp_path)
        tamper(tmp_path, ("DELETE FROM event WHERE position = ?", (position,)))
        problem = verified(tmp_path).problem
        assert problem is not None
        assert (problem.flaw, problem.leaf_index) == (Flaw.EVENT_MISSING, index)


def test_every_event_deleted_with_its_leaf_is_found(log: Log, tmp_path: Path) -> None:
    for index, (position, _, _) in enumerate(log.events):
        lay(log, tmp_path)
        tamper(
            tmp_path,
            ("DELETE FROM event WHERE position = ?", (position,)),
            ("DELETE FROM leaf WHERE position = ?", (position,)),
        )
        problem = verified(tmp_path).problem
        assert problem is not None
        assert (problem.flaw, problem.leaf_index) == (Flaw.LEAF_MISSING, index)


def test_every_unsealed_event_deleted_from_the_middle_is_found(log: Log, tmp_path: Path) -> None:
    for number, (position, _, _) in enumerate(log.events[:-1]):
        unsealed(log, tmp_path)
        tamper(tmp_path, ("DELETE FROM event WHERE position = ?", (position,)))
        problem = verified(tmp_path).problem
        assert problem is not None
        assert problem.flaw in (Flaw.SEQUENCE, Flaw.PREVIOUS_MISSING)
        assert problem.position == log.events[number + 1][0]


def test_the_last_unsealed_events_deleted_without_thought_are_found(
    log: Log, tmp_path: Path
) -> None:
    unsealed(log, tmp_path)
    tamper(tmp_path, ("DELETE FROM event WHERE position > ?", (log.events[-4][0],)))
    problem = verified(tmp_path).problem
    assert problem is not None
    assert problem.flaw is Flaw.TAIL_MISSING


async def test_a_cut_tail_of_a_vanished_writer_is_found_after_the_next_start(
    log: Log, tmp_path: Path
) -> None:
    """What is cut off before a restart is not missed; what a later writer has seen is."""
    unsealed(log, tmp_path)
    first_of_second = [p for p, _, action in log.events if action == "writer.started"][1]
    last_of_first = first_of_second - 1
    tamper(tmp_path, ("DELETE FROM event WHERE position = ?", (last_of_first,)))
    problem = verified(tmp_path).problem
    assert problem is not None
    assert (problem.flaw, problem.position) == (Flaw.PREVIOUS_MISSING, first_of_second)


def test_two_events_that_change_places_are_found(log: Log, tmp_path: Path) -> None:
    for number in range(1, len(log.events) - 1, 3):
        lay(log, tmp_path)
        (one, record_id, _), (two, _, _) = log.events[number], log.events[number + 1]
        swap(tmp_path, "event", one, two)
        problem = verified(tmp_path).problem
        assert problem is not None
        assert problem.position == one
        assert record_id


def test_two_leaves_that_change_places_are_found(log: Log, tmp_path: Path) -> None:
    lay(log, tmp_path)
    swap(tmp_path, "leaf", log.events[5][0], log.events[6][0])
    problem = verified(tmp_path).problem
    assert problem is not None
    assert problem.leaf_index == 5


def test_an_event_signed_anew_with_a_stolen_key_breaks_the_root(log: Log, tmp_path: Path) -> None:
    """Event, signature and leaf all fit each other; only the signed checkpoints do not."""
    lay(log, tmp_path)
    position = log.events[-2][0]
    columns = "body, salt, agency, writer, sequence"
    row = ask(tmp_path, f"SELECT {columns} FROM event WHERE position = ?", position)[0]
    body, salt, agency, writer, sequence = row
    body = body.replace(b'"outcome":"complete"', b'"outcome":"stalled"')
    (number,) = ask(tmp_path, "SELECT agency_number FROM leaf WHERE position = ?", position)[0]
    hash_ = event_hash(body)
    message = promise(writer, sequence, agency=agency, salt=salt, body_hash=hash_)
    entry = leaf_entry(salt=salt, agency=agency, agency_number=number, body_hash=hash_)
    tamper(
        tmp_path,
        edit("event", "body", body, position),
        edit("event", "signature", log.keys.writer.sign(message), position),
        edit("leaf", "entry", entry, position),
    )
    problem = verified(tmp_path).problem
    assert problem is not None
    assert problem.flaw is Flaw.ROOT


def test_a_foreign_event_slipped_in_is_found(log: Log, tmp_path: Path) -> None:
    lay(log, tmp_path)
    tamper(
        tmp_path,
        "INSERT INTO event SELECT -5, writer, 10000 + sequence, record_id, action, agency, body, "
        "salt, signature FROM event WHERE position = 3",
    )
    problem = verified(tmp_path).problem
    assert problem is not None
    assert problem.position == -5


@pytest.mark.parametrize(
    ("statement", "flaw"),
    [
        ("DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)", "checkpoint"),
        ("DELETE FROM checkpoint", "checkpoint"),
        ("UPDATE checkpoint SET root = zeroblob(32)", "root"),
        ("UPDATE checkpoint SET note = replace(note, 'A', 'B')", "checkpoint"),
        ("UPDATE checkpoint SET note = 5", "checkpoint"),
        ("UPDATE checkpoint SET size = size + 1", "checkpoint"),
        ("UPDATE tree_head SET size = 0", "head"),
        ("DELETE FROM tree_head", "head"),
        ("UPDATE leaf SET agency_number = 99 WHERE leaf_index = 3", "agency_number"),
        ("UPDATE leaf SET position = 'x' WHERE leaf_index = 3", "event_missing"),
        ("DELETE FROM leaf WHERE leaf_index = (SELECT max(leaf_index) FROM leaf)", "leaf_missing"),
        ("INSERT INTO leaf VALUES (-1, -1, '', -1, x'')", "leaf_index"),
    ],
    ids=lambda value: value[:60],
)
def test_what_belongs_to_the_tree_is_found(
    log: Log, tmp_path: Path, statement: str, flaw: str
) -> None:
    lay(log, tmp_path)
    tamper(tmp_path, statement)
    problem = verified(tmp_path).problem
    assert problem is not None
    assert problem.flaw == flaw


def test_a_deleted_inner_checkpoint_is_not_missed_as_later_ones_sign_the_same_leaves(
    log: Log, tmp_path: Path
) -> None:
    """The limit that docs/limits.md states: checkpoints have no numbers of their own."""
    lay(log, tmp_path)
    tamper(tmp_path, "DELETE FROM checkpoint WHERE size < (SELECT max(size) FROM checkpoint)")
    report = verified(tmp_path)
    assert (report.problem, report.checkpoints, report.size) == (None, 1, len(log.events))


def test_other_pins_verify_nothing(log: Log, tmp_path: Path) -> None:
    lay(log, tmp_path)
    foreign = open_keys(tmp_path / "foreign").trust()
    problem = verify_log(tmp_path, foreign).problem
    assert problem is not None
    assert (problem.flaw, problem.leaf_index) == (Flaw.UNKNOWN_KEY, 0)


def test_a_whole_tail_cut_with_every_counter_is_only_seen_by_a_receipt(
    log: Log, tmp_path: Path
) -> None:
    """The limit that the report states: without a witness a consistent past looks like the end."""
    lay(log, tmp_path)
    sizes = [size for (size,) in ask(tmp_path, "SELECT size FROM checkpoint ORDER BY size")]
    cut = sizes[-2]
    (position,) = ask(tmp_path, "SELECT position FROM leaf WHERE leaf_index = ?", cut - 1)[0]
    root, note = ask(tmp_path, "SELECT root, note FROM checkpoint WHERE size = ?", cut)[0]
    tamper(
        tmp_path,
        ("DELETE FROM event WHERE position > ?", (position,)),
        ("DELETE FROM leaf WHERE leaf_index >= ?", (cut,)),
        ("DELETE FROM checkpoint WHERE size > ?", (cut,)),
        ("UPDATE tree_head SET size = ?, root = ?, position = ?", (cut, root, position)),
        ("UPDATE sqlite_sequence SET seq = ? WHERE name = 'event'", (position,)),
    )
    report = verified(tmp_path)
    assert note
    assert report.size == cut
    assert report.problem is None or report.problem.flaw is Flaw.NEVER_CLOSED
    assert not report.witnessed


def test_the_last_leaf_and_record_of_all_can_be_read_from_the_problem(
    log: Log, tmp_path: Path
) -> None:
    lay(log, tmp_path)
    position, record_id, action = log.events[-1]
    (body,) = ask(tmp_path, "SELECT body FROM event WHERE position = ?", position)[0]
    assert json.loads(body)["action"] == action == "writer.stopped"
    tamper(tmp_path, edit("event", "body", body + b" ", position))
    problem = verified(tmp_path).problem
    assert problem is not None
    assert (problem.record_id, problem.leaf_index) == (record_id, len(log.events) - 1)


def edit(table: str, column: str, value: object, position: int) -> tuple[str, tuple[object, ...]]:
    return f"UPDATE {table} SET {column} = ? WHERE position = ?", (value, position)


def flip(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def swap(data_dir: Path, table: str, one: int, two: int) -> None:
    positions: Sequence[tuple[int, int]] = [(-1, one), (one, two), (two, -1)]
    tamper(
        data_dir,
        *(
            (f"UPDATE {table} SET position = ? WHERE position = ?", (new, old))
            for new, old in positions
        ),
    )
