"""`gwanmun audit verify --receipt`: what its holder can prove, alone and against the log."""

import asyncio
import dataclasses
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from recording import AGENCY, SIGNED, ask, closed, cut_tail, opened, record, running, tamper
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.commands.keys import app as keys_app
from gateway.ledger.keys import open_keys
from gateway.ledger.writer import Ledger
from gateway.store.database import database_path

CLI = CliRunner()


class Case(NamedTuple):
    """A closed log, its pins kept elsewhere, and two receipts of one of its records."""

    data: Path
    trust: Path
    early: dict[str, Any]
    late: dict[str, Any]

    def verify(self, receipt: dict[str, Any], *more: str) -> tuple[int, str]:
        file = self.trust.with_name("receipt.json")
        file.write_text(json.dumps(receipt))
        words = ["verify", "--receipt", str(file), "--trust", str(self.trust), *more]
        done = CLI.invoke(app, words)
        return done.exit_code, done.output

    def against_log(self, receipt: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        code, output = self.verify(receipt, str(self.data), "--json")
        return code, json.loads(output)


async def read(ledger: Ledger, record_id: str, *, sealed: int) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            receipt = await ledger.receipt(record_id, AGENCY)
            assert receipt is not None
            if sum(each.sealed is not None for each in receipt.promises) >= sealed:
                return dict(json.loads(json.dumps(dataclasses.asdict(receipt))))
            await asyncio.sleep(0.01)


@pytest.fixture
async def case(tmp_path: Path) -> Case:
    data = tmp_path / "data"
    async with running(data) as ledger:
        await record(ledger)
    async with running(data, seal_seconds=0.3) as ledger:
        opening = ledger.open(opened())
        await opening.durable
        early = await read(ledger, opening.record_id, sealed=0)
        ledger.close(opening, closed(opening.record_id))
        late = await read(ledger, opening.record_id, sealed=2)
    async with running(data) as ledger:
        await record(ledger)
    trust = tmp_path / "pins.json"
    trust.write_text((data / "trust.json").read_text())
    assert early["promises"][0]["sealed"] is None
    return Case(data, trust, early, late)


def test_receipt_alone_is_verified_with_nothing_but_pins(case: Case) -> None:
    code, words = case.verify(case.late)
    assert code == 0
    assert "검증 완료 (verified)" in words
    assert "약속 2개" in words
    code, output = case.verify(case.early, "--json")
    assert code == 0
    answer = json.loads(output)
    assert (answer["verified"], answer["problem"], answer["log"]) == (True, None, None)
    assert [each["in_log"] for each in answer["promises"]] == [None]


def test_receipt_stands_in_the_log_that_gave_it(case: Case) -> None:
    for receipt in (case.early, case.late):
        code, answer = case.against_log(receipt)
        assert code == 0
        assert {each["in_log"] for each in answer["promises"]} == {"stands"}
        assert answer["log"]["problem"] is None
    assert case.against_log(case.late)[1]["checkpoint_in_log"] is True


async def test_receipt_under_new_keys_is_followed_from_the_old_pins_by_the_log(
    case: Case, tmp_path: Path
) -> None:
    """Alone it needs the new pins; the log itself tells how its keys followed each other."""
    assert CLI.invoke(keys_app, ["rotate", str(case.data)]).exit_code == 0
    async with running(case.data) as ledger:
        new = await read(ledger, await record(ledger), sealed=2)
    assert "[checkpoint]" in case.verify(new)[1]
    tiles = tmp_path / "tiles"
    assert CLI.invoke(app, ["export-tiles", str(tiles), str(case.data)]).exit_code == 0
    for place in (case.data, tiles):
        code, output = case.verify(new, str(place))
        assert code == 0, output


def test_promise_that_still_waits_for_its_leaf_stands(case: Case) -> None:
    tamper(
        case.data,
        "DELETE FROM leaf",
        *(f"DELETE FROM {table}" for table in SIGNED),
        "DELETE FROM subtree",
        "UPDATE tree_head SET size = 0, frontier = x'', position = 0, root = x'e3b0c44298fc1c14"
        "9afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
    )
    code, answer = case.against_log(case.early | {"checkpoint": None})
    assert (code, answer["problem"]) == (0, None)
    assert [each["in_log"] for each in answer["promises"]] == ["unsealed"]


def test_removed_record_is_named_as_proof_of_removal(case: Case) -> None:
    record_id = case.early["record_id"]
    tamper(case.data, ("DELETE FROM event WHERE record_id = ?", (record_id,)))
    code, answer = case.against_log(case.early)
    assert (code, answer["verified"], answer["problem"]) == (1, False, "removed")
    code, words = case.verify(case.early, str(case.data))
    assert code == 1
    assert "지워졌다는 증거" in words
    assert "검증 실패 (broken) [removed]" in words


def test_tail_cut_with_every_counter_is_proven_by_a_receipt(case: Case) -> None:
    """The log alone verifies: only who holds a receipt can show what is gone."""
    cut_to(case.data, before=case.late["record_id"])
    alone = CLI.invoke(app, ["verify", str(case.data), "--trust", str(case.trust)])
    assert alone.exit_code == 0, alone.output
    for receipt in (case.early, case.late):
        code, answer = case.against_log(receipt)
        assert (code, answer["problem"]) == (1, "removed")
        assert answer["log"]["problem"] is None
    assert case.against_log(case.late)[1]["checkpoint_in_log"] is False


async def test_log_written_anew_with_the_stolen_keys_is_another_to_a_receipt(
    case: Case, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (case.data / "keys").rename(other / "keys")
    (case.data / "trust.json").rename(other / "trust.json")
    assert open_keys(other)
    async with running(other) as ledger:
        for _ in range(9):
            await record(ledger)
    moved = case._replace(data=other)
    code, answer = moved.against_log(case.late)
    assert (code, answer["problem"]) == (1, "removed")
    assert answer["checkpoint_in_log"] is False


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE event SET body = body || ' ' WHERE record_id = ?", "changed"),
        ("UPDATE event SET record_id = hex(zeroblob(16)) WHERE record_id = ?", "other_record"),
        (
            "UPDATE leaf SET leaf_index = leaf_index + 900 WHERE position IN "
            "(SELECT position FROM event WHERE record_id = ?)",
            "moved",
        ),
    ],
    ids=["changed", "other record", "moved"],
)
def test_what_became_of_a_promised_event_is_named(case: Case, statement: str, problem: str) -> None:
    tamper(case.data, (statement, (case.late["record_id"],)))
    code, answer = case.against_log(case.late)
    assert (code, answer["problem"]) == (1, problem)


