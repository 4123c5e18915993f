import os
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.ledger.key_files import write_keys
from gateway.ledger.keys import KeysUnusable, make_keys, mounted_keys, open_keys, rotate_sealer
from gateway.proofs.note import Kind, PrivateKey, open_note, sign_note
from gateway.proofs.trust import Trust
from gateway.store.private_file import is_private


def pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_keys_are_made_once_private_and_pinned(tmp_path: Path) -> None:
    first, again = open_keys(tmp_path), open_keys(tmp_path)
    assert first.writer.private_bytes_raw() == again.writer.private_bytes_raw()
    assert [pem(key) for key in first.sealer] == [pem(key) for key in again.sealer]
    assert len({pem(key) for key in (first.writer, *first.sealer)}) == 3
    kinds = [key.kind for key in first.pins.current]
    assert kinds == [Kind.ED25519, Kind.ECDSA]
    trust = Trust.read(tmp_path / "trust.json")
    assert trust.text() == first.trust().text()
    assert trust.origin == first.origin
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert "PRIVATE" not in (tmp_path / "trust.json").read_text()


def test_two_installations_have_different_origins(tmp_path: Path) -> None:
    assert open_keys(tmp_path / "a").origin != open_keys(tmp_path / "b").origin


def test_a_missing_key_is_not_made_anew_once_it_is_pinned(tmp_path: Path) -> None:
    open_keys(tmp_path)
    (tmp_path / "keys/writer.pem").unlink()
    with pytest.raises(KeysUnusable, match=r"writer\.pem"):
        open_keys(tmp_path)


def test_a_foreign_key_is_refused(tmp_path: Path) -> None:
    open_keys(tmp_path / "a")
    open_keys(tmp_path / "b")
    (tmp_path / "a/keys/sealer.pem").write_bytes((tmp_path / "b/keys/sealer.pem").read_bytes())
    with pytest.raises(KeysUnusable, match=r"trust\.json"):
        open_keys(tmp_path / "a")


@pytest.mark.parametrize("content", [b"", b"not a key", b"\xff" * 100])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    open_keys(tmp_path)
    (tmp_path / "keys/writer.pem").write_bytes(content)
    with pytest.raises(KeysUnusable, match=r"writer\.pem: Ed25519"):
        open_keys(tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    open_keys(tmp_path)
    (tmp_path / "keys/writer.pem").chmod(0o644)
    with pytest.raises(KeysUnusable, match="chmod"):
        open_keys(tmp_path)


def test_keys_show_nothing_private_in_their_repr(tmp_path: Path) -> None:
    keys = open_keys(tmp_path)
    assert "Private" not in repr(keys)


def test_shared_keys_are_made_once_and_then_only_read(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    pins = make_keys(folder)
    with pytest.raises(KeysUnusable, match="keys already"):
        make_keys(folder)
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)
    keys = mounted_keys(folder, writes=True, seals=True)
    assert keys.trust().text() == pins.text()
    assert keys.writer_id in pins.writers
    assert sorted(path.name for path in folder.iterdir()) == [
        "sealer.pem",
        "trust.json",
        "writer.pem",
    ]


def test_shared_keys_are_never_made_by_who_needs_them(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable, match="gwanmun keys init"):
        mounted_keys(tmp_path, writes=True, seals=True)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["writer", "sealer"])
def test_a_process_needs_only_the_key_that_it_uses(tmp_path: Path, name: str) -> None:
    make_keys(tmp_path / "keys")
    (tmp_path / f"keys/{name}.pem").unlink()
    writes, seals = name != "writer", name != "sealer"
    keys = mounted_keys(tmp_path / "keys", writes=writes, seals=seals)
    assert (keys.writer is None, not keys.sealer) == (not writes, not seals)
    with pytest.raises(KeysUnusable, match=rf"{name}\.pem"):
        mounted_keys(tmp_path / "keys", writes=True, seals=True)


