"""The notes of the running demos, and where they are kept."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from gateway.demo.instance import DEMO, LOCK_NAME, Instance, NoInstance, find_instance, notes
from gateway.settings import state_home
from gateway.store.data_dir import DataDirectoryLock

Start = Callable[[str], tuple[Instance, ExitStack]]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def start(tmp_path: Path, state: Path) -> Iterator[Start]:
    """Starts a demo as far as others can see: its lock, its provider's port, its note."""
    numbers = count(1)
    with ExitStack() as all_of_them:

        def started(name: str) -> tuple[Instance, ExitStack]:
            held = all_of_them.enter_context(ExitStack())
            (tmp_path / name / DEMO).mkdir(parents=True, exist_ok=True)
            held.enter_context(DataDirectoryLock(tmp_path / name, LOCK_NAME))
            port = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            one = Instance(
                data_dir=str(tmp_path / name),
                port=1,
                provider_port=port,
                pid=os.getpid(),
                started_ns=next(numbers),
            )
            one.announce()
            return one, held

        yield started


def test_most_recent_demo_is_found_and_each_by_its_directory(tmp_path: Path, start: Start) -> None:
    first, second = start("a")[0], start("b")[0]
    assert find_instance(None) == second
    assert find_instance(tmp_path / "a") == first
    assert len(list(notes().iterdir())) == 2
    assert all(note.stat().st_mode & 0o077 == 0 for note in notes().iterdir())


def test_the_other_demo_is_found_when_the_recent_one_has_stopped(start: Start) -> None:
    (first, _), (second, held) = start("a"), start("b")
    second.withdraw()
    held.close()
    second.withdraw()
    assert find_instance(None) == first


def test_killed_demo_is_not_found(tmp_path: Path, start: Start) -> None:
    (first, first_held), (_, held) = start("a"), start("b")
    held.close()  # as kill -9 leaves it: the note stays, the lock does not
    assert find_instance(None) == first
    with pytest.raises(NoInstance, match="gwanmun up"):
        find_instance(tmp_path / "b")
    first_held.close()
    with pytest.raises(NoInstance, match="no running demo"):
        find_instance(None)


def test_demo_whose_process_is_gone_is_not_found(start: Start) -> None:
    one, _ = start("a")
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    replace(one, pid=done.pid).announce()
    with pytest.raises(NoInstance):
        find_instance(None)


def test_demo_whose_provider_does_not_answer_is_told(start: Start) -> None:
    one, _ = start("a")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    replace(one, provider_port=port).announce()
    with pytest.raises(NoInstance, match="답하지 않습니다"):
        find_instance(None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"data_dir": 1}',
        b"\xff",
        b'{"data_dir":"/","port":1,"provider_port":1,"pid":"1","started_ns":9}',
    ],
)
def test_note_that_cannot_be_read_is_none(start: Start, state: Path, content: bytes) -> None:
    notes().mkdir(parents=True)
    (notes() / "broken.json").write_bytes(content)
    with pytest.raises(NoInstance):
        find_instance(None)
    one, _ = start("a")
    assert find_instance(None) == one


def test_demo_runs_without_a_place_for_its_note(tmp_path: Path, state: Path, start: Start) -> None:
    state.write_text("a file stands in the way")
    one, _ = start("a")
    assert find_instance(tmp_path / "a") == one
    one.withdraw()


def test_state_stands_where_the_user_keeps_it(tmp_path: Path) -> None:
    home = str(tmp_path)
    own = Path(tempfile.gettempdir()) / f"gwanmun-{os.getuid()}"
    assert state_home({"XDG_STATE_HOME": "/x/state", "HOME": home}) == Path("/x/state")
    assert state_home({"XDG_STATE_HOME": "relative", "HOME": home}) == tmp_path / ".local/state"
    assert state_home({"HOME": home}) == tmp_path / ".local/state"
    assert state_home({"HOME": str(tmp_path / "gone")}) == own
    assert state_home({}) == own
