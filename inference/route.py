"""Step route: which replica gets the call. Pure: it reads a picture of the load, it keeps nothing.

Least in flight first; among equals the one that has served least, so that idle replicas take
turns; then the order of the settings.
"""

from collections.abc import Container, Sequence

from inference.registry import Load
from inference.replica import Replica


def route(loads: Sequence[Load], tried: Container[str]) -> Replica | None:
    """The replica for the next attempt, or None if no untried one is available."""
    open_to_it = [load for load in loads if load.available and load.replica.name not in tried]
    if not open_to_it:
        return None
    return min(open_to_it, key=lambda load: (load.in_flight, load.served)).replica
