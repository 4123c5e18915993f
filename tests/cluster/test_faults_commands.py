"""Commands on a disk that is full: they end with words that say so, and what they began is made."""

import errno
import subprocess
from pathlib import Path

import pytest
from parts.faults import Faults
from ports import free_ports
from serve import GWANMUN, gwanmun, write_config

NOWHERE = "http://127.0.0.1:9"


class Full:
    """A disk below one folder that is full from a command's n-th write on."""

    def __init__(self, library: Path, folder: Path) -> None:
        self._library = library
        self.data = folder / "data"
        self.faults = Faults(folder / "plan")

    def run(self, number: int, *words: str | Path) -> subprocess.CompletedProcess[str]:
        self.faults.fail(number, errno.ENOSPC)
        environ = self.faults.environ(self._library, self.data)
        command = [GWANMUN, *map(str, words)]
        try:
            return subprocess.run(
                command, env=environ, capture_output=True, text=True, timeout=100, check=False
            )
        finally:
            self.faults.heal()


@pytest.fixture
def full(faulty_library: Path, tmp_path: Path) -> Full:
    return Full(faulty_library, tmp_path)


@pytest.mark.parametrize(
    ("number", "says"),
    [(1, "디스크에 빈 공간이 없습니다"), (3, "빈 공간을")],
    ids=["its lock", "its first record"],
)
def test_start_on_a_full_disk_says_what_to_look_at(
    full: Full, tmp_path: Path, number: int, says: str
) -> None:
    port = free_ports(2)
    server = {"port": port, "internal_port": port + 1}
    config = write_config(tmp_path, NOWHERE, NOWHERE, server=server)
    assert gwanmun("migrate", "--config", config).returncode == 0
    done = full.run(number, "serve", "--config", config)
    assert full.faults.failed
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [3, 30, 80])
def test_migration_that_was_cut_off_is_made_whole_by_the_next(full: Full, number: int) -> None:
    cut = full.run(number, "migrate", "--data", full.data)
    assert full.faults.failed
    assert cut.returncode == 2
    assert "Traceback" not in cut.stderr
    again = gwanmun("migrate", "--data", full.data)
    assert again.returncode == 0, again.stderr
    assert "none →" in again.stdout
