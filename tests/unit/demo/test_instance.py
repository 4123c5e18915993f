"""The pointer to the running demo, and where it is kept."""

import os
import tempfile
from pathlib import Path

import pytest

from gateway.demo.instance import DEMO, Instance, NoInstance, find_instance, pointer
from gateway.settings import state_home


def instance(data_dir: Path, pid: int = 1) -> Instance:
    (data_dir / DEMO).mkdir(parents=True, exist_ok=True)
    return Instance(data_dir=str(data_dir), port=1, provider_port=2, pid=pid)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_most_recent_demo_is_found_and_each_by_its_directory(tmp_path: Path, state: Path) -> None:
    first, second = instance(tmp_path / "a"), instance(tmp_path / "b")
    first.announce()
    second.announce()
    assert pointer() == state / "gwanmun" / "running.json"
    assert find_instance(None) == second
    assert find_instance(tmp_path / "a") == first
    assert pointer().stat().st_mode & 0o077 == 0


def test_demo_withdraws_only_its_own_pointer(tmp_path: Path, state: Path) -> None:
    first, second = instance(tmp_path / "a"), instance(tmp_path / "b")
    first.announce()
    second.announce()
    first.withdraw()
    assert find_instance(None) == second
    second.withdraw()
    second.withdraw()
    with pytest.raises(NoInstance, match="gwanmun up"):
        find_instance(None)
    assert find_instance(tmp_path / "b") == second


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"data_dir": 1}', b"\xff"])
def test_pointer_that_cannot_be_read_is_none(tmp_path: Path, state: Path, content: bytes) -> None:
    pointer().parent.mkdir(parents=True)
    pointer().write_bytes(content)
    with pytest.raises(NoInstance):
        find_instance(None)
    instance(tmp_path / "a").announce()
    assert find_instance(None).data_dir == str(tmp_path / "a")


def test_demo_runs_without_a_place_for_its_pointer(tmp_path: Path, state: Path) -> None:
    state.write_text("a file stands in the way")
    one = instance(tmp_path / "a")
    one.announce()
    one.withdraw()
    assert find_instance(tmp_path / "a") == one


def test_state_stands_where_the_user_keeps_it(tmp_path: Path) -> None:
    home = str(tmp_path)
    own = Path(tempfile.gettempdir()) / f"gwanmun-{os.getuid()}"
    assert state_home({"XDG_STATE_HOME": "/x/state", "HOME": home}) == Path("/x/state")
    assert state_home({"XDG_STATE_HOME": "relative", "HOME": home}) == tmp_path / ".local/state"
    assert state_home({"HOME": home}) == tmp_path / ".local/state"
    assert state_home({"HOME": str(tmp_path / "gone")}) == own
    assert state_home({}) == own
