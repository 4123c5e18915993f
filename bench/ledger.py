"""Durable events a second and the wait for them, beside a bare write and fdatasync in the same run.

    PYTHONPATH=tests python bench/ledger.py [DIRECTORY] [--seconds 5]

Each worker does what a request does: opens a record, waits until it is durable, closes it. Sealing
and verifying run too, and are timed. Events are openings and closings together; the wait is that
of an opening.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from recording import closed, opened, prepare, verified

from gateway.ledger.keys import open_keys
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.store.database import Database, database_path


class Waits(NamedTuple):
    """Percentiles of waits in milliseconds, and how many there were a second."""

    p50: float
    p99: float
    per_second: float


def percentiles(waits: list[float], seconds: float) -> Waits:
    """Of waits in seconds that were measured during `seconds`."""
    ordered = sorted(waits)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return Waits(p50 * 1e3, p99 * 1e3, len(waits) / seconds)


def bare_fdatasync(folder: Path, seconds: float, size: int = 4096) -> Waits:
    """Appends `size` bytes and waits for the disk, again and again."""
    waits, block, end = [], os.urandom(size), time.perf_counter() + seconds
    descriptor = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while (start := time.perf_counter()) < end:
        os.write(descriptor, block)
        os.fdatasync(descriptor)
        waits.append(time.perf_counter() - start)
    os.close(descriptor)
    return percentiles(waits, seconds)


async def load(ledger: Ledger, workers: int, seconds: float) -> Waits:
    """As many records as these workers can write one after the other."""
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def work() -> None:
        while (start := time.perf_counter()) < end:
            opening = ledger.open(opened())
            await opening.durable
            waits.append(time.perf_counter() - start)
            ledger.close(opening, closed(opening.record_id))

    await asyncio.gather(*(work() for _ in range(workers)))
    return percentiles(waits, seconds)


async def sealed(ledger: Ledger) -> None:
    """Waits until the sealer has caught up."""
    while (await ledger.state()).unsealed:  # noqa: ASYNC110 a benchmark may look again and again
        await asyncio.sleep(0.01)


async def measure(folder: Path, seconds: float, say: Callable[[str], object]) -> None:
    """Each load in turn, then the verification of all that it wrote."""
    prepare(folder)
    options = LedgerOptions(disk_reserve_bytes=0, unsealed_limit=10**9)
    async with Database(folder) as database, Ledger(options, database, open_keys(folder)) as ledger:
        for workers in (1, 16, 256):
            bare = bare_fdatasync(folder, seconds / 2)
            found = await load(ledger, workers, seconds)
            say(
                f"{workers:4} at once: {found.per_second * 2:8.0f} durable events/s, wait p50 "
                f"{found.p50:7.2f} ms, p99 {found.p99:7.2f} ms  (bare fdatasync p50 "
                f"{bare.p50:.2f} ms, p99 {bare.p99:.2f} ms: {found.p99 / bare.p99:.1f} x)"
            )
            await sealed(ledger)
        size = (await ledger.state()).size
    start = time.perf_counter()
    report = verified(folder)
    took = time.perf_counter() - start
    bytes_each = database_path(folder).stat().st_size / size
    say(
        f"verified {report.events} events in {took:.1f} s ({report.events / took:.0f}/s), "
        f"{bytes_each:.0f} bytes an event, problem: {report.problem}"
    )


def main() -> None:
    """Runs the benchmark and prints its lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=arguments.directory))
    try:
        asyncio.run(measure(folder, arguments.seconds, print))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
