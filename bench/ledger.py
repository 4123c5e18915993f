"""The ledger's speed on both stores, beside a bare write and fdatasync in the same run.

    PYTHONPATH=tests python bench/ledger.py [DIRECTORY] [--seconds 5] [--leaves 1000000]
        [--stores sqlite,postgresql] [--write docs/performance.md]

Each worker does what a request does: opens a record, waits until it is durable, closes it. Events
are openings and closings together; the wait is that of an opening. "With content" adds what an
installation may keep beside a record: three tokens of the index of persons, and a sealed prompt and
answer of 1 KiB each; sealing them is timed with the record. Bare writes are timed before and after
each load, because a disk is not the same from second to second. Sealing is timed alone, over what
was written meanwhile; `gwanmun audit verify` runs as a process of its own.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from keeping import Kept, KeptInFile, KeptInServer
from parts.postgres import PostgresServer, binaries
from recording import AGENCY, closed, opened
from sealing import Pair
from tiling import Log

from gateway.domain import Grade
from gateway.ledger.beside import Beside, room_for_answer
from gateway.ledger.content import PROMPT, ContentSealer
from gateway.ledger.sealer import Sealer, Sealing
from gateway.ledger.writer import NOTHING, Ledger, LedgerOptions
from gateway.proofs.entry import ENTRY_VERSION
from gateway.store.subjects import SubjectRow

ROOT = Path(__file__).resolve().parent.parent
WORKERS = (1, 16, 256)
STORES = ("sqlite", "postgresql")
SUBJECTS = 3
TEXT = "가나다라마바사아자차카타파하 " * 24  # about 1 KiB in UTF-8

BEGIN, END = "<!-- bench/ledger.py: begin -->", "<!-- bench/ledger.py: end -->"

Besides = Callable[[str], Beside]


class Waits(NamedTuple):
    """Percentiles of waits in milliseconds, and how many there were a second."""

    p50: float
    p99: float
    per_second: float


class Checked(NamedTuple):
    """One `gwanmun audit verify`: what was read, seconds, and the process's memory in MiB."""

    what: str
    count: int
    seconds: float
    mib: float


@dataclass
class Results:
    """Rows of the three tables, as they come."""

    waits: list[str] = field(default_factory=list)
    sealing: list[str] = field(default_factory=list)
    checks: list[Checked] = field(default_factory=list)


def percentiles(waits: list[float], seconds: float) -> Waits:
    """Of waits in seconds that were measured during `seconds`."""
    ordered = sorted(waits)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return Waits(p50 * 1e3, p99 * 1e3, len(waits) / seconds)


def bare_fdatasync(folder: Path, seconds: float, size: int = 4096) -> list[float]:
    """Appends `size` bytes and waits for the disk, again and again; the waits in seconds."""
    waits, block, end = [], os.urandom(size), time.perf_counter() + seconds
    descriptor = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while (start := time.perf_counter()) < end:
        os.write(descriptor, block)
        os.fdatasync(descriptor)
        waits.append(time.perf_counter() - start)
    os.close(descriptor)
    return waits


def nothing(_: str) -> Beside:
    """A record alone."""
    return NOTHING


def with_content(sealer: ContentSealer) -> Besides:
    """What an installation that keeps all it can keeps with a record."""

    def made(record_id: str) -> Beside:
        at = time.time()
        seal = sealer.begin(record_id, AGENCY, Grade.S, at)
        answer = room_for_answer(seal)
        answer.add(0, [("content", 0, TEXT)])
        prompt = seal.seal(PROMPT, TEXT) if seal else None
        tokens = [SubjectRow(AGENCY, os.urandom(32), record_id, at) for _ in range(SUBJECTS)]
        return Beside(subjects=tokens, seal=seal, prompt=prompt, answer=answer)

    return made


async def load(ledger: Ledger, workers: int, seconds: float, besides: Besides) -> list[float]:
    """The waits, in seconds, of records that these workers write one after the other."""
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def work() -> None:
        while (start := time.perf_counter()) < end:
            event = opened()
            beside = besides(event.record_id)
            opening = ledger.open(event, beside=beside)
            await opening.durable
            waits.append(time.perf_counter() - start)
            ledger.close(opening, closed(opening.record_id), beside=beside)

    await asyncio.gather(*(work() for _ in range(workers)))
    return waits


async def write_and_seal(
    kept: Kept, name: str, besides: Besides, seconds: float, into: Results
) -> int:
    """Each load in turn, then the sealing of all that they wrote; returns how much that was."""
    options = LedgerOptions(disk_reserve_bytes=0, unsealed_limit=10**9, seals=False)
    async with kept.database() as database, Ledger(options, database, kept.keys()) as ledger:
        for workers in WORKERS:
            bare = bare_fdatasync(kept.data_dir, seconds / 4)
            waits = await load(ledger, workers, seconds, besides)
            bare += bare_fdatasync(kept.data_dir, seconds / 4)
            found, disk = percentiles(waits, seconds), percentiles(bare, seconds / 2)
            row = (
                f"| {name} | {workers} | {found.per_second * 2:,.0f} | {found.p50:.1f} ms "
                f"| {found.p99:.1f} ms | {disk.p99:.2f} ms | {found.p99 / disk.p99:.1f} |"
            )
            print(row, flush=True)
            into.waits.append(row)
        # The last closings are still being written.
        await asyncio.sleep(1)
        sealer = Sealer(database, kept.keys(), Sealing(seal_seconds=1.0))
        start, leaves = time.perf_counter(), 0
        while sealed := await sealer.seal():
            leaves += sealed
        rate = leaves / (time.perf_counter() - start)
    into.sealing.append(
        f"| {name} | {leaves:,} | {rate:,.0f} | {kept.size_bytes() / leaves:,.0f} |"
    )
    print(into.sealing[-1], flush=True)
    return leaves


