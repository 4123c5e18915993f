"""A verification whose signatures other processes check says what one process alone says."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from keeping import KeptInFile
from recording import ask, record, running, tamper

from gateway.proofs import verify
from gateway.proofs.ahead import judged
from gateway.proofs.reader import FileReader, SealedRow
from gateway.proofs.records import Flaw
from gateway.proofs.trust import Trust
from gateway.proofs.verify import Report, database_file, verify_log

RECORDS = 60


@pytest.fixture
async def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeptInFile:
    monkeypatch.setattr(verify, "_LONG", 0)
    kept = KeptInFile(tmp_path)
    async with running(kept) as ledger:
        for _ in range(RECORDS):
            await record(ledger)
    return kept


def report(kept: KeptInFile, processes: int) -> Report:
    return verify_log(kept.data_dir, Trust.read(kept.trust_file), processes=processes)


def test_whole_log_is_right(kept: KeptInFile) -> None:
    assert report(kept, 2) == report(kept, 1)
    assert report(kept, 2).problem is None


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ("signature = zeroblob(64)", Flaw.SIGNATURE),
        ("signature = 'text'", Flaw.MALFORMED),
        ("salt = zeroblob(32)", Flaw.SIGNATURE),
        ("salt = zeroblob(31)", Flaw.SIGNATURE),
        ("sequence = -1", Flaw.SIGNATURE),
        ("writer = 'somebody'", Flaw.SEQUENCE),
        ("agency = NULL", Flaw.MALFORMED),
    ],
)
def test_the_first_wrong_event_is_named_as_by_one_process(
    kept: KeptInFile, change: str, flaw: Flaw
) -> None:
    ((position, index),) = ask(kept, "SELECT position, leaf_index FROM leaf WHERE leaf_index = 40")
    tamper(
        kept,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, 'agency VARCHAR(128) NOT NULL',"
        " 'agency VARCHAR(128)') WHERE name = 'event'",
        "PRAGMA writable_schema = RESET",
        f"UPDATE event SET {change} WHERE position = {position}",
        f"UPDATE event SET body = zeroblob(9) WHERE position > {position + 5}",
    )
    alone, together = report(kept, 1), report(kept, 2)
    assert alone == together
    assert together.problem is not None
    assert (together.problem.flaw, together.problem.leaf_index) == (flaw, index)


def test_processes_that_are_killed_lose_nothing(kept: KeptInFile) -> None:
    trust = Trust.read(kept.trust_file)
    (key,) = trust.writers.values()
    with FileReader(database_file(kept.data_dir)) as reader:
        rows = list(reader.leaves(reader.bounds()))

    def thousands() -> Iterator[SealedRow]:
        for number in range(200):
            yield from rows
            if number == 40:
                for child in multiprocessing.active_children():
                    os.kill(child.pid or 0, signal.SIGKILL)

    found = list(judged(thousands(), trust.writers, processes=2))
    assert [one.row for one in islice(found, len(rows))] == rows
    assert len(found) == 200 * len(rows)
    assert {one.key is key for one in found} == {True, False}
    assert all(one.key in (key, None) for one in found)
