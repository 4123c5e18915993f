from pathlib import Path

import pytest

from gateway.ledger.keys import KeysUnusable, open_keys
from gateway.proofs.trust import Trust


def test_keys_are_made_once_private_and_pinned(tmp_path: Path) -> None:
    first, again = open_keys(tmp_path), open_keys(tmp_path)
    assert first.writer.private_bytes_raw() == again.writer.private_bytes_raw()
    assert first.sealer.private_bytes_raw() == again.sealer.private_bytes_raw()
    assert first.writer.private_bytes_raw() != first.sealer.private_bytes_raw()
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
