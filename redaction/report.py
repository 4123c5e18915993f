"""What was found in a text and what became of it, for people and systems: never an original.

Takes a text's spans and replace's Mapping; gives a Reported for each span. Offsets point into the
text that the caller has; a value that stays as it stands has no surrogate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from redaction.entity import Span
from redaction.mapping import Mapping
from redaction.policy import Operator, Policy


@dataclass(frozen=True, slots=True)
class Reported:
    """One span: code-point offsets, end exclusive; `surrogate` is empty where the text stays."""

    start: int
    end: int
    entity: str
    score: float
    operator: Operator
    surrogate: str
    rule: str


class Reporter:
    """Says of each span what stands in its place; made once for a Mapping."""

    def __init__(self, mapping: Mapping, policy: Policy) -> None:
        self._policy = policy
        self._surrogates = {
            (value.entity, value.original): value.surrogate
            for value in mapping.values
            if value.operator is not Operator.ALLOW
        }

    def report(self, text: str, spans: Sequence[Span]) -> tuple[Reported, ...]:
        """The spans of one text, in their order; scores have three decimals."""
        return tuple(
            Reported(
                span.start,
                span.end,
                span.entity,
                round(span.score, 3),
                self._policy.operator(span.entity),
                self._surrogates.get((span.entity, text[span.start : span.end]), ""),
                span.rule,
            )
            for span in spans
        )