def verified(what: str, count: int, words: Sequence[str]) -> Checked:
    """Runs `gwanmun audit verify`, which must find nothing wrong."""
    program = Path(sys.executable).with_name("gwanmun")
    command = [str(program), "audit", "verify", *words, "--json"]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process, most = subprocess.Popen(command, stdout=said), 0.0
        while process.poll() is None:
            most = max(most, _peak_mib(process.pid))
            time.sleep(0.02)
        took = time.perf_counter() - start
        said.seek(0)
        found = json.load(said)
    if process.returncode or found["size"] != count:
        raise SystemExit(f"{what}: the verification failed: {found}")
    return Checked(what, count, took, most)


def _peak_mib(pid: int) -> float:
    """What a process has needed at most so far; rusage would count this process's own memory."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else 0.0


def tiles(folder: Path, leaves: int) -> list[str]:
    """A log of random entries as tiles, and the words that verify it."""
    log = Log([ENTRY_VERSION + os.urandom(32) for _ in range(leaves)])
    trust = folder / "trust.json"
    trust.write_text(log.trust.text(), encoding="utf-8")
    return [str(log.files().write(folder / "tiles")), "--trust", str(trust)]


@contextmanager
def places(store: str, folder: Path, directory: Path) -> Iterator[Callable[[str], Kept]]:
    """What makes an empty ledger of a name in a store; servers live as long as the context."""

    def home(name: str) -> Path:
        made = folder / store / name
        made.mkdir(parents=True)
        return made

    if store == "sqlite":
        yield lambda name: KeptInFile(home(name))
        return
    found = binaries()
    if found is None:
        raise SystemExit("PostgreSQL's server is not installed.")
    with PostgresServer.run(found, directory) as server:
        yield lambda name: KeptInServer.of(server.database(), home(name))


def measure(options: argparse.Namespace, folder: Path) -> Results:
    """Both stores, without and with content, then the verifications."""
    into = Results()
    for store in options.stores.split(","):
        with places(store, folder, options.directory) as place:
            for name, keeps in ((store, False), (f"{store}, with content", True)):
                kept = place("content" if keeps else "records")
                kept.prepare()
                sealer = Pair.made().sealer(kept.data_dir / "weeks", AGENCY)
                besides = with_content(sealer) if keeps else nothing
                run = write_and_seal(kept, name, besides, options.seconds, into)
                leaves = asyncio.run(run)
                if not keeps:
                    into.checks.append(verified(f"{store}: all events", leaves, kept.words))
                    print(into.checks[-1], flush=True)
    if options.leaves:
        words = tiles(folder, options.leaves)
        into.checks.append(verified("tiles alone", options.leaves, words))
    return into


def markdown(found: Results, command: str) -> str:
    """The three tables, with when, where and how."""
    commit = subprocess.run(
        ["/usr/bin/env", "git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    today = datetime.now(UTC).date().isoformat()
    checks = [
        f"| {one.what} | {one.count:,} | {one.seconds:.1f} s | {one.count / one.seconds:,.0f} "
        f"| {one.mib:,.0f} MiB |"
        for one in found.checks
    ]
    return "\n".join(
        [
            f"- {today}, {_processor()}, {os.cpu_count()} cores, Python "
            f"{sys.version.split()[0]}, load average {os.getloadavg()[0]:.1f}, commit `{commit}`",
            f"- `{command}`",
            "",
            "| store | at once | durable events/s | wait p50 | wait p99 | bare fdatasync p99 "
            "| wait p99 in bare ones |",
            "|---|---:|---:|---:|---:|---:|---:|",
            *found.waits,
            "",
            "| sealing | events | events/s | bytes an event, all tables and indexes |",
            "|---|---:|---:|---:|",
            *found.sealing,
            "",
            "| verification | events | took | events/s | memory |",
            "|---|---:|---:|---:|---:|",
            *checks,
        ]
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return statistics.mode(names) if names else "unknown processor"


def main() -> None:
    """Runs the benchmark; prints its rows, and with --write puts the tables into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--leaves", type=int, default=1_000_000, help="of the tiles; 0 for none")
    parser.add_argument("--stores", default=",".join(STORES))
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.directory))
    try:
        found = measure(options, folder)
    finally:
        shutil.rmtree(folder)
    words = f"--seconds {options.seconds:g} --leaves {options.leaves} --stores {options.stores}"
    section = markdown(found, f"PYTHONPATH=tests python bench/ledger.py {words}")
    print(section)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        options.write.write_text(
            f"{before}{BEGIN}\n{section}\n{END}{rest.split(END)[1]}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
