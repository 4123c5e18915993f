"""`gwanmun policy check|explain|test`: policy documents before they serve.

`check` validates a document and tries its own words and formats on the whole detector; `explain`
says what becomes of each kind of personal data; `test` shows it on given texts. Exit status: 0
good, 2 a document, text or command line that is wrong, 3 the detector does not come up.
"""

import asyncio
import dataclasses
import secrets
import sys
from collections.abc import Sequence
from typing import Annotated, NamedTuple, NoReturn

import orjson
import typer

from gateway.commands.columns import columns
from gateway.commands.reading import BadInput, read_text
from gateway.policy_file import load_policy
from redaction.entity import ENTITIES, Entity, Field, Findings, Origin, Span
from redaction.errors import ContentBlocked, RedactionError
from redaction.mapping import Mapping
from redaction.policy import Operator, Policy
from redaction.policy_document import GRADES, PolicyDocument
from redaction.policy_trial import trial
from redaction.policy_words import PolicyRefused, Problem, written
from redaction.pool import Detector, DetectorOptions
from redaction.replace import replace
from redaction.report import Reported, Reporter

_WRONG = 2
_UNAVAILABLE = 3
_DEADLINE_SECONDS = 30.0  # nobody waits beside this one
_KEY_BYTES = 32

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="정책 문서를 살핍니다.")

