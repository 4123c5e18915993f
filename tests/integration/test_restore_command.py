"""A restore beside what is known elsewhere, and what killed ones leave."""

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from keeping import KeptInFile
from recording import record, running
from serve import write_config
from vaults import Vault

from gateway.commands import restore as restoring
from gateway.store.data_dir import DataDirectoryLock


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault(tmp_path)
    made.write()
    return made


def test_history_other_than_the_smaller_that_is_known_is_refused(vault: Vault) -> None:
    vault.backup()
    vault.write(1)
    vault.restore("--accept-older")
    vault.write(4)  # grown past it, another way
    vault.file = vault.folder / "second.age"
    assert vault.backup().exit_code == 0
    aside = next(vault.kept.data_dir.glob("sealed.replaced-*"))
    shutil.copy(aside, vault.kept.data_dir / "sealed")  # smaller than the present database
    done = vault.restore("--accept-older")
    assert (done.exit_code, "Another history" in done.output) == (1, True), done.output


@pytest.mark.parametrize("at_home", [True, False])
def test_place_that_is_given_is_compared_with_what_the_settings_remember(
    vault: Vault, at_home: bool
) -> None:
    vault.backup()
    vault.write(3)
    remembered = vault.folder / "state" / "sealed"
    remembered.parent.mkdir()
    (vault.kept.data_dir / "sealed").rename(remembered)
    for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm"):
        (vault.kept.data_dir / name).unlink(missing_ok=True)
    store = {} if at_home else {"store": {"data_dir": str(vault.folder / "running")}}
    config = write_config(
        vault.folder,
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
        ledger={"sealed_file": str(remembered)},
        **store,
    )
    done = vault.restore("--config", str(config))
    assert (done.exit_code, "--accept-older" in done.output) == (1, True), done.output
    done = vault.restore("--config", str(config), "--accept-older")
    assert done.exit_code == 0, done.output
    assert vault.events("database.restored")[0]["older"] is True
    assert remembered.exists() != at_home  # a gateway that runs elsewhere goes on remembering


def test_what_the_settings_remember_of_another_log_is_no_matter(vault: Vault) -> None:
    other = KeptInFile(vault.folder / "running")

    async def written() -> None:
        async with running(other) as ledger:
            await record(ledger)

    asyncio.run(written())
    config = write_config(
        vault.folder,
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
        ledger={"sealed_file": str(other.data_dir / "sealed")},
        store={"data_dir": str(other.data_dir)},
    )
    vault.backup()
    done = vault.restore("--config", str(config))
    assert done.exit_code == 0, done.output


def test_next_backup_removes_what_a_killed_restore_left_and_not_what_a_running_one_has(
    vault: Vault,
) -> None:
    left = vault.kept.data_dir / ".restore-killed"
    left.mkdir()
    (left / "gwanmun.db").write_bytes(b"unencrypted")
    with DataDirectoryLock(vault.kept.data_dir, "restore.lock"):
        assert vault.backup().exit_code == 0
        assert left.exists()
    vault.file.unlink()
    assert vault.backup().exit_code == 0
    assert [*vault.kept.data_dir.glob(".restore-*")] == []


def test_next_restore_removes_what_a_killed_one_left_and_two_never_run_at_once(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vault.backup().exit_code == 0
    command = f"""
import os, signal, typer
from gateway.commands import restore
restore.put_in_place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
app = typer.Typer()
app.command()(restore.restore)
app([{str(vault.file)!r}, "--identity", {str(vault.identity)!r}, *{vault.data!r}])
"""
    done = subprocess.run([sys.executable, "-c", command], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = vault.kept.data_dir.glob(".restore-*")
    assert (left / "gwanmun.db").exists()  # unencrypted
    found: list[Result] = []
    real = restoring.verify

    def beside(*words: Any, **more: Any) -> Any:
        found.append(vault.restore("--check"))
        return real(*words, **more)

    monkeypatch.setattr(restoring, "verify", beside)
    assert vault.restore("--check").exit_code == 0
    assert [(done.exit_code, "in use by another" in done.output) for done in found] == [(2, True)]
    assert [*vault.kept.data_dir.glob(".restore-*")] == []
