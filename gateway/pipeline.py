"""The whole way of a call: one straight line of steps, the same for every surface and engine.

It branches neither on surface nor on engine kind, holds no other logic and does no clean-up of its
own: each `async with` ends what it began, on every ending.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from gateway.domain import Call
from gateway.identity.authentication import Identity
from gateway.ledger.writer import Ledger
from gateway.steps.audit import Entry, audit
from gateway.steps.authenticate import authenticate
from gateway.steps.authorize import Policies, authorize
from gateway.steps.classify import classify
from gateway.steps.meter import meter
from gateway.steps.restore import Restoration
from gateway.store.limits import LimitStore
from inference.dispatch import Engines, dispatch
from inference.task import Part
from redaction.detect import detect
from redaction.last_look import last_look
from redaction.pool import Detector
from redaction.replace import replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the line needs; built once by the composition root."""

    identity: Identity
    policies: Policies
    limits: LimitStore
    detector: Detector
    engines: Engines
    ledger: Ledger


async def handle(call: Call, s: Services, entry: Entry) -> AsyncGenerator[Part, None]:
    """Yields the restored parts of the answer; at least one, the last perhaps without choices.

    `entry` is filled on the way: the edge reads headers and the preview from it once the first
    part (or a refusal) has come. The caller must close this generator (`aclosing`) and may throw
    ClientStalled, Previewed or Stopped into it, so that the record tells why the call ended.

    Raises:
        GatewayError, RedactionError, InferenceError: see `gateway.errors.PUBLIC_ERRORS`.
    """
    async with audit(call, entry, s.ledger):
        entry.principal = await authenticate(call.credentials, s.identity)
        grant = await authorize(entry.principal, call.model, s.policies)
        async with meter(grant, call.estimate, s.limits) as budget:
            entry.usage = budget
            findings = await detect(call.fields, s.detector)
            grade = classify(call.claimed_grade, findings, grant)
            safe, mapping = replace(call.fields, findings, grant.policy(grade))
            task = call.task(safe, grant)
            last_look(task.body, mapping)
            opened = entry.open(grade, grant, findings, mapping)
            restoration = Restoration(mapping, grant.policy(grade))
            entry.restoration = restoration.counts
            async with dispatch(task, s.engines, gate=opened, usage=budget) as parts:
                async for part in parts:
                    yield restoration.feed(part)
            yield restoration.finish()
