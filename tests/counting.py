"""Counts the work of plain Python code, so that a test can bound it without a clock.

The unit is an event of the interpreter: a line begun, a round of a loop, a call or a return. What
runs inside one call of C is one event, however long it takes.
"""

import sys
from collections.abc import Callable
from types import FrameType


class TooMuchWork(AssertionError):
    """More events than the test allows; raised at once, so that a regression does not hang."""


def events(action: Callable[[], object], most: int) -> int:
    """How many events `action` takes.

    Raises:
        TooMuchWork: more than `most`.
    """
    seen = 0

    def trace(_frame: FrameType, _event: str, _argument: object) -> object:
        nonlocal seen
        seen += 1
        if seen > most:
            raise TooMuchWork
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return seen
