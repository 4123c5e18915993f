"""kill -9 while records are written: nothing acknowledged is lost, what was open is closed.

With the index of persons and with sealed content: each stands with its event, or neither does.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from keeping import Kept
from recording import record, running, verified
from whole_records import Secrets, check_whole

MANY = 250 if os.environ.get("CI") else 1_000  # CI has an hour for all lanes
SILENCE = 0.6  # after so long a writer that shares its database counts as dead
TESTS = Path(__file__).parents[1]


class Writer:
    """The program that is killed round after round."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @classmethod
    @contextmanager
    def started(cls, kept: Kept, home: Path) -> Iterator["Writer"]:
        command = [sys.executable, str(TESTS / "killed_writer.py"), kept.spec, str(home)]
        environ = {**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
        with subprocess.Popen(
            [*command, str(SILENCE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
        ) as process:
            try:
                yield cls(process)
            finally:
                assert process.stdin is not None
                process.stdin.close()

    def killed_after(self, seconds: float, *, writing: bool) -> list[str]:
        """One round; the ids of the records that the killed process was told were durable.

        The seconds count from its start, or from its first record when it is to be `writing`.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        word, pid = process.stdout.readline().split()
        assert word == b"pid"
        said = [process.stdout.readline().decode().split()[1]] if writing else []
        time.sleep(seconds)
        os.kill(int(pid), signal.SIGKILL)
        while not (line := process.stdout.readline().decode()).startswith("gone"):
            assert line, "the program has ended"
            said.append(line.split()[1])
        assert line.split()[1] == str(-signal.SIGKILL), "it was not the kill that ended it"
        return said


@pytest.mark.parametrize(
    ("rounds", "looks"),
    [
        pytest.param(50, 5, id="50-rounds", marks=pytest.mark.timeout(300)),
        pytest.param(
            MANY, 4, id="many-rounds", marks=[pytest.mark.slow, pytest.mark.timeout(1_800)]
        ),
    ],
)
async def test_a_killed_writer_loses_nothing_and_its_open_records_are_closed_as_lost(
    kept: Kept, tmp_path: Path, rounds: int, looks: int
) -> None:
    chance = random.Random(11)
    kept.prepare()
    kept.keys()  # made before the first round, which may end before it could have made them
    secrets = Secrets.made(tmp_path / "secrets")
    acknowledged: list[str] = []
    with Writer.started(kept, secrets.home) as writer:
        for number in range(1, rounds + 1):
            seconds = chance.uniform(0.0, 0.2)
            acknowledged += writer.killed_after(seconds, writing=number % 2 == 0)
            if number % (rounds // looks) == 0:
                between = verified(kept)
                assert between.problem is None
                assert between.running >= 1
    await asyncio.sleep(0 if kept.kind == "sqlite" else SILENCE + 0.1)
    async with running(kept, silence_seconds=SILENCE, heartbeat_seconds=SILENCE / 6) as ledger:
        assert (await ledger.state()).healthy
    report = verified(kept)
    assert report.problem is None
    assert (report.open, report.running, report.unsealed) == (0, 0, 0)
    check_whole(kept, secrets, acknowledged)
    assert len(acknowledged) >= rounds // 2
    bodies = kept.ask("SELECT body FROM event WHERE action = 'request.closed'")
    assert any(b'"outcome":"lost"' in bytes(body) for (body,) in bodies)
    ((lost,),) = kept.ask("SELECT count(*) FROM event WHERE action = 'writer.lost'")
    assert lost == report.writers - 1
    async with running(kept) as ledger:
        await record(ledger)
    assert verified(kept).problem is None
