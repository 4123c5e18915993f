"""The sealer's keys in a real PKCS#11 module: made known, used, lost sight of, and changed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pkcs11
import pytest
from keeping import KeptInFile
from parts.softhsm import PIN, SoftHsm
from recording import record, running, verified
from typer.testing import CliRunner

from gateway.commands.keys import app
from gateway.ledger.held_keys import KeyStoreAway, read_held
from gateway.ledger.key_files import KeysUnusable
from gateway.ledger.keys import FOLDER, HELD_FILE, SEALER_FILE, mounted_keys, open_keys
from gateway.ledger.writer import Ledger, LedgerOptions
from gateway.proofs.note import NoteKey, open_note, sign_note
from gateway.proofs.trust import Trust
from gateway.proofs.verify import verify_log

CLI = CliRunner()
TEXT = "a note\n"


@pytest.fixture
def named(softhsm: SoftHsm, request: pytest.FixtureRequest) -> Path:
    """A token of this test's own."""
    return softhsm.token(f"t-{crc32(request.node.name.encode()):08x}")


@pytest.fixture
def pin(softhsm: SoftHsm) -> Iterator[Path]:
    """The PIN's file, which a test may change."""
    yield softhsm.pin_file
    softhsm.pin_file.write_text(PIN)
    softhsm.pin_file.chmod(0o600)


def signed_by(keys: tuple) -> int:
    note = sign_note(TEXT, "log", *keys)
    return len(open_note(note, [NoteKey.of("log", key) for key in keys]).signatures)


def test_module_signs_as_files_do(named: Path) -> None:
    keys = read_held(named)
    assert signed_by(keys) == 2
    for key in keys:
        with pytest.raises(TypeError, match="stays where it is"):
            key.private_bytes(None, None, None)


async def test_log_sealed_by_a_module_verifies(named: Path, tmp_path: Path) -> None:
    shared, kept = tmp_path / "keys", KeptInFile(tmp_path / "data")
    done = CLI.invoke(app, ["init", str(shared), "--held", str(named)])
    assert done.exit_code == 0, done.output
    assert not (shared / SEALER_FILE).exists()
    kept.prepare()
    keys = mounted_keys(shared, writes=True, seals=True)
    assert keys.in_force().held
    async with (
        kept.database() as database,
        Ledger(LedgerOptions(disk_reserve_bytes=0, seal_seconds=0.05), database, keys) as ledger,
    ):
        await record(ledger)
    report = verify_log(kept.data_dir, Trust.read(shared / "trust.json"))
    assert (report.problem, report.unsealed) == (None, 0)


async def test_keys_go_into_a_module_and_out_of_it_again(named: Path, tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path)
    folder = tmp_path / FOLDER
    async with running(kept) as ledger:
        await record(ledger)
    first = Trust.read(kept.trust_file)
    for words, there, gone in (
        (["--held", str(named)], HELD_FILE, SEALER_FILE),
        ([], SEALER_FILE, HELD_FILE),
    ):
        done = CLI.invoke(app, ["rotate", str(tmp_path), *words])
        assert done.exit_code == 0, done.output
        assert (folder / there).exists()
        assert not (folder / gone).exists()
        async with running(kept) as ledger:
            await record(ledger)
        assert verified(kept).problem is None
    assert verify_log(tmp_path, first).problem is None, "who pinned the first keys follows"
    assert len(Trust.read(kept.trust_file).rotations) == 2


def test_rotation_that_was_cut_off_is_finished(named: Path, tmp_path: Path) -> None:
    keys = open_keys(tmp_path)
    folder = tmp_path / FOLDER
    old = (folder / SEALER_FILE).read_bytes()
    assert CLI.invoke(app, ["rotate", str(tmp_path), "--held", str(named)]).exit_code == 0
    (folder / SEALER_FILE).write_bytes(old)  # as if it had not been deleted yet
    (folder / SEALER_FILE).chmod(0o600)
    assert open_keys(tmp_path).in_force().held
    (folder / HELD_FILE).rename(folder / "sealer.next.held")  # nor the new one put in place
    assert CLI.invoke(app, ["rotate", str(tmp_path)]).exit_code == 0
    assert open_keys(tmp_path).in_force().held
    assert open_keys(tmp_path).pins.current != keys.pins.current


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Ed25519 key is needed"),
        ("file:///key", "neither a pkcs11"),
        ("pkcs11:token=a;object=b?module-path=/m", "pin-source=file:"),
        ("pkcs11:token=a;object=b?module-path=/m&pin-value=1234", "unknown attribute"),
        ("pkcs11:token=a?module-path=/m&pin-source=file:/p", "object or id"),
    ],
)
def test_file_that_names_no_key_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    done = CLI.invoke(app, ["init", str(tmp_path / "made"), "--held", str(file)])
    assert done.exit_code == 2
    assert reason in done.output


