"""Every single bit of what the ledger gives out, flipped: found, or it proves nothing else."""

import asyncio
import dataclasses
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from exporting import beside
from keeping import KeptInFile
from recording import AGENCY, OTHER_AGENCY, closed, opened, record, running
from test_proofs_bits import ROWS, check
from tiling import Cosigner, Files, Log, entry, flipped

from gateway.exports.archive import archive_days
from gateway.exports.archive_folder import FolderPlace
from gateway.proofs.agency import open_head
from gateway.proofs.manifest import verify_chain
from gateway.proofs.note import NoteInvalid
from gateway.proofs.policy import Policy
from gateway.proofs.receipt import Proven, ReceiptInvalid, verify_receipt
from gateway.proofs.records import Broken
from gateway.proofs.trust import Trust
from gateway.proofs.verify_tiles import verify_tiles

ONE_OF_EACH = (0, 1, 3)  # a writer's start, an opening, a closing
OTHERS = sorted({*range(len(ROWS))} - {*ONE_OF_EACH})
DAY = date(2027, 1, 15)  # 1,800,000,000 in Korea


@pytest.mark.parametrize(
    "number",
    [*ONE_OF_EACH, *(pytest.param(n, marks=pytest.mark.slow) for n in OTHERS)],
)
@pytest.mark.parametrize("column", ["body", "salt", "signature"])
def test_every_bit_of_an_event_is_found_at_it(number: int, column: str) -> None:
    value = getattr(ROWS[number], column)
    for bit in range(len(value) * 8):
        changed = ROWS[number]._replace(**{column: flipped(value, bit)})
        with pytest.raises(Broken) as broken:
            check([*ROWS[:number], changed])
        assert broken.value.problem.position == number + 1, bit


def test_every_bit_of_a_cosigned_checkpoint_is_found_or_leaves_no_quorum() -> None:
    log = Log([entry(number) for number in range(5)])
    witnesses = [Cosigner(f"{name}.example.go.kr/1") for name in ("x", "y")]
    lines = "".join(f"witness w{at} {each.key}\n" for at, each in enumerate(witnesses))
    policy = Policy.parse(f"{lines}group g 2 w0 w1\nquorum g\n")
    files = log.files().files
    note = files["checkpoint"].decode()
    whole = (note + "".join(each.line(note) for each in witnesses)).encode()
    report = verify_tiles(Files(files | {"checkpoint": whole}), log.trust, policy)
    assert (report.problem, report.witnessed) == (None, True)
    for bit in range(len(whole) * 8):
        changed = Files(files | {"checkpoint": flipped(whole, bit)})
        report = verify_tiles(changed, log.trust, policy)
        assert report.problem is not None or not report.witnessed, bit


@dataclasses.dataclass(frozen=True)
class Given:
    """What one ledger has given out."""

    trust: Trust
    receipt: dict[str, Any]
    head: str
    archive: Path


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return asyncio.run(give(tmp_path_factory.mktemp("bits")))


async def give(folder: Path) -> Given:
    kept, archive = KeptInFile(folder / "data"), folder / "worm"
    archive.mkdir()
    async with running(kept, clock=lambda: 1_800_000_000.0) as ledger:
        await record(ledger, OTHER_AGENCY)
        opening = ledger.open(opened())
        await opening.durable
        ledger.close(opening, closed(opening.record_id))
    async with running(kept, clock=lambda: 1_800_000_000.0) as ledger:
        receipt = await ledger.receipt(opening.record_id, AGENCY)
        assert receipt is not None
    async with beside(kept) as database:
        await archive_days(database, kept.keys(), FolderPlace(archive), today=DAY + timedelta(1))
    newest = "SELECT note FROM agency_head WHERE agency = ? ORDER BY size DESC LIMIT 1"
    ((head,),) = kept.ask(newest, AGENCY)
    return Given(Trust.read(kept.trust_file), dataclasses.asdict(receipt), str(head), archive)


def test_no_bit_of_a_receipt_makes_it_prove_anything_else(given: Given) -> None:
    raw = json.dumps(given.receipt).encode()
    proven = proven_by(raw, given.trust)
    assert proven is not None
    assert proven.sealed == 2
    for bit in range(len(raw) * 8):
        other = proven_by(flipped(raw, bit), given.trust)
        assert other is None or other == proven, bit


def proven_by(raw: bytes, trust: Trust) -> Proven | None:
    """What a receipt proves, without what it only claims; None if it is refused."""
    try:
        found = verify_receipt(json.loads(raw), trust)
    except (ReceiptInvalid, ValueError):
        return None
    promises = tuple(promise._replace(action="") for promise in found.promises)
    return found._replace(record_id="", promises=promises)


def test_every_bit_of_an_agencys_head_is_found(given: Given) -> None:
    raw = given.head.encode()
    assert open_head(given.head, given.trust).agency == AGENCY
    for bit in range(len(raw) * 8):
        with pytest.raises(NoteInvalid):
            open_head(flipped(raw, bit).decode(errors="replace"), given.trust)


def test_every_bit_of_a_days_manifest_and_a_bit_of_each_byte_of_its_files_is_found(
    given: Given,
) -> None:
    assert verify_chain(FolderPlace(given.archive), given.trust, until=DAY).problem is None
    for path in sorted(given.archive.glob("*/*")):
        raw = path.read_bytes()
        path.chmod(0o640)
        for bit in range(0, len(raw) * 8, 1 if path.name == "manifest.json" else 9):
            path.write_bytes(flipped(raw, bit))
            assert (
                verify_chain(FolderPlace(given.archive), given.trust, until=DAY).problem is not None
            ), bit
        path.write_bytes(raw)
    assert verify_chain(FolderPlace(given.archive), given.trust, until=DAY).problem is None
