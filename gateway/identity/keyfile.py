"""Secret keys of this installation: random bytes in files that only their owner can read.

A key of a single process is made when it is first asked for, whole or not at all. Keys that several
processes share were made by `gwanmun keys init` and are only read. A key never leaves the file and
the process.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from gateway import os_words
from gateway.store.private_file import is_private

SESSIONS: Final = "sessions.key"  # authenticates the rows of browser sessions
LOGIN: Final = "login.key"  # authenticates what a login keeps in the browser meanwhile
SALT: Final = "salt.key"  # separates the engines' caches of different principals
SUBJECTS: Final = "subjects.key"  # makes the tokens by which a person's records are found
NAMES: Final = (SESSIONS, LOGIN, SALT, SUBJECTS)


class KeyFileError(Exception):
    """A key file cannot be used. The message names the file and the mend, never its content."""

    def __init__(self, path: Path, korean: str, english: str) -> None:
        super().__init__(f"{path}: {korean}.\n{path}: {english}.")


def read_or_create_key(path: Path, size_bytes: int = 32) -> bytes:
    """The key in `path`, made if there is none; its directory is created with mode 0700.

    Raises:
        KeyFileError: it cannot be read or written, has another size, or others may read it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, secrets.token_bytes(size_bytes))
    except OSError as error:
        raise _unusable(path, error) from None
    return read_key(path, size_bytes)


def read_key(path: Path, size_bytes: int = 32) -> bytes:
    """The key in `path`, which must be there.

    Raises:
        KeyFileError: it cannot be read, has another size, or others may read it.
    """
    try:
        if not is_private(path):
            raise KeyFileError(
                path,
                f"다른 사용자가 읽을 수 있는 키 파일입니다. `chmod 600 {path}`를 실행하십시오",
                f"others may read it; chmod 600 {path}",
            )
        key = path.read_bytes()
    except FileNotFoundError:
        made = f"head -c {size_bytes} /dev/urandom > {path}; chmod 600 {path}"
        raise KeyFileError(
            path,
            "키 파일이 없습니다. 앞선 판의 키라면 한 번 만들어 모든 관문에 같은 것을 주십시오: "
            f"`{made}`",
            "there is no such key file. Where the keys are of an earlier version, make it once and "
            f"give the same to every gateway: `{made}`",
        ) from None
    except OSError as error:
        raise _unusable(path, error) from None
    if len(key) != size_bytes:
        raise KeyFileError(
            path,
            f"키 파일이 {len(key)}바이트입니다. {size_bytes}바이트여야 합니다",
            f"has {len(key)} bytes and must have {size_bytes}",
        )
    return key


def _unusable(path: Path, error: OSError) -> KeyFileError:
    return KeyFileError(
        path,
        f"키 파일을 읽거나 쓸 수 없습니다 ({os_words.korean(error)})",
        os_words.english(error),
    )


def _create(path: Path, content: bytes) -> None:
    """Writes beside the place and links into it: the name appears with its whole content."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was first; its key counts
    finally:
        draft.unlink(missing_ok=True)
