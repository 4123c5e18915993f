"""The answer to a dry run: what would be sent to the engine, and why. Never an original."""

import orjson

from gateway.errors import AuditUnavailable
from gateway.steps.audit import Entry
from redaction.entity import ENTITIES
from redaction.policy import Operator


def preview_body(entry: Entry, request_id: str) -> bytes:
    """One JSON document: the engine's request, its surrogates, and where each datum stood.

    On sending, the engine's own name of the model, the streaming options and a cache salt are
    added; nothing of the caller's is.

    `found[].text` is the number of the text in rendering order; offsets are code points in what
    the caller sent, end exclusive.

    Raises:
        AuditUnavailable: the call never came to the engine's door.
    """
    opened = entry.opened
    if opened is None:
        raise AuditUnavailable
    return orjson.dumps(
        {
            "object": "gwanmun.preview",
            "record": request_id,
            "model": opened.grant.model.name,
            "grade": opened.grade.name,
            "policy": opened.grant.policy(opened.grade).version,
            "detector": opened.findings.version,
            "request": dict(opened.task.body),
            "surrogates": [
                {
                    "surrogate": value.surrogate,
                    "entity": value.entity,
                    "label": ENTITIES[value.entity].label,
                    "operator": value.operator,
                    "origins": sorted(value.origins),
                }
                for value in opened.mapping.values
                if value.entity in ENTITIES and value.operator is not Operator.ALLOW
            ],
            "found": [
                {
                    "text": number,
                    "origin": field.origin,
                    "start": span.start,
                    "end": span.end,
                    "entity": span.entity,
                    "score": span.score,
                    "rule": span.rule,
                }
                for number, (field, spans) in enumerate(
                    zip(opened.call.fields, opened.findings.spans, strict=True)
                )
                for span in spans
            ],
        }
    )
