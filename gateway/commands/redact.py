"""`gwanmun redact`: finds personal data in files or standard input, and replaces it.

Texts go to the same detector processes as requests do. With `--jsonl` each line is a text of its
own, memory stays constant for any length of input, and the order is kept; otherwise each file is
one text. An error names a file or a line's number, never content.
"""

import asyncio
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from json import dumps, loads
from typing import Annotated, BinaryIO, NamedTuple

import orjson
import typer

from gateway import os_words
from redaction.entity import Field, Findings, Origin, Span
from redaction.errors import RedactionError
from redaction.policy import Policy
from redaction.pool import Detector, DetectorOptions
from redaction.replace import replace

_BATCH_TEXTS = 64
_BATCH_CHARACTERS = 200_000
_LONGEST_TEXT_BYTES = 8 * 1024 * 1024  # as a request's body
_DEADLINE_SECONDS = 30.0  # nobody waits beside this one
_BAD_INPUT = 2
_UNAVAILABLE = 3
_INTERRUPTED = 130


class _BadInput(Exception):
    """Input that cannot be read: where and why, in Korean and English."""


class _Text(NamedTuple):
    id: object
    text: str


class _Redacted(NamedTuple):
    id: object
    original: str
    text: str
    spans: list[dict[str, object]]


def redact(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[파일]…", help="읽을 파일. '-'는 표준 입력.")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='줄마다 {"id","text"}를 읽고 찾은 구간을 더해 씁니다.')
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="결과를 JSON 문서 하나로 씁니다.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="구간마다 찾아낸 규칙을 더합니다.")
    ] = False,
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=64, help="탐지 프로세스 수.")
    ] = 1,
) -> None:
    """글에서 개인정보를 찾아 가립니다. 종료 코드: 0 성공, 2 읽을 수 없는 입력, 3 탐지기 이상."""
    if jsonl and json:
        raise typer.BadParameter("--jsonl과 --json은 함께 쓸 수 없습니다. (Choose one of them.)")
    options = DetectorOptions(
        processes=processes, deadline_seconds=_DEADLINE_SECONDS, remembered_texts=0
    )
    try:
        with asyncio.Runner() as runner, ExitStack() as stack:
            sources = [_open(name, stack) for name in files or ["-"]]
            texts = _lines(sources) if jsonl else _wholes(sources)
            redacted = stack.enter_context(closing(_redact(texts, runner, Detector(options))))
            _WRITERS[(jsonl, json)](redacted, explain)
    except _BadInput as error:
        _stop(str(error), _BAD_INPUT)
    except RedactionError:
        _stop("탐지기가 답하지 않았습니다. (The detector did not answer.)", _UNAVAILABLE)
    except BrokenPipeError:
        # The reader left, as `| head` does; the last flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _stop("중단했습니다. (Interrupted.)", _INTERRUPTED)


def _stop(message: str, status: int) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"gwanmun redact: {message}\n")
    raise SystemExit(status)


def _redact(
    texts: Iterator[_Text], runner: asyncio.Runner, detector: Detector
) -> Generator[_Redacted, None, None]:
    """Redacts each text by itself, in order; input is read outside the loop, so Ctrl-C ends it.

    What stands before bad input is still redacted and written.
    """
    runner.run(detector.__aenter__())
    try:
        bad: _BadInput | None = None
        while bad is None:
            batch, bad, ended = _batch(texts)
            found = runner.run(detector.spans([text.text for text in batch]))
            for text, spans in zip(batch, found, strict=True):
                yield _replaced(text, spans, detector.version)
            if ended:
                return
        raise bad
    finally:
        runner.run(detector.__aexit__(None, None, None))


def _batch(texts: Iterator[_Text]) -> tuple[list[_Text], _BadInput | None, bool]:
    """The next texts, what was wrong behind them, and whether that was all."""
    batch: list[_Text] = []
    characters = 0
    try:
        for text in texts:
            batch.append(text)
            characters += len(text.text)
            if len(batch) == _BATCH_TEXTS or characters >= _BATCH_CHARACTERS:
                return batch, None, False
    except _BadInput as bad:
        return batch, bad, False
    return batch, None, True


