"""./run --setup for real, in fresh checkouts: whole, quick the second time, interrupted, offline.

Slow: each makes an environment of its own from the locks, and needs the package index (or pip's
settings for an internal one) as `./run` does.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("up", "serve", "redact", "audit", "config", "doctor", "migrate", "demo")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What git tracks of this checkout, as it stands now, under a path with a space."""
    place = tmp_path / "새 폴더"
    listing = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    return place


def setup(checkout: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "run"), "--setup"],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_setup_gives_every_command_what_it_needs(checkout: Path) -> None:
    done = setup(checkout)
    assert done.returncode == 0, done.stderr
    assert "설치가 끝났습니다" in done.stdout
    for command in COMMANDS:
        gwanmun = [str(checkout / ".venv/bin/gwanmun"), command, "--help"]
        helped = subprocess.run(gwanmun, cwd=checkout, capture_output=True, text=True)
        assert helped.returncode == 0, f"{command}: {helped.stderr}"


def test_second_setup_changes_nothing_and_takes_a_moment(checkout: Path) -> None:
    assert setup(checkout).returncode == 0
    stamp = (checkout / ".venv/gwanmun-stamp").stat().st_mtime_ns
    began = time.monotonic()
    again = setup(checkout)
    assert again.returncode == 0
    assert time.monotonic() - began < 3
    assert "[1/3]" not in again.stderr
    assert (checkout / ".venv/gwanmun-stamp").stat().st_mtime_ns == stamp


def test_setup_after_a_kill_makes_a_whole_environment(checkout: Path) -> None:
    first = subprocess.Popen(
        [str(checkout / "run"), "--setup"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert first.stderr is not None
    while b"[2/3]" not in (line := first.stderr.readline()):
        assert line, "ended before its second step"
    os.killpg(first.pid, signal.SIGKILL)
    first.stderr.close()
    first.wait()
    assert not (checkout / ".venv/gwanmun-stamp").exists()
    assert setup(checkout).returncode == 0
    whole = [str(checkout / ".venv/bin/python"), "-c", "import gateway.app, presidio_analyzer"]
    assert subprocess.run(whole, cwd=checkout).returncode == 0


def test_setup_without_an_index_says_how_to_go_on(checkout: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(empty), "PIP_NO_CACHE_DIR": "1"}
    done = setup(checkout, **nowhere)
    assert done.returncode == 1
    assert "PIP_FIND_LINKS" in done.stderr
    assert "requirements/README.md" in done.stderr
    assert "Traceback" not in done.stderr