def test_broken_log_fails_though_the_receipt_stands(case: Case) -> None:
    tamper(case.data, "UPDATE tree_head SET size = 0")
    code, answer = case.against_log(case.late)
    assert (code, answer["problem"]) == (1, "log")
    assert answer["log"]["problem"]["flaw"] == "head"


def test_receipt_that_was_altered_proves_nothing(case: Case) -> None:
    changed = json.loads(json.dumps(case.late))
    changed["promises"][0]["sequence"] += 1
    code, output = case.verify(changed, str(case.data), "--json")
    assert code == 1
    assert json.loads(output) == {"verified": False, "problem": "signature"}
    assert "영수증이 맞지 않습니다" in case.verify(changed)[1]


def test_writer_spelt_otherwise_does_not_look_removed(case: Case) -> None:
    """A forged accusation: the promise's bytes are the same, the text is not that of the log."""
    changed = json.loads(json.dumps(case.late))
    for promise in changed["promises"]:
        promise["writer"] = promise["writer"].upper()
    assert case.against_log(changed)[0] == 0


def test_record_that_the_receipt_only_claims_is_not_taken_for_removed(case: Case) -> None:
    code, answer = case.against_log(case.late | {"record_id": "0" * 32})
    assert (code, answer["problem"]) == (1, "other_record")


