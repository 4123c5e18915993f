"""Starts a command that cannot outlive whoever started it, not even after `kill -9`.

`python -m gateway.demo.leash PARENT_PID COMMAND …` asks the kernel to kill this process when its
parent dies, then becomes the command. The wish survives execve (prctl(2), PR_SET_PDEATHSIG). Where
there is no such call (not Linux) the command starts without it.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def main() -> None:
    """Ties this process to its parent and becomes the command."""
    parent, *command = sys.argv[1:]
    # SIGKILL, because a parent that was killed cannot follow up on a gentler wish; every
    # process here is built to die at any time.
    die_with_parent(signal.SIGKILL)
    if sys.platform == "linux" and os.getppid() != int(parent):  # it died before the wish was made
        raise SystemExit(1)
    try:
        os.execv(command[0], command)  # noqa: S606 the supervisor's own command, no shell
    except OSError as error:
        raise SystemExit(f"{command[0]}: {error.strerror}") from None


def die_with_parent(number: signal.Signals) -> None:
    """Asks the kernel for this signal when the parent dies; the last wish counts."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


if __name__ == "__main__":
    main()
