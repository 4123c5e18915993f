"""Backup and restore of a SQLite ledger: whole or refused, and never older without a word."""

import asyncio
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pyrage
import pytest
from click.testing import Result
from recording import AGENCY, record, running
from sealing import Pair, handle, rows, until_written
from serve import write_config
from typer.testing import CliRunner
from vaults import RESTORE, Vault

from gateway.commands.backup import app as backup_app
from gateway.exports.age_file import encrypt, new_identity, read_recipients
from gateway.ledger.sealer import SealingRefused
from gateway.store.database import database_path


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault(tmp_path)
    made.write()
    return made


def test_backup_of_a_running_ledger_restores_on_an_empty_machine(vault: Vault) -> None:
    async def backed_up() -> Result:
        async with running(vault.kept, seal_seconds=3_600.0) as ledger:
            await record(ledger)
            return await asyncio.to_thread(vault.backup)

    done = asyncio.run(backed_up())
    assert done.exit_code == 0, done.output
    assert vault.file.stat().st_mode & 0o077 == 0
    assert [path.name for path in vault.folder.glob(".*")] == []
    assert list(vault.kept.data_dir.glob(".backup-*")) == []
    before = vault.kept.verified()
    for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm", "sealed"):
        (vault.kept.data_dir / name).unlink(missing_ok=True)
    done = vault.restore()
    assert done.exit_code == 0, done.output
    assert vault.kept.verified().problem is None
    vault.write(1)
    report = vault.kept.verified()
    assert report.problem is None
    assert report.size >= before.size
    (told,) = vault.events("database.restored")
    assert (told["remembered"], told["older"], told["erased"]) == (None, False, 0)
    assert told["backup"]["sha256"]


def test_backup_holds_no_keys_and_no_sessions(vault: Vault) -> None:
    secret = "session-of-somebody"
    vault.kept.strictly(
        "INSERT INTO session (id_hash, principal, tag, created_at, last_seen_at, expires_at, "
        f"issuer_session) VALUES ('x', '{secret}', 't', 0, 0, 0, '')"
    )
    assert vault.backup().exit_code == 0
    assert vault.file.read_bytes().startswith(b"age-encryption.org/v1\n")
    identities = [pyrage.x25519.Identity.from_str(vault.identity.read_text().splitlines()[-1])]
    plain = vault.opened(identities)
    assert secret.encode() not in plain
    assert b"PRIVATE KEY" not in plain
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert tar.getnames() == ["manifest.json", "gwanmun.db", "trust.json"]
    assert secret.encode() in vault.image()


def test_older_backup_is_refused_until_the_officer_accepts_it(vault: Vault) -> None:
    vault.backup()
    vault.write(3)
    before = vault.image()
    done = vault.restore()
    assert (done.exit_code, "--accept-older" in done.output) == (1, True)
    assert vault.image() == before
    done = vault.restore("--accept-older", "--check")
    assert (done.exit_code, vault.image() == before) == (0, True)
    remembered = vault.kept.verified().size
    done = vault.restore("--accept-older")
    assert done.exit_code == 0, done.output
    (told,) = vault.events("database.restored")
    assert (told["older"], told["remembered"]["size"]) == (True, remembered)
    assert told["size"] < remembered
    vault.write(1)  # the gateway starts again
    assert vault.kept.verified().problem is None
    assert list(vault.kept.data_dir.glob("gwanmun.db.replaced-*"))
    assert list(vault.kept.data_dir.glob("sealed.replaced-*"))


def test_older_file_put_back_by_hand_is_refused_by_the_gateway(vault: Vault) -> None:
    shutil.copy(database_path(vault.kept.data_dir), vault.folder / "old.db")
    vault.write(1)
    shutil.copy(vault.folder / "old.db", database_path(vault.kept.data_dir))
    with pytest.raises(SealingRefused, match="older"):
        vault.write(1)
    words = [*vault.data]
    done = CliRunner().invoke(RESTORE, words)
    assert (done.exit_code, "--accept-older" in done.output) == (1, True)
    done = CliRunner().invoke(RESTORE, [*words, "--accept-older"])
    assert done.exit_code == 0, done.output
    vault.write(1)
    assert vault.kept.verified().problem is None
    assert vault.events("database.restored")[0]["backup"] is None


