"""What observers learn of a call that has ended: metrics and one log line, never text."""

import asyncio

from gateway.domain import Arrival, Outcome
from gateway.errors import INTERNAL_ERROR, public_error
from gateway.steps.audit import Entry
from gateway.telemetry import Log, Metrics, where
from redaction.entity import ENTITIES


class Observer:
    """Turns ended calls into metrics and log lines."""

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self.metrics, self.log = metrics, log

    def overhead_seconds(self, arrival: Arrival, entry: Entry) -> float | None:
        """What the gateway itself added up to now: all the time but queue and engine."""
        usage = entry.usage
        if usage.sent_at is None or usage.first_part_at is None:
            return None
        whole = asyncio.get_running_loop().time() - arrival.received_at
        engine = usage.first_part_at - usage.sent_at
        return max(0.0, whole - engine - usage.queued_seconds)

    def began(self) -> None:
        """A call has come; `ended` will follow."""
        self.metrics.running.inc()

    def failed(self, arrival: Arrival, error: Exception) -> None:
        """An exception that nobody planned: its class and place, without its words."""
        if public_error(error) is INTERNAL_ERROR:
            self.log.error("call.internal_error", request_id=arrival.id, error=where(error))

    def ended(self, arrival: Arrival, entry: Entry) -> None:
        """One ended call."""
        self.metrics.running.dec()
        metrics, usage, opened = self.metrics, entry.usage, entry.opened
        model = opened.grant.model.name if opened else ""
        outcome = entry.outcome or Outcome.INTERNAL_ERROR
        metrics.requests.labels(model, outcome, entry.code).inc()
        seconds = asyncio.get_running_loop().time() - arrival.received_at
        if opened is None:
            metrics.refusals.labels(entry.code or outcome).inc()
        else:
            metrics.call_seconds.labels(model).observe(seconds)
            metrics.queue_seconds.labels(model).observe(usage.queued_seconds)
            metrics.parts.labels(model).inc(usage.parts)
            metrics.input_tokens.labels(model).inc(usage.tokens.input)
            metrics.output_tokens.labels(model).inc(usage.tokens.output)
            for entity, count in opened.findings.counts().items():
                metrics.found.labels(ENTITIES[entity].code).inc(count)
        if usage.sent_at is not None:
            before = usage.sent_at - arrival.received_at - usage.queued_seconds
            metrics.overhead_seconds.observe(max(0.0, before))
        if usage.first_part_at is not None:
            first = usage.first_part_at - arrival.received_at
            metrics.first_part_seconds.labels(model).observe(first)
        for result, count in entry.restoration.restored.items():
            metrics.restored.labels(result).inc(count)
        for entity, count in entry.restoration.blanked.items():
            metrics.blanked.labels(ENTITIES[entity].code).inc(count)
        self.log.info(
            "call.ended",
            request_id=arrival.id,
            surface=arrival.origin.surface,
            outcome=str(outcome),
            code=entry.code,
            model=model,
            milliseconds=round(seconds * 1000, 1),
            parts=usage.parts,
            attempts=len(usage.attempts),
            output_tokens=usage.tokens.output,
        )
