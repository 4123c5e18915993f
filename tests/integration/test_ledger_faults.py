"""A disk that fails: at each write of the store, one after the other, half done.

What SQLite, Python and the sealer's file write fails below them, in the C library: every nineteenth
write in the fast lane, every one in the slow. Whatever write it is, nothing acknowledged is lost,
nothing is acknowledged while nothing can be written, and what was half written never counts.
"""

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from keeping import KeptInFile
from parts.faults import Faults
from whole_records import Secrets, check_whole

TESTS = Path(__file__).parents[1]
ONCE, UNTIL_WELL = 1, 0
SLOW = pytest.mark.slow


def tries(library: Path, folder: Path, error: int, calls: int, stride: int) -> list[dict[str, Any]]:
    """What the program said of each try."""
    pristine = KeptInFile(folder / "pristine")
    pristine.prepare()
    pristine.keys()
    for name in ("tries", "copies"):
        (folder / name).mkdir()
    faults = Faults(folder / "secrets" / "plan")
    places = [folder / name for name in ("pristine", "tries", "copies", "secrets")]
    done = subprocess.run(
        [sys.executable, TESTS / "failing_writes.py", *places, *map(str, (error, calls, stride))],
        env=faults.environ(library, folder / "tries") | {"PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("error", "calls", "stride"),
    [
        pytest.param(errno.ENOSPC, UNTIL_WELL, 19, id="full disk"),
        pytest.param(errno.EIO, ONCE, 19, id="one bad write"),
        pytest.param(errno.ENOSPC, UNTIL_WELL, 1, id="full disk, every write", marks=SLOW),
        pytest.param(errno.EIO, ONCE, 1, id="one bad write, every one", marks=SLOW),
        pytest.param(errno.EIO, UNTIL_WELL, 1, id="dead disk, every write", marks=SLOW),
    ],
)
def test_whichever_write_fails_nothing_acknowledged_is_lost(
    faulty_library: Path, tmp_path: Path, error: int, calls: int, stride: int
) -> None:
    secrets = Secrets.made(tmp_path / "secrets")
    found = tries(faulty_library, tmp_path, error, calls, stride)
    for tried in found:
        kept = KeptInFile(tmp_path / "tries" / str(tried["number"]))
        report = kept.verified()
        assert (report.problem, report.open, report.unsealed) == (None, 0, 0), tried
        check_whole(kept, secrets, tried["acknowledged"])
        if "acknowledged_aside" in tried:
            killed = KeptInFile(tmp_path / "copies" / str(tried["number"]))
            assert killed.verified().problem is None, tried
            check_whole(killed, secrets, tried["acknowledged"][: tried["acknowledged_aside"]])
    assert found[-1]["failed"] == 0
    assert all(tried["failed"] for tried in found[:-1])
    assert len(found) * stride > 80
    while_running = [tried for tried in found if "went_on" in tried]
    assert len(while_running) * stride > 40
    if calls == UNTIL_WELL:
        assert all(tried["refused"] for tried in while_running), while_running
        assert {tried["trouble"] for tried in while_running} == {"store"}
