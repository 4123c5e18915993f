"""Receipts and the commands: what a caller, an officer and an outsider can check."""

import asyncio
import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from keeping import Kept
from recording import AGENCY, ask, closed, opened, record, running, tamper, verified
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.commands.migrate import migrate
from gateway.ledger.writer import Ledger
from gateway.proofs.receipt import ReceiptInvalid, verify_receipt
from gateway.proofs.trust import Trust
from gateway.store.schema import newest_revision

CLI = CliRunner()


def one(function: Callable[..., None]) -> typer.Typer:
    command = typer.Typer()
    command.command()(function)
    return command


async def whole_receipt(ledger: Ledger, record_id: str) -> dict[str, Any]:
    """The receipt as its caller reads it, once all of it is sealed."""
    async with asyncio.timeout(10):
        while True:
            receipt = await ledger.receipt(record_id, AGENCY)
            assert receipt is not None
            if len(receipt.promises) == 2 and all(each.sealed for each in receipt.promises):
                return dict(json.loads(json.dumps(dataclasses.asdict(receipt))))
            await asyncio.sleep(0.02)


async def test_a_receipt_promises_at_once_and_proves_once_sealed(kept: Kept) -> None:
    async with running(kept, seal_seconds=0.3) as ledger:
        trust = Trust.read(kept.trust_file)
        opening = ledger.open(opened())
        await opening.durable
        early = await ledger.receipt(opening.record_id, AGENCY)
        assert early is not None
        assert early.subject == "clerk-1"
        assert [(each.action, each.sealed) for each in early.promises] == [("request.opened", None)]
        assert verify_receipt(dataclasses.asdict(early), trust).sealed == 0
        ledger.close(opening, closed(opening.record_id))
        whole = await whole_receipt(ledger, opening.record_id)
        assert verify_receipt(whole, trust).sealed == 2
        assert whole["promises"][0]["signature"] == early.promises[0].signature


@pytest.mark.timeout(180)
async def test_proofs_hold_in_a_tree_that_is_larger_than_a_tile(kept: Kept) -> None:
    async with running(kept) as ledger:
        ids = []
        for _ in range(9):
            ids += await asyncio.gather(*(record(ledger) for _ in range(40)))
        trust = Trust.read(kept.trust_file)
        for record_id in ids[::17]:
            assert verify_receipt(await whole_receipt(ledger, record_id), trust).sealed == 2
    report = verified(kept)
    assert report.problem is None
    assert report.size > 512
    tamper(kept, ("UPDATE subtree SET hash = ? WHERE number = 1", (bytes(32),)))
    problem = verified(kept).problem
    assert problem is not None
    assert problem.flaw == "subtree"


async def test_a_changed_receipt_proves_nothing(kept: Kept) -> None:
    async with running(kept) as ledger:
        record_id = await record(ledger)
        receipt = await whole_receipt(ledger, record_id)
    trust = Trust.read(kept.trust_file)
    changes: list[tuple[list[str | int], object]] = [
        (["agency"], "1352000"),
        (["checkpoint"], None),
        (["checkpoint"], receipt["checkpoint"].replace("\n", "\n1", 1)),
        (["format"], "other"),
        (["record_id"], None),
        (["promises"], []),
        (["promises", 0, "sequence"], 5),
        (["promises", 0, "sequence"], True),
        (["promises", 0, "salt"], receipt["promises"][1]["salt"]),
        (["promises", 0, "event_hash"], receipt["promises"][1]["event_hash"]),
        (["promises", 0, "key_id"], "0"),
        (["promises", 0, "sealed"], receipt["promises"][1]["sealed"]),
        (["promises", 0, "sealed", "leaf_index"], 0),
        (["promises", 0, "sealed", "path"], []),
        (["promises", 0, "sealed", "agency_number"], 1),
        (["promises", 0, "sealed", "entry"], receipt["promises"][1]["sealed"]["entry"]),
    ]
    for path, value in changes:
        changed = json.loads(json.dumps(receipt))
        inner = changed
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        with pytest.raises(ReceiptInvalid):
            verify_receipt(changed, trust)


