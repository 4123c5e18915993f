"""The line as a caller feels it: the engine alone against the engine behind the gateway.

Everything is on: tokens, detection, the durable record, restoration.

Starts `gwanmun up` with an unpaced rehearsal engine in a directory of its own, and asks engine and
gateway in turn within the same run, so that both meet the same machine. Client, gateway, detector
and engine share the cores: the numbers are a floor for a machine of this kind, not a capacity plan.

Run: .venv/bin/python bench/line.py [--quick] [--port 18500]
Prints one Markdown section for docs/performance.md.
"""

import argparse
import asyncio
import datetime
import itertools
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from gateway.demo.up import Options

ROOT = Path(__file__).resolve().parent.parent
GWANMUN = Path(sys.executable).parent / "gwanmun"
READY_SECONDS = 120.0
# Far above what is asked here: this measures the line, not its limits.
UNLIMITED = {
    "GWANMUN_LIMITS__REQUESTS_PER_MINUTE": "100000000",
    "GWANMUN_LIMITS__CHARACTERS_PER_MINUTE": "100000000000",
    "GWANMUN_LIMITS__CONCURRENT_REQUESTS": "100000",
}
SENTENCE = (
    "신청서를 검토한 결과 구비 서류가 일부 빠져 있어 보완을 요청드리며, 처리 기한은 접수일부터 "
    "십사 일입니다. "
)


class Plan(NamedTuple):
    """How much is asked."""

    single_calls: int
    load_seconds: float
    streams: tuple[int, ...]


FULL = Plan(single_calls=200, load_seconds=8.0, streams=(1, 16, 64))
QUICK = Plan(single_calls=30, load_seconds=2.0, streams=(1, 16))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes."""

    name: str
    url: str
    headers: dict[str, str]


class Row(NamedTuple):
    """One line of the table; `unit` stands behind every number."""

    what: str
    direct: float
    gateway: float
    unit: str


# --- what is asked ------------------------------------------------------------------------------


def prompts(characters: int) -> Iterator[str]:
    """Texts of about this length that differ from each other, each with three personal data."""
    for number in itertools.count():
        head = (
            f"접수 {number}번 민원인 김철수(900101-1234567, 010-{number % 9000 + 1000}-5678)에게 "
            "보낼 안내문을 써 줘. "
        )
        body = SENTENCE * (characters // len(SENTENCE) + 1)
        yield (head + body)[: max(characters, len(head))]


def body_of(prompt: str, *, stream: bool) -> dict[str, Any]:
    """A request."""
    messages = [{"role": "user", "content": prompt}]
    return {"model": "rehearsal", "messages": messages, "stream": stream}


class Answered(NamedTuple):
    """One call: seconds to its first byte and its end, events of its stream, our own overhead."""

    first: float
    whole: float
    events: int
    overhead_ms: float


async def call(
    session: aiohttp.ClientSession, target: Target, prompt: str, *, stream: bool
) -> Answered:
    """Asks once and reads all of the answer."""
    started = time.perf_counter()
    async with session.post(
        f"{target.url}/v1/chat/completions",
        json=body_of(prompt, stream=stream),
        headers=target.headers,
    ) as answer:
        if answer.status != 200:
            raise RuntimeError(f"{target.name}: {answer.status} {await answer.text()}")
        first, events = 0.0, 0
        async for piece in answer.content.iter_any():
            first = first or time.perf_counter() - started
            events += piece.count(b"data: ")
        overhead = float(answer.headers.get("x-gwanmun-overhead-ms", "nan"))
    return Answered(first, time.perf_counter() - started, events, overhead)


# --- measurements -------------------------------------------------------------------------------


async def first_bytes(
    session: aiohttp.ClientSession, targets: tuple[Target, Target], calls: int, texts: Iterator[str]
) -> tuple[list[Answered], list[Answered]]:
    """One call after the other, engine and gateway in turn, on the same texts."""
    direct, through = targets
    results: tuple[list[Answered], list[Answered]] = ([], [])
    for text in itertools.islice(texts, calls):
        results[0].append(await call(session, direct, text, stream=True))
        results[1].append(await call(session, through, text, stream=True))
    return results


class Load(NamedTuple):
    """What a number of callers got, who each ask again as soon as they have their answer."""

    calls_per_second: float
    events_per_second: float
    median_first: float


async def load(
    session: aiohttp.ClientSession,
    target: Target,
    plan: Plan,
    callers: int,
    ask: Callable[[], tuple[str, bool]],
) -> Load:
    """Keeps `callers` calls running for the plan's time."""
    results: list[Answered] = []
    ends = time.perf_counter() + plan.load_seconds

    async def caller() -> None:
        while time.perf_counter() < ends:
            text, stream = ask()
            results.append(await call(session, target, text, stream=stream))

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    seconds = time.perf_counter() - started
    return Load(
        len(results) / seconds,
        sum(result.events for result in results) / seconds,
        statistics.median(result.first for result in results),
    )


