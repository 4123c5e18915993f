"""`gwanmun keys init`: a whole set of keys, private, made once."""

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.identity.keyfile import NAMES, read_key
from gateway.ledger.keys import mounted_keys, open_keys
from gateway.proofs.trust import Trust
from gateway.store.data_dir import DataDirectoryLock


def init(folder: Path) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["keys", "init", str(folder)])
    return ended.value.code


def test_keys_init_makes_a_whole_set_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    assert init(folder) == 0
    assert str(folder / "trust.json") in capsys.readouterr().out
    pins = Trust.read(folder / "trust.json")
    assert mounted_keys(folder, writes=True, seals=True).trust().text() == pins.text()
    assert len({read_key(folder / name) for name in NAMES}) == len(NAMES)
    secret = [path for path in folder.iterdir() if path.name != "trust.json"]
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert init(folder) == 2
    assert "이미 키가 있습니다" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def run(*words: object) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["keys", *map(str, words)])
    return ended.value.code


def test_keys_of_a_shared_folder_are_listed_and_rotated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    assert init(folder) == 0
    first = Trust.read(folder / "trust.json")
    assert run("rotate", folder) == 0
    capsys.readouterr()
    assert run("list", folder) == 0
    shown = capsys.readouterr().out
    after = Trust.read(folder / "trust.json")
    assert first.origin == after.origin
    for key in after.keys:
        assert str(key) in shown
    assert (shown.count("지금"), shown.count("지난")) == (2, 2)
    assert "PRIVATE" not in shown
    assert mounted_keys(folder, writes=True, seals=True).pins.text() == after.text()


def test_keys_in_use_and_keys_that_are_not_there_are_not_rotated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_keys(tmp_path / "data")
    before = (tmp_path / "data/trust.json").read_text()
    with DataDirectoryLock(tmp_path / "data"):
        assert run("rotate", tmp_path / "data") == 2
    assert "in use by another process" in capsys.readouterr().err
    assert (tmp_path / "data/trust.json").read_text() == before
    for word in ("rotate", "list"):
        assert run(word, tmp_path / "nothing") == 2
        assert "trust.json" in capsys.readouterr().err
