"""The one directory in which fetched and built parts are kept between runs.

`GWANMUN_TEST_CACHE` names it; without it, `$XDG_CACHE_HOME/gwanmun` or `~/.cache/gwanmun`. It may
be deleted at any time: what is missing is fetched or built again.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """The directory, made if it is not there."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(os.environ.get("GWANMUN_TEST_CACHE") or Path(home) / "gwanmun")
    path.mkdir(parents=True, exist_ok=True)
    return path


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; `make` fills a draft of it once, however many ask at a time.

    The name carries the version of what is inside, so that another version is another folder. A
    draft that was not finished never takes the name.
    """
    path = cache_dir() / name
    with alone(name):
        if not path.exists():
            draft = path.with_name(f"{name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            make(draft)
            draft.replace(path)
    return path


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Waits until no other process holds this name; the kernel frees it if the holder dies."""
    with (cache_dir() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