PolicyArgument = Annotated[
    str, typer.Argument(metavar="정책", help="기본, 엄격, 공개 또는 정책 문서(YAML)의 경로.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="결과를 JSON 문서 하나로 씁니다.")]

OPERATOR_WORDS = {
    Operator.REPLACE: "바꿔 보내고 답에서 되돌립니다",
    Operator.WITHHOLD: "바꿔 보내고 답에서도 가립니다",
    Operator.MASK: "글자를 *로 덮고 되돌리지 않습니다",
    Operator.HASH: "기관의 키로 해시하고 되돌리지 않습니다",
    Operator.BLOCK: "들어 있으면 요청을 막습니다",
    Operator.ALLOW: "그대로 둡니다",
}


@app.callback()
def _policy() -> None:
    """정책 문서를 살핍니다."""


@app.command()
def check(policy: PolicyArgument, json: JsonOption = False) -> None:
    """문서를 검사하고 그 안의 시험을 해 봅니다. 끝값: 0 옳음, 2 틀림, 3 탐지기 이상."""
    document = _load(policy, json=json)
    if problems := trial(document):
        _refuse(policy, problems, json=json)
    try:
        asyncio.run(_found(document, []))
    except RedactionError:
        _stop_unavailable()
    vocabulary = document.vocabulary
    always = sum(map(len, vocabulary.always.values()))
    if json:
        _write_json(
            {
                "valid": True,
                "version": document.version,
                "packs": document.packs,
                "always": always,
                "never": len(vocabulary.never),
                "formats": [item.name for item in vocabulary.formats],
                "problems": [],
            }
        )
        return
    sys.stdout.write(
        f"올바른 정책입니다. (The policy is valid.)\n판: {document.version}\n"
        f"탐지 묶음: {', '.join(document.packs)} · 언제나 가릴 말 {always}개 · "
        f"가리지 않을 말 {len(vocabulary.never)}개 · 기관 양식 {len(vocabulary.formats)}개\n"
    )


@app.command()
def explain(
    policy: PolicyArgument,
    entity: Annotated[
        list[str] | None,
        typer.Option(
            "--entity",
            metavar="종류",
            help="이 종류만: KR_RRN이나 주민등록번호. 여러 번 쓸 수 있습니다.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """개인정보 종류마다 등급별로 어떻게 되는지 보여 줍니다. 끝값: 0, 2 틀린 정책이나 종류."""
    document = _load(policy, json=json)
    kinds = [_kind(name) for name in entity] if entity else list(ENTITIES.values())
    chosen = {
        kind.name: {grade: document.operators[grade][kind.name] for grade in GRADES}
        for kind in kinds
    }
    if json:
        entities = [
            {"entity": kind.name, "label": kind.label, "operators": chosen[kind.name]}
            for kind in kinds
        ]
        described = document.description
        _write_json({"version": document.version, "description": described, "entities": entities})
        return
    rows = [("종류", "이름", *(f"{grade} 등급" for grade in GRADES))]
    rows += [(kind.label, kind.name, *chosen[kind.name].values()) for kind in kinds]
    used = {operator for operators in chosen.values() for operator in operators.values()}
    words = [
        (operator.value, OPERATOR_WORDS[operator]) for operator in Operator if operator in used
    ]
    sys.stdout.write(
        f"{document.version}\n{document.description}\n\n{columns(rows)}\n{columns(words)}"
    )


@app.command("test")
def try_texts(
    policy: PolicyArgument,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[파일]…", help="글이 담긴 파일. 없거나 '-'이면 표준 입력."),
    ] = None,
    grade: Annotated[
        str, typer.Option("--grade", metavar="등급", help="자료의 등급: O 공개, S 민감, C 기밀.")
    ] = "S",
    json: JsonOption = False,
) -> None:
    """글을 정책대로 다루어 보여 줍니다. 끝값: 0, 2 틀린 입력, 3 탐지기 이상."""
    if grade not in GRADES:
        raise typer.BadParameter(
            "등급은 O, S, C 중 하나입니다. (The grade is O, S or C.)", param_hint="--grade"
        )
    document = _load(policy, json=json)
    try:
        sources = [(name, read_text(name)) for name in texts or ["-"]]
        found = asyncio.run(_found(document, [text for _, text in sources]))
    except BadInput as error:
        sys.stderr.write(f"gwanmun policy test: {error}\n")
        raise typer.Exit(_WRONG) from None
    except RedactionError:
        _stop_unavailable()
    # A key of this run: hashes show their form, not what the gateway's own key would give.
    chosen = document.policy(grade, secrets.token_bytes(_KEY_BYTES))
    tried = [
        _try(name, text, spans, chosen) for (name, text), spans in zip(sources, found, strict=True)
    ]
    if json:
        results = [one.as_json() for one in tried]
        _write_json({"version": document.version, "grade": grade, "results": results})
        return
    sys.stdout.write("\n".join(one.as_text() for one in tried))


class _Tried(NamedTuple):
    """One text under a policy; `blocked` names the kind for which it would be refused."""

    name: str
    original: str
    redacted: str
    spans: tuple[Reported, ...]
    blocked: str

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.name,
            "redacted": self.redacted,
            "blocked": self.blocked,
            "spans": [dataclasses.asdict(span) for span in self.spans],
        }

    def as_text(self) -> str:
        rows = [("위치", "글", "종류", "처리", "대신 서는 것", "점수", "규칙")]
        rows += [
            (
                f"{span.start}-{span.end}",
                " ".join(self.original[span.start : span.end].split()),
                ENTITIES[span.entity].label,
                span.operator.value,
                span.surrogate,
                f"{span.score:.2f}",
                span.rule,
            )
            for span in self.spans
        ]
        if self.blocked:
            label = ENTITIES[self.blocked].label
            told = f"요청을 막습니다: {label}. (Refused: {self.blocked}.) [content_blocked]"
        else:
            told = self.redacted
        return f"{self.name}\n{columns(rows)}\n{told}\n"


def _try(name: str, text: str, spans: Sequence[Span], policy: Policy) -> _Tried:
    findings = Findings((tuple(spans),), "")
    try:
        (redacted,), mapping = replace([Field(text, Origin.USER)], findings, policy)
    except ContentBlocked as blocked:
        reported = Reporter(Mapping(), policy).report(text, spans)
        return _Tried(name, text, "", reported, blocked.entity)
    return _Tried(name, text, redacted, Reporter(mapping, policy).report(text, spans), "")


async def _found(document: PolicyDocument, texts: Sequence[str]) -> list[tuple[Span, ...]]:
    """The spans of each text; a detector that comes up has found every canary of the document."""
    options = DetectorOptions(
        processes=1,
        deadline_seconds=_DEADLINE_SECONDS,
        remembered_texts=0,
        packs=document.packs,
        vocabulary=document.vocabulary,
    )
    async with Detector(options) as detector:
        return await detector.spans(texts)


def _kind(name: str) -> Entity:
    for entity in ENTITIES.values():
        if name in (entity.name, entity.label):
            return entity
    raise typer.BadParameter(
        f"{name}: 그런 종류가 없습니다. (No such kind.)", param_hint="--entity"
    )


def _load(name: str, *, json: bool) -> PolicyDocument:
    try:
        return load_policy(name)
    except PolicyRefused as refused:
        _refuse(name, refused.problems, json=json)


def _refuse(source: str, problems: Sequence[Problem], *, json: bool) -> NoReturn:
    if json:
        entries = [{**problem._asdict(), "place": written(problem.place)} for problem in problems]
        _write_json({"valid": False, "problems": entries})
    else:
        lines = "".join(f"{source}: {problem}\n" for problem in problems)
        sys.stderr.write(f"쓸 수 없는 정책입니다. (The policy cannot be used.)\n{lines}")
    raise typer.Exit(_WRONG) from None


def _stop_unavailable() -> NoReturn:
    sys.stderr.write(
        "탐지기를 시작하지 못했습니다. `gwanmun doctor`를 실행하십시오. "
        "(The detector did not start. Run `gwanmun doctor`.) [redaction_unavailable]\n"
    )
    raise typer.Exit(_UNAVAILABLE) from None


def _write_json(document: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
