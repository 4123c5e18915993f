"""`gwanmun redact --jsonl` holds a batch of texts at most, counted, however long its input is."""

import asyncio
import io
from collections.abc import Iterator

import orjson
import pytest

from gateway.commands.progress import Progress
from gateway.commands.reading import Source, Text, json_lines
from gateway.commands.redact import Plan, redacted_texts
from redaction.policy import Policy
from redaction.pool import Detector, DetectorOptions
from redaction.vocabulary import Vocabulary

PLAN = Plan(Policy("test"), ("kr",), Vocabulary(), explain=False)


class Endless:
    """A pipe that never ends, and counts how much of it was read."""

    def __init__(self, line: bytes) -> None:
        self.line, self.lines = line, 0

    def readline(self, size: int) -> bytes:
        self.lines += 1
        return self.line


@pytest.mark.parametrize(
    ("characters", "most", "lines"),
    [pytest.param(20, 64, 200, id="short-lines"), pytest.param(50_000, 4, 20, id="long-lines")],
)
def test_no_more_is_read_ahead_than_one_batch(characters, most, lines):
    pipe = Endless(orjson.dumps({"id": 1, "text": "가" * characters}) + b"\n")
    texts = json_lines([Source("-", pipe)])
    with asyncio.Runner() as runner:
        results = redacted_texts(texts, runner, Detector(DetectorOptions(processes=1)), PLAN)
        for written, _ in enumerate(results):
            assert pipe.lines - written <= most
            if written == lines:
                break
        results.close()
    assert pipe.lines >= lines


def test_results_come_while_the_input_is_still_open():
    read: list[int] = []

    def texts() -> Iterator[Text]:
        for number in range(130):
            read.append(number)
            yield Text(number, "안녕", f"line {number}", 10)

    with asyncio.Runner() as runner:
        results = redacted_texts(texts(), runner, Detector(DetectorOptions(processes=1)), PLAN)
        assert next(results).source.id == 0
        assert len(read) == 64
        assert [result.source.id for result in results] == list(range(1, 130))


def told(total: int | None, *, shown: bool, times: list[float]) -> str:
    out, clock = io.StringIO(), iter(times)
    progress = Progress(out, total, shown=shown, clock=lambda: next(clock))
    for _ in times:
        progress.advance(250)
    progress.end()
    return out.getvalue()


def test_progress_is_written_over_one_line_and_not_more_than_ten_times_a_second():
    lines = told(1_000, shown=True, times=[0.0, 0.01, 0.02, 0.5]).split("\r")
    assert [line.strip() for line in lines[1:]] == [
        "[######..................]  25% 1건",
        "[########################] 100% 4건",
        "[########################] 100% 4건",
    ]
    assert lines[-1].endswith("\n")


def test_progress_without_a_total_counts_and_without_a_terminal_says_nothing():
    assert told(None, shown=True, times=[0.0]) == "\r1건\r1건\n"
    assert told(1_000, shown=False, times=[0.0]) == ""
