"""Redaction: a pure library that takes personal data out of texts and puts it back into answers.

Only `str` and the types of this package enter. Detection (`detect`, in the processes of a
`Detector`: docs/policies.md has an example) says where something stands; the rest decides what
becomes of it:

>>> from redaction import Field, Findings, Origin, Place, Policy, Restorer, Scanner, Span
>>> from redaction import last_look, replace
>>> policy = Policy("example")
>>> fields = [Field("민원인 김철수(010-1234-5678)", Origin.USER)]
>>> spans = (Span(4, 7, "PERSON", 0.9), Span(8, 21, "PHONE_NUMBER", 0.9))
>>> texts, mapping = replace(fields, Findings((spans,), "example"), policy)
>>> texts
('민원인 [성명_1]([전화번호_1])',)
>>> last_look({"messages": [{"role": "user", "content": texts[0]}]}, mapping)
>>> scanner = Scanner(mapping, policy)
>>> restorer = Restorer(mapping, policy, place=Place.TEXT)
>>> answer = ["[성", "명_1]은 0", "2-987-6543이 아니라 [전화번호_1]", "입니다."]
>>> said = [restorer.feed(scanner.feed(piece)) for piece in answer]
>>> said += [restorer.feed(scanner.flush()), restorer.flush()]
>>> "".join(said)
'김철수는 〈전화번호 가림〉이 아니라 010-1234-5678입니다.'
>>> dict(scanner.counts), dict(restorer.counts)
({'PHONE_NUMBER': 1}, {'restored': 2})
"""

from redaction.detect import detect
from redaction.entity import COVER_RULE, ENTITIES, Entity, Field, Findings, Origin, Span
from redaction.errors import (
    ContentBlocked,
    DetectionUnavailable,
    RedactionError,
    RedactionIncomplete,
)
from redaction.last_look import last_look
from redaction.mapping import Mapping, Value
from redaction.policy import Operator, Policy
from redaction.policy_document import PolicyDocument, read_policy, shipped
from redaction.policy_words import PolicyRefused
from redaction.pool import Detector, DetectorOptions
from redaction.replace import Replaced, replace
from redaction.restore import Mode, Place, Restorer
from redaction.scan import Scanner

__all__ = [
    "COVER_RULE",
    "ENTITIES",
    "ContentBlocked",
    "DetectionUnavailable",
    "Detector",
    "DetectorOptions",
    "Entity",
    "Field",
    "Findings",
    "Mapping",
    "Mode",
    "Operator",
    "Origin",
    "Place",
    "Policy",
    "PolicyDocument",
    "PolicyRefused",
    "RedactionError",
    "RedactionIncomplete",
    "Replaced",
    "Restorer",
    "Scanner",
    "Span",
    "Value",
    "detect",
    "last_look",
    "read_policy",
    "replace",
    "shipped",
]
