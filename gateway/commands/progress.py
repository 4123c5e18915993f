"""How far a long command has come, on a terminal and nowhere else.

One line on standard error that is written over; nothing where that is no terminal, or where the
results themselves are shown on one.
"""

import time
from collections.abc import Callable
from typing import TextIO

_CELLS = 24
_LEAST_SECONDS = 0.1


class Progress:
    """`total` is the input's size in bytes, None where it is not known.

    `shown` says whether there is a terminal to write to; `clock` gives seconds.
    """

    def __init__(
        self,
        out: TextIO,
        total: int | None,
        *,
        shown: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out, self._total, self._shown, self._clock = out, total, shown, clock
        self._texts = self._bytes = 0
        self._last: float | None = None

    def advance(self, size: int) -> None:
        """One more text of so many bytes is done; written at most ten times a second."""
        self._texts += 1
        self._bytes += size
        if not self._shown:
            return
        now = self._clock()
        if self._last is None or now - self._last >= _LEAST_SECONDS:
            self._last = now
            self._write()

    def end(self) -> None:
        """Leaves the line as it was last, and begins the next."""
        if self._shown and self._last is not None:
            self._write()
            self._out.write("\n")
            self._out.flush()

    def _write(self) -> None:
        done = f"{self._texts:,}건"
        if self._total:
            share = min(self._bytes / self._total, 1.0)
            filled = int(share * _CELLS)
            done = f"[{'#' * filled}{'.' * (_CELLS - filled)}] {share:4.0%} {done}"
        self._out.write(f"\r{done}")
        self._out.flush()
