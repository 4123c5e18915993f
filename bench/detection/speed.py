"""How long detection takes on one core, and what it costs to have it ready.

Time is this process's own processor time (all threads), so that other work counts less; the median
and the 99th percentile are over passages of about 1,000 characters (or messages of about 60).
Loading is measured in fresh processes, beside Presidio's own engine without any recognizer.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.detection.score import Find
from bench.detection.texts import Text

PASSAGE = 1000
MESSAGE = 60
_LEAST = 5
_ROOT = Path(__file__).resolve().parent.parent.parent

_PROBE = """
import json, sys, time
began = time.perf_counter()
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine
engine = AnalyzerEngine(
    registry=RecognizerRegistry([], supported_languages=["ko"]),
    nlp_engine=NoOpNlpEngine([{"lang_code": "ko", "model_name": "none"}]),
    supported_languages=["ko"],
)
def memory():
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
base, base_memory = time.perf_counter(), memory()
from redaction.presidio import Analyzer
from redaction.vocabulary import Vocabulary
Analyzer(sys.argv[1:], Vocabulary()).spans("민원인 김철수(010-1234-5678)")
print(json.dumps([base - began, base_memory, time.perf_counter() - base, memory() - base_memory]))
"""


class Timing(NamedTuple):
    """Milliseconds for a passage or message, scaled to its nominal length."""

    what: str
    passages: int
    median: float
    p99: float


class Load(NamedTuple):
    """Seconds and MiB: Presidio's own engine, and what our packs add to it."""

    presidio_seconds: float
    presidio_mib: float
    added_seconds: float
    added_mib: float


def passages(texts: Iterable[str], *, size: int = PASSAGE) -> list[str]:
    """Texts joined by line breaks into passages of at least `size` characters."""
    made: list[str] = []
    parts: list[str] = []
    length = 0
    for text in texts:
        parts.append(text)
        length += len(text) + 1
        if length >= size:
            made.append("\n".join(parts))
            parts, length = [], 0
    return made


def messages(texts: Iterable[Text], *, size: int = MESSAGE) -> list[str]:
    """Lines of about `size` characters: short ones joined, long ones cut."""
    lines = (line for text in texts for line in text.text.splitlines())
    return [line[:size] for line in passages(lines, size=size)]


def timing(what: str, find: Find, texts: Sequence[str], *, nominal: int) -> Timing:
    """Times each text once, when all were read before; milliseconds per `nominal` characters.

    Raises:
        ValueError: there are too few texts.
    """
    if len(texts) <= _LEAST:
        raise ValueError(f"{what}: too few texts to time")
    for text in texts:
        find(text)
    spent = []
    for text in texts:
        began = time.process_time_ns()
        find(text)
        spent.append((time.process_time_ns() - began) / 1e6 * nominal / len(text))
    return Timing(
        what, len(texts), statistics.median(spent), statistics.quantiles(spent, n=100)[-1]
    )


def load(packs: Sequence[str], *, runs: int = 3) -> Load:
    """The median of several fresh processes."""
    results = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", _PROBE, *packs],
                check=True,
                capture_output=True,
                text=True,
                cwd=_ROOT,
            ).stdout
        )
        for _ in range(runs)
    ]
    return Load(*(statistics.median(column) for column in zip(*results, strict=True)))