def test_other_history_is_refused_in_any_case(vault: Vault) -> None:
    vault.backup()
    vault.write(1)
    vault.restore("--accept-older")
    vault.write(4)  # grown past it, another way
    longer, vault.file = vault.file, vault.folder / "second.age"
    aside = next(vault.kept.data_dir.glob("sealed.replaced-*"))
    assert vault.backup().exit_code == 0
    shutil.copy(aside, vault.kept.data_dir / "sealed")  # what was known before
    for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm"):
        (vault.kept.data_dir / name).unlink(missing_ok=True)
    done = vault.restore("--accept-older")
    assert (done.exit_code, "Another history" in done.output) == (1, True)
    assert longer.exists()


def tampered(files: dict[str, bytes]) -> None:
    files["gwanmun.db"] = files["gwanmun.db"].replace(b"rehearsal", b"rehearsed", 1)


def resigned(files: dict[str, bytes]) -> None:
    tree = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps(tree | {"size": 0}).encode()


def more(files: dict[str, bytes]) -> None:
    files["../../evil"] = b"x"


def fewer(files: dict[str, bytes]) -> None:
    del files["gwanmun.db"]


def elsewhere(files: dict[str, bytes]) -> None:
    files["../../evil"] = files.pop("gwanmun.db")


def nothing(files: dict[str, bytes]) -> None:
    files.clear()


@pytest.mark.parametrize("change", [tampered, resigned, more, fewer, elsewhere, nothing])
def test_backup_made_by_another_hand_replaces_nothing(
    vault: Vault, change: Callable[[dict[str, bytes]], None]
) -> None:
    vault.backup()
    vault.repack(change)
    before = vault.image()
    done = vault.restore()
    assert done.exit_code == 1, done.output
    assert "Not a whole backup" in done.output.replace("not", "Not")
    assert vault.image() == before
    assert not (vault.folder.parent / "evil").exists()
    assert list(vault.kept.data_dir.glob(".restore-*")) == []


@pytest.mark.parametrize("kept_bytes", [0, 20, 300, 5_000, -1])
def test_cut_file_replaces_nothing(vault: Vault, kept_bytes: int) -> None:
    vault.backup()
    vault.file.write_bytes(vault.file.read_bytes()[:kept_bytes])
    before = vault.image()
    done = vault.restore()
    assert done.exit_code == 2, done.output
    assert "has lost its end" in done.output
    assert vault.image() == before


def test_wrong_keys_are_named(vault: Vault) -> None:
    vault.backup()
    identity, _ = new_identity()
    own, recipients = vault.identity.read_text(), vault.recipients.read_text()
    vault.identity.write_text(identity)
    assert (vault.restore().exit_code, "cannot be opened" in vault.restore().output) == (2, True)
    vault.identity.write_text(recipients)
    assert "no private key" in vault.restore().output
    vault.file.unlink()
    vault.recipients.write_text(own)
    done = vault.backup()
    assert (done.exit_code, "must stay offline" in done.output) == (2, True)
    assert not vault.file.exists()


def test_backup_does_not_overwrite_and_restore_waits_for_the_gateway(vault: Vault) -> None:
    assert vault.backup().exit_code == 0
    first = vault.file.read_bytes()
    assert vault.backup().exit_code == 2
    assert vault.file.read_bytes() == first

    async def beside() -> Result:
        async with running(vault.kept):
            return await asyncio.to_thread(vault.restore)

    done = asyncio.run(beside())
    assert (done.exit_code, "in use by another process" in done.output) == (2, True)


