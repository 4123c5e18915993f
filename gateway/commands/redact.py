"""`gwanmun redact`: finds personal data in files or standard input, and replaces it.

Texts go to the same detector processes as requests do, under a policy document. With `--jsonl` each
line is a text of its own, memory stays constant for any length of input, and the order is kept;
otherwise each file is one text. Files are read through before anything is written, so that bad
input gives no output; of a pipe, which can be read only once, whole lines before the bad one have
been written. An error names a file or a line's number, never content.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple, NoReturn

import orjson
import typer

from gateway.commands.progress import Progress
from gateway.commands.reading import (
    BadInput,
    Text,
    check_before,
    json_lines,
    open_sources,
    size_of,
    whole_texts,
)
from gateway.policy_file import load_hash_key, load_policy, require_hash_key
from redaction.entity import ENTITIES, Field, Findings, Origin, Span
from redaction.errors import ContentBlocked, RedactionError, TooManyFindings
from redaction.policy import Policy
from redaction.policy_document import GRADES
from redaction.policy_words import PolicyRefused
from redaction.pool import Detector, DetectorOptions
from redaction.recognizers.evidence import keywords
from redaction.recognizers.packs import PACK_NAMES
from redaction.replace import replace
from redaction.report import Reporter
from redaction.vocabulary import Vocabulary

_BATCH_TEXTS = 64
_BATCH_CHARACTERS = 200_000
_DEADLINE_SECONDS = 30.0  # nobody waits beside this one
_BAD_INPUT = 2
_UNAVAILABLE = 3
_BLOCKED = 4
_INTERRUPTED = 130


class Redacted(NamedTuple):
    """A text, what it has become, and its spans as they are written."""

    source: Text
    text: str
    spans: list[dict[str, object]]


class Plan(NamedTuple):
    """What holds for every text; `packs` are those that detect."""

    policy: Policy
    packs: tuple[str, ...]
    vocabulary: Vocabulary
    explain: bool


def redact(  # noqa: PLR0913 the options of a command
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[파일]…", help="읽을 파일. '-'는 표준 입력.")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='줄마다 {"id","text"}를 읽고 찾은 구간을 더해 씁니다.')
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="결과를 JSON 문서 하나로 씁니다.")] = False,
    policy: Annotated[
        str,
        typer.Option(
            "--policy", metavar="정책", help="기본, 엄격, 공개 또는 정책 문서(YAML)의 경로."
        ),
    ] = "기본",
    grade: Annotated[
        str, typer.Option("--grade", metavar="등급", help="자료의 등급: O 공개, S 민감, C 기밀.")
    ] = "S",
    packs: Annotated[
        str | None,
        typer.Option(
            "--packs", metavar="묶음,…", help="정책에 적힌 탐지 묶음 대신 쓸 것: kr,eu,us."
        ),
    ] = None,
    hash_key_file: Annotated[
        Path | None, typer.Option("--hash-key-file", help="hash를 쓰는 정책의 기관 키 파일.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="구간마다 찾아낸 규칙과 곁에 있던 낱말을 더합니다.")
    ] = False,
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=64, help="탐지 프로세스 수.")
    ] = 1,
) -> None:
    """글에서 개인정보를 찾아 가립니다. 끝값: 0, 2 틀린 입력, 3 탐지기 이상, 4 정책이 막음."""
    if jsonl and json:
        raise typer.BadParameter("--jsonl과 --json은 함께 쓸 수 없습니다. (Choose one of them.)")
    try:
        plan = _plan(policy, grade, packs, hash_key_file, explain=explain)
        _run(plan, files or ["-"], _WRITERS[(jsonl, json)], lines=jsonl, processes=processes)
    except (BadInput, PolicyRefused) as error:
        _stop(str(error), _BAD_INPUT)
    except _Refused as refused:
        _stop(str(refused), refused.status)
    except RedactionError:
        _stop(
            "탐지기가 답하지 않았습니다. (The detector did not answer.) [redaction_unavailable]",
            _UNAVAILABLE,
        )
    except BrokenPipeError:
        # The reader left, as `| head` does; the last flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _stop("중단했습니다. (Interrupted.)", _INTERRUPTED)


def _run(
    plan: Plan, names: Sequence[str], write: "_Writer", *, lines: bool, processes: int
) -> None:
    with asyncio.Runner() as runner, ExitStack() as stack:
        sources = open_sources(names, stack)
        check_before(sources, lines=lines)
        shown = sys.stderr.isatty() and not sys.stdout.isatty()
        progress = Progress(sys.stderr, size_of(sources) if shown else None, shown=shown)
        stack.callback(progress.end)
        texts = json_lines(sources) if lines else whole_texts(sources)
        detector = Detector(_options(plan, processes))
        redacted = stack.enter_context(closing(redacted_texts(texts, runner, detector, plan)))
        write(_counted(redacted, progress))


class _Refused(Exception):
    """A text that is not redacted, for a reason of its own; the message names its place."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _plan(
    policy: str, grade: str, packs: str | None, hash_key_file: Path | None, *, explain: bool
) -> Plan:
    if grade not in GRADES:
        raise typer.BadParameter(
            "등급은 O, S, C 중 하나입니다. (The grade is O, S or C.)", param_hint="--grade"
        )
    document, key = load_policy(policy), load_hash_key(hash_key_file)
    require_hash_key(document, key)
    named = tuple(dict.fromkeys(packs.split(","))) if packs is not None else document.packs
    if unknown := [name for name in named if name not in PACK_NAMES]:
        raise typer.BadParameter(
            f"{unknown[0]}: 그런 탐지 묶음은 없습니다. 있는 것: {', '.join(PACK_NAMES)}. "
            "(There is no such pack.)",
            param_hint="--packs",
        )
    return Plan(document.policy(grade, key), named, document.vocabulary, explain)


