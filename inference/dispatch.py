"""The bracket of admit, route and stream: a slot, then attempts until one replica has answered.

The only place that retries, and only before the first part of an answer: from then on the answer
is that replica's alone. Nothing is sent before the caller's gate has opened. The order at every
ending is: engine closed, lease released.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from inference.admit import Slots, admit
from inference.client import EngineClient
from inference.deadline import within
from inference.errors import (
    DeadlinePassed,
    EngineFailed,
    InferenceError,
    ModelUnavailable,
)
from inference.registry import Load, Registry
from inference.replica import Model, Replica
from inference.route import route
from inference.stream import Parts, Waits, stream
from inference.task import Part, Task, Usage

# A call that kills engines must not go through all of them.
_MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How long each wait for an engine may last."""

    connect_seconds: float
    queue_seconds: float
    first_part_seconds: float
    between_parts_seconds: float


@dataclass(frozen=True, slots=True)
class _Served:
    """One model at work."""

    slots: Slots
    registry: Registry
    client: EngineClient


class Engines:
    """All models and their replicas at work; an async context manager for one event loop.

    Leaving it closes every connection, also those of calls that still run: let them end before.
    """

    def __init__(self, models: Sequence[Model], options: EngineOptions) -> None:
        self.options = options
        self._models = tuple(models)
        self._served: dict[str, _Served] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        clock = asyncio.get_running_loop().time
        for model in self._models:
            client = EngineClient(model.replicas, connect_seconds=self.options.connect_seconds)
            self._served[model.name] = _Served(
                Slots(model.slots, model.queue_places),
                Registry(model.replicas, clock),
                await self._stack.enter_async_context(client),
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def available(self, model: str) -> bool:
        """Whether some replica of `model` may be tried now; False for an unknown model."""
        return any(load.available for load in self.loads(model))

    def loads(self, model: str) -> tuple[Load, ...]:
        """The replicas of `model` with their load, for observers; empty for an unknown model."""
        served = self._served.get(model)
        return served.registry.loads() if served else ()

    def running(self, model: str) -> int:
        """Slots of `model` that are taken, for observers."""
        served = self._served.get(model)
        return served.slots.running if served else 0

    def waiting(self, model: str) -> int:
        """Calls that wait for a slot of `model`, for observers."""
        served = self._served.get(model)
        return served.slots.waiting if served else 0

    def _of(self, model: str) -> _Served:
        served = self._served.get(model)
        if served is None:
            raise ModelUnavailable
        return served


@asynccontextmanager
async def dispatch(
    task: Task, engines: Engines, *, gate: Awaitable[None], usage: Usage
) -> AsyncIterator[AsyncIterator[Part]]:
    """Gives the answer's parts, in the engine's order, once the first is there: at least one.

    Only `parts` raises EngineFailed and DeadlinePassed inside the block; the answer is then cut.
    The block may be left at any part or cancelled at any await: the engine stops at once. `gate`
    is awaited (shielded: a departing caller does not cancel it) directly before the first byte to
    any engine; what it raises passes unchanged and no engine is touched.

    Raises:
        QueueFull: no slot of the model in time.
        ModelUnavailable: the model is unknown, or all its replicas are at rest.
        EngineFailed: the last replica that was tried failed.
        EngineRejected: an engine calls the request itself wrong; no other one is asked.
        DeadlinePassed: the task's deadline, or the last replica's wait for a first part.
    """
    served = engines._of(task.model)
    clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        asked_at = clock()
        try:
            await stack.enter_async_context(
                admit(
                    served.slots,
                    queue_seconds=engines.options.queue_seconds,
                    deadline=task.deadline,
                )
            )
        finally:
            usage.queued_seconds = clock() - asked_at
        await within(task.deadline, asyncio.shield(gate))
        yield await _answering(stack, task, served, engines.options, usage)


async def _answering(
    stack: AsyncExitStack, task: Task, served: _Served, options: EngineOptions, usage: Usage
) -> Parts:
    """Enters attempts until one has its first part; that one is left open on `stack`."""
    clock = asyncio.get_running_loop().time
    tried: set[str] = set()
    # The class only: an exception kept over a retry would keep its frames, and the task, alive.
    failure: type[InferenceError] = ModelUnavailable
    while len(tried) < _MOST_ATTEMPTS and (replica := route(served.registry.loads(), tried)):
        tried.add(replica.name)
        try:
            return await stack.enter_async_context(_attempt(task, replica, served, options, usage))
        except EngineFailed:
            failure = EngineFailed
        except DeadlinePassed:
            if clock() >= task.deadline:
                raise
            failure = DeadlinePassed
    raise failure


@asynccontextmanager
async def _attempt(
    task: Task, replica: Replica, served: _Served, options: EngineOptions, usage: Usage
) -> AsyncIterator[Parts]:
    """One attempt, reported to the registry however it ends."""
    waits = Waits(
        first_part_seconds=options.first_part_seconds,
        between_parts_seconds=options.between_parts_seconds,
    )
    registry = served.registry
    usage.attempts.append(replica.name)
    registry.begin(replica)
    end: Callable[[Replica], None] = registry.left
    try:
        async with stream(task, replica, served.client, waits=waits, usage=usage) as parts:
            registry.answered(replica)
            yield parts
        end = registry.succeeded
    except EngineFailed as failure:
        end = registry.failed if failure.unfit else registry.left
        raise
    except DeadlinePassed:
        # A silent engine is at fault; a long answer that met the call's own deadline is not.
        if asyncio.get_running_loop().time() < task.deadline:
            end = registry.failed
        raise
    finally:
        end(replica)
