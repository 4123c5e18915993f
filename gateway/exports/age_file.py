"""Files encrypted to a public key whose private half stays offline: age (age-encryption.org/v1).

What is written here the `age` program opens, and the other way round. Recipients (`age1…`) and
identities (`AGE-SECRET-KEY-1…`) stand in files as that program writes them: one a line, `#` begins
a remark.
"""

import errno
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

import pyrage

_MOST_BYTES = 64 * 1024  # of a file with keys
_PIECE_BYTES = 1 << 20
Result = TypeVar("Result")


class AgeUnusable(Exception):
    """A key's file, or an encrypted one, cannot be used; says why in two languages."""

    def __init__(self, path: Path, korean: str, english: str) -> None:
        super().__init__(f"{path}: {korean}.\n{path}: {english}.")


def new_identity() -> tuple[str, str]:
    """A new key pair: the identity's file and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    return f"# public key: {recipient}\n{identity}\n", recipient


def read_recipients(path: Path) -> list[pyrage.x25519.Recipient]:
    """To whom to encrypt.

    Raises:
        AgeUnusable: the file holds none, or a private key.
    """
    lines = _lines(path)
    if any(line.startswith("AGE-SECRET-KEY-") for line in lines):
        raise AgeUnusable(
            path,
            "비밀 키입니다. 이 기계에 두지 말고 공개 키(age1…)만 두십시오",
            "is a private key, which must stay offline; only the public one (age1…) belongs here",
        )
    try:
        found = [pyrage.x25519.Recipient.from_str(line) for line in lines]
    except pyrage.RecipientError:
        found = []
    if not found:
        raise AgeUnusable(path, "age의 공개 키가 아닙니다", "holds no public key of age")
    return found


def read_identities(path: Path) -> list[pyrage.x25519.Identity]:
    """What opens.

    Raises:
        AgeUnusable: the file holds none.
    """
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in _lines(path)]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise AgeUnusable(path, "age의 비밀 키가 아닙니다", "holds no private key of age")
    return found


def encrypt(
    write: Callable[[BinaryIO], None], file: BinaryIO, to: Sequence[pyrage.x25519.Recipient]
) -> None:
    """Encrypts what `write` writes into the file it is given; no plain text touches a disk.

    Raises:
        OSError: it cannot be written.
    """
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(_closing, write, writing)
        with os.fdopen(reading, "rb") as source:
            sink = _Sink(file)
            try:
                pyrage.encrypt_io(source, sink, to)
            except pyrage.EncryptError as error:
                raise (sink.failed or OSError(errno.EIO, str(error))) from None
            if sink.failed:
                raise sink.failed
        written.result()


def decrypt(
    path: Path, identities: Sequence[pyrage.x25519.Identity], read: Callable[[BinaryIO], Result]
) -> Result:
    """Gives what the file holds to `read`; only once this returns, all of it is known to be whole.

    Raises:
        AgeUnusable: it is not for these identities, was changed, or has lost its end.
        OSError: it cannot be read.
    """

    def write(target: BinaryIO) -> None:
        with path.open("rb") as file:
            try:
                pyrage.decrypt_io(file, target, identities)
            except (pyrage.DecryptError, OSError):
                raise AgeUnusable(
                    path,
                    "이 키로 열 수 없거나, 바뀌었거나, 끝이 잘렸습니다",
                    "cannot be opened with this key, was changed, or has lost its end",
                ) from None

    reading, writing = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(_closing, write, writing)
        try:
            with os.fdopen(reading, "rb") as source:
                try:
                    return read(source)
                finally:  # to the end, whatever was read: what is wrong there comes first
                    while source.read(_PIECE_BYTES):
                        pass
        finally:
            written.result()


class _Sink:
    """A file that remembers that it could not be written: pyrage keeps silent of the last piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failed: OSError | None = None

    def write(self, piece: bytes) -> int:
        """Writes to the file, all of the piece."""
        try:
            return self._file.write(piece)
        except OSError as error:
            self.failed = self.failed or error
            raise

    def flush(self) -> None:
        """The caller's own affair."""


def _closing(write: Callable[[BinaryIO], None], descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as target:
        write(target)


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("ascii")
    except OSError:
        raise AgeUnusable(path, "읽을 수 없습니다", "cannot be read") from None
    except UnicodeDecodeError:
        return []
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
