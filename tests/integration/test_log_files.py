"""The log as others read it: served, exported, and verified without the database."""

import asyncio
import json
import math
import random
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio
from house import RunningHouse, running_house, settings_for
from keeping import Kept, KeptInFile
from recording import AGENCY, OTHER_AGENCY, ask, record, running, tamper
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.ledger.writer import Ledger
from gateway.proofs.entry import event_hash, leaf_entry
from gateway.proofs.tiles import ENTRIES, Tile, TileFolder, Tiling
from gateway.proofs.trust import Trust
from gateway.proofs.verify_tiles import verify_tiles
from redaction.pool import Detector

CLI = CliRunner()
NOWHERE = "http://127.0.0.1:9"
RECORDS = 140


async def sealed(ledger: Ledger, leaves: int) -> int:
    """Waits until so many leaves are there; returns how many are."""
    async with asyncio.timeout(20):
        while (size := (await ledger.state()).size) < leaves:
            await asyncio.sleep(0.01)
    return size


def exported(kept: Kept, folder: Path) -> TileFolder:
    done = CLI.invoke(app, ["export-tiles", str(folder), *kept_words(kept)])
    assert done.exit_code == 0, done.output
    return TileFolder(folder)


def kept_words(kept: Kept) -> list[str]:
    """Where the ledger is, without the pins."""
    return [word for word in kept.words if word not in ("--trust", str(kept.trust_file))]


async def test_served_files_are_the_exported_ones_and_verify(kept: Kept, tmp_path: Path) -> None:
    async with running(kept) as ledger:
        assert await ledger.log_file("checkpoint") is None or (await ledger.state()).size
        await asyncio.gather(*(record(ledger) for _ in range(RECORDS)))
        size = await sealed(ledger, 2 * RECORDS + 1)
        folder = exported(kept, tmp_path / "tiles")
        names = [
            path.relative_to(tmp_path / "tiles").as_posix()
            for path in (tmp_path / "tiles").rglob("*")
            if path.is_file()
        ]
        assert {"checkpoint", "rotations", "tile/0/000", "tile/entries/000"} < set(names)
        for name in names:
            served = await ledger.log_file(name)
            assert served is not None, name
            assert served.content == folder.read(name)
            assert served.lasting == name.startswith("tile/")
        level, rest = Tile(0, 1, size - 256), Tile(ENTRIES, 1, size - 256)
        assert {level.path, rest.path, "tile/1/000.p/1"} < set(names)
        for width in (1, size - 257):
            served = await ledger.log_file(level._replace(width=width).path)
            whole = folder.read(level.path)
            assert served is not None
            assert whole is not None
            assert served.content == whole[: 32 * width]
    report = verify_tiles(folder, Trust.read(kept.trust_file))
    assert (report.problem, report.size) == (None, size)


async def test_nothing_is_served_that_no_checkpoint_covers(kept: Kept) -> None:
    async with running(kept) as ledger:
        await record(ledger)
        size = await sealed(ledger, 3)
        for tile in (
            Tile(0, 0),
            Tile(0, 0, size + 1),
            Tile(ENTRIES, 0, size + 1),
            Tile(0, 1, 1),
            Tile(1, 0, 1),
            Tile(63, 0),
            Tile(0, 10**17),
        ):
            assert await ledger.log_file(tile.path) is None
        for path in ("", "tile", "tile/0/0", "../keys/sealer.pem", "checkpoint/", "trust.json"):
            assert await ledger.log_file(path) is None


async def test_export_goes_on_from_an_earlier_one_and_refuses_another_history(
    tmp_path: Path,
) -> None:
    kept = KeptInFile(tmp_path / "data")
    folder = tmp_path / "tiles"
    for _ in range(2):
        async with running(kept) as ledger:
            await asyncio.gather(*(record(ledger) for _ in range(RECORDS)))
        exported(kept, folder)
        assert verify_tiles(TileFolder(folder), Trust.read(kept.trust_file)).problem is None
    tile = folder / "tile/0/000"
    kept_time = tile.stat().st_mtime_ns
    exported(kept, folder)
    assert tile.stat().st_mtime_ns == kept_time
    beside = kept.data_dir / "checkpoint"
    beside.write_bytes((folder / "checkpoint").read_bytes())
    done = CLI.invoke(app, ["verify", str(kept.data_dir), "--json"])
    assert "events" in json.loads(done.output)  # tiles beside a database never hide it
    tile.write_bytes(tile.read_bytes()[::-1])
    done = CLI.invoke(app, ["export-tiles", str(folder), str(kept.data_dir)])
    assert (done.exit_code, "이전에 내보낸 것과 다릅니다" in done.output) == (1, True)


