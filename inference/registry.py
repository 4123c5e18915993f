"""The live state of one model's replicas: calls in flight, and which replica must rest.

A replica that fails several calls in a row rests for a time that doubles with every rest. When
the rest is over one call may try it; only a first part from it lets others in again. All in one
event loop: nothing here waits or locks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inference.replica import Replica

# A replica that just restarts (an engine loads its model for minutes) is tried about twice a
# minute; one that stumbled is back after a second.
FAILURES_TO_REST = 3
FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 30.0


class Load(NamedTuple):
    """One replica as route sees it. `served` counts the calls that it was ever given."""

    replica: Replica
    in_flight: int
    served: int
    available: bool


@dataclass(slots=True)
class _State:
    in_flight: int = 0
    served: int = 0
    failures: int = 0
    rests: int = 0
    resting_until: float = 0.0
    probing: bool = False

    def available(self, now: float) -> bool:
        return self.failures < FAILURES_TO_REST or (now >= self.resting_until and not self.probing)


class Registry:
    """Counts calls and failures of a model's replicas; `clock` gives seconds that never go back.

    The order for one call is begin, then perhaps answered, then exactly one of succeeded, failed
    and left, which ends it.
    """

    def __init__(self, replicas: Sequence[Replica], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._states = {replica.name: (replica, _State()) for replica in replicas}

    def loads(self) -> tuple[Load, ...]:
        """All replicas in the order of the settings."""
        now = self._clock()
        return tuple(
            Load(replica, state.in_flight, state.served, state.available(now))
            for replica, state in self._states.values()
        )

    def begin(self, replica: Replica) -> None:
        """A call is about to be sent."""
        state = self._state(replica)
        state.in_flight += 1
        state.served += 1
        state.probing = state.failures >= FAILURES_TO_REST

    def answered(self, replica: Replica) -> None:
        """The call's first part has come: others may use the replica, one failure ends that."""
        state = self._state(replica)
        state.probing = False
        state.failures = min(state.failures, FAILURES_TO_REST - 1)

    def succeeded(self, replica: Replica) -> None:
        """The call has ended well: the replica's past is forgotten."""
        state = self._end(replica)
        state.failures = state.rests = 0

    def failed(self, replica: Replica) -> None:
        """The call has ended by the replica's fault.

        Calls that fail while it rests already do not make the rest longer: they began before.
        """
        state = self._end(replica)
        state.failures += 1
        now = self._clock()
        if state.failures >= FAILURES_TO_REST and now >= state.resting_until:
            rest = FIRST_REST_SECONDS * 2.0**state.rests
            state.resting_until = now + min(rest, LONGEST_REST_SECONDS)
            state.rests = min(state.rests + 1, 16)

    def left(self, replica: Replica) -> None:
        """The call was given up by its caller, or failed by itself: the replica is not to blame."""
        self._end(replica)

    def _end(self, replica: Replica) -> _State:
        state = self._state(replica)
        state.in_flight -= 1
        state.probing = False
        return state

    def _state(self, replica: Replica) -> _State:
        return self._states[replica.name][1]
