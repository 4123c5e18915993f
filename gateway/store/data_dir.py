"""The data directory of one process: created private, and locked for as long as it is served.

The lock is the kernel's (flock), so a killed process leaves none behind. The file's text only tells
people who holds it.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from gateway.store.errors import DataDirectoryBusy, DataDirectoryUnusable

LOCK_NAME = "lock"


class DataDirectoryLock:
    """Holds a data directory for this process; a context manager.

    Raises:
        DataDirectoryBusy: on entering, when another process holds it.
        DataDirectoryUnusable: on entering, when it cannot be created or locked.
    """

    def __init__(self, directory: Path, name: str = LOCK_NAME) -> None:
        self._directory = directory
        self._name = name
        self._held = ExitStack()

    def __enter__(self) -> Self:
        path = self._directory / self._name
        with ExitStack() as stack:
            try:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            except BlockingIOError:
                raise DataDirectoryBusy(self._directory, _holder(path)) from None
            except OSError as error:
                raise DataDirectoryUnusable(self._directory, error) from None
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()


@contextmanager
def passing_folder(directory: Path, name: str) -> Iterator[Path]:
    """A folder for this process's owner alone, for what must not stay: it goes with the block, and
    what a killed process left of one goes before. One of a name at a time.

    Raises:
        DataDirectoryBusy: on entering, another process has one of this name.
        DataDirectoryUnusable: on entering, it cannot be locked.
        OSError: on entering, it cannot be made, or what was left not be removed.
    """
    prefix = f".{name}-"
    with DataDirectoryLock(directory, f"{name}.lock"):
        for left in directory.glob(f"{prefix}*"):
            shutil.rmtree(left)
        with TemporaryDirectory(prefix=prefix, dir=directory) as made:
            yield Path(made)


def is_held(directory: Path, name: str = LOCK_NAME) -> bool:
    """Whether a living process holds this directory's lock; creates and changes nothing."""
    try:
        descriptor = os.open(directory / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _holder(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
