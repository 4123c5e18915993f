"""An engine's own count of requests against the records: was it used beside the gateway?

Goes in: what the engine's `/metrics` said, and the database, read after that. Both counts begin
with the engine's process, so a restart of the engine needs no memory of ours. Comes out: at least
how many requests nobody has a record of. Every doubt is decided for the engine: the number is a
lower bound, and honest traffic gives none.
"""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gateway.domain import Outcome
from gateway.exports.record import Record, all_records
from gateway.ledger.events import CLOSED, OPENED
from gateway.store.database import Database
from gateway.store.exports import Selection, last_position

# vLLM 0.32, v1/engine/parallel_sampling.py: observed once a finished request, however many choices
# it asked for; `vllm:request_success_total` counts each choice.
SERVED: Final = "vllm:request_params_n_count"
STARTED: Final = "process_start_time_seconds"  # prometheus_client's process collector
# How far the clocks of engine and gateways may differ; a request waits for its engine no longer.
_SKEW_SECONDS: Final = 300
_SAMPLE: Final = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{.*\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?", re.ASCII)


class CountersUnreadable(Exception):
    """The text is not the metrics of an engine that counts; the message is the missing name."""


class ReplicaUnknown(Exception):
    """A name that nothing knows: every request would seem unaccounted; the message is the name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Requests that an engine has finished since its process started (Unix seconds)."""

    served: int
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What the engine served, how many attempts at it are recorded, and how many may have been:
    of requests that are still open, or were lost with their gateway.
    """

    served: int
    recorded: int
    in_doubt: int

    @property
    def unaccounted(self) -> int:
        """At least how many requests have no record."""
        return max(0, self.served - self.recorded - self.in_doubt)


def read_counters(text: str) -> Reading:
    """The two numbers in Prometheus' text format (0.0.4); requests of several models are added.

    Raises:
        CountersUnreadable: one is not there, is no number, or is of several processes.
    """
    found: dict[str, float] = {}
    for line in text.splitlines():
        sample = _SAMPLE.fullmatch(line.strip())
        if sample and sample[1] in (SERVED, STARTED):
            if sample[1] == STARTED and STARTED in found:  # whose start would count?
                raise CountersUnreadable(STARTED)
            found[sample[1]] = found.get(sample[1], 0.0) + _number(sample[1], sample[2])
    for name in (SERVED, STARTED):
        if name not in found or not math.isfinite(found[name]):
            raise CountersUnreadable(name)
    return Reading(int(found[SERVED]), found[STARTED])


async def reconcile(
    database: Database, replicas: Collection[str], reading: Reading, *, known: Collection[str] = ()
) -> Reconciled:
    """Compares a reading with all gateways' records of the engine, whose replicas have `replicas`
    as names. Read the engine first: its request is recorded before it is sent. Names that are not
    `known` have to stand in a record, be it of an earlier time.

    Raises:
        ReplicaUnknown: one does not.
        StoreUnavailable: the database cannot be read.
        ValueError: an event was not written by this program.
    """
    async with database.reading() as connection:
        upto = await last_position(connection)
    since = (reading.started - _SKEW_SECONDS) * 1_000
    recorded = lost = 0
    unclosed: set[str] = set()
    unknown = set(replicas) - set(known)
    async for record in all_records(database, Selection(None, 0, upto, (OPENED, CLOSED))):
        attempts = record.texts("attempts")
        unknown.difference_update(attempts)
        if record.at < since:
            continue
        if record.action == OPENED:
            unclosed.add(record.record_id)
            continue
        unclosed.discard(record.record_id)
        lost += _is_lost(record)
        recorded += sum(name in replicas for name in attempts)
    if unknown:
        raise ReplicaUnknown(min(unknown))
    return Reconciled(served=reading.served, recorded=recorded, in_doubt=lost + len(unclosed))


def _is_lost(record: Record) -> bool:
    return record.facts.get("outcome") == Outcome.LOST.value


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise CountersUnreadable(name) from None
    if not math.isfinite(number) or number < 0:
        raise CountersUnreadable(name)
    return number
