"""Calls of dispatch against rehearsal engines, as the gateway would make them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from rehearsal import RunningEngine, until

from inference.dispatch import EngineOptions, Engines, dispatch
from inference.errors import InferenceError
from inference.replica import Model, Replica
from inference.task import Part, Task, Usage

MODEL = "solar"
PROMPT = "민원인 [성명_1]에게 보낼 안내문"
QUICK = EngineOptions(
    connect_seconds=1.0, queue_seconds=5.0, first_part_seconds=5.0, between_parts_seconds=5.0
)


def task(*, stream: bool = True, seconds: float = 20.0, **body) -> Task:
    """A task whose deadline is `seconds` from now."""
    return Task(
        model=MODEL,
        path="/v1/chat/completions",
        body={"messages": [{"role": "user", "content": PROMPT}], **body},
        stream=stream,
        deadline=asyncio.get_running_loop().time() + seconds,
        request_id="018f0000000070008000000000000001",
        cache_salt="salt",
    )


def opened() -> asyncio.Future[None]:
    """A gate that is open."""
    gate = asyncio.get_running_loop().create_future()
    gate.set_result(None)
    return gate


@contextlib.asynccontextmanager
async def engines(
    *replicas: Replica | RunningEngine,
    slots: int = 4,
    queue_places: int = 8,
    options: EngineOptions = QUICK,
) -> AsyncIterator[Engines]:
    """One model with these replicas; engines are named engine-1, engine-2 …"""
    listed = tuple(
        replica.replica(f"engine-{number}") if isinstance(replica, RunningEngine) else replica
        for number, replica in enumerate(replicas, 1)
    )
    model = Model(name=MODEL, replicas=listed, slots=slots, queue_places=queue_places)
    async with Engines([model], options) as running:
        yield running


@dataclass
class Told:
    """What a call got: its parts, and the error that ended it."""

    usage: Usage = field(default_factory=Usage)
    parts: list[Part] = field(default_factory=list)
    error: InferenceError | None = None

    @property
    def text(self) -> str:
        """All content of choice 0."""
        return "".join(
            choice.content or ""
            for part in self.parts
            for choice in part.choices
            if choice.number == 0
        )


async def ask(running: Engines, asked: Task | None = None, gate=None) -> Told:
    """Makes one call and reads it to its end."""
    told = Told()
    try:
        async with dispatch(
            asked or task(), running, gate=gate or opened(), usage=told.usage
        ) as parts:
            async for part in parts:
                told.parts.append(part)
    except InferenceError as error:
        told.error = error
    return told


class SlotIsFree(Exception):
    """The next caller's gate was reached; it goes no further."""


@contextlib.asynccontextmanager
async def ends_in_order(
    running: Engines, *touched: RunningEngine
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Checks the order of the ending inside the block: engines closed, then the lease released.

    For a model with one slot. Gives the gate for the block's call: it opens once a next caller
    stands in the queue. That one, as soon as it has the slot, must find no call in flight and
    every engine free, though only the ending itself can have freed it.
    """
    found: list[list[int]] = []
    lined_up: list[asyncio.Task[None]] = []

    async def look() -> None:
        found.append([load.in_flight for load in running.loads(MODEL)])
        for engine in touched:
            await until(lambda engine=engine: engine.working == 0, seconds=1.0)
        raise SlotIsFree

    async def next_caller() -> None:
        with contextlib.suppress(SlotIsFree):
            async with dispatch(task(), running, gate=look(), usage=Usage()):
                raise AssertionError("the gate did not hold")

    async def gate() -> None:
        lined_up.append(asyncio.create_task(next_caller()))
        await until(lambda: running.waiting(MODEL) == 1)

    yield gate
    await asyncio.wait_for(lined_up[0], timeout=5.0)
    assert found == [[0] * len(running.loads(MODEL))]
    assert (running.running(MODEL), running.waiting(MODEL)) == (0, 0)
