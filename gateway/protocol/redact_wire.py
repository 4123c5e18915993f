"""POST /v1/redact: bytes of a request → its texts; redacted texts and spans → the answer.

`input` is one text or a list of them, as OpenAI's moderations and embeddings take it. Nothing else
is known: what is not named here is refused. The answer holds no original: offsets point into what
the caller has sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import InvalidParameter, TooComplex
from gateway.protocol.json_body import read_json_object
from gateway.protocol.openai_problems import refusal
from gateway.settings import BoundSettings
from inference.task import JsonObject, JsonValue
from redaction.entity import ENTITIES, Field, Origin
from redaction.report import Reported

PATH = "/v1/redact"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    input: str | list[str]


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a request as fields: none of them is read as going on in the next."""

    fields: tuple[Field, ...] = field(repr=False)

    def compose(self, texts: Sequence[str]) -> JsonObject:
        """The redacted texts in the request's own shape: what the last look reads."""
        return {"input": list(texts)}

    @staticmethod
    def composed(body: Mapping[str, JsonValue]) -> list[str]:
        """The texts of a body that `compose` has built."""
        texts = body["input"]
        return [str(text) for text in texts] if isinstance(texts, list) else []


@dataclass(frozen=True, slots=True)
class Head:
    """What stands once in an answer."""

    id: str
    policy: str
    detector: str
    grade: str


def read_redact(body: bytes, bounds: BoundSettings) -> Texts:
    """Reads and checks a request body.

    Raises:
        InvalidBody, TooComplex: see `read_json_object`; also too many texts or characters.
        UnsupportedParameter, InvalidParameter: with the path as `param`.
    """
    members = read_json_object(body, bounds)
    given = members.get("input")
    if isinstance(given, list) and len(given) > bounds.texts:
        raise TooComplex("input")
    try:
        request = _Request.model_validate(members)
    except ValidationError as error:
        problem = refusal(error)
        # The members of the union are ours, not the caller's: one path says enough.
        raise (
            InvalidParameter("input") if isinstance(problem, InvalidParameter) else problem
        ) from None
    texts = [request.input] if isinstance(request.input, str) else request.input
    if not texts:
        raise InvalidParameter("input")
    if sum(map(len, texts)) > bounds.characters:
        raise TooComplex("input")
    return Texts(tuple(Field(text, Origin.USER) for text in texts))


def redact_body(head: Head, texts: Sequence[str], spans: Sequence[Sequence[Reported]]) -> bytes:
    """The one JSON document of the answer; `texts[i]` and `spans[i]` answer the i-th input."""
    return orjson.dumps(
        {
            "id": head.id,
            "object": "gwanmun.redaction",
            "policy": head.policy,
            "detector": head.detector,
            "grade": head.grade,
            "results": [
                {"redacted": text, "spans": [_span(span) for span in found]}
                for text, found in zip(texts, spans, strict=True)
            ],
        }
    )


def _span(span: Reported) -> dict[str, object]:
    return {
        "start": span.start,
        "end": span.end,
        "entity": span.entity,
        "label": ENTITIES[span.entity].label,
        "score": span.score,
        "operator": span.operator,
        "surrogate": span.surrogate,
    }
