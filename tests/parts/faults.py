"""A disk that fails or is slow, and another time of day, below a real process.

A small library (faults.c, compiled when a test asks) stands between the process and its C library:
what SQLite, PostgreSQL and Python write passes through it. A test that needs it is skipped, loudly,
where there is no C compiler.
"""

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("faults.c")
FOREVER = 2**62
_FIELDS = struct.Struct("=7q")  # as struct plan in faults.c
_SEEN, _FAILED, _FIRST, _LAST, _ERROR, _SLOW, _CLOCK = (8 * number for number in range(7))


@pytest.fixture(scope="session")
def faulty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled library."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not Path("/usr/include/dlfcn.h").exists():
        pytest.skip("no C compiler: apt-get install gcc libc6-dev")
    made = tmp_path_factory.mktemp("faults") / "faults.so"
    made.parent.chmod(0o755)
    done = subprocess.run(
        [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", made, SOURCE, "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return made


class Faults:
    """What is wrong below the processes that run with `environ`; the plan may change meanwhile."""

    def __init__(self, plan: Path) -> None:
        self._plan = plan
        if not plan.exists():
            plan.write_bytes(bytes(_FIELDS.size))
            plan.chmod(0o666)
        with plan.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _FIELDS.size)

    def environ(self, library: Path, under: Path) -> dict[str, str]:
        """For a process whose files below a folder are meant; its children have it too."""
        own = {"FAULTS_PLAN": str(self._plan), "FAULTS_UNDER": str(under)}
        return {**os.environ, "LD_PRELOAD": str(library), **own}

    @property
    def seen(self) -> int:
        """How many calls that could fail there have been."""
        return self._get(_SEEN)

    @property
    def failed(self) -> int:
        """How many calls have failed since `fail`."""
        return self._get(_FAILED)

    def fail(self, number: int, error: int, calls: int = FOREVER) -> None:
        """The call of this number from now (1 is the next) fails, and so many from it on."""
        first = self.seen + number
        self._set(_FAILED, 0)
        self._set(_ERROR, error)
        self._set(_LAST, first + calls - 1)
        self._set(_FIRST, first)

    def heal(self) -> None:
        """Nothing fails any more."""
        self._set(_FIRST, 0)

    def slow(self, seconds: float) -> None:
        """Each sync takes so long."""
        self._set(_SLOW, int(seconds * 1_000_000))

    def clock(self, seconds: int) -> None:
        """The time of day is so far from the true one."""
        self._set(_CLOCK, seconds)

    def _get(self, at: int) -> int:
        return int(struct.unpack_from("=q", self._map, at)[0])

    def _set(self, at: int, value: int) -> None:
        struct.pack_into("=q", self._map, at, value)
