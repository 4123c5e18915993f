"""What scanning and restoring an answer cost: time per chunk, memory per stream, time held back.

One core, no network, no engine. The same answer, which names three people again and again, comes
in chunks of one to four characters, as engines send it: to requests that brought no value (then
its surrogates are nobody's), 3 values or 50. Three ways: the restorer alone, scanner and restorer,
and the whole step (`gateway.steps.restore`) over parts. Processor time, median of several rounds.

Run: .venv/bin/python bench/restore.py [--rounds 30]
Prints one Markdown section for docs/performance.md.
"""

import argparse
import datetime
import itertools
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.domain import Expected
from gateway.steps.restore import Restoration
from inference.task import Choice, Part
from redaction import (
    Field,
    Findings,
    Mapping,
    Origin,
    Place,
    Policy,
    Restorer,
    Scanner,
    Span,
    replace,
)

VALUES = (0, 3, 50)
POLICY = Policy("bench")
ANSWER = (
    "안녕하세요. [성명_1]님께서 신청하신 민원은 2026. 3. 4.에 접수되었습니다. 담당 부서에서는 관련 "
    "법령을 검토한 뒤 14일 안에 결과를 알려 드리겠습니다. 추가로 필요한 서류가 있으면 [성명_2]이 "
    "연락을 드릴 예정이며, 궁금한 점은 언제든지 문의해 주시기 바랍니다.\n\n- 접수 번호: "
    "제2026-123호\n- 담당자: [성명_3]\n\n**유의 사항**: 기한이 지나면 다시 신청해야 합니다. "
) * 5
SIZES = (2, 1, 3, 2, 4, 1, 2)  # characters of a token, in turn
STREAMS = 500


class Way(NamedTuple):
    """One way of reading the answer; `run` takes all its chunks."""

    name: str
    run: Callable[[], None]


def mapping_of(count: int) -> Mapping:
    """The mapping of a request that named so many people."""
    names = [f"김철{chr(ord('가') + 7 * number)}" for number in range(count)]
    spans = tuple(Span(4 * n, 4 * n + 3, "PERSON", 1.0) for n in range(count))
    return replace([Field(" ".join(names), Origin.USER)], Findings((spans,), "b"), POLICY).mapping


def chunks_of(text: str) -> list[str]:
    """The text in chunks of the sizes in turn."""
    ends = itertools.accumulate(itertools.cycle(SIZES))
    stops = [0, *itertools.takewhile(lambda end: end < len(text), ends), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(stops)]


def ways(mapping: Mapping, chunks: Sequence[str]) -> list[Way]:
    """The three ways for one mapping."""
    parts = [Part((Choice(0, content=chunk),)) for chunk in chunks]
    parts[-1] = Part((Choice(0, content=chunks[-1], finish_reason="stop"),))

    def restorer() -> None:
        one = Restorer(mapping, POLICY, place=Place.TEXT)
        for chunk in chunks:
            one.feed(chunk)
        one.flush()

    def lane() -> None:
        scanner, one = Scanner(mapping, POLICY), Restorer(mapping, POLICY, place=Place.TEXT)
        for chunk in chunks:
            one.feed(scanner.feed(chunk))
        one.feed(scanner.flush())
        one.flush()

    def step() -> None:
        restoration = Restoration(mapping, POLICY, Expected())
        for part in parts:
            restoration.feed(part)
        restoration.finish()

    return [
        Way("restorer alone", restorer),
        Way("scanner and restorer", lane),
        Way("step", step),
    ]


def processor_seconds(run: Callable[[], None]) -> float:
    """Processor time of one run."""
    began = time.process_time()
    run()
    return time.process_time() - began


def stream_bytes(mapping: Mapping, chunks: Sequence[str]) -> float:
    """What an open stream holds in the middle of its answer: everything but its mapping."""
    half = [Part((Choice(0, content=chunk),)) for chunk in chunks[: len(chunks) // 2]]
    open_streams = []
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(STREAMS):
        restoration = Restoration(mapping, POLICY, Expected())
        for part in half:
            restoration.feed(part)
        open_streams.append(restoration)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (held - before) / len(open_streams)


def between_tokens(mapping: Mapping, chunks: Sequence[str], rounds: int) -> tuple[float, float]:
    """Median and 99th percentile of the time that one chunk takes in the step, in microseconds."""
    taken: list[float] = []
    for _ in range(rounds):
        restoration = Restoration(mapping, POLICY, Expected())
        for chunk in chunks:
            part = Part((Choice(0, content=chunk),))
            began = time.perf_counter()
            restoration.feed(part)
            taken.append(1e6 * (time.perf_counter() - began))
    taken.sort()
    return statistics.median(taken), taken[len(taken) * 99 // 100]


def held_chunks(mapping: Mapping, chunks: Sequence[str]) -> tuple[float, int]:
    """How many of the chunks say nothing yet (ratio), and the longest run of such chunks."""
    restoration = Restoration(mapping, POLICY, Expected())
    said = [
        bool(restoration.feed(Part((Choice(0, content=c),))).choices[0].content) for c in chunks
    ]
    runs = [len(list(run)) for spoke, run in itertools.groupby(said) if not spoke]
    return said.count(False) / len(said), max(runs, default=0)


def main(rounds: int) -> None:
    """Measures and prints."""
    chunks = chunks_of(ANSWER)
    print(f"### Restoration, {datetime.datetime.now(datetime.UTC).date()}\n")
    print(f"- machine: {os.cpu_count()} cores, Python {platform.python_version()}", end=", ")
    print(f"load average {os.getloadavg()[0]:.1f}")
    print(f"- command: `python bench/restore.py --rounds {rounds}`")
    print(f"- {len(chunks)} chunks of {len(ANSWER) / len(chunks):.1f} characters, one core\n")
    print("| way | values | us per chunk | chunks/s |\n|---|---:|---:|---:|")
    table = {count: ways(mapping_of(count), chunks) for count in VALUES}
    taken: dict[tuple[int, str], list[float]] = {}
    for _ in range(rounds):  # in turn, so that all meet the same machine
        for count, each in table.items():
            for way in each:
                taken.setdefault((count, way.name), []).append(processor_seconds(way.run))
    for (count, name), seconds in taken.items():
        one = statistics.median(seconds) / len(chunks)
        print(f"| {name} | {count} | {1e6 * one:.1f} | {1 / one:,.0f} |")
    print(
        "\n| values | bytes per stream | us between tokens, p50 / p99 | chunks that wait, longest |"
    )
    print("|---:|---:|---:|---:|")
    for count in VALUES:
        mapping = mapping_of(count)
        median, late = between_tokens(mapping, chunks, rounds)
        ratio, longest = held_chunks(mapping, chunks)
        memory = stream_bytes(mapping, chunks)
        print(f"| {count} | {memory:,.0f} | {median:.1f} / {late:.1f} | {ratio:.0%}, {longest} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    main(parser.parse_args().rounds)
