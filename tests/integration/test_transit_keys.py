"""The sealer's keys in a real OpenBao: made known, used, lost sight of, and changed there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from keeping import KeptInFile
from parts.openbao import OpenBao
from recording import record, running, verified
from typer.testing import CliRunner

from gateway.commands.keys import app
from gateway.ledger import signing
from gateway.ledger.held_keys import read_held
from gateway.ledger.key_files import KeyStoreAway, KeysUnusable
from gateway.ledger.keys import FOLDER, HELD_FILE, SEALER_FILE, mounted_keys
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.proofs.note import NoteKey, open_note, sign_note
from gateway.proofs.trust import Trust
from gateway.proofs.verify import verify_log

CLI = CliRunner()
TEXT = "a note\n"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of keys that only this test has."""
    return f"t-{crc32(request.node.name.encode()):08x}"


@pytest.fixture
def stopped(openbao: OpenBao) -> Iterator[OpenBao]:
    """A server that the test may hold still."""
    yield openbao
    openbao.resume()


def signed_by(keys: tuple) -> int:
    note = sign_note(TEXT, "log", *keys)
    return len(open_note(note, [NoteKey.of("log", key) for key in keys]).signatures)


def test_transit_signs_as_files_do(openbao: OpenBao, name: str) -> None:
    keys = read_held(openbao.keys(name))
    assert signed_by(keys) == 2
    for key in keys:
        with pytest.raises(TypeError, match="stays where it is"):
            key.private_bytes(None, None, None)


async def test_log_sealed_by_transit_verifies(openbao: OpenBao, name: str, tmp_path: Path) -> None:
    first = tmp_path / FOLDER
    kept = KeptInFile(tmp_path)
    async with running(kept) as ledger:
        await record(ledger)
    held = openbao.keys(name)
    done = CLI.invoke(app, ["rotate", str(tmp_path), "--held", str(held)])
    assert done.exit_code == 0, done.output
    assert (first / HELD_FILE).exists()
    assert not (first / SEALER_FILE).exists()
    async with running(kept) as ledger:
        await record(ledger)
    report = verified(kept)
    assert (report.problem, report.unsealed) == (None, 0)


def test_key_of_another_version_is_another_key(openbao: OpenBao, name: str) -> None:
    """What an administrator rotates there does not change what the log signs with."""
    file = openbao.keys(name)
    keys = read_held(file)
    openbao.act("POST", f"transit/keys/{name}-ed25519/rotate")
    assert signed_by(keys) == 2
    public = keys[0].public_key().public_bytes_raw()
    assert read_held(file)[0].public_key().public_bytes_raw() == public
    file.write_text(openbao.uri(name, "ed25519").replace("version=1", "version=2"))
    assert read_held(file)[0].public_key().public_bytes_raw() != public
    file.write_text(openbao.uri(name, "ed25519").replace("version=1", "version=3"))
    with pytest.raises(KeysUnusable, match="no such version"):
        read_held(file)


def test_key_that_was_made_anew_there_never_signs(openbao: OpenBao, name: str) -> None:
    keys = read_held(openbao.keys(name))
    path = f"transit/keys/{name}-ed25519"
    openbao.act("POST", f"{path}/config", deletion_allowed=True)
    openbao.act("DELETE", path)
    openbao.act("POST", path, type="ed25519")
    with pytest.raises(KeyStoreAway, match="another key"):
        signed_by(keys)


@pytest.mark.parametrize("leaves", ["exportable", "allow_plaintext_backup"])
def test_key_that_may_leave_is_refused(openbao: OpenBao, name: str, leaves: str) -> None:
    file = openbao.keys(name, **{leaves: True})
    with pytest.raises(KeysUnusable, match="may leave its place"):
        read_held(file)


def test_token_is_read_for_each_signature_and_never_told(openbao: OpenBao, name: str) -> None:
    keys = read_held(openbao.keys(name))
    file = openbao.token_file(name)
    old = file.read_text()
    openbao.act("POST", "auth/token/revoke", token=old)
    with pytest.raises(KeyStoreAway, match="Forbidden") as refused:
        signed_by(keys)
    assert old not in str(refused.value)
    file.write_text(openbao.token(name) + "\n")  # as an agent renews it
    assert signed_by(keys) == 2
    file.chmod(0o644)
    with pytest.raises(KeyStoreAway, match="others can read"):
        signed_by(keys)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("transit:https", "transit:http"), "https"),  # named below: not this machine's own
        (("version=1&", ""), "version"),
        (("version=1", "version=01x"), "version"),
        (("token-source=file:", "token-source="), "token-source"),
        (("?version", "?token=s.abc&version"), "unknown"),
        (("version=1", "version=1&version=2"), "repeated"),
        (("/transit/", "/"), "mount"),
        (("transit:", "vault:"), "transit URI"),
        (("ca-file=file:", "ca-file=file:/missing"), "OSError"),
        (("ed25519?", "another?"), "InvalidPath"),
    ],
)
def test_uri_that_cannot_be_used_is_named(
    openbao: OpenBao, name: str, tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    openbao.keys(name)
    text = openbao.uri(name, "ed25519").replace(*change)
    if change[0] == "transit:https":
        text = text.replace("127.0.0.1", "bao.internal")
    (tmp_path / "keys").write_text(text)
    done = CLI.invoke(app, ["init", str(tmp_path / "made"), "--held", str(tmp_path / "keys")])
    assert done.exit_code == 2
    assert reason in done.output
    assert openbao.token_file(name).read_text() not in done.output


async def test_server_that_hangs_holds_up_nobody(
    stopped: OpenBao, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records go on, the alarm names the keys, and nothing is asked twice meanwhile."""
    monkeypatch.setattr(signing, "ANSWER_SECONDS", 0.3)
    shared, kept = tmp_path / "keys", KeptInFile(tmp_path / "data")
    assert CLI.invoke(app, ["init", str(shared), "--held", str(stopped.keys(name))]).exit_code == 0
    kept.prepare()
    keys = mounted_keys(shared, writes=True, seals=True)
    options = LedgerOptions(disk_reserve_bytes=0, seal_seconds=0.05, unsealed_limit=10_000)
    async with kept.database() as database, Ledger(options, database, keys) as ledger:
        await record(ledger)
        stopped.pause()
        await record(ledger)
        async with asyncio.timeout(20):
            while not (await ledger.state()).keys_away:
                await asyncio.sleep(0.02)
        await record(ledger)
        state = await ledger.state()
        assert state.healthy
        assert state.unsealed > 0
        stopped.resume()
        async with asyncio.timeout(20):
            while (await ledger.state()).unsealed or (await ledger.state()).keys_away:
                await asyncio.sleep(0.05)
    assert verify_log(kept.data_dir, Trust.read(shared / "trust.json")).problem is None