@pytest.mark.parametrize("placed", [False, True])
def test_restore_erases_again_what_was_erased_since(tmp_path: Path, placed: bool) -> None:
    vault, pair = Vault(tmp_path), Pair.made()
    pair.publish(tmp_path / "public-keys" / AGENCY)
    sealer = pair.sealer(tmp_path / "weeks", AGENCY)

    async def written() -> str:
        async with running(vault.kept) as ledger:
            record_id = await handle(ledger, sealer)
            await handle(ledger, sealer)
            await until_written(vault.kept, 4)
            return record_id

    erased = asyncio.run(written())
    content = {"key_dir": str(tmp_path / "public-keys"), "week_key_dir": str(tmp_path / "weeks")}
    config = write_config(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2", content=content)
    given = ("--config", str(config))
    assert vault.backup(*given).exit_code == 0
    sealer.erasures.add([(erased, 4e9)])
    key = ("--identity", str(vault.identity))
    place = vault.data if placed else ()
    done = CliRunner().invoke(RESTORE, [str(vault.file), *key, *given, *place])
    assert done.exit_code == 0, done.output
    assert erased not in {row.record_id for row in rows(vault.kept)}
    assert len(rows(vault.kept)) == 2
    assert vault.events("database.restored")[0]["erased"] == 1
    assert vault.kept.verified().problem is None


def test_key_command_makes_a_pair_that_age_knows(tmp_path: Path) -> None:
    private, public = tmp_path / "private", tmp_path / "public"
    done = CliRunner().invoke(backup_app, ["key", str(private), str(public)])
    assert done.exit_code == 0
    assert private.stat().st_mode & 0o077 == 0
    identity = pyrage.x25519.Identity.from_str(private.read_text().splitlines()[-1])
    assert f"{identity.to_public()}\n" == public.read_text()
    assert CliRunner().invoke(backup_app, ["key", str(private), str(public)]).exit_code == 2


def test_write_ahead_log_without_its_database_is_not_read_into_the_restored_one(
    vault: Vault,
) -> None:
    vault.backup()
    path = database_path(vault.kept.data_dir)
    log = path.with_name(f"{path.name}-wal")

    async def killed() -> bytes:
        async with running(vault.kept, seal_seconds=3_600.0) as ledger:
            await record(ledger)
            return await asyncio.to_thread(log.read_bytes)

    left = asyncio.run(killed())
    path.unlink()  # the disk or an administrator took it away; the log of the killed gateway stands
    log.write_bytes(left)
    (vault.kept.data_dir / "sealed").unlink()
    done = vault.restore()
    assert done.exit_code == 0, done.output
    assert vault.kept.verified().problem is None
    assert len(vault.events("database.restored")) == 1
    assert left
    assert [each.read_bytes() for each in vault.kept.data_dir.glob("*.replaced-*-wal")] == [left]


@pytest.mark.parametrize("step", ["replace", "link"])
def test_restore_that_was_killed_leaves_a_database_and_what_is_remembered(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    vault.backup()
    vault.write(3)
    before = vault.kept.verified().size

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, step) if step == "replace" else (os, step)), killed)
        assert vault.restore("--accept-older").exit_code != 0
    assert (vault.kept.data_dir / "sealed").exists()
    report = vault.kept.verified()
    assert (report.problem, report.size) == (None, before)
    assert vault.restore("--accept-older").exit_code == 0
    assert vault.kept.verified().size < before


def test_full_disk_is_named_and_leaves_nothing(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        room = 0

        def write(self, piece: Any) -> int:
            if self.room == 0:
                raise OSError(28, "No space left on device")
            self.room -= 1
            return len(piece)

    def plain(target: BinaryIO) -> None:
        target.write(bytes(200_000))

    to = read_recipients(vault.recipients)
    for room in range(5):  # pieces: of the last one the encryption itself says nothing
        file = Full()
        file.room = room
        with pytest.raises(OSError, match="No space") as full:
            encrypt(plain, file, to)
        assert full.value.errno == 28

    def fails(*_: Any) -> None:
        raise full.value

    monkeypatch.setattr("gateway.exports.backup.encrypt", fails)
    done = vault.backup()
    assert (done.exit_code, "No space left on device" in done.output) == (2, True), done.output
    assert [*vault.folder.glob("*.age"), *vault.folder.glob(".*")] == []


def test_next_backup_removes_what_a_killed_one_left_and_two_never_run_at_once(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = vault.kept.data_dir / ".backup-killed"
    left.mkdir()
    (left / "gwanmun.db").write_bytes(b"unencrypted")
    (vault.folder / ".ledger.age.draft").write_bytes(b"half")
    found: list[Result] = []

    def beside(*words: Any) -> None:
        found.append(vault.backup())
        encrypt(*words)

    monkeypatch.setattr("gateway.exports.backup.encrypt", beside)
    assert vault.backup().exit_code == 0
    assert [(done.exit_code, "in use by another" in done.output) for done in found] == [(2, True)]
    assert not left.exists()
    assert vault.restore("--check").exit_code == 0


def test_key_command_leaves_no_half_pair(tmp_path: Path) -> None:
    (tmp_path / "public").write_text("")
    for public in ("public", "private"):
        words = ["key", str(tmp_path / "private"), str(tmp_path / public)]
        done = CliRunner().invoke(backup_app, words)
        assert (done.exit_code, "taken" in done.output) == (2, True)
        assert not (tmp_path / "private").exists()
