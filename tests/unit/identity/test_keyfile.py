"""Key files: made once, whole, and private."""

import subprocess
import threading
from pathlib import Path

import pytest

from gateway.identity.keyfile import KeyFileError, read_key, read_or_create_key


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "session.key"
    key = read_or_create_key(path)
    assert len(key) == 32
    assert read_or_create_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["session.key"]


def test_key_of_many_starters_is_the_same(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(read_or_create_key(tmp_path / "k")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1


@pytest.mark.parametrize(("mode", "size"), [(0o644, 32), (0o600, 31)], ids=["readable", "cut"])
def test_unfit_key_file_is_refused_without_its_content(
    tmp_path: Path, mode: int, size: int
) -> None:
    path = tmp_path / "k"
    path.write_bytes(b"s" * size)
    path.chmod(mode)
    with pytest.raises(KeyFileError) as refused:
        read_or_create_key(path)
    assert "sss" not in str(refused.value)


def test_key_that_earlier_versions_did_not_have_is_told_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "subjects.key"
    with pytest.raises(KeyFileError) as refused:
        read_key(path)
    mend = str(refused.value).splitlines()[1].split("`")[1]
    subprocess.run(["/bin/sh", "-c", mend], check=True)
    assert len(read_key(path)) == 32
