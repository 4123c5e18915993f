"""How far this machine's clock may be from true time, as its kernel's discipline (NTP) knows it.

Source: adjtimex(2) of Linux, asked and never set: `status` with STA_UNSYNC and STA_NANO, `offset`,
`maxerror`. A kernel that nobody disciplines says so; another system than Linux says nothing.
"""

import ctypes
import sys
import time
from typing import Final, NamedTuple

_SECONDS: Final = 10.0  # how long an answer is believed
_STA_UNSYNC, _STA_NANO = 0x0040, 0x2000


class ClockState(NamedTuple):
    """Whether the clock is disciplined, by how much it is still off, and at most; microseconds."""

    synchronised: bool
    offset_us: int
    error_us: int


class _Timex(ctypes.Structure):
    """The first members of `struct timex`; what follows is only room for the kernel's own."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


class OsClock:
    """Asks the kernel at most every ten seconds."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._state: ClockState | None = None
        self._until = 0.0

    def state(self) -> ClockState | None:
        """How the clock is; None where the system does not tell."""
        now = time.monotonic()
        if now >= self._until:
            self._state, self._until = self._ask(), now + _SECONDS
        return self._state

    def _ask(self) -> ClockState | None:
        if self._libc is None:
            return None
        found = _Timex()
        if self._libc.adjtimex(ctypes.byref(found)) < 0:
            return None
        offset = found.offset // 1_000 if found.status & _STA_NANO else found.offset
        return ClockState(not found.status & _STA_UNSYNC, offset, found.maxerror)
