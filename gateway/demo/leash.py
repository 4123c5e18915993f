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
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # SIGKILL, because a parent that was killed cannot follow up on a gentler wish; every
        # process here is built to die at any time.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):  # it died before the wish was made
            raise SystemExit(1)
    os.execv(command[0], command)  # noqa: S606 the supervisor's own command, no shell


if __name__ == "__main__":
    main()
