"""`gwanmun audit`: the ledger without the gateway: verified, shown, copied for others.

All of it only reads, needs no settings, and works beside a running gateway. The words that scripts
rely on stand in `--json`.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gateway.commands import audit_archive, audit_export, audit_prune, audit_reconcile, audit_review
from gateway.commands import receipt as receipts
from gateway.commands.ask import ask_witnesses
from gateway.commands.export import ExportRefused, agency_lines, told, write_lines, write_tiles
from gateway.commands.log_place import (
    AuthoritiesOption,
    DataOption,
    LogPlace,
    PasswordOption,
    PathArgument,
    TilePlace,
    given_log,
    given_place,
    known_log,
)
from gateway.commands.place import existing
from gateway.commands.subject import subject
from gateway.commands.verified import (
    BROKEN,
    CANNOT_VERIFY,
    UNWITNESSED,
    cannot,
    show_agency,
    show_log,
)
from gateway.proofs.agency import AgencyReport, verify_agency
from gateway.proofs.ahead import cores
from gateway.proofs.policy import Policy, PolicyInvalid
from gateway.proofs.reader import EventRow, LogUnreadable
from gateway.proofs.signed import known_keys
from gateway.proofs.tiles import CHECKPOINT
from gateway.proofs.trust import Trust, TrustUnreadable
from gateway.proofs.verify import Report
from gateway.proofs.verify import verify as verify_log
from gateway.proofs.verify_tiles import TileReport, TileRun, verify_tiles

_LONGEST_LINE = 1 << 20  # of an export: an event has a few KiB

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="기록을 검증하고, 보고, 사본을 만듭니다."
)

TrustOption = Annotated[
    Path | None, typer.Option("--trust", help="믿는 공개 키의 파일(trust.json).")
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        help="믿는 외부 확인자들의 파일(C2SP tlog-policy). 주면 정족수가 없을 때 끝값이 3입니다.",
    ),
]
WantedOption = Annotated[
    Path | None,
    typer.Option(
        "--policy", help="외부 확인자들의 파일. 주면 정족수가 서명한 마지막 확인점까지 씁니다."
    ),
]
ReceiptOption = Annotated[
    Path | None,
    typer.Option(
        "--proof",
        "--receipt",
        help="영수증의 파일(JSON). 경로도 주면 약속된 기록이 그 기록부에 있는지도 봅니다.",
    ),
]
AgencyOption = Annotated[
    Path | None,
    typer.Option(
        "--agency",
        help="한 기관의 기록(export-records의 파일)이 빠짐없이 그 기록부의 것인지 봅니다.",
    ),
]
AskOption = Annotated[
    bool,
    typer.Option(
        "--ask", help="--policy의 확인자들에게 더 큰 기록부에 서명했는지도 묻습니다 (망이 필요)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON으로 씁니다.")]


class _Pinned(NamedTuple):
    trust: Trust
    policy: Policy | None
    own: bool  # the pins stand with the log itself


@app.callback()
def _audit() -> None:
    """기록을 검증하고, 보고, 사본을 만듭니다."""


@app.command()
def verify(  # noqa: PLR0913 each is a word of the command line
    path: PathArgument = None,
    data: DataOption = None,
    trust: TrustOption = None,
    policy: PolicyOption = None,
    receipt: ReceiptOption = None,
    agency: AgencyOption = None,
    ask: AskOption = False,
    password_file: PasswordOption = None,
    ca_file: AuthoritiesOption = None,
    as_json: JsonOption = False,
) -> None:
    """기록이 바뀌거나 지워지거나 뒤섞이지 않았는지 봅니다.

    끝값: 0 맞음, 1 틀림, 2 못 봄, 3 맞지만 --policy의 외부 확인자가 모자람.
    """
    given = path or data
    place = given_place(given, password_file=password_file, ca_file=ca_file) if given else None
    if place is None and receipt is None:
        place = known_log()
    pinned = _pinned(place, trust, policy)
    try:
        if receipt:
            _verify_receipt(existing(receipt), place, pinned, as_json=as_json)
        elif agency and place:
            report = _verified_agency(existing(agency), place, pinned, as_json=as_json)
            show_agency(report, as_json=as_json, own_pins=pinned.own)
        elif place:
            found = _verified(place, pinned)
            if ask and not found.problem:
                found = _asked(found, place, pinned, ca_file)
            show_log(found, as_json=as_json, own_pins=pinned.own, demanded=policy is not None)
    except LogUnreadable as error:
        name = place.name if place else receipt
        raise cannot(name, "기록을 읽을 수 없습니다.", str(error)) from None


@app.command()
def show(
    path: PathArgument = None,
    data: DataOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="몇 개까지.")] = 20,
    password_file: PasswordOption = None,
    ca_file: AuthoritiesOption = None,
    as_json: JsonOption = False,
) -> None:
    """마지막 기록들을 오래된 것부터 보여 줍니다. 검증은 하지 않습니다."""
    given = path or data
    place = given_log(given, password_file=password_file, ca_file=ca_file) if given else known_log()
    try:
        with place.reader as reader:
            events = reader.last_events(limit)[::-1]
            size = reader.bounds().checkpoint
    except LogUnreadable as error:
        raise cannot(place.name, "기록을 읽을 수 없습니다.", str(error)) from None
    if as_json:
        sys.stdout.writelines(f"{_body(event)}\n" for event in events)
        return
    sys.stdout.writelines(f"{_line(event)}\n" for event in events)
    sys.stdout.write(f"봉인된 기록 {size}개, 보인 기록 {len(events)}개\n")


@app.command("export-tiles")
def export_tiles(
    folder: Annotated[
        Path, typer.Argument(metavar="폴더", help="조각을 둘 폴더. 이전 것이면 이어 씁니다.")
    ],
    path: PathArgument = None,
    policy: WantedOption = None,
    password_file: PasswordOption = None,
    ca_file: AuthoritiesOption = None,
) -> None:
    """누구에 대한 것도 담지 않은 조각(C2SP tlog-tiles)을 폴더에 씁니다.

    끝값: 0 됨, 1 기록부가 이전과 다름, 2 안 됨. 웹 서버가 그대로 내보일 수 있고,
    `gwanmun audit verify 폴더`로 검증합니다.
    """
    place = given_log(path, password_file=password_file, ca_file=ca_file) if path else known_log()
    try:
        with place.reader as reader:
            checkpoint = write_tiles(reader, folder, _policy(policy) if policy else None)
    except (ExportRefused, LogUnreadable, OSError) as error:
        told(error)
        raise typer.Exit(BROKEN if isinstance(error, ExportRefused) else CANNOT_VERIFY) from None
    sys.stdout.write(f"{folder}: 잎 {checkpoint.size}개, 뿌리 {checkpoint.root.hex()}\n")


@app.command("export-records")
def export_records(
    file: Annotated[Path, typer.Argument(metavar="파일", help="새로 만들 파일(JSON Lines).")],
    agency: Annotated[str, typer.Option("--agency", help="기관 코드.")],
    path: PathArgument = None,
    password_file: PasswordOption = None,
    ca_file: AuthoritiesOption = None,
) -> None:
    """한 기관의 봉인된 기록을 증명과 함께 파일로 씁니다. 끝값: 0 됨, 1 기록이 없음, 2 안 됨.

    `gwanmun audit verify 조각의-폴더 --agency 파일`로 빠짐이 없는지 봅니다.
    """
    place = given_log(path, password_file=password_file, ca_file=ca_file) if path else known_log()
    try:
        with place.reader as reader:
            lines = write_lines(agency_lines(reader, agency), file)
    except (ExportRefused, LogUnreadable, OSError) as error:
        told(error)
        raise typer.Exit(BROKEN if isinstance(error, ExportRefused) else CANNOT_VERIFY) from None
    sys.stdout.write(f"{file}: 기관 {agency}의 기록 {lines - 1}개\n")


app.command("export")(audit_export.export)
app.command("archive")(audit_archive.archive)
app.command("verify-manifests")(audit_archive.verify_manifests)
app.command("prune")(audit_prune.prune)
app.command("reconcile")(audit_reconcile.compare)
app.command("review")(audit_review.review)
app.command("subject")(subject)


def _pinned(place: LogPlace | TilePlace | None, trust: Path | None, policy: Path | None) -> _Pinned:
    """The pins to verify with: those given, else those that stand with the ledger itself."""
    pins = trust or (place.pins if place else None)
    if pins is None:
        sys.stderr.write(
            "믿는 공개 키의 파일을 --trust로 주십시오. (Give the pins with --trust.)\n"
        )
        raise typer.Exit(CANNOT_VERIFY)
    try:
        read = Trust.read(pins)
    except TrustUnreadable as error:
        raise cannot(pins, "공개 키 파일을 읽을 수 없습니다.", str(error)) from None
    if policy is None:
        return _Pinned(read, None, trust is None)
    return _Pinned(read, _policy(policy, read), trust is None)


def _policy(path: Path, trust: Trust | None = None) -> Policy:
    try:
        found = Policy.read(path)
        if trust:
            found.check_log(trust.keys)
    except PolicyInvalid as error:
        raise cannot(path, "외부 확인자의 파일을 쓸 수 없습니다.", str(error)) from None
    return found


def _verified(place: LogPlace | TilePlace, pinned: _Pinned) -> Report | TileReport:
    if isinstance(place, TilePlace):
        with place.source as source:
            return verify_tiles(source, pinned.trust, pinned.policy)
    with place.reader as reader:
        return verify_log(reader, pinned.trust, pinned.policy, processes=cores())


def _asked(
    report: Report | TileReport,
    place: LogPlace | TilePlace,
    pinned: _Pinned,
    ca_file: Path | None,
) -> Report | TileReport:
    """The report with what a witness has against it; who does not answer is named and counts not.

    Raises:
        typer.Exit: there is no policy, or nobody answered.
    """
    note = _newest_note(place, report.size)
    policy = pinned.policy
    heard = ask_witnesses(note, policy, ca_file=ca_file) if policy else ()
    silent = ", ".join(each.witness for each in heard if not each.answered)
    if not any(each.answered for each in heard):
        raise cannot(place.name, "답한 외부 확인자가 없습니다.", f"no witness answered: {silent}")
    if silent:
        sys.stderr.write(f"답하지 않은 외부 확인자 (no answer): {silent}\n")
    problems = [each.problem for each in heard if each.problem]
    return dataclasses.replace(report, problem=problems[0]) if problems else report


def _newest_note(place: LogPlace | TilePlace, size: int) -> str:
    if isinstance(place, TilePlace):
        with place.source as source:
            return (source.read(CHECKPOINT) or b"").decode(errors="replace")
    with place.reader as reader:
        row = reader.checkpoint_at(size)
    return str(row.note) if row else ""


def _verified_agency(
    file: Path, place: LogPlace | TilePlace, pinned: _Pinned, *, as_json: bool
) -> AgencyReport:
    """The export against the tree, once that has been verified itself.

    Raises:
        typer.Exit: the tree is broken; its own problem is told.
    """
    lines = _lines(file)
    if isinstance(place, TilePlace):
        with place.source as source:
            run = TileRun(source, pinned.trust, pinned.policy)
            report = verify_agency(lines, run.entries(), run.known_keys)
            tree: Report | TileReport = run.report()
    else:
        with place.reader as reader:
            tree = verify_log(reader, pinned.trust, pinned.policy, processes=cores())
            size = reader.bounds().leaves
            entries = (entry for entry in reader.entries(size) if isinstance(entry, bytes))
            report = verify_agency(lines, entries, known_keys(reader, pinned.trust))
    if tree.problem:
        show_log(tree, as_json=as_json, own_pins=pinned.own, demanded=False)
    return report


def _verify_receipt(
    file: Path, place: LogPlace | TilePlace | None, pinned: _Pinned, *, as_json: bool
) -> None:
    try:
        checked = receipts.check(file, pinned.trust, pinned.policy, place)
    except receipts.ReceiptUnreadable as error:
        raise cannot(file, "영수증을 읽을 수 없습니다.", str(error)) from None
    receipts.show(checked, as_json=as_json, own_pins=pinned.own)
    if checked.problem:
        raise typer.Exit(BROKEN)
    if pinned.policy and not checked.witnessed:
        raise typer.Exit(UNWITNESSED)


def _lines(file: Path) -> Iterator[str]:
    """A file's lines, bounded in length: a longer one comes in parts, which are no records."""
    try:
        with file.open(encoding="utf-8") as opened:
            while line := opened.readline(_LONGEST_LINE):
                yield line
    except (OSError, UnicodeDecodeError):
        raise LogUnreadable(f"{file} cannot be read") from None


def _line(event: EventRow) -> str:
    try:
        facts = json.loads(_body(event))
        parts = [facts.get("time"), event.agency or "-", event.action, event.record_id]
        parts += [facts[name] for name in ("outcome", "code", "model") if facts.get(name)]
        return "  ".join(_plain(part) for part in parts)
    except (ValueError, AttributeError):
        return f"{event.position}: 읽을 수 없는 기록"


def _body(event: EventRow) -> str:
    return event.body.decode(errors="replace") if isinstance(event.body, bytes) else ""


def _plain(value: object) -> str:
    """Nothing in a row that somebody else wrote may steer the reader's terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in str(value)
    )