def test_control_characters_in_a_receipt_do_not_reach_the_terminal(case: Case) -> None:
    assert "\x1b" not in case.verify(case.late | {"record_id": "\x1b[2J"})[1]


@pytest.mark.parametrize("content", ["", "no json", "[" * 100_000], ids=["empty", "text", "deep"])
def test_file_that_holds_no_receipt_cannot_be_verified(case: Case, content: str) -> None:
    file = case.trust.with_name("other.json")
    file.write_text(content)
    words = ["verify", "--receipt", str(file), "--trust", str(case.trust)]
    assert CLI.invoke(app, words).exit_code == 2
    assert CLI.invoke(app, [*words[:2], str(file) + "x", *words[3:]]).exit_code == 2


@pytest.mark.parametrize("content", ["[]", "5", '"text"', "null", "{}"])
def test_json_that_is_no_receipt_is_invalid(case: Case, content: str) -> None:
    file = case.trust.with_name("other.json")
    file.write_text(content)
    done = CLI.invoke(app, ["verify", "--receipt", str(file), "--trust", str(case.trust)])
    assert done.exit_code == 1, done.output
    assert "[form]" in done.output


def test_receipt_without_pins_asks_for_them(case: Case) -> None:
    file = case.trust.with_name("receipt.json")
    file.write_text(json.dumps(case.late))
    alone = CLI.invoke(app, ["verify", "--receipt", str(file)])
    assert alone.exit_code == 2
    assert "--trust" in alone.output
    beside = CLI.invoke(app, ["verify", str(case.data), "--receipt", str(file)])
    assert beside.exit_code == 0
    assert "따로 보관한 파일을 --trust로" in beside.output


def cut_to(data: Path, *, before: str) -> None:
    """Cuts off everything from a record on, and makes the rest look like the end."""
    (first,) = ask(data, "SELECT min(position) FROM event WHERE record_id = ?", before)[0]
    query = "SELECT size FROM checkpoint WHERE size < ? ORDER BY size DESC LIMIT 1"
    cut_tail(data, ask(data, query, first)[0][0])
    with closing(sqlite3.connect(database_path(data))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_receipt_against_tiles_needs_no_database(case: Case, tmp_path: Path) -> None:
    """What a caller can check of an operator who shows nothing but tiles."""
    tiles = tmp_path / "tiles"
    assert CLI.invoke(app, ["export-tiles", str(tiles), str(case.data)]).exit_code == 0

    def against(receipt: dict[str, Any], place: Path) -> tuple[int, dict[str, Any]]:
        code, output = case.verify(receipt, str(place), "--json")
        return code, json.loads(output)

    code, answer = against(case.late, tiles)
    assert (code, answer["problem"], answer["checkpoint_in_log"]) == (0, None, True)
    assert [each["in_log"] for each in answer["promises"]] == ["stands", "stands"]
    code, answer = against(case.early, tiles)
    assert (code, [each["in_log"] for each in answer["promises"]]) == (0, ["unseen"])
    cut_to(case.data, before=case.late["record_id"])
    cut = tmp_path / "cut"
    assert CLI.invoke(app, ["export-tiles", str(cut), str(case.data)]).exit_code == 0
    code, answer = against(case.late, cut)
    assert (code, answer["problem"], answer["checkpoint_in_log"]) == (1, "removed", False)
    assert answer["log"]["problem"] is None
    path = next((tiles / "tile/entries").iterdir(), tiles)
    file = path if path.is_file() else next(path.iterdir())
    entries = file.read_bytes()
    file.write_bytes(entries[:-1] + bytes([entries[-1] ^ 1]))
    code, answer = against(case.late, tiles)
    assert (code, answer["log"]["problem"]["flaw"]) == (1, "tile")
