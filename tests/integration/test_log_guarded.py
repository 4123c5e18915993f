"""What guards the log beside its database: its memory, its keys' succession, agencies' heads."""

import asyncio
import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from keeping import Kept, KeptInFile
from recording import AGENCY, OTHER_AGENCY, ask, record, running, tamper
from tiling import flipped
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.commands.keys import app as keys_app
from gateway.ledger.sealed_state import StateUnusable
from gateway.ledger.sealer import SealingRefused
from gateway.proofs.note import sign_note
from gateway.proofs.records import Flaw
from gateway.proofs.trust import Trust
from gateway.store.database import database_path

CLI = CliRunner()


async def some(kept: Kept, count: int = 3, **options: Any) -> None:
    async with running(kept, **options) as ledger:
        for number in range(count):
            await record(ledger, AGENCY if number % 3 else OTHER_AGENCY)


async def test_older_database_is_refused_at_the_start_by_what_stands_beside_it(
    tmp_path: Path,
) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    path = database_path(kept.data_dir)
    older = path.read_bytes()
    await some(kept)
    path.write_bytes(older)
    for name in ("gwanmun.db-wal", "gwanmun.db-shm"):
        (kept.data_dir / name).unlink(missing_ok=True)
    assert kept.verified().problem is None  # the database alone says nothing of it
    with pytest.raises(SealingRefused, match="older than what was sealed") as refused:
        await some(kept)
    assert "되돌렸거나" in str(refused.value)


