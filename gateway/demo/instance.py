"""Where the running demo is: a pointer that other commands of the same user follow.

The most recent `gwanmun up` wins. The pointer holds a directory and ports, no secret.
"""

import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from gateway.settings import state_home

_POINTER: Final = "running.json"
_RECORD: Final = "instance.json"
DEMO: Final = "demo"


class NoInstance(Exception):
    """There is no demo to speak to; the message says what to do, in Korean and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One demo: its data directory and the ports of its parts."""

    data_dir: str
    port: int
    provider_port: int
    pid: int

    @property
    def demo_dir(self) -> Path:
        """The demo provider's own directory."""
        return Path(self.data_dir) / DEMO

    def announce(self) -> None:
        """Writes the record into the data directory and points to it."""
        content = orjson.dumps(asdict(self))
        _replace(self.demo_dir / _RECORD, content)
        with suppress(OSError):  # no place for a pointer: `--data` still works
            _replace(pointer(), content)

    def withdraw(self) -> None:
        """Removes the pointer, if it still points here."""
        with suppress(OSError, NoInstance):
            if _read(pointer()) == self:
                pointer().unlink()


def find_instance(data_dir: Path | None) -> Instance:
    """The demo in this data directory, or the one that the pointer names.

    Raises:
        NoInstance: there is none.
    """
    if data_dir is not None:
        return _read(data_dir.absolute() / DEMO / _RECORD)
    return _read(pointer())


def pointer() -> Path:
    """The pointer's file."""
    return state_home() / "gwanmun" / _POINTER


def _read(path: Path) -> Instance:
    try:
        if path.stat().st_uid != os.getuid():  # the place may be among everyone's temporary files
            raise PermissionError
        return Instance(**orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        raise NoInstance(
            f"{path}: 실행 중인 관문을 찾을 수 없습니다. `gwanmun up`을 먼저 실행하거나 "
            "--data로 데이터 디렉터리를 지정하십시오.\n"
            f"{path}: no running demo found. Run `gwanmun up` first, or name its data directory "
            "with --data."
        ) from None


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(path)
