"""kill -9 while records are written: nothing acknowledged is lost, what was open is closed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from recording import ask, prepare, record, running, verified

ROUNDS = 4
SOURCE = Path(__file__).parents[2]
WRITER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from recording import closed, opened, running

async def one(ledger, number):
    while True:
        opening = ledger.open(opened())
        await opening.durable
        print("opened", opening.record_id, flush=True)
        await asyncio.sleep(0.001 * number)
        ledger.close(opening, closed(opening.record_id))

async def main():
    async with running(Path(sys.argv[1]), seal_seconds=0.02) as ledger:
        await asyncio.gather(*(one(ledger, number) for number in range(16)))

asyncio.run(main())
"""


def write_until_killed(data_dir: Path, seconds: float) -> list[str]:
    """Record ids that the killed process had been told were durable."""
    arguments = [sys.executable, "-c", WRITER, str(data_dir), str(SOURCE), str(SOURCE / "tests")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline()]
        try:
            os.set_blocking(writer.stdout.fileno(), True)
            writer.wait(seconds)
        except subprocess.TimeoutExpired:
            writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
    return [line.split()[1].decode() for line in said if line.endswith(b"\n")]


@pytest.mark.timeout(180)
async def test_a_killed_writer_loses_nothing_and_its_open_records_are_closed_as_lost(
    tmp_path: Path,
) -> None:
    random.seed(11)
    prepare(tmp_path)
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        acknowledged += write_until_killed(tmp_path, random.uniform(0.3, 1.0))
        before = verified(tmp_path)
        assert (before.problem, before.running) == (None, 1)
    async with running(tmp_path) as ledger:
        await record(ledger)
    kept = {row[0] for row in ask(tmp_path, "SELECT record_id FROM event")}
    assert acknowledged
    assert set(acknowledged) <= kept
    report = verified(tmp_path)
    assert report.problem is None
    assert (report.open, report.running, report.writers) == (0, 0, ROUNDS + 1)
    like = '%"outcome":"lost"%'
    lost = ask(tmp_path, f"SELECT count(*) FROM event WHERE CAST(body AS TEXT) LIKE '{like}'")
    assert lost[0][0] > 0
    assert ask(tmp_path, "SELECT count(*) FROM event WHERE action = 'writer.lost'")[0][0] == ROUNDS
