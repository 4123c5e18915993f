"""A disk that takes no more bytes: the kernel's own limit on file sizes stands for it."""

import subprocess
import sys
from pathlib import Path

from recording import ask, prepare, verified

SOURCE = Path(__file__).parents[2]
FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from gateway.errors import AuditUnavailable
from recording import closed, opened, record, running

async def until_full(ledger):
    for _ in range(10_000):
        try:
            await record(ledger)
        except AuditUnavailable:
            return
    raise SystemExit("the disk never filled")

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with running(Path(sys.argv[1]), heartbeat_seconds=0.2) as ledger:
        kept = ledger.open(opened())
        await kept.durable
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        await until_full(ledger)
        assert not (await ledger.state()).healthy
        ledger.close(kept, closed(kept.record_id))
        await asyncio.sleep(0.5)
        assert not (await ledger.state()).healthy
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        async with asyncio.timeout(20):
            while not (await ledger.state()).healthy:
                await asyncio.sleep(0.05)
        await record(ledger)
        print(kept.record_id)

asyncio.run(main())
"""


def test_a_full_disk_refuses_requests_loses_no_closing_and_recovers(tmp_path: Path) -> None:
    prepare(tmp_path)
    arguments = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(SOURCE), str(SOURCE / "tests")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    kept = done.stdout.strip()
    rows = ask(tmp_path, "SELECT action FROM event WHERE record_id = ?", kept)
    assert [action for (action,) in rows] == ["request.opened", "request.closed"]
    report = verified(tmp_path)
    assert (report.problem, report.open, report.running) == (None, 0, 0)
