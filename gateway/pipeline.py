"""The whole way of a call: one straight line of steps, the same for every surface and engine.

It branches neither on surface nor on engine kind, holds no other logic and does no clean-up of its
own: each `async with` ends what it began, on every ending.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.domain import Arrival, Permission, engine_task
from gateway.identity.authentication import Identity
from gateway.ledger.keeping import Keeping
from gateway.ledger.writer import Ledger
from gateway.steps.aside import aside
from gateway.steps.audit import Entry, Opened, audit
from gateway.steps.authenticate import authenticate
from gateway.steps.authorize import Allowance, Policies, authorize
from gateway.steps.classify import classify
from gateway.steps.meter import Budget, meter
from gateway.steps.restore import Restoration
from gateway.store.limits import LimitStore
from inference.dispatch import Engines, dispatch
from inference.task import Part
from redaction.detect import detect
from redaction.last_look import last_look
from redaction.policy import Policy
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
    keeping: Keeping


async def handle(arrival: Arrival, s: Services, entry: Entry) -> AsyncGenerator[Part, None]:
    """Yields the restored parts of the answer; at least one, the last perhaps without choices.

    `entry` is filled on the way: the edge reads headers and the preview from it once the first
    part (or a refusal) has come. The caller must close this generator (`aclosing`); where it
    cancels, it says why in `entry.cut_as` first, so that the record tells how the call ended.

    Raises:
        GatewayError, RedactionError, InferenceError: see `gateway.errors.PUBLIC_ERRORS`.
    """
    async with audit(arrival, entry, s.ledger):
        entry.principal = await authenticate(arrival.credentials, s.identity)
        allowance = await authorize(entry.principal, s.policies)
        async with meter(entry.principal, allowance.limits, s.limits) as budget:
            entry.usage = budget.usage
            opened, policy = await _replaced(arrival, allowance, budget, s)
            gate = entry.open(opened)
            answer = opened.beside.answer
            restoration = Restoration(opened.mapping, policy, opened.call.expected, answer)
            entry.restoration = restoration
            async with dispatch(opened.task, s.engines, gate=gate, usage=budget.usage) as parts:
                async for part in parts:
                    yield restoration.feed(part)
            yield restoration.finish()


async def redact(arrival: Arrival, s: Services, entry: Entry) -> AsyncGenerator[Part, None]:
    """The same way without an engine: yields one empty part once the record is durable.

    The redacted texts are in `entry`. Close it and cancel it as `handle`.

    Raises:
        GatewayError, RedactionError: see `gateway.errors.PUBLIC_ERRORS`.
    """
    async with audit(arrival, entry, s.ledger):
        entry.principal = await authenticate(arrival.credentials, s.identity)
        allowance = await authorize(entry.principal, s.policies, Permission.TEXTS_REDACT)
        async with meter(entry.principal, allowance.limits, s.limits) as budget:
            entry.usage = budget.usage
            opened, _ = await _replaced(arrival, allowance, budget, s)
            await asyncio.shield(entry.open(opened))
            budget.used = True
            yield Part(())


class _Replaced(NamedTuple):
    opened: Opened
    policy: Policy


async def _replaced(
    arrival: Arrival, allowance: Allowance, budget: Budget, s: Services
) -> _Replaced:
    """The part of the way that every call goes: from its body to texts without personal data."""
    call = await arrival.read()
    grant = allowance.on(call.model)
    await budget.take(call.estimate)
    findings = await detect(call.fields, s.detector)
    grade = classify(call.claimed_grade, findings, grant)
    policy = grant.policy(grade)
    safe, mapping = await aside(call.estimate, replace, call.fields, findings, policy)
    task = engine_task(arrival, call, safe, grant, grade)
    await aside(call.estimate, last_look, task.body, mapping)
    make, agency = s.keeping.beside, grant.principal.agency
    beside = await aside(call.estimate, make, arrival.id, agency, grade, mapping, task.body)
    return _Replaced(Opened(call, grant, grade, findings, mapping, task, beside), policy)
