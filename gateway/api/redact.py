"""POST /v1/redact: texts of agency systems, redacted as a model would get them; no model is asked.

The same line as every call: authenticated, authorised, metered, recorded before it is answered.
Nothing comes back here: the caller has the originals, and offsets to find them by.
"""

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.responses import Response

from gateway.domain import Call, Credentials
from gateway.edge.answer import Answer, Edge
from gateway.edge.arrival import bearer, claimed_grade
from gateway.errors import AuditUnavailable, GatewayError, public_error
from gateway.pipeline import redact
from gateway.protocol.openai_answers import error_body
from gateway.protocol.redact_wire import PATH, Head, Texts, read_redact, redact_body
from gateway.settings import BoundSettings
from gateway.steps.audit import Entry
from inference.task import Part
from redaction.report import Reporter


class Redaction:
    """One request and its answer; see `gateway.edge.answer.Surface`."""

    name = "redact"
    streams = False
    media_type = "application/json"
    refusal_media_type = "application/json"

    def __init__(self, bounds: BoundSettings) -> None:
        self._bounds = bounds
        self._request_id = ""

    def credentials(self, headers: Headers) -> Credentials:
        """A bearer token only: no cookie of a browser opens the API."""
        return bearer(headers)

    def read(self, headers: Headers, body: bytes, request_id: str) -> Call:
        """The request as a Call without a model.

        Raises:
            BadRequest: any of its kinds, with the path of what is wrong.
        """
        self._request_id = request_id
        grade = claimed_grade(headers)
        texts = read_redact(body, self._bounds)
        return Call(
            model=None,
            fields=texts.fields,
            compose=texts.compose,
            path=PATH,
            claimed_grade=grade,
            stream=False,
        )

    def begin(self, entry: Entry) -> bytes:
        """Nothing: there is one document."""
        return b""

    def part(self, part: Part) -> bytes:
        """Nothing: no engine says anything."""
        return b""

    def end(self, entry: Entry) -> bytes:
        """The redacted texts and their spans.

        Raises:
            AuditUnavailable: the call has no record.
        """
        opened = entry.opened
        if opened is None:
            raise AuditUnavailable
        policy = opened.grant.policy(opened.grade)
        reporter = Reporter(opened.mapping, policy)
        head = Head(self._request_id, policy.version, opened.findings.version, opened.grade.name)
        pairs = zip(opened.call.fields, opened.findings.spans, strict=True)
        spans = [reporter.report(item.text, found) for item, found in pairs]
        return redact_body(head, Texts.composed(opened.task.body), spans)

    def error_event(self, error: BaseException, request_id: str) -> bytes:
        """Never asked for: nothing streams."""
        return self.refusal(error, request_id)

    def refusal(self, error: BaseException, request_id: str) -> bytes:
        """The API's envelope."""
        param = error.param if isinstance(error, GatewayError) else None
        return error_body(public_error(error), request_id, param)

    def preview(self, entry: Entry) -> bytes:
        """A dry run is what this is anyway."""
        return self.end(entry)


def router(edge: Edge) -> APIRouter:
    """The route, bound to its services."""
    api = APIRouter()

    @api.post(PATH)
    async def redact_texts() -> Response:
        """One request; the Answer reads it itself, once it knows who asks."""
        return Answer(edge, Redaction(edge.bounds), line=redact)

    return api