def _replaced(text: _Text, spans: Sequence[Span], version: str) -> _Redacted:
    field = Field(text.text, Origin.USER)
    replaced = replace([field], Findings((tuple(spans),), version), Policy(version="basic"))
    surrogates = {
        (value.entity, value.original): value.surrogate for value in replaced.mapping.values
    }
    entries: list[dict[str, object]] = [
        {
            "start": span.start,
            "end": span.end,
            "entity": span.entity,
            "score": round(span.score, 3),
            "surrogate": surrogates.get((span.entity, text.text[span.start : span.end]), ""),
            "rule": span.rule,
        }
        for span in spans
    ]
    return _Redacted(text.id, text.text, replaced.texts[0], entries)


def _open(name: str, stack: ExitStack) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(open(name, "rb"))
    except OSError as error:
        raise _BadInput(
            f"{name}: 열 수 없습니다: {os_words.korean(error)}. "
            f"(Cannot open: {os_words.english(error)}.)"
        ) from None


def _wholes(sources: Sequence[BinaryIO]) -> Iterator[_Text]:
    for source in sources:
        name = "-" if source is sys.stdin.buffer else source.name
        raw = source.read(_LONGEST_TEXT_BYTES + 1)
        yield _Text(name, _decode(raw, name))


def _lines(sources: Sequence[BinaryIO]) -> Iterator[_Text]:
    number = 0
    for source in sources:
        while raw := source.readline(_LONGEST_TEXT_BYTES + 1):
            number += 1
            line = _decode(raw, f"{number}번째 줄, line {number}")
            if line.strip():
                yield _line(line, f"{number}번째 줄, line {number}")


def _decode(raw: bytes, place: str) -> str:
    if len(raw) > _LONGEST_TEXT_BYTES:
        raise _BadInput(f"{place}: 8 MiB보다 깁니다. (Longer than 8 MiB.)")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _BadInput(f"{place}: UTF-8이 아닙니다. (Not UTF-8.)") from None


def _line(line: str, place: str) -> _Text:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        if _has_lone_surrogate(line):
            raise _BadInput(
                f"{place}: JSON이지만 짝이 없는 서로게이트(\\ud800 따위)가 있어 글자가 아닙니다. "
                "(JSON, but with a lone surrogate, which is no character.)"
            ) from None
        raise _BadInput(f"{place}: JSON이 아닙니다. (Not JSON.)") from None
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise _BadInput(
            f'{place}: "text"가 문자열인 객체가 아닙니다. (Not an object whose "text" is a string.)'
        )
    return _Text(entry.get("id"), entry["text"])


def _has_lone_surrogate(line: str) -> bool:
    """Whether JSON is refused only because an escape names half a character."""
    try:
        dumps(loads(line), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        pass
    return False


def _spans(redacted: _Redacted, explain: bool) -> list[dict[str, object]]:
    if explain:
        return redacted.spans
    return [{key: span[key] for key in span if key != "rule"} for span in redacted.spans]


def _write_lines(results: Iterator[_Redacted], explain: bool) -> None:
    for result in results:
        entry = {"id": result.id, "text": result.original, "spans": _spans(result, explain)}
        sys.stdout.buffer.write(orjson.dumps(entry) + b"\n")
    sys.stdout.buffer.flush()


def _write_document(results: Iterator[_Redacted], explain: bool) -> None:
    document = [
        {"id": result.id, "redacted": result.text, "spans": _spans(result, explain)}
        for result in results
    ]
    sys.stdout.buffer.write(orjson.dumps({"results": document}, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def _write_text(results: Iterator[_Redacted], explain: bool) -> None:
    for result in results:
        sys.stdout.buffer.write(result.text.encode("utf-8", "surrogatepass"))
        sys.stdout.buffer.flush()
        for span in result.spans if explain else ():
            sys.stderr.write("{start}-{end} {entity} {score} {rule} {surrogate}\n".format(**span))


_WRITERS = {
    (False, False): _write_text,
    (True, False): _write_lines,
    (False, True): _write_document,
}