async def test_export_of_leaves_that_were_changed_is_refused(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    empty = CLI.invoke(app, ["export-tiles", str(tmp_path / "a"), str(tmp_path)])
    assert empty.exit_code == 2
    async with running(kept) as ledger:
        await record(ledger)
    tamper(kept, "UPDATE leaf SET entry = (SELECT entry FROM leaf WHERE leaf_index = 1)")
    done = CLI.invoke(app, ["export-tiles", str(tmp_path / "tiles"), str(kept.data_dir)])
    assert (done.exit_code, "서명된 뿌리와 다릅니다" in done.output) == (1, True)
    assert not (tmp_path / "tiles/checkpoint").exists()


@pytest.mark.parametrize(
    "records",
    [RECORDS, pytest.param(5_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
    ids=["280 events", "10,000 events"],
)
async def test_tiles_say_nothing_to_who_knows_every_field_but_the_salt(
    tmp_path: Path, records: int
) -> None:
    """Every event of the log is known here, and its numbers: only the salts are not."""
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        for start in range(0, records, 500):
            some = range(start, min(records, start + 500))
            agencies = (AGENCY if number % 2 else OTHER_AGENCY for number in some)
            await asyncio.gather(*(record(ledger, agency) for agency in agencies))
    exported(kept, tmp_path / "tiles")
    held = b"".join(path.read_bytes() for path in (tmp_path / "tiles").rglob("*") if path.is_file())
    rows = ask(
        kept,
        "SELECT e.body, e.record_id, e.writer, e.agency, e.signature, e.salt, l.agency_number, "
        "l.entry FROM event e JOIN leaf l ON l.position = e.position ORDER BY l.leaf_index",
    )
    assert len(rows) > 2 * records
    entries = [entry for *_, entry in rows]
    assert written(held, entries), "the tiles are made of the entries, and of nothing else"
    assert len(set(entries)) == len(entries)
    assert like_chance(entry[1:] for entry in entries)
    known_to_anybody, hashed, texts = set(entries), set(), set()
    generator = random.Random(5)
    guesses = [bytes(32), *(generator.randbytes(32) for _ in range(3))]
    for body, record_id, writer, agency, signature, salt, number, entry in rows:
        body_hash = event_hash(body)
        numbered = {"agency": agency, "agency_number": number, "body_hash": body_hash}
        assert leaf_entry(salt=salt, **numbered) == entry
        facts = (body, record_id.encode(), writer.encode(), bytes.fromhex(record_id), signature)
        hashed |= {sha256(fact + end).digest() for fact in facts for end in (b"", agency.encode())}
        texts |= {value for value in json.loads(body).values() if isinstance(value, str) and value}
        for guess in [*guesses, body_hash, signature[:32]]:
            assert leaf_entry(salt=guess, **numbered) not in known_to_anybody
    assert not hashed & {entry[1:] for entry in entries}
    assert [text for text in texts if text.encode() in held] == []


def written(held: bytes, entries: Sequence[bytes]) -> bool:
    """Whether so many bytes are all that the entries' tiles and bundles need, and a checkpoint."""
    tiling = Tiling()
    files = [each for entry in entries for each in tiling.append(entry)] + tiling.partial()
    return all(data in held for _, data in files) and (
        0 < len(held) - sum(len(data) for _, data in files) < 1_000
    )


def like_chance(values: Iterable[bytes]) -> bool:
    """Whether each of the 256 bits is set as often as a coin falls (six standard deviations)."""
    numbers = [int.from_bytes(value) for value in values]
    half, deviation = len(numbers) / 2, math.sqrt(len(numbers)) / 2
    counts = (sum(number >> bit & 1 for number in numbers) for bit in range(256))
    return all(abs(count - half) < 6 * deviation for count in counts)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(detector: Detector, tmp_path_factory: pytest.TempPathFactory):
    data = tmp_path_factory.mktemp("served") / "data"
    async with running_house(settings_for(data, NOWHERE, NOWHERE), detector) as running:
        yield running


@pytest.mark.asyncio(loop_scope="session")
async def test_anyone_verifies_a_running_gateway_by_its_address(
    house: RunningHouse, tmp_path: Path
) -> None:
    async with asyncio.timeout(10):
        while (answer := await house.client.get("/log/checkpoint")).status_code == 404:
            await asyncio.sleep(0.05)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    size = int(answer.text.split("\n")[1])
    tile = await house.client.get(f"/log/{Tile(0, 0, size).path}")
    assert (tile.status_code, len(tile.content)) == (200, 32 * size)
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    for path in ("/log/tile/0/001", "/log/", "/log/../keys/trust.json", "/log/tile/0/%2e%2e"):
        assert (await house.client.get(path)).status_code == 404
    trust = house.house.settings.store.data_dir / "trust.json"
    words = ["verify", f"{house.client.base_url}/log", "--trust", str(trust), "--json"]
    done = await asyncio.to_thread(CLI.invoke, app, words)
    report = json.loads(done.output)
    assert (done.exit_code, report["verified"], report["witnessed"]) == (0, True, False)
    assert report["size"] >= size
