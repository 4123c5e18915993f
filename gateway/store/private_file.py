"""Files of which no half may ever be seen: written whole, and private enough to be used."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_GROUP: Final = 0o070
_OTHERS: Final = 0o007


def is_private(path: Path) -> bool:
    """Nobody but its owner may read it, and the group only where the owner is somebody else.

    So a file that an orchestrator mounts, owned by root and readable by our group, may be used.

    Raises:
        OSError: the file is not there.
    """
    found = path.stat()
    forbidden = _OTHERS | _GROUP if found.st_uid == os.geteuid() else _OTHERS
    return not found.st_mode & forbidden


def create(path: Path, mode: int = 0o600) -> BinaryIO:
    """A new file, open for writing, for its owner alone.

    Raises:
        OSError: it is there already, or cannot be made.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    return os.fdopen(descriptor, "wb")


@contextmanager
def held(path: Path) -> Iterator[None]:
    """An empty file for its owner alone, which is this process's while the block runs: the kernel
    keeps it so (flock), and a killed process leaves one that the next may have.

    Raises:
        FileExistsError: on entering, another process has it, or it is not ours alone.
        OSError: on entering, it cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        _take(descriptor, path)
        os.ftruncate(descriptor, 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    taken = FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        named = path.lstat()
    except (BlockingIOError, FileNotFoundError):
        raise taken from None
    found = os.fstat(descriptor)
    ours = found.st_uid == os.geteuid() and found.st_nlink == 1 and not found.st_mode & 0o077
    if not ours or not os.path.samestat(found, named):
        raise taken


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """The whole file or the one before it, and durable once this returns.

    Raises:
        OSError: it cannot be written.
    """
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with create(draft, mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes what was renamed or removed in a folder durable.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
