"""Where the running demos are: notes that other commands of the same user follow.

Each `gwanmun up` leaves one note while it runs; the most recent that still runs wins. A note holds
a directory and ports, no secret.
"""

import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from gateway.settings import state_home
from gateway.store.data_dir import is_held

_RECORD: Final = "instance.json"
_ANSWER_SECONDS: Final = 2.0
_HOST: Final = "127.0.0.1"
DEMO: Final = "demo"
KEYCLOAK: Final = "keycloak"
LOCK_NAME: Final = "up.lock"


class NoInstance(Exception):
    """There is no demo to speak to; the message says what to do, in Korean and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One demo: its data directory, the ports of its parts, and since when (Unix nanoseconds).

    `provider` says who issues tokens: DEMO or KEYCLOAK.
    """

    data_dir: str
    port: int
    provider_port: int
    pid: int
    started_ns: int
    provider: str = DEMO

    @property
    def demo_dir(self) -> Path:
        """The demo provider's own directory."""
        return Path(self.data_dir) / DEMO

    @property
    def alive(self) -> bool:
        """Whether its supervisor lives and holds its directory."""
        try:
            os.kill(self.pid, 0)
        except PermissionError:
            pass  # it lives, and is another user's
        except (OSError, OverflowError):
            return False
        return is_held(Path(self.data_dir), LOCK_NAME)

    def announce(self) -> None:
        """Writes the record into the data directory, and the note."""
        content = orjson.dumps(asdict(self))
        _replace(self.demo_dir / _RECORD, content)
        with suppress(OSError):  # no place for a note: `--data` still works
            _replace(self._note, content)

    def withdraw(self) -> None:
        """Removes the note, if it is still this one's."""
        with suppress(OSError, NoInstance):
            if _read(self._note) == self:
                self._note.unlink()

    @property
    def _note(self) -> Path:
        return notes() / f"{sha256(os.fsencode(self.data_dir)).hexdigest()[:32]}.json"


def find_instance(data_dir: Path | None) -> Instance:
    """The running demo in this data directory, or the most recent one that runs and answers.

    Raises:
        NoInstance: there is none.
    """
    if data_dir is not None:
        instance = _read(data_dir.absolute() / DEMO / _RECORD)
        if not instance.alive:
            raise _none(data_dir)
    else:
        running = [instance for instance in _noted() if instance.alive]
        if not running:
            raise _none(notes())
        instance = max(running, key=lambda one: one.started_ns)
    try:
        socket.create_connection((_HOST, instance.provider_port), _ANSWER_SECONDS).close()
    except OSError:
        raise NoInstance(
            f"{instance.data_dir}: 로그인 서버(포트 {instance.provider_port})가 답하지 않습니다. "
            "`gwanmun up`을 다시 실행하십시오.\n"
            f"{instance.data_dir}: the provider (port {instance.provider_port}) does not answer. "
            "Run `gwanmun up` again."
        ) from None
    return instance


def notes() -> Path:
    """The directory of the notes."""
    return state_home() / "gwanmun" / "running"


def _noted() -> list[Instance]:
    found = []
    with suppress(OSError):
        for path in notes().glob("*.json"):
            with suppress(NoInstance):
                found.append(_read(path))
    return found


def _read(path: Path) -> Instance:
    try:
        if path.stat().st_uid != os.getuid():  # the place may be among everyone's temporary files
            raise PermissionError
        fields = orjson.loads(path.read_bytes())
        instance = Instance(**fields)
        numbers = (fields[name] for name in ("pid", "provider_port", "started_ns"))
        if not isinstance(fields["data_dir"], str) or instance.provider not in (DEMO, KEYCLOAK):
            raise ValueError
        if not all(map(_counts, numbers)):
            raise ValueError
        return instance
    except (OSError, ValueError, TypeError):
        raise _none(path) from None


def _counts(value: object) -> bool:
    return isinstance(value, int) and value > 0


def _none(place: Path) -> NoInstance:
    return NoInstance(
        f"{place}: 실행 중인 관문을 찾을 수 없습니다. `gwanmun up`을 먼저 실행하거나 "
        "--data로 데이터 디렉터리를 지정하십시오.\n"
        f"{place}: no running demo found. Run `gwanmun up` first, or name its data directory "
        "with --data."
    )


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.chmod(0o600)
    draft.replace(path)