async def test_empty_database_and_another_history_are_refused_too(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    path = database_path(kept.data_dir)
    shutil.copytree(kept.data_dir, tmp_path / "other")
    for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm"):
        (kept.data_dir / name).unlink(missing_ok=True)
    with pytest.raises(SealingRefused, match="older than what was sealed"):
        await some(kept)
    other = KeptInFile(tmp_path / "other")
    for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm", "sealed"):
        (other.data_dir / name).unlink(missing_ok=True)
    await some(other, 9)  # larger, in order, signed with the same keys
    path.write_bytes(database_path(other.data_dir).read_bytes())
    with pytest.raises(SealingRefused, match="not grown out of what was sealed"):
        await some(kept)


async def test_gateway_that_does_not_seal_notices_an_older_database_as_well(
    tmp_path: Path,
) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    older = database_path(kept.data_dir).read_bytes()
    await some(kept)
    database_path(kept.data_dir).write_bytes(older)
    with pytest.raises(SealingRefused):
        await some(kept, seals=False)


@pytest.mark.parametrize("content", [b"", b"5", b"\xff" * 9, None], ids=["no", "5", "x", "foreign"])
async def test_memory_that_cannot_be_believed_stops_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    kept, other = KeptInFile(tmp_path / "data"), KeptInFile(tmp_path / "other")
    await some(kept)
    if content is None:
        await some(other)
        content = (other.data_dir / "sealed").read_bytes()
    (kept.data_dir / "sealed").write_bytes(content)
    with pytest.raises(StateUnusable, match="audit verify"):
        await some(kept)


async def test_memory_is_the_newest_checkpoint_and_only_its_owners(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    path = kept.data_dir / "sealed"
    ((note,),) = ask(kept, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
    assert path.read_text() == note
    assert path.stat().st_mode & 0o777 == 0o600


async def test_log_goes_on_with_new_keys_and_old_pins_still_verify_all_of_it(
    kept: Kept, tmp_path: Path
) -> None:
    await some(kept)
    first = Trust.parse(kept.trust_file.read_text())
    for generation in (1, 2):
        home = kept.trust_file.parent
        done = CLI.invoke(keys_app, ["rotate", str(home)])
        assert done.exit_code == 0, done.output
        await some(kept)
        report = kept.verified(first)
        assert (report.problem, report.unsealed) == (None, 0)
        listed = json.loads(CLI.invoke(keys_app, ["list", str(home), "--json"]).output)
        assert [key["generation"] for key in listed["sealer"] if key["current"]] == [generation] * 2
    kept.trust_file.write_text(first.text())
    with (
        pytest.raises(SealingRefused, match="newer than the pins")
        if kept.kind == "x"
        else (pytest.raises(Exception, match=r"trust\.json"))
    ):
        await some(kept)


async def test_sealer_with_pins_from_before_a_rotation_signs_nothing(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    old = copied(kept, tmp_path / "old")
    assert CLI.invoke(keys_app, ["rotate", str(kept.data_dir)]).exit_code == 0
    await some(kept)
    for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm"):
        if (kept.data_dir / name).exists():
            shutil.copy(kept.data_dir / name, old.data_dir / name)
    with pytest.raises(SealingRefused, match="newer than the pins"):
        await some(old)


def copied(kept: KeptInFile, to: Path) -> KeptInFile:
    shutil.copytree(kept.data_dir, to)
    return KeptInFile(to)


async def test_checkpoint_signed_by_a_replaced_key_is_named(tmp_path: Path) -> None:
    """Whoever has stolen the old key signs as the log no more."""
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    stolen = kept.keys()
    assert CLI.invoke(keys_app, ["rotate", str(kept.data_dir)]).exit_code == 0
    await some(kept)
    ((size, note),) = ask(kept, "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")
    forged = sign_note(note.rpartition("\n\n")[0] + "\n", stolen.origin, *stolen.sealing_keys)
    tamper(kept, ("UPDATE checkpoint SET note = ? WHERE size = ?", (forged, size)))
    problem = kept.verified().problem
    assert problem is not None
    assert problem.flaw is Flaw.CHECKPOINT
    assert "replaced" in problem.detail


async def test_rotation_changed_by_another_hand_is_named(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    first = Trust.parse(kept.trust_file.read_text())
    assert CLI.invoke(keys_app, ["rotate", str(kept.data_dir)]).exit_code == 0
    await some(kept)
    ((note,),) = ask(kept, "SELECT note FROM key_rotation")
    for wrong in (note.replace("\n1\n", "\n2\n"), note[: len(note) // 2], "", note + "x"):
        tamper(kept, ("UPDATE key_rotation SET note = ?", (wrong,)))
        problem = kept.verified(first).problem
        assert problem is not None
        assert problem.flaw is Flaw.ROTATION
    tamper(kept, "DELETE FROM key_rotation")
    problem = kept.verified(first).problem
    assert problem is not None
    assert problem.flaw is Flaw.CHECKPOINT


class Agencies:
    """A log of two agencies, its tiles, and one agency's export."""

    def __init__(self, kept: KeptInFile, folder: Path) -> None:
        self.kept = kept
        self.tiles = folder / "tiles"
        self.file = folder / "records.jsonl"
        self.trust = folder / "pins.json"
        self.trust.write_text(kept.trust_file.read_text())
        assert CLI.invoke(app, ["export-tiles", str(self.tiles), str(kept.data_dir)]).exit_code == 0
        self.export()

    def export(self) -> None:
        self.file.unlink(missing_ok=True)
        words = ["export-records", str(self.file), str(self.kept.data_dir), "--agency", AGENCY]
        done = CLI.invoke(app, words)
        assert done.exit_code == 0, done.output

    def verify(self, lines: list[str] | None = None, place: Path | None = None) -> dict[str, Any]:
        file = self.file.with_name("changed.jsonl")
        file.write_text("".join(lines) if lines is not None else self.file.read_text())
        words = ["verify", str(place or self.tiles), "--agency", str(file), "--json"]
        done = CLI.invoke(app, [*words, "--trust", str(self.trust)])
        found: dict[str, Any] = json.loads(done.output)
        assert done.exit_code == (0 if found["verified"] else 1)
        return found

    def problem(self, lines: list[str]) -> str:
        problem = self.verify(lines)["problem"]
        assert problem is not None
        return str(problem["flaw"])


@pytest.fixture
async def agencies(tmp_path: Path) -> Agencies:
    kept = KeptInFile(tmp_path / "data")
    await some(kept, 6)
    await some(kept, 6)
    return Agencies(kept, tmp_path)


async def test_agency_proves_its_records_complete_against_tiles_or_the_database(
    agencies: Agencies,
) -> None:
    ((mine,),) = ask(agencies.kept, f"SELECT count(*) FROM leaf WHERE agency = '{AGENCY}'")
    for place in (agencies.tiles, agencies.kept.data_dir):
        report = agencies.verify(place=place)
        assert (report["problem"], report["records"], report["covered"]) == (None, mine, mine)
        assert (report["agency"], report["first"]) == (AGENCY, 0)
    assert OTHER_AGENCY not in agencies.file.read_text()
    assert agencies.file.stat().st_mode & 0o777 == 0o600


async def test_every_record_left_out_moved_or_doubled_is_found(agencies: Agencies) -> None:
    header, *lines = agencies.file.read_text().splitlines(keepends=True)
    for at in range(1, len(lines) - 1):
        assert agencies.problem([header, *lines[:at], *lines[at + 1 :]]) == "agency_number"
    assert agencies.problem([header, *lines[:-1]]) == "agency_count"
    assert agencies.problem([header]) == "agency_count"
    assert agencies.problem([header, lines[1], lines[0], *lines[2:]]) == "agency_number"
    assert agencies.problem([header, *lines, lines[-1]]) == "agency_number"
    assert agencies.problem([*lines]) == "malformed"
    later = agencies.verify([header, *lines[2:]])  # from its third on it is whole, and says so
    assert (later["problem"], later["first"]) == (None, 2)


async def test_every_changed_bit_of_a_record_is_found_and_its_record_named(
    agencies: Agencies,
) -> None:
    header, *lines = agencies.file.read_text().splitlines(keepends=True)
    facts = json.loads(lines[3])

    def changed(**fields: object) -> list[str]:
        return [header, *lines[:3], json.dumps(facts | fields) + "\n", *lines[4:]]

    for name in ("salt", "signature"):
        raw = base64.b64decode(facts[name])
        for bit in range(0, len(raw) * 8, 37):
            wrong = base64.b64encode(flipped(raw, bit)).decode()
            assert agencies.problem(changed(**{name: wrong})) in ("signature", "entry")
    for name, value in facts["event"].items():
        other = facts["event"] | {name: f"{value}x"}
        assert agencies.verify(changed(event=other))["problem"] is not None, name
    for name, value in (("leaf_index", 0), ("agency_number", 9), ("sequence", 99), ("writer", "0")):
        assert agencies.verify(changed(**{name: value}))["problem"] is not None, name
    problem = agencies.verify(changed(salt=base64.b64encode(bytes(32)).decode()))["problem"]
    assert problem["record_id"] == facts["event"]["id"]
    for garbage in ("{", "[]", "5", '{"agency_number": true}', "null", "\x00"):
        assert agencies.problem([header, *lines[:3], garbage + "\n", *lines[4:]]) == "malformed"


async def test_head_that_the_sealer_did_not_sign_or_of_another_agency_is_refused(
    agencies: Agencies, tmp_path: Path
) -> None:
    header, *lines = agencies.file.read_text().splitlines(keepends=True)
    facts = json.loads(header)
    ((other,),) = ask(
        agencies.kept,
        f"SELECT note FROM agency_head WHERE agency = '{OTHER_AGENCY}' ORDER BY size DESC LIMIT 1",
    )
    foreign = KeptInFile(tmp_path / "foreign").keys()
    text = facts["head"].rpartition("\n\n")[0] + "\n"
    for head in (
        other,
        facts["head"].replace(f'"{AGENCY}"', '"1741001"'),
        sign_note(text, foreign.origin, *foreign.sealing_keys),
        "",
        5,
        None,
    ):
        assert (
            agencies.problem([json.dumps(facts | {"head": head}) + "\n", *lines]) == "agency_head"
        )


async def test_record_that_came_after_the_head_is_kept_but_not_counted(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept, 6)
    older = ask(kept, f"SELECT note FROM agency_head WHERE agency = '{AGENCY}' ORDER BY size DESC")
    await some(kept, 3)
    agencies = Agencies(kept, tmp_path)
    header, *lines = agencies.file.read_text().splitlines(keepends=True)
    early = json.dumps(json.loads(header) | {"head": older[0][0]}) + "\n"
    report = agencies.verify([early, *lines])
    assert report["problem"] is None
    assert 0 < report["covered"] < report["records"] == len(lines)


async def test_log_cut_before_the_head_was_signed_is_found_by_the_agency(
    agencies: Agencies,
) -> None:
    """The tail is gone from log and tiles alike: whoever holds a head of it shows that."""
    ((cut,),) = ask(
        agencies.kept,
        "SELECT max(size) FROM checkpoint WHERE size < (SELECT max(size) FROM checkpoint)",
    )
    kept = agencies.kept
    ((position,),) = ask(kept, "SELECT position FROM leaf WHERE leaf_index = ?", cut - 1)
    tamper(
        kept,
        ("DELETE FROM leaf WHERE leaf_index >= ?", (cut,)),
        ("DELETE FROM event WHERE position > ?", (position,)),
        ("DELETE FROM checkpoint WHERE size > ?", (cut,)),
        ("DELETE FROM agency_head WHERE size > ?", (cut,)),
    )
    shutil.rmtree(agencies.tiles)
    done = CLI.invoke(app, ["export-tiles", str(agencies.tiles), str(kept.data_dir)])
    assert done.exit_code == 0, done.output
    report = agencies.verify()
    assert report["problem"] is not None
    assert report["problem"]["flaw"] in ("root", "leaf_missing")


@pytest.mark.parametrize(
    ("statement", "flaw"),
    [
        ("UPDATE agency_head SET leaves = leaves + 1", "agency_head"),
        ("UPDATE agency_head SET agency = 'x' WHERE agency = '1352000'", "agency_head"),
        ("UPDATE agency_head SET note = replace(note, 'A', 'B')", "agency_head"),
        ("UPDATE agency_head SET note = 5", "agency_head"),
        ("UPDATE agency_head SET size = size - 1", "agency_head"),
        ("INSERT INTO cosignature VALUES (0, 'x', 5, 'y')", "cosignature"),
        ("INSERT INTO cosignature SELECT size, 'x', 5, x'09' FROM checkpoint", "cosignature"),
    ],
)
async def test_what_is_signed_beside_checkpoints_is_checked_with_them(
    tmp_path: Path, statement: str, flaw: str
) -> None:
    kept = KeptInFile(tmp_path / "data")
    await some(kept)
    assert kept.verified().heads >= 3
    tamper(kept, statement)
    problem = kept.verified().problem
    assert problem is not None
    assert problem.flaw.value == flaw


async def test_heads_are_signed_for_every_agency_at_the_end_and_from_time_to_time(
    kept: Kept,
) -> None:
    async with running(kept, agency_head_seconds=0.05) as ledger:
        await record(ledger)
        await record(ledger, OTHER_AGENCY)
        async with asyncio.timeout(10):
            while len(ask(kept, "SELECT DISTINCT agency FROM agency_head")) < 3:
                await asyncio.sleep(0.02)
        await record(ledger)
    ((last,),) = ask(kept, "SELECT max(size) FROM checkpoint")
    heads = ask(kept, "SELECT agency, leaves FROM agency_head WHERE size = ? ORDER BY agency", last)
    counted = ask(kept, "SELECT agency, count(*) FROM leaf GROUP BY agency ORDER BY agency")
    assert heads == counted
    assert kept.verified().problem is None