async def test_verify_command_has_three_exit_codes_and_says_unwitnessed(kept: Kept) -> None:
    async with running(kept) as ledger:
        await record(ledger)
        beside = await asyncio.to_thread(CLI.invoke, app, ["verify", *kept.words])
        assert beside.exit_code == 0
    good = CLI.invoke(app, ["verify", *kept.words, "--trust", str(kept.trust_file)])
    assert good.exit_code == 0
    assert "검증 완료 (verified)" in good.output
    assert "unwitnessed" in good.output
    change = "UPDATE event SET body = ? WHERE action = 'request.opened'"
    ((body,),) = ask(kept, "SELECT body FROM event WHERE action = 'request.opened'")
    tamper(kept, (change, (body.replace(b"rehearsal", b"other"),)))
    bad = CLI.invoke(app, ["verify", *kept.words, "--json"])
    assert bad.exit_code == 1
    answer = json.loads(bad.output)
    assert answer["verified"] is False
    assert answer["problem"]["flaw"] in ("not_canonical", "signature", "malformed")
    assert len(answer["problem"]["record_id"]) == 32
    words = CLI.invoke(app, ["verify", *kept.words])
    assert words.exit_code == 1
    assert answer["problem"]["record_id"] in words.output


@pytest.mark.parametrize("path", ["empty.db", "text.db"], ids=["empty", "not a database"])
def test_verify_command_says_when_it_cannot_verify(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("not a database" * 1000)
    from_elsewhere = tmp_path / "trust.json"
    assert CLI.invoke(app, ["verify", str(tmp_path / path)]).exit_code == 2
    from_elsewhere.write_text("{}")
    assert CLI.invoke(app, ["verify", str(tmp_path / path)]).exit_code == 2


@pytest.mark.parametrize("command", ["verify", "show"])
@pytest.mark.parametrize("option", [(), ("--data",)], ids=["argument", "option"])
def test_a_path_that_is_not_there_is_named(
    tmp_path: Path, command: str, option: tuple[str, ...]
) -> None:
    done = CLI.invoke(app, [command, *option, str(tmp_path / "nope")])
    assert done.exit_code == 2
    assert f"{tmp_path / 'nope'}이(가) 없습니다" in done.output
    assert "trust.json" not in done.output


async def test_without_a_path_the_default_directory_is_taken_and_no_settings_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("GWANMUN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    runs = [(app, ["verify"]), (app, ["show"]), (one(migrate), [])]
    for command, arguments in runs:
        done = CLI.invoke(command, arguments)
        assert done.exit_code == 2
        assert "경로를 주십시오" in done.output
    async with running(tmp_path / "var/gwanmun") as ledger:
        await record(ledger)
    for command, arguments in runs:
        done = CLI.invoke(command, arguments)
        assert done.exit_code == 0, done.output
    monkeypatch.setenv("GWANMUN_CONFIG", str(tmp_path / "none.yaml"))
    done = CLI.invoke(app, ["verify"])
    assert done.exit_code == 2
    assert "none.yaml" in done.output


async def test_show_command_lists_the_last_records(kept: Kept) -> None:
    async with running(kept) as ledger:
        record_id = await record(ledger)
    show = [word for word in kept.words if word not in ("--trust", str(kept.trust_file))]
    lines = CLI.invoke(app, ["show", *show, "--json"]).output.splitlines()
    assert [json.loads(line)["action"] for line in lines] == [
        "writer.started",
        "request.opened",
        "request.closed",
        "writer.stopped",
    ]
    words = CLI.invoke(app, ["show", *show, "--limit", "3"]).output
    assert words.count(record_id) == 2


def test_migrate_command_can_be_repeated(tmp_path: Path) -> None:
    command = one(migrate)
    first = CLI.invoke(command, ["--data", str(tmp_path / "new")])
    again = CLI.invoke(command, ["--data", str(tmp_path / "new")])
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert f"none → {newest_revision()}" in first.output
    assert "이미 최신" in again.output
    (tmp_path / "file").touch()
    assert CLI.invoke(command, ["--data", str(tmp_path / "file")]).exit_code == 2