def test_a_shared_key_of_another_installation_is_refused(tmp_path: Path) -> None:
    make_keys(tmp_path / "a")
    make_keys(tmp_path / "b")
    (tmp_path / "a/writer.pem").write_bytes((tmp_path / "b/writer.pem").read_bytes())
    with pytest.raises(KeysUnusable, match=r"trust\.json"):
        mounted_keys(tmp_path / "a", writes=True, seals=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user, which only root may")
def test_a_key_that_somebody_else_mounts_may_be_read_by_our_group(tmp_path: Path) -> None:
    """As Kubernetes mounts secrets: owned by root, readable by the process's group."""
    path = tmp_path / "key"
    path.touch()
    for owner, mode, private in ((1, 0o440, True), (1, 0o444, False), (0, 0o440, False)):
        os.chown(path, owner, 0)
        path.chmod(mode)
        assert is_private(path) is private


def test_pins_of_an_installation_with_one_key_go_on_with_it(tmp_path: Path) -> None:
    """An earlier version made no P-256 key: nothing is made beside what is pinned."""
    first = open_keys(tmp_path / "a")
    (tmp_path / "b").mkdir()
    write_keys(tmp_path / "b/sealer.pem", first.sealer[:1])
    write_keys(tmp_path / "b/writer.pem", [first.writing_key])
    trust = replace(first.pins, generations=(first.pins.current[:1],))
    (tmp_path / "b/trust.json").write_text(trust.text())
    keys = mounted_keys(tmp_path / "b", writes=True, seals=True)
    assert [key.kind for key in keys.pins.current] == [Kind.ED25519]
    assert len(keys.sealing_keys) == 1


def test_rotated_keys_follow_from_the_first_pins_and_the_old_ones_are_gone(
    tmp_path: Path,
) -> None:
    first, pins = open_keys(tmp_path), tmp_path / "trust.json"
    for number in (1, 2):
        old = open_keys(tmp_path)
        trust = rotate_sealer(tmp_path / "keys", pins)
        new = open_keys(tmp_path)
        assert (trust.text(), len(trust.rotations)) == (new.pins.text(), number)
        assert not {pem(key) for key in old.sealer} & {pem(key) for key in new.sealer}
        assert (new.origin, new.writer_id) == (first.origin, first.writer_id)
        assert not (tmp_path / "keys/sealer.next.pem").exists()
    followed = first.pins.followed(new.pins.rotations)
    note = sign_note("text\n", new.origin, *new.sealing_keys)
    assert followed.generation(s.key for s in open_note(note, followed.keys).signatures) == 2
    assert followed.generation(first.pins.current) == 0


def test_crash_amid_a_rotation_needs_only_another(tmp_path: Path) -> None:
    """1. Before the pins name the new keys, the old ones go on. 2. After, the next call ends it."""
    folder, pins = tmp_path / "keys", tmp_path / "trust.json"
    open_keys(tmp_path)
    before = pins.read_bytes(), (folder / "sealer.pem").read_bytes()
    rotate_sealer(folder, pins)
    after = pins.read_bytes(), (folder / "sealer.pem").read_bytes()

    (folder / "sealer.next.pem").write_bytes(after[1])
    (folder / "sealer.next.pem").chmod(0o600)
    pins.write_bytes(before[0])
    (folder / "sealer.pem").write_bytes(before[1])
    assert len(open_keys(tmp_path).pins.rotations) == 0

    pins.write_bytes(after[0])
    with pytest.raises(KeysUnusable, match="gwanmun keys rotate"):
        open_keys(tmp_path)
    assert rotate_sealer(folder, pins).text().encode() == after[0]
    assert len(open_keys(tmp_path).pins.rotations) == 1


def test_foreign_keys_are_not_rotated(tmp_path: Path) -> None:
    open_keys(tmp_path / "a")
    open_keys(tmp_path / "b")
    (tmp_path / "a/keys/sealer.pem").write_bytes((tmp_path / "b/keys/sealer.pem").read_bytes())
    before = (tmp_path / "a/trust.json").read_text()
    with pytest.raises(KeysUnusable, match=r"trust\.json"):
        rotate_sealer(tmp_path / "a/keys", tmp_path / "a/trust.json")
    assert (tmp_path / "a/trust.json").read_text() == before