async def measure(targets: tuple[Target, Target], plan: Plan) -> tuple[list[Row], list[str]]:
    """All rows of the table, and remarks below it."""
    rows: list[Row] = []
    remarks: list[str] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        await first_bytes(session, targets, 10, prompts(300))  # warm
        for size in (100, 1_000, 10_000):
            direct, through = await first_bytes(session, targets, plan.single_calls, prompts(size))
            rows += _first_byte_rows(f"first byte, {size:,} new characters", direct, through)
            overhead = statistics.median(answer.overhead_ms for answer in through)
            remarks.append(f"{size:,} characters: `x-gwanmun-overhead-ms` {overhead:.2f} (median)")
        same = itertools.repeat(next(prompts(1_000)))
        direct, through = await first_bytes(session, targets, plan.single_calls, same)
        rows += _first_byte_rows("first byte, 1,000 characters seen before", direct, through)
        for callers in plan.streams:
            rows += await _load_rows(session, targets, plan, callers)
    return rows, remarks


def _first_byte_rows(what: str, direct: list[Answered], through: list[Answered]) -> list[Row]:
    rows = []
    for name, of in (("median", statistics.median), ("p95", p95)):
        pair = [of([answer.first * 1e3 for answer in answers]) for answers in (direct, through)]
        rows.append(Row(f"{what}, {name}", pair[0], pair[1], "ms"))
    return rows


async def _load_rows(
    session: aiohttp.ClientSession, targets: tuple[Target, Target], plan: Plan, callers: int
) -> list[Row]:
    short, long = prompts(100), prompts(1_000)
    asks: list[Callable[[], tuple[str, bool]]] = [
        lambda: (next(short), False),
        lambda: (next(long), True),
    ]
    whole = [await load(session, target, plan, callers, asks[0]) for target in targets]
    streams = [await load(session, target, plan, callers, asks[1]) for target in targets]
    return [
        Row(
            f"{callers} callers, whole answers, 100 characters",
            whole[0].calls_per_second,
            whole[1].calls_per_second,
            "calls/s",
        ),
        Row(
            f"{callers} callers, streams, 1,000 characters",
            streams[0].events_per_second,
            streams[1].events_per_second,
            "chunks/s",
        ),
        Row(
            f"{callers} callers, streams, first byte, median",
            streams[0].median_first * 1e3,
            streams[1].median_first * 1e3,
            "ms",
        ),
    ]


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def fdatasync_ms(folder: Path, rounds: int = 200) -> float:
    """The median time of one bare append of 4 KiB with fdatasync, in milliseconds."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(rounds):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


# --- processes ----------------------------------------------------------------------------------


class Memory(NamedTuple):
    """A process: what it is, and its proportional share of memory in MiB."""

    what: str
    mebibytes: float


def memory_of(root: int) -> list[Memory]:
    """The processes below `root`, largest first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        waiting.extend(parents.get(pid, ()))
        found.append(Memory(_role(pid), _proportional_mebibytes(pid)))
    return sorted(found, key=lambda entry: -entry.mebibytes)