def _options(plan: Plan, processes: int) -> DetectorOptions:
    return DetectorOptions(
        processes=processes,
        deadline_seconds=_DEADLINE_SECONDS,
        remembered_texts=0,
        packs=plan.packs,
        vocabulary=plan.vocabulary,
    )


def _stop(message: str, status: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write("".join(f"gwanmun redact: {line}\n" for line in message.splitlines()))
    raise SystemExit(status)


def _counted(results: Iterator[Redacted], progress: Progress) -> Iterator[Redacted]:
    for result in results:
        yield result
        progress.advance(result.source.size)


def redacted_texts(
    texts: Iterator[Text], runner: asyncio.Runner, detector: Detector, plan: Plan
) -> Generator[Redacted, None, None]:
    """Redacts each text by itself, in order; input is read outside the loop, so Ctrl-C ends it.

    At most a batch of texts is held: 64 of them, or as many as 200,000 characters need. What
    stands before bad input is still redacted and given.
    """
    runner.run(detector.__aenter__())
    try:
        bad: BadInput | None = None
        while bad is None:
            batch, bad, ended = _batch(texts)
            for text, spans in zip(batch, _found(batch, runner, detector), strict=True):
                yield _replaced(text, spans, plan)
            if ended:
                return
        raise bad
    finally:
        runner.run(detector.__aexit__(None, None, None))


def _found(
    batch: Sequence[Text], runner: asyncio.Runner, detector: Detector
) -> Sequence[tuple[Span, ...]]:
    try:
        return runner.run(detector.spans([text.text for text in batch]))
    except TooManyFindings:
        if len(batch) > 1:  # together they hold too many; which one does by itself?
            return [spans for text in batch for spans in _found([text], runner, detector)]
        raise _Refused(
            f"{batch[0].place}: 글 하나에 개인정보가 너무 많습니다. 나누어 주십시오. "
            "(A text holds too much personal data at once; split it.) [too_many_findings]",
            _BAD_INPUT,
        ) from None


def _batch(texts: Iterator[Text]) -> tuple[list[Text], BadInput | None, bool]:
    """The next texts, what was wrong behind them, and whether that was all."""
    batch: list[Text] = []
    characters = 0
    try:
        for text in islice(texts, _BATCH_TEXTS):
            batch.append(text)
            characters += len(text.text)
            if characters >= _BATCH_CHARACTERS:
                return batch, None, False
    except BadInput as bad:
        return batch, bad, False
    return batch, None, len(batch) < _BATCH_TEXTS


def _replaced(text: Text, spans: Sequence[Span], plan: Plan) -> Redacted:
    findings = Findings((tuple(spans),), "")
    try:
        (redacted,), mapping = replace([Field(text.text, Origin.USER)], findings, plan.policy)
    except ContentBlocked as blocked:
        label = ENTITIES[blocked.entity].label
        raise _Refused(
            f"{text.place}: 정책이 막는 개인정보가 있습니다: {label}. "
            f"(The policy forbids {blocked.entity}.) [content_blocked]",
            _BLOCKED,
        ) from None
    entries: list[dict[str, object]] = []
    reported = Reporter(mapping, plan.policy).report(text.text, spans)
    for span, one in zip(spans, reported, strict=True):
        entry: dict[str, object] = {
            "start": one.start,
            "end": one.end,
            "entity": one.entity,
            "score": one.score,
            "surrogate": one.surrogate,
        }
        if plan.explain:
            entry["rule"] = one.rule
            entry["keywords"] = keywords(text.text, span, plan.vocabulary)
        entries.append(entry)
    return Redacted(text, redacted, entries)


def _write_lines(results: Iterator[Redacted]) -> None:
    for result in results:
        source = result.source
        entry = {"id": source.id, "text": source.text, "spans": result.spans}
        sys.stdout.buffer.write(orjson.dumps(entry) + b"\n")
    sys.stdout.buffer.flush()


def _write_document(results: Iterator[Redacted]) -> None:
    document = [
        {"id": result.source.id, "redacted": result.text, "spans": result.spans}
        for result in results
    ]
    sys.stdout.buffer.write(orjson.dumps({"results": document}, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def _write_text(results: Iterator[Redacted]) -> None:
    for result in results:
        sys.stdout.buffer.write(result.text.encode("utf-8", "surrogatepass"))
        sys.stdout.buffer.flush()
        for span in (span for span in result.spans if "rule" in span):
            said = "{start}-{end} {entity} {score} {rule} {surrogate}".format(**span)
            sys.stderr.write(f"{said} {_said(span['keywords'])}".rstrip() + "\n")


def _said(words: object) -> str:
    return f"({', '.join(words)})" if isinstance(words, tuple) and words else ""


_Writer = Callable[[Iterator[Redacted]], None]

_WRITERS: Mapping[tuple[bool, bool], _Writer] = {
    (False, False): _write_text,
    (True, False): _write_lines,
    (False, True): _write_document,
}