@pytest.mark.parametrize("trouble", ["wrong PIN", "open PIN", "no token", "no key", "no module"])
def test_module_that_cannot_be_used_is_named_without_the_pin(
    softhsm: SoftHsm, named: Path, pin: Path, tmp_path: Path, trouble: str
) -> None:
    text = named.read_text()
    if trouble == "wrong PIN":
        pin.write_text("9999-9999")
    elif trouble == "open PIN":
        pin.chmod(0o644)
    elif trouble == "no token":
        text = text.replace("token=t-", "token=x-")
    elif trouble == "no key":
        text = text.replace("object=ed25519", "object=another")
    else:
        text = text.replace(softhsm.module, str(tmp_path / "missing.so"))
    (tmp_path / "keys").write_text(text)
    with pytest.raises(KeysUnusable, match="봉인 키를 쓸 수 없습니다") as refused:
        read_held(tmp_path / "keys")
    assert "9999" not in str(refused.value)
    assert PIN not in str(refused.value)


def test_session_that_ended_is_opened_again(softhsm: SoftHsm, named: Path, pin: Path) -> None:
    keys = read_held(named)
    pkcs11.lib(softhsm.module).reinitialize()  # a module that was pulled and put back
    assert signed_by(keys) == 2
    pin.write_text("9999-9999")
    pkcs11.lib(softhsm.module).reinitialize()
    with pytest.raises(KeyStoreAway):
        signed_by(keys)
    pin.write_text(PIN)
    assert signed_by(keys) == 2


def test_module_that_was_lost_once_is_not_initialized_for_each_signature(
    softhsm: SoftHsm, named: Path
) -> None:
    keys = read_held(named)
    module = pkcs11.lib(softhsm.module)
    module.reinitialize()
    assert signed_by(keys) == 2
    token = module.get_token(token_label=named.stem)
    with token.open() as bystander:  # of this process; a further initialization would end it
        assert signed_by(keys) == 2
        assert signed_by(keys) == 2
        assert list(bystander.get_objects())


def test_refused_pin_is_not_tried_again(softhsm: SoftHsm, named: Path, pin: Path) -> None:
    """A token locks itself after a few; SoftHSM tells by a flag that one was wrong."""
    keys = read_held(named)
    module = pkcs11.lib(softhsm.module)
    pin.write_text("9999-9999")
    module.reinitialize()
    with pytest.raises(KeyStoreAway, match="PinIncorrect"):
        signed_by(keys)
    token = module.get_token(token_label=named.stem)
    with token.open(user_pin=PIN):
        for _ in range(3):
            with pytest.raises(KeyStoreAway, match="PinIncorrect"):
                signed_by(keys)
    pin.write_text(PIN)
    assert signed_by(keys) == 2


def test_gateway_that_does_not_seal_calls_no_key_destroyed(named: Path, tmp_path: Path) -> None:
    shared = tmp_path / "keys"
    assert CLI.invoke(app, ["init", str(shared), "--held", str(named)]).exit_code == 0
    assert mounted_keys(shared, writes=True, seals=False).in_force().held


async def test_records_go_on_while_the_module_is_away(
    softhsm: SoftHsm, named: Path, pin: Path, tmp_path: Path
) -> None:
    shared, kept = tmp_path / "keys", KeptInFile(tmp_path / "data")
    assert CLI.invoke(app, ["init", str(shared), "--held", str(named)]).exit_code == 0
    kept.prepare()
    keys = mounted_keys(shared, writes=True, seals=True)
    options = LedgerOptions(disk_reserve_bytes=0, seal_seconds=0.05, unsealed_limit=10_000)
    async with kept.database() as database, Ledger(options, database, keys) as ledger:
        await record(ledger)
        pin.write_text("9999-9999")
        pkcs11.lib(softhsm.module).reinitialize()
        await record(ledger)
        await asyncio.sleep(0.5)
        state = await ledger.state()
        assert state.healthy
        assert state.unsealed > 0
        pin.write_text(PIN)
        async with asyncio.timeout(20):
            while (await ledger.state()).unsealed:
                await asyncio.sleep(0.05)
    assert verify_log(kept.data_dir, Trust.read(shared / "trust.json")).problem is None