def _role(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    if "gateway.demo.leash" in words:
        return "leash"
    roles = {
        "redaction.presidio": "detector",
        "gateway.demo.engine": "rehearsal engine",
        "gateway.demo.provider": "provider",
        "serve": "gateway",
    }
    return next((roles[word] for word in words if word in roles), "supervisor")


def _proportional_mebibytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


@asynccontextmanager
async def running(port: int) -> AsyncIterator[tuple[tuple[Target, Target], int, Path]]:
    """A demo without a pace and without limits; the engine and the gateway, its pid, its data."""
    with tempfile.TemporaryDirectory(prefix="gwanmun-bench-") as folder:
        data = Path(folder) / "data"
        up = await asyncio.create_subprocess_exec(
            *(str(GWANMUN), "up", "--data", str(data), "--port", str(port), "--pace", "0"),
            env=os.environ | UNLIMITED,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            token = await _until(lambda: _token(data), up)
            options = Options(data_dir=data, default_data_dir=False, port=port)
            host = "http://127.0.0.1"
            direct = Target("engine", f"{host}:{options.ports.engine}", {})
            bearer = {"authorization": f"Bearer {token}"}
            through = Target("gateway", f"{host}:{options.ports.gateway}", bearer)
            yield (direct, through), up.pid, data
        finally:
            if up.returncode is None:
                up.send_signal(signal.SIGTERM)
            await up.wait()


async def _token(data: Path) -> str:
    asked = await asyncio.create_subprocess_exec(
        *(str(GWANMUN), "demo", "token", "svc-civil", "--data", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asked.communicate()
    return out.decode().strip()


async def _until(ask: Callable[[], Awaitable[str]], up: asyncio.subprocess.Process) -> str:
    ends = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends and up.returncode is None:
        if said := await ask():
            return said
        await asyncio.sleep(0.5)
    raise RuntimeError("gwanmun up did not start")


# --- the report ---------------------------------------------------------------------------------


def machine() -> str:
    """The processor, cores and memory in words."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def commit() -> str:
    """The commit that was measured, with a + if the tree differs from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def report(rows: list[Row], remarks: list[str], arguments: list[str]) -> str:
    """The Markdown section."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    lines = [
        f"### The line, {today}",
        "",
        f"- machine: {machine()}; load average at the end {os.getloadavg()[0]:.1f}",
        f"- commit: `{commit()}`",
        f"- command: `{' '.join(['python', 'bench/line.py', *arguments])}`",
        "",
        "| measure | engine alone | behind the gateway | added | ratio |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        numbers = f"{row.direct:,.1f} {row.unit} | {row.gateway:,.1f} {row.unit}"
        added = f"{row.gateway - row.direct:+,.1f} {row.unit}"
        lines.append(f"| {row.what} | {numbers} | {added} | {row.gateway / row.direct:.2f} |")
    return "\n".join([*lines, "", *(f"- {remark}" for remark in remarks), ""])


async def main(arguments: list[str]) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a first impression in a minute")
    parser.add_argument("--port", type=int, default=18500, help="first of four free ports")
    chosen = parser.parse_args(arguments)
    async with running(chosen.port) as (targets, pid, data):
        before = memory_of(pid)
        synced = fdatasync_ms(data)
        rows, remarks = await measure(targets, QUICK if chosen.quick else FULL)
        after = memory_of(pid)
    remarks.append(f"one bare 4 KiB append with fdatasync: {synced:.2f} ms (median)")
    for when, memories in (("before", before), ("after", after)):
        told = ", ".join(f"{m.what} {m.mebibytes:.0f}" for m in memories if m.mebibytes >= 1)
        remarks.append(f"memory {when} the load, MiB of proportional share: {told}")
    print(report(rows, remarks, arguments))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
